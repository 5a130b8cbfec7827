"""test_shadow.py - every pattern notices when memory does not hold what was written to it

Each runs under an allocator that spoils blocks; the same under one that does not, so that it is the
spoiling that is noticed.  Patterns that cannot notice are named, with the reason.
"""
from concurrent.futures import ThreadPoolExecutor

from support import RunnerTest, fake
from runner import execute, suite
from runner.execute import Bench
from runner.peers import Peer
from runner.rows import STATE

CANNOT_NOTICE = {
    'pair-16': 'one block at a time: it is checked before another call',
    'pair-64': 'the same',
    'pair-1024': 'the same',
    'one-object': 'the same',
    'sleepers': 'one block at a time in each thread; the others may not be at work',
    'false-sharing': 'one block at a time in each thread; the other thread may not be at work',
    'start': 'it allocates nothing',
}
# What is spoilt there may be a pointer.
MAY_CRASH = ('containers', 'tree')
# What each prints that is about time.
FIGURES = {'ops', 'seconds', 'cpu_seconds', 'ns_per_op', 'core_ns_per_op'}

class Patterns(RunnerTest):
    """All of bench/micro."""

    def run_under(self, row, name):
        """One run of a row, as short as can be, under a pretended allocator."""
        peer = Peer(name, preload=str(fake(name)))
        return row.sample(Bench(self.build, self.folder, work=1), peer, 100)

    def rows(self):
        """Each pattern once, with as few threads as it has."""
        for pattern in suite.PATTERNS:
            yield pattern.rows(pattern.threads[:1])[0]

    def test_each_notices_damage(self):
        for row in self.rows():
            if row.name not in CANNOT_NOTICE:
                with self.subTest(row=row.id):
                    sample = self.run_under(row, 'damages')
                    noticed = {execute.DAMAGED, *[execute.CRASHED] * (row.name in MAY_CRASH)}
                    self.assertIn(sample.state, noticed, sample.detail)

    def test_each_runs_where_there_is_none(self):
        for row in self.rows():
            if row.group != STATE:  # which sleep for ten seconds
                with self.subTest(row=row.id):
                    sample = self.run_under(row, 'works')
                    self.assertEqual(sample.state, execute.OK, sample.detail)
                    self.assertLessEqual(FIGURES, sample.values.keys())

    def test_a_list_of_exceptions_names_only_what_there_is(self):
        self.assertLessEqual({*CANNOT_NOTICE, *MAY_CRASH}, {p.name for p in suite.PATTERNS})


class Tables(RunnerTest):
    """What a pattern notes down for itself is hardly a part of its peak."""

    def test_notes_of_blocks_that_are_gone(self):
        row, = suite.choose(['phases'], False, ())[0]
        sample = row.sample(Bench(self.build, self.folder, work=100), Peer('glibc'), 100)
        # At most 64 MiB and what survived are alive at a time, 102 MiB; glibc takes 165 for them.
        self.assertLess(sample.usage['peak_kib'], 190 << 10)


class AtRest(RunnerTest):
    """Rows about memory at rest where nothing is wrong, all at once since they sleep."""

    def values(self, row):
        """What a row prints."""
        folder = self.folder / row.id
        folder.mkdir()
        sample = row.sample(Bench(self.build, folder, work=1), Peer('glibc'), 100)
        self.assertEqual((sample.state, sample.detail), (execute.OK, ''))
        return sample.values

    def test_what_is_kept_is_a_part_of_what_was_asked_for(self):
        rows, _ = suite.choose(['state'], False, ())
        with ThreadPoolExecutor(len(rows)) as pool:
            found = dict(zip((row.name for row in rows), pool.map(self.values, rows)))
        self.assertEqual(found['sleepers']['threads'], 10)
        for name, asked in ('spike-idle', (1 << 20) // 100), ('sparse-idle', (256 << 10) // 100):
            values = found[name]
            self.assertLess(abs(values['asked_kib'] - asked), 16)
            kept = max(0, values['rss_kib@10'] - values['before_kib'])
            self.assertAlmostEqual(values['kept_percent'], 100 * kept / asked, delta=1)
        self.assertAlmostEqual(found['sparse-idle']['live_percent'], 10, delta=3)
