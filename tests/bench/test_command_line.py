"""test_command_line.py - what can be asked for, and what is said when it cannot be had"""
import os
import re
import shutil
import subprocess
from unittest import mock

import support
from support import RUNNER, RunnerTest, fake, run
from runner import cli, session, suite
from runner.rows import Pattern


class Refused(RunnerTest):
    """What makes no sense: one line, status 2, and nothing is run."""

    def refused(self, *words):
        """The line that argparse gives."""
        ending = run(*words)
        self.assertEqual((ending.status, ending.out), (cli.EXIT_USAGE, ''))
        return ending.lines[-1]

    def test_numbers(self):
        self.assertIn("--repeats: 'x' is not a number", self.refused('--repeats', 'x'))
        self.assertIn('--repeats: 0 is less than 1', self.refused('--repeats', '0'))
        self.assertIn('--warmup: -1 is less than 0', self.refused('--warmup=-1'))
        self.assertIn('--work: 0 is less than 1', self.refused('--work', '0'))
        self.assertIn("--threads: 'two' is not a number", self.refused('--threads', '1,two'))
        for option, most in ('repeats', 1000), ('warmup', 1000), ('work', 1000000):
            for value in str(most + 1), '1' + '0' * 400:
                self.assertIn(f'--{option}: {value} is more than {most}',
                              self.refused(f'--{option}', value))
        self.assertIn('--threads: 257 is more than 256', self.refused('--threads', '1,257'))

    def test_empty_lists(self):
        for option in '--rows', '--peers', '--threads':
            self.assertIn(f'{option}: the list is empty', self.refused(option, ','))

    def test_options_that_do_not_go_together(self):
        for words, text in (
                ('--guard --rows pair-64', '--rows has no effect with --guard'),
                ('--guard --peers glibc', '--peers has no effect with --guard'),
                ('--guard --threads 2', '--threads has no effect with --guard'),
                ('--guard --full', '--full has no effect with --guard'),
                ('--guard --work 50', '--work has no effect with --guard'),
                ('--guard --report r.html', '--report has no effect with --guard'),
                ('--store', '--store has no effect without --guard'),
                ('--compare a b --report r.html', '--report has no effect with --compare'),
                ('--show a --peers glibc', '--peers has no effect with --show'),
                ('--show a --compare b c', '--show has no effect with --compare'),
                ('--list --full', '--full has no effect with --list')):
            with self.subTest(words):
                self.assert_refused(text, run(*words.split()))

    def test_two_peers_of_one_name(self):
        self.assert_refused('a=/one.so and a=/two.so have the same name',
                            self.measure(peers='a=/one.so,a=/two.so'))
        self.assert_refused('jemalloc and jemalloc=/x.so have the same name',
                            self.measure(peers='jemalloc,jemalloc=/x.so'))

    def test_a_peer_without_a_name_or_with_that_of_the_reference(self):
        self.assert_refused('--peers =/x.so: it must be name=path.so', self.measure(peers='=/x.so'))
        self.assert_refused('glibc is the C library itself', self.measure(peers='glibc=/x.so'))

    def test_a_peer_whose_name_cannot_be_seen(self):
        self.assert_refused(r"--peers 'a\x07=/x.so': a name is made of characters that can be seen",
                            self.measure(peers='a\x07=/x.so'))

    def test_a_build_folder_without_programs(self):
        (self.build / 'bench').unlink()
        self.assert_refused(f'{self.build} has no benchmark programs', self.measure())

    def test_a_report_in_the_place_of_the_results(self):
        self.assert_refused('--report would overwrite --out',
                            self.measure('--report', self.out))
        self.assert_refused('--report would overwrite --show',
                            run('--show', self.out, '--report', self.out))

    def test_a_report_that_cannot_be_written_is_said_before_the_runs(self):
        (self.folder / 'file').write_text('')
        self.assert_refused(f'cannot write the report {self.folder}: it is a folder',
                            self.measure('--report', self.folder))
        self.assert_refused('cannot write the report',
                            self.measure('--report', self.folder / 'file' / 'r.html'))
        self.assertFalse(self.out.exists())


class PartlyRefused(RunnerTest):
    """What cannot be had beside what can: a line, the rest is run, status 1."""

    def test_an_unknown_row(self):
        ending = self.measure(rows='pair-64/1,chrun-small')
        self.assert_says("no row named 'chrun-small'; did you mean 'churn-small'?", ending)
        self.assertEqual((ending.status, self.samples('glibc')), (cli.EXIT_WRONG, ['ok']))

    def test_no_row_that_is_known(self):
        ending = self.measure(rows='nothing')
        self.assert_says("no row named 'nothing'", ending)
        self.assert_says('no rows to run', ending)
        self.assertEqual((ending.status, ending.out, self.out.exists()),
                         (cli.EXIT_USAGE, '', False))

    def test_numbers_of_threads_that_a_pattern_cannot_have(self):
        ending = self.measure(rows='pair-64/1,pair-64/257,handover/3')
        self.assert_says('no row pair-64/257: it can have at most 256 threads', ending)
        self.assert_says('no row handover/3: its threads are pairs', ending)
        self.assertEqual(ending.status, cli.EXIT_WRONG)
        self.assertEqual([row['id'] for row in self.results().rows], ['pair-64/1'])

    def test_numbers_of_threads_that_one_of_the_patterns_cannot_have(self):
        ending = self.measure('--threads', '1,3', rows='pair-64,handover')
        self.assert_says('no row handover/3: its threads are pairs', ending)
        self.assertEqual([row['id'] for row in self.results().rows],
                         ['pair-64/1', 'pair-64/3', 'handover/1'])

    def test_a_row_that_was_not_built(self):
        self.lack_program('containers')
        ending = self.measure(rows='pair-64/1,containers/1')
        self.assert_says('containers, 1 thread: skipped, its program was not built: ', ending)
        self.assertEqual(list(self.results().skipped), ['containers/1'])
        self.assertEqual((ending.status, self.samples('glibc')), (cli.EXIT_WRONG, ['ok']))

    def test_a_row_that_is_skipped_and_was_not_asked_for(self):
        self.lack_program('containers')
        rows, _ = suite.choose(['pair-64/1', 'containers/1'], False, ())
        with mock.patch('runner.suite.rows', return_value=rows):
            ending = self.measure(rows='')
        self.assertEqual((ending.status, len(self.results().skipped)), (cli.EXIT_OK, 1))

    def test_a_name_twice_is_one_peer(self):
        self.measure(peers='glibc,glibc')
        self.assertEqual(self.samples('glibc'), ['ok'])

    def test_a_result_file_that_cannot_be_written_goes_elsewhere(self):
        (self.folder / 'file').write_text('')
        for path, why in ((self.folder, 'it is a folder'), ('/dev/null', 'it is no file'),
                          (self.folder / 'file' / 'r.json', 'File exists')):
            with self.subTest(path=path):
                ending = self.measure('--out', path)
                self.assert_says(f'cannot write {path}: {why}; results go to', ending)
                self.assertEqual(ending.status, cli.EXIT_WRONG)
                self.out = support.Path(re.search('results: (.*)', ending.err)[1])
                self.addCleanup(shutil.rmtree, self.out.parent)
                self.assertEqual(self.samples('glibc'), ['ok'])
        self.assertTrue(os.path.exists('/dev/null') and not os.path.isfile('/dev/null'))

    def test_a_disk_that_fills_up_while_it_runs(self):
        full = OSError(28, 'No space left on device')
        with mock.patch('runner.results.Results.save', side_effect=full):
            ending = self.measure()
        self.assert_says(f'cannot write {self.out}: No space left on device', ending)
        self.assertEqual(ending.status, cli.EXIT_WRONG)
        self.assertIn('pair-64, 1 thread', ending.out)  # the figures are not lost
        self.assert_says('no results: cannot write', ending)
        self.assertFalse([line for line in ending.lines if line.startswith('results:')])

    def test_a_report_without_what_makes_it(self):
        with mock.patch('runner.packages.missing', lambda needs: list(needs)):
            ending = self.measure('--report', self.folder / 'r.html')
        self.assert_says('no report: it needs python3-matplotlib', ending)
        self.assertEqual(ending.status, cli.EXIT_WRONG)


class Programs(RunnerTest):
    """The programs of bench/micro themselves: none does another number of threads than it says."""

    def refusal(self, program, *words):
        """The line with which a program refuses its arguments."""
        said = subprocess.run([support.PROGRAMS / f'bench-{program}', *words],
                              capture_output=True, text=True, check=False)
        self.assertEqual((said.returncode, said.stdout, said.stderr.count('\n')), (2, '', 1))
        return said.stderr

    def test_more_threads_than_there_can_be(self):
        for pattern in suite.PATTERNS:
            if pattern.threads != (0,):
                with self.subTest(pattern.name):
                    self.assertIn('threads=257: at most 256', self.refusal(
                        pattern.program, *pattern.arguments, 'threads=257', 'work=1'))
        self.assertIn(f'threads={1 + 2 ** 32}: at most 256', self.refusal(
            'pair', 'size=16', f'threads={1 + 2 ** 32}', 'work=1'))

    def test_a_thread_without_its_pair(self):
        self.assertIn('threads=3: pairs need an even number, or one',
                      self.refusal('handover', 'threads=3', 'work=1'))

    def test_what_is_no_number(self):
        for program in 'pair', 'containers':
            for value in 'x', '0', '', '1x':
                self.assertIn(f"bad argument 'threads={value}'",
                              self.refusal(program, f'threads={value}'))


class Chosen(RunnerTest):
    """Rows and peers by name."""

    def ids(self, *words, full=False, threads=()):
        """The rows that words name."""
        rows, complaints = suite.choose(list(words), full, threads)
        self.assertEqual(complaints, [])
        return [row.id for row in rows]

    def test_a_name_has_the_threads_of_the_row(self):
        self.assertEqual(self.ids('churn-small'), ['churn-small/1', 'churn-small/2'])
        self.assertEqual(self.ids('churn-small', full=True),
                         [f'churn-small/{n}' for n in (1, 2, 4, 8, 16)])

    def test_a_name_with_threads(self):
        self.assertEqual(self.ids('churn-small/2'), ['churn-small/2'])
        self.assertEqual(self.ids('churn-small/3'), ['churn-small/3'])

    def test_threads_replace_those_of_the_row(self):
        self.assertEqual(cli.parser().parse_args(['--threads', '3,5,3']).threads, (3, 5))
        self.assertEqual(self.ids('pair-16', 'start', threads=(3, 5)),
                         ['pair-16/3', 'pair-16/5', 'start'])

    def test_threads_that_were_asked_for_count_in_the_means(self):
        for words, full, threads, counts in (('churn-small/8', False, (), [True]),
                                             ('churn-small', False, (8,), [True]),
                                             ('churn-small', True, (), [True] * 2 + [False] * 3)):
            rows, _ = suite.choose([words], full, threads)
            self.assertEqual([row.as_json()['in_means'] for row in rows], counts)

    def test_groups_and_patterns(self):
        self.assertEqual(len(self.ids('macro')), len(suite.PROGRAMS))
        self.assertEqual(self.ids('state'), ['spike-idle', 'sparse-idle', 'sleepers', 'one-object'])
        self.assertEqual(self.ids('pair-*/2'), ['pair-16/2', 'pair-64/2', 'pair-1024/2'])

    def test_nothing_is_named_twice(self):
        names = [row.id for row in suite.rows(full=True)]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(self.ids('pair-16/1', 'pair-16', 'pair-16/1'), ['pair-16/1', 'pair-16/2'])

    def test_what_makes_no_row(self):
        for word in 'churn-small/0', 'start/2', 'churn-small/x', 'nothing/1', 'churn-small/²':
            with self.subTest(word):
                rows, complaints = suite.choose([word], False, ())
                self.assertEqual((rows, len(complaints)), ([], 1))

    def test_every_pattern_has_its_program(self):
        for pattern in suite.PATTERNS:
            self.assertIsInstance(pattern, Pattern)
            program = support.PROGRAMS / f'bench-{pattern.program}'
            self.assertTrue(program.exists(), program)


class Shown(RunnerTest):
    """What is printed."""

    def test_list_names_all_rows_and_peers(self):
        ending = run('--list')
        self.assertEqual((ending.status, ending.err), (cli.EXIT_OK, ''))
        words = ending.out.split()
        for name in [row.name for row in suite.rows(full=True)]:
            self.assertIn(name, words)
        for peer in session.peers.ALL_PEERS:
            self.assertIn(f'{peer},', words)
        self.assertLessEqual(max(map(len, ending.out.splitlines())), 100)

    def test_table_has_a_line_for_each_peer(self):
        ending = self.measure(peers=f'glibc,mine={fake("works")}', repeats=5)
        self.assertEqual(ending.status, cli.EXIT_OK)
        self.assertRegex(ending.out, r'(?m)^pair-64, 1 thread: malloc and free of one block')
        self.assertRegex(ending.out, r'(?m)^  glibc +\d\S* s +\d+\.\d%  +\d')
        self.assertRegex(ending.out, r'(?m)^  mine +\d\S* s +\d+\.\d% +\d+\.\d\dx')
        self.assertRegex(ending.out, r'micro rows, mine to glibc: time \d+\.\d+x')
        self.assertEqual(run('--show', self.out).out.strip(), ending.out.strip())

    def test_what_a_pattern_says_beside_its_figures(self):
        talking = self.folder / 'bench-pair'
        talking.write_text('#!/bin/sh\necho the spike is cut >&2\necho seconds 1\n')
        talking.chmod(0o755)
        self.lack_program('pair')
        (self.build / 'bench' / talking.name).symlink_to(talking)
        ending = self.measure()
        self.assertIn('said beside the figures\n  pair-64, 1 thread: glibc: the spike is cut\n',
                      ending.out)
        self.assertEqual(ending.status, cli.EXIT_OK)

    def test_two_runs_that_begin_at_once_have_a_file_each(self):
        words = ['--no-build', '--no-install', '--build-dir', self.build, '--work', '1',
                 '--repeats', '1', '--rows', 'pair-64/1', '--peers', 'glibc']
        with mock.patch('runner.session.datetime') as clock:
            clock.datetime.now.return_value.strftime.return_value = 'now'
            for name in 'now.json', 'now.2.json', 'now.3.json':
                self.assert_says(f'results: {self.build / "results" / name}', run(*words))
        for self.out in (self.build / 'results').iterdir():
            self.assertEqual(self.samples('glibc'), ['ok', 'ok'])

    def test_help(self):
        ending = run('--help')
        self.assertEqual(ending.status, cli.EXIT_OK)
        for option in '--full', '--resume', '--compare', '--guard':
            self.assertIn(option, ending.out)
        self.assertLessEqual(max(map(len, ending.out.splitlines())), 100)

    def test_whoever_reads_may_stop_reading(self):
        with subprocess.Popen([RUNNER, '--list'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b'')
        self.assertIn(process.returncode, (0, 128 + 13))

    def test_a_disk_that_is_full_under_what_is_shown(self):
        with open('/dev/full', 'wb') as full:
            said = subprocess.run([RUNNER, '--list'], stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(said.returncode, cli.EXIT_WRONG)
        self.assertEqual(said.stderr.count(b'\n'), 1, said.stderr)

    def test_names_that_are_no_text(self):
        said = subprocess.run(
            [RUNNER, '--no-build', '--no-install', '--build-dir', self.build, '--rows', 'pair-64/1',
             '--work', '1', '--repeats', '1', '--out', self.out, '--peers', b'glibc,x=/\xff.so'],
            env=os.environ | {'PYTHONIOENCODING': 'utf-8:strict'}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False)
        self.assertNotIn(b'Traceback', said.stderr)
        self.assertEqual(said.returncode, cli.EXIT_WRONG)

    def test_it_runs_from_a_path_with_a_space_and_a_colon(self):
        link = self.folder / 'a folder: with a name'
        link.mkdir()
        for name in 'bench', 'meson.build':
            (link / name).symlink_to(support.ROOT / name)
        said = subprocess.run([link / 'bench' / 'run', '--list'], stdout=subprocess.PIPE,
                              check=True, cwd='/')
        self.assertIn(b'churn-small', said.stdout)
