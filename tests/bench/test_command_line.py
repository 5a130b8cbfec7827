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

    def test_a_report_without_what_makes_it(self):
        with mock.patch('runner.packages.missing', lambda needs: list(needs)):
            ending = self.measure('--report', self.folder / 'r.html')
        self.assert_says('no report: it needs python3-matplotlib', ending)
        self.assertEqual(ending.status, cli.EXIT_WRONG)


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
