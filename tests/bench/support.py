"""support.py - what the tests of the benchmark runner share

The runner is used as its users do, by its command line, but inside this process, so that limits of
time can be shortened; or by pretended rows and results, where no program has to run at all.
"""
import contextlib
import dataclasses
import io
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'bench'))

# pylint: disable=wrong-import-position
from runner import campaign, cli, console, execute, results  # noqa: E402
from runner.execute import Bench  # noqa: E402
from runner.peers import Peer  # noqa: E402
from runner.rows import MICRO, Row, Sample  # noqa: E402

PROGRAMS = Path(os.environ['BENCH_TESTS_PROGRAMS'])
FAKES = Path(os.environ['BENCH_TESTS_FAKES'])
RUNNER = ROOT / 'bench' / 'run'

# Short, and long enough for a machine on which much else runs.
HANGS_AFTER = 5.0
PATIENCE = 60.0

MACHINE = {'processor': 'a pretended one', 'cores': 2, 'kernel': '1', 'architecture': 'a',
           'memory_kib': 1}


def fake(name):
    """The library of a pretended allocator."""
    return FAKES / f'{name}.so'


def is_alive(process):
    """Whether a process runs, and is not only waiting for somebody to ask how it ended."""
    try:
        status = Path(f'/proc/{process}/stat').read_text(encoding='utf-8')
    except OSError:
        return False
    return status.rpartition(')')[2].split()[0] != 'Z'


def comes_true(condition):
    """Whether a condition holds within the time that a busy machine may need."""
    deadline = time.monotonic() + PATIENCE
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


@dataclasses.dataclass
class Ending:
    """How a use of the runner ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        """What it said on stderr, without the mark that each line begins with."""
        return [line.removeprefix('bench: ') for line in self.err.splitlines()]


def run(*words):
    """Use the runner with a command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as patches:
        for patch in (mock.patch.object(sys, 'argv', ['bench/run', *map(str, words)]),
                      mock.patch.object(cli, '_handle_signals'),
                      mock.patch.object(console.console, 'stream', err),
                      mock.patch.object(campaign, 'SHORTEST_LIMIT', HANGS_AFTER),
                      contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)):
            patches.enter_context(patch)
        try:
            status = cli.main()
        except SystemExit as end:
            status = end.code
    return Ending(status, out.getvalue(), err.getvalue())


class RunnerTest(unittest.TestCase):
    """A test with a folder of its own and a build folder to measure from."""

    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='buddy-bench-test-')).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.build = self.folder / 'build'
        self.build.mkdir()
        (self.build / 'bench').symlink_to(PROGRAMS)
        self.out = self.folder / 'results.json'

    def lack_program(self, name):
        """Let the build folder be one in which a benchmark program was not built."""
        (self.build / 'bench').unlink()
        (self.build / 'bench').mkdir()
        for program in PROGRAMS.glob('bench-*'):
            if program.name != f'bench-{name}':
                (self.build / 'bench' / program.name).symlink_to(program)

    def have_libbuddy(self, name):
        """Let a pretended allocator be the libbuddy of the build folder."""
        library = self.build / 'libbuddy.so'
        shutil.copy(fake(name), library)
        return library

    def measure(self, *words, rows='pair-64/1', peers='glibc', repeats=1, warmup=0):
        """Run rows, by default the shortest one there is."""
        chosen = ['--rows', rows] if rows else []
        chosen += ['--peers', peers] if peers else []
        return run('--no-build', '--no-install', '--build-dir', self.build, '--work', '1',
                   '--repeats', repeats, '--warmup', warmup, '--out', self.out, *chosen, *words)

    def results(self):
        """The result file of the last run."""
        return results.load(self.out)

    def samples(self, peer):
        """What became of the runs of a peer."""
        return [s['state'] for s in self.results().samples if s['peer'] == peer]

    def assert_says(self, text, ending):
        """One line of what was said, and not a traceback, has the text."""
        self.assertNotIn('Traceback', ending.err)
        self.assertTrue(any(text in line for line in ending.lines),
                        f'no line with "{text}" in:\n{ending.err}')

    def assert_refused(self, text, ending):
        """Nothing was run, and one line says why."""
        self.assert_says(text, ending)
        self.assertEqual((ending.status, ending.out), (cli.EXIT_USAGE, ''), ending.err)
        self.assertEqual(len(ending.lines), 1, ending.err)


class FakeRow(Row):
    """A row whose runs give what a test wants."""

    title = 'pretended'

    def __init__(self, name='row', give=lambda peer, run: 1.0, group=MICRO, threads=0, output=''):
        self.name = name
        self.give = give
        self.group = group
        self.threads = threads
        self.output = output
        self.runs = []  # the peers in the order in which they ran
        self.limits = []

    def sample(self, bench, peer, timeout):
        """`give` makes a time, or a whole sample, from the peer's name and its run's number."""
        number = self.runs.count(peer.name)
        self.runs.append(peer.name)
        self.limits.append(timeout)
        given = self.give(peer.name, number)
        if isinstance(given, Sample):
            return given
        return good_sample(given, output=self.output)


def good_sample(value, peak=1000.0, **more):
    """The sample of a run that went well."""
    usage = {'wall': value, 'user': value, 'sys': 0.0, 'peak_kib': peak, 'minor_faults': 10.0,
             'major_faults': 0.0}
    return Sample(execute.OK, value=value, usage=usage, **more)


def make_results(rows, peers, repeats=5, warmup=0, **more):
    """An empty result file of pretended rows under peers."""
    settings = {'repeats': repeats, 'warmup': warmup, 'work': 100, 'full': 0}
    made = results.Results(arguments=[], settings=settings, machine=dict(MACHINE), **more)
    made.plan(rows, [Peer(name) for name in peers])
    return made


def pretend_to_measure(rows, peers, folder, repeats=5, warmup=0, work=100):
    """Run pretended rows under peers that are only names."""
    made = make_results(rows, peers, repeats, warmup)
    with mock.patch.object(console.console, 'stream', io.StringIO()) as said:
        campaign.Campaign(Bench(folder, folder, work), rows, [Peer(name) for name in peers], made,
                          Path(folder) / 'results.json').run()
    return made, said.getvalue()


def results_of(times, peaks=None, groups=None, **more):
    """A finished result file with these times: row -> peer -> one for each repeat.

    In place of times there may be a sample, such as that of a crash.
    """
    names = list(dict.fromkeys(peer for peers in times.values() for peer in peers))
    rows = [FakeRow(name, group=(groups or {}).get(name, MICRO)) for name in times]
    made = make_results(rows, names, **more)
    for row in rows:
        for peer, given in times[row.name].items():
            peak = (peaks or {}).get(row.name, {}).get(peer, 1000.0)
            samples = [given] if isinstance(given, Sample) else [
                good_sample(value, peak) for value in given]
            for number, sample in enumerate(samples):
                made.add(row, Peer(peer), number, sample)
    made.done()
    return made
