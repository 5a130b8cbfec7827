"""test_shadow.py - every pattern notices when memory does not hold what was written to it

Each runs under an allocator that spoils blocks; the same under one that does not, so that it is the
spoiling that is noticed.  Patterns that cannot notice are named, with the reason.
"""
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
    'false-sharing': 'one block at a time in each thread; the other thread may not be at work',
    'start': 'it allocates nothing',
}
# What is spoilt there may be a pointer.
MAY_CRASH = ('containers', 'tree')
# They take seconds, or a gigabyte, before they look.
BIG = ('spike-idle', 'sparse-idle', 'sleepers')


class Patterns(RunnerTest):
    """All of bench/micro."""

    def run_under(self, row, name):
        """One run of a row, as short as can be, under a pretended allocator."""
        peer = Peer(name, preload=str(fake(name)))
        return row.sample(Bench(self.build, self.folder, work=1), peer, 100)

    def rows(self):
        """Each pattern once, with as few threads as it has."""
        for pattern in suite.PATTERNS:
            if pattern.name not in BIG:
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
            if row.group != STATE:
                with self.subTest(row=row.id):
                    sample = self.run_under(row, 'works')
                    self.assertEqual(sample.state, execute.OK, sample.detail)

    def test_a_list_of_exceptions_names_only_what_there_is(self):
        self.assertLessEqual({*CANNOT_NOTICE, *MAY_CRASH, *BIG}, {p.name for p in suite.PATTERNS})
