"""test_interrupt.py - a run that is interrupted keeps what it has, and goes on from there"""
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import support
from support import RUNNER, RunnerTest, comes_true, fake, is_alive, run
from runner import cli, execute

OPTIONS = '--no-build', '--no-install', '--work', '1', '--warmup', '0', '--repeats', '2'


def heed_signals():
    """What a shell's background or nohup may have told us to ignore is meant to be heard here."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.SIG_DFL)


def end(process):
    """End a process, should it run still."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def descendants(process):
    """All processes below one."""
    below = []
    for path in support.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text(encoding='utf-8').rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            child = int(path.parent.name)
            below += [child, *descendants(child)]
    return below


class Interrupted(RunnerTest):
    """A real run, interrupted while an allocator hangs in it."""

    def start(self, *words):
        """Start a run of glibc and of an allocator that hangs."""
        command = [RUNNER, *OPTIONS, '--build-dir', self.build, '--rows', 'pair-64/1',
                   '--peers', f'glibc,hangs={fake("hangs")}', *words]
        # Who is killed cannot take its temporary folder away: it goes with that of the test.
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE,
                                env=os.environ | {'TMPDIR': str(self.folder)},
                                stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals)

    def interrupt(self, number, *words):
        """Interrupt a run that hangs; what it said, and the command that goes on."""
        with self.start(*words) as process:
            # glibc runs first, then what hangs: the pattern sleeps.
            self.assertTrue(comes_true(lambda: self.hangs(process.pid)))
            below = descendants(process.pid)
            process.send_signal(number)
            out, err = process.communicate(timeout=support.PATIENCE)
        self.assertEqual(process.returncode, cli.EXIT_SIGNAL + number, err)
        self.assertNotIn('Traceback', err)
        self.assertEqual(out, '')
        for child in below:
            self.assertTrue(comes_true(lambda child=child: not is_alive(child)))
        return shlex.split(re.search('interrupted; `(.*)` goes on from here', err)[1])

    @staticmethod
    def hangs(process):
        """Whether the pattern sleeps, which it does under the allocator that hangs."""
        for child in descendants(process):
            try:
                maps, status = (support.Path(f'/proc/{child}/{name}').read_text(encoding='utf-8')
                                for name in ('maps', 'stat'))
            except OSError:
                continue
            if 'bench-pair' in maps and 'hangs.so' in maps and ') S ' in status:
                return True
        return False

    def test_each_signal_saves_and_says_how_to_go_on(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            with self.subTest(number.name):
                words = self.interrupt(number, '--out', self.out)
                self.assertEqual(words, [str(RUNNER), '--resume', '--out', str(self.out),
                                         '--build-dir', str(self.build), '--no-build',
                                         '--no-install'])
                self.assertEqual(self.samples('glibc'), ['ok'])
                self.assertEqual(self.samples('hangs'), [])
                self.assertEqual(self.results().finished, '')

    def test_what_cannot_be_heard_ends_the_measured_program_too(self):
        for number in signal.SIGKILL, signal.SIGQUIT:
            with self.subTest(number.name), self.start('--out', self.out) as process:
                self.assertTrue(comes_true(lambda process=process: self.hangs(process.pid)))
                below = descendants(process.pid)
                process.send_signal(number)
                process.communicate(timeout=support.PATIENCE)
                for child in below:
                    self.addCleanup(end, child)
                    self.assertTrue(comes_true(lambda child=child: not is_alive(child)))

    def test_the_command_that_was_said_goes_on_and_finishes(self):
        command = self.interrupt(signal.SIGINT)
        self.assertNotIn('--out', command)  # the newest one is meant
        self.out, = self.build.glob('results/*.json')
        before = self.results().samples
        ending = run(*command[1:])
        self.assertEqual(ending.status, cli.EXIT_OK, ending.err)
        self.assert_says('1 runs are done', ending)
        self.assertEqual(self.results().samples[0], before[0])
        self.assertEqual(self.samples('glibc'), ['ok', 'ok'])
        self.assertEqual(self.samples('hangs'), [execute.HUNG])
        self.assertTrue(self.results().finished)

    def test_a_signal_that_is_ignored_stays_so(self):
        with subprocess.Popen(
                ['nohup', RUNNER, '--list'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True) as process:
            process.communicate(timeout=support.PATIENCE)
        self.assertEqual(process.returncode, 0)
        handlers = subprocess.run(
            ['nohup', sys.executable, '-B', '-c',
             'import sys, signal; sys.path.insert(0, sys.argv[1])\n'
             'from runner import cli; cli._handle_signals()\n'
             'print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)', RUNNER.parent],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        self.assertEqual(handlers.stdout, 'True\n')


class Resumed(RunnerTest):
    """--resume, on result files of runs that are left in the middle."""

    def leave_in_the_middle(self, *words, keep, **options):
        """Make a run, and a file of it as if it had been interrupted after some samples."""
        self.assertEqual(self.measure(*words, **options).status, cli.EXIT_OK)
        made = self.results()
        made.finished = ''
        made.samples = made.samples[:keep]
        made.save(self.out)
        return made

    def resume(self, *words):
        """Go on."""
        return run('--resume', '--out', self.out, '--build-dir', self.build, '--no-build',
                   '--no-install', *words)

    def test_what_exists_is_not_run_again(self):
        kept = self.leave_in_the_middle(keep=2, repeats=3).samples
        ending = self.resume()
        self.assertEqual(ending.status, cli.EXIT_OK)
        self.assert_says(f'going on with {self.out}: 2 runs are done', ending)
        self.assertEqual(self.results().samples[:2], kept)
        self.assertEqual(len(self.results().samples), 3)

    def test_a_library_that_changed_runs_again(self):
        library = self.folder / 'mine.so'
        shutil.copy(fake('works'), library)
        self.leave_in_the_middle(keep=4, repeats=3, peers=f'glibc,mine={library}')
        with library.open('ab') as file:
            file.write(b'changed')
        ending = self.resume()
        self.assert_says('2 runs are done', ending)
        self.assertEqual([self.samples(peer) for peer in ('glibc', 'mine')], [['ok'] * 3] * 2)

    def test_what_was_made_elsewhere_is_refused_and_kept(self):
        made = self.leave_in_the_middle(keep=2, repeats=3)
        made.machine['cores'] += 1
        made.save(self.out)
        before = self.out.read_bytes()
        ending = self.resume()
        self.assert_says('it was made on another machine', ending)
        self.assertEqual((ending.status, self.out.read_bytes()), (cli.EXIT_USAGE, before))

    def test_a_peer_that_is_gone_costs_it_no_runs(self):
        library = self.folder / 'mine.so'
        shutil.copy(fake('works'), library)
        self.leave_in_the_middle(keep=4, repeats=3, peers=f'glibc,mine={library}')
        before = self.out.read_bytes()
        library.unlink()
        ending = self.resume()
        self.assert_says('peers with runs in it are not there: mine', ending)
        self.assertEqual((ending.status, self.out.read_bytes()), (cli.EXIT_USAGE, before))

    def test_a_row_that_is_gone_costs_it_no_runs(self):
        made = self.leave_in_the_middle(keep=2, repeats=3)
        for sample in made.samples:
            sample['row'] = 'gone'
        made.save(self.out)
        before = self.out.read_bytes()
        ending = self.resume()
        self.assert_says('rows with runs in it are not there: gone', ending)
        self.assertEqual((ending.status, self.out.read_bytes()), (cli.EXIT_USAGE, before))

    def test_patterns_that_were_built_anew_run_again(self):
        made = self.leave_in_the_middle(keep=2, repeats=3)
        made.machine['patterns'] = 'others'
        made.save(self.out)
        self.assert_says('0 runs are done', self.resume())

    def test_it_has_the_options_of_the_run_and_says_what_it_ignores(self):
        self.leave_in_the_middle('--env', 'glibc:X=1', keep=1, repeats=3)
        ending = self.resume('--repeats', '9', '--rows', 'start', '--work', '1')
        self.assert_says('ignored: --rows, --repeats', ending)
        self.assertEqual(len(self.results().samples), 3)
        self.assertEqual(self.results().peers[0]['environment'], {'X': '1'})

    def test_a_finished_run_has_nothing_left(self):
        self.measure()
        before = self.out.read_bytes()
        self.assert_refused(f'{self.out}: nothing left to run', self.resume())
        self.assertEqual(self.out.read_bytes(), before)

    def test_nothing_was_interrupted(self):
        ending = run('--resume', '--build-dir', self.build)
        self.assert_refused('no run there that was interrupted', ending)

    def test_the_newest_that_was_interrupted_is_taken(self):
        folder = self.build / 'results'
        folder.mkdir()
        for age, name, finished in ((3, 'old', ''), (2, 'newer', ''), (1, 'newest', 'yes')):
            self.out = folder / f'{name}.json'
            self.leave_in_the_middle(keep=1, repeats=2)
            made = self.results()
            made.finished = finished
            made.save(self.out)
            os.utime(self.out, (1e9 - age, 1e9 - age))
        (folder / 'broken.json').write_text('{')
        ending = run('--resume', '--build-dir', self.build, '--no-build', '--no-install')
        self.assert_says('not this one:', ending)
        self.assert_says(f'going on with {folder / "newer.json"}: 1 runs are done', ending)

    def test_it_does_not_go_on_with_what_is_no_result_file(self):
        self.out.write_text('{}')
        self.assert_refused('not a result file', self.resume())
