"""test_wrong_peers.py - allocators that crash, hang, damage, or are none, beside one that works

Each of them is shown as what it is, and costs the others nothing.
"""
import resource
import shutil
from unittest import mock

from support import RunnerTest, fake, run
from runner import cli, execute

SMALL_PROGRAM = mock.patch('macro.python.Python.command',
                           return_value=['/usr/bin/env', 'echo', 'some output'])


class Measured(RunnerTest):
    """Peers that take part and go wrong."""

    def measure_beside(self, name, *words, **options):
        """Measure under glibc, the named allocator and one that works."""
        return self.measure(*words, peers=f'glibc,bad={fake(name)},good={fake("works")}', **options)

    def assert_shown(self, state, ending):
        """The bad peer has this state everywhere, and the others all their figures."""
        self.assertEqual(set(self.samples('bad')), {state}, ending.err)
        self.assertEqual([self.samples(peer) for peer in ('glibc', 'good')],
                         [['ok'] * 3, ['ok'] * 3], ending.err)
        self.assert_says(f'bad {state}', ending)
        self.assertIn(f'bad            {state.upper()}', ending.out)
        self.assertRegex(ending.out.partition('went wrong')[2], f'bad {state}')
        # It is not libbuddy that failed, and all that was asked for was run.
        self.assertEqual(ending.status, cli.EXIT_OK)
        again = run('--show', self.out)
        self.assertEqual(again.status, cli.EXIT_OK)
        self.assertIn(f'bad            {state.upper()}', again.out)

    def test_one_that_crashes(self):
        ending = self.measure_beside('crashes', repeats=3)
        self.assert_shown(execute.CRASHED, ending)
        self.assertIn('SIGSEGV', ending.out)

    def test_one_that_crashes_already_when_it_is_probed(self):
        ending = self.measure_beside('crashes_at_once', repeats=3)
        self.assert_shown(execute.CRASHED, ending)
        self.assertIn('SIGABRT', ending.out)

    def test_one_that_hangs(self):
        ending = self.measure_beside('hangs', repeats=3)
        self.assert_shown(execute.HUNG, ending)
        self.assertEqual(len(self.samples('bad')), 1)

    def test_one_that_prints_without_end(self):
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with mock.patch('runner.peers._PROBE_PATIENCE', 1.0):
            ending = self.measure_beside('floods', repeats=3)
        self.assert_shown(execute.FAILED, ending)
        self.assertIn('it printed more than 64 MiB', ending.out)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, used + (50 << 10))

    def test_one_that_loses_contents(self):
        ending = self.measure_beside('damages', rows='burst-lifo-32/1', repeats=3)
        self.assert_shown(execute.DAMAGED, ending)
        self.assertIn('check failed', ending.out)

    def test_one_under_which_a_program_gives_out_something_else(self):
        with SMALL_PROGRAM:
            ending = self.measure_beside('talks', rows='python3', repeats=1)
        self.assertEqual([self.samples(peer) for peer in ('glibc', 'bad', 'good')],
                         [['ok'], ['differs'], ['ok']])
        self.assertIn('output: NOT the same', ending.out)
        self.assertEqual(ending.status, cli.EXIT_OK)

    def test_figures_that_are_none_do_not_spoil_the_file(self):
        self.measure_beside('talks', repeats=1)
        self.assertEqual(self.samples('bad'), ['ok'])
        self.assertEqual(run('--show', self.out).status, cli.EXIT_OK)

    def test_the_status_tells_when_it_is_libbuddy_that_goes_wrong(self):
        self.have_libbuddy('crashes')
        with mock.patch('runner.session.Session.print_zones_and_slabs'):
            ending = self.measure(peers='glibc,libbuddy')
        self.assertEqual((ending.status, self.samples('libbuddy')), (cli.EXIT_WRONG, ['crashed']))

    def test_libbuddy_that_works(self):
        self.have_libbuddy('works')
        with SMALL_PROGRAM:
            ending = self.measure(peers='glibc,libbuddy')
        self.assertEqual((ending.status, self.samples('libbuddy')), (cli.EXIT_OK, ['ok']))
        self.assertIn("libbuddy's zones and slabs at the end of python3", ending.out)


class Absent(RunnerTest):
    """Peers that cannot take part: a line, the rest runs, and the status is 1."""

    def assert_absent(self, word, text):
        """The peer of this word is left out with a line, now and in the result file."""
        ending = self.measure(peers=f'glibc,{word}')
        self.assert_says(text, ending)
        self.assertEqual((ending.status, self.samples('glibc')), (cli.EXIT_WRONG, ['ok']))
        self.assertEqual(list(self.results().absent), [word.partition('=')[0]])
        self.assertIn(text, ending.out.partition('not there')[2])

    def test_a_name_that_nobody_knows(self):
        self.assert_absent('jemaloc', "no peer named 'jemaloc'; there are glibc, jemalloc")

    def test_a_file_that_is_not_there(self):
        loop = self.folder / 'loop.so'
        loop.symlink_to(loop)
        for path in '/nowhere/lib.so', loop, '/' + 'x' * 300:
            self.assert_absent(f'mine={path}', f'peer mine: no file {path}')

    def test_a_folder(self):
        self.assert_absent(f'mine={self.folder}', 'peer mine: no file')

    def test_a_file_that_is_no_library(self):
        path = self.folder / 'text.so'
        path.write_text('not a library\n')
        self.assert_absent(f'mine={path}', f'peer mine: preloading {path} leaves malloc to')

    def test_a_library_without_malloc(self):
        self.assert_absent(f'mine={fake("no_malloc")}', 'no_malloc.so leaves malloc to /')

    def test_a_library_that_programs_started_by_others_do_not_get(self):
        self.assert_absent(f'mine={fake("leaves")}', 'leaves.so leaves malloc to /')

    def test_libbuddy_that_was_not_built(self):
        self.assert_absent('libbuddy', 'peer libbuddy: no libbuddy.so in')

    def test_a_file_that_cannot_be_read(self):
        denied = PermissionError(13, 'denied')
        with mock.patch('runner.peers._digest', side_effect=denied):
            self.assert_absent(f'mine={fake("works")}',
                               f'peer mine: cannot read {fake("works")}: denied')

    def test_nobody_is_left(self):
        ending = self.measure(peers='mine=/nowhere/lib.so')
        self.assert_says('no peers to run', ending)
        self.assertEqual((ending.status, ending.out, self.out.exists()),
                         (cli.EXIT_USAGE, '', False))


class Partial(RunnerTest):
    """A library that leaves some of malloc's siblings to the C library."""

    LACKS = 'it has no calloc, realloc, posix_memalign, malloc_usable_size of its own'

    def test_it_is_said_and_kept(self):
        ending = self.measure(peers=f'mine={fake("works")}')
        self.assert_says(f'peer mine: {self.LACKS}; rows that use these measure /', ending)
        self.assertEqual(self.results().peers[0]['version'], f'works.so ({self.LACKS})')
        self.assertEqual((ending.status, self.samples('mine')), (cli.EXIT_OK, ['ok']))

    def test_a_whole_one_is_not_spoken_of(self):
        ending = self.measure(peers=f'mine={fake("damages")}')
        self.assertNotIn('of its own', ending.err)
        self.assertEqual(self.results().peers[0]['version'], 'damages.so')


class LoadedOnlyHere(RunnerTest):
    """A library that the caller's environment lets load, and that of measured programs does not."""

    def setUp(self):
        super().setUp()
        self.library = self.folder / 'needs_another.so'
        shutil.copy(fake('needs_another'), self.library)
        (self.folder / 'beside').mkdir()
        shutil.copy(fake('libanother'), self.folder / 'beside')

    def test_it_fails_as_the_probe_does(self):
        with mock.patch.dict('os.environ', {'LD_LIBRARY_PATH': str(self.folder / 'beside')}):
            ending = self.measure(peers=f'glibc,mine={self.library}')
        self.assert_says('libanother.so: cannot open shared object file', ending)
        self.assertEqual([self.samples(peer) for peer in ('glibc', 'mine')], [['ok'], ['failed']])

    def test_it_takes_part_with_a_variable_of_its_own(self):
        ending = self.measure('--env', f'mine:LD_LIBRARY_PATH={self.folder / "beside"}',
                              peers=f'glibc,mine={self.library}')
        self.assertEqual((ending.status, self.samples('mine')), (cli.EXIT_OK, ['ok']), ending.err)


class Paths(RunnerTest):
    """Paths that LD_PRELOAD would take apart."""

    def test_space_and_colon(self):
        for name in 'a malloc.so', 'malloc:1.so', 'both: in one.so':
            with self.subTest(name):
                path = self.folder / name
                shutil.copy(fake('crashes'), path)
                ending = self.measure(peers=f'glibc,mine={path}')
                # It crashes, so it was really used.
                self.assertEqual((ending.status, self.samples('mine')), (cli.EXIT_OK, ['crashed']))
                self.assertEqual(self.results().peers[1]['path'], str(path))

    def test_a_folder_with_space_and_colon(self):
        folder = self.folder / 'a folder: of libraries'
        folder.mkdir()
        shutil.copy(fake('crashes'), folder)
        self.measure(peers=f'mine={folder / "crashes.so"}')
        self.assertEqual(self.samples('mine'), ['crashed'])

    def test_a_symbolic_link(self):
        link = self.folder / 'link.so'
        link.symlink_to(fake('works'))
        ending = self.measure(peers=f'mine={link}')
        self.assertEqual((ending.status, self.samples('mine')), (cli.EXIT_OK, ['ok']))


class Environment(RunnerTest):
    """--env PEER:NAME=VALUE"""

    def test_it_reaches_that_peer_only_and_the_file(self):
        words = '--env', 'one:X=a=b', '--env', 'one:Y=:'
        ending = self.measure(*words, peers=f'one={fake("works")},two={fake("works")}')
        self.assertEqual(ending.status, cli.EXIT_OK)
        self.assertEqual([peer['environment'] for peer in self.results().peers],
                         [{'X': 'a=b', 'Y': ':'}, {}])

    def test_what_makes_no_sense_is_said_and_the_rest_runs(self):
        for word in ('glibc', 'glibc:X', 'nobody:X=1', 'glibc:=1', ':X=1'):
            ending = self.measure('--env', word)
            self.assert_says(f'--env {word}: it must be PEER:NAME=VALUE', ending)
            self.assertEqual((ending.status, self.samples('glibc')), (cli.EXIT_WRONG, ['ok']))
