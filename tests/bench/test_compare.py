"""test_compare.py - what got slower between two result files"""
import random
from unittest import mock

from support import RunnerTest, results_of, run
from runner import cli, compare, execute, stats, suite
from runner.rows import STATE, Sample
from runner.summary import Table

SEED = 1
CRASH = Sample(execute.CRASHED, 'SIGSEGV')


def noisy(middle, count=7, noise=0.02):
    """Times around a middle, the same in every run of the test."""
    draw = random.Random(SEED + middle)
    return [middle * draw.uniform(1 - noise, 1 + noise) for _ in range(count)]


class Compared(RunnerTest):
    """Result files as --compare reads them."""

    def compare(self, old, new):
        """Save two results and compare the files."""
        paths = [self.folder / 'old.json', self.folder / 'new.json']
        for path, made in zip(paths, (old, new)):
            made.save(path)
        ending = run('--compare', *paths)
        self.assertEqual(ending.err, '')
        self.assertEqual(ending.status, cli.EXIT_OK)
        return ending.out

    def blocks(self, *files):
        """The text by its titles: title -> the first two words of each line below it."""
        found, title = {}, ''
        for line in self.compare(*files).splitlines():
            if line and not line.startswith(' '):
                title = line
                found[title] = []
            elif line.strip() and not line.strip().startswith('time'):
                found[title].append(' '.join(line.split()[:2]))
        return found


class Times(Compared):
    """Rows that both files have."""

    OLD = {'pair': {'glibc': noisy(1.0), 'mine': noisy(2.0)},
           'churn': {'glibc': noisy(3.0), 'mine': noisy(4.0)},
           'tree': {'glibc': noisy(5.0), 'mine': noisy(6.0)}}

    def changed(self, **peers):
        """The old times, with those of `mine` in some rows times a factor."""
        return {row: {'glibc': times['glibc'],
                      'mine': [peers.get(row, 1.0) * t for t in times['mine']]}
                for row, times in self.OLD.items()}

    def test_slower_and_faster_rows_are_told_from_the_same(self):
        blocks = self.blocks(results_of(self.OLD), results_of(self.changed(pair=1.3, tree=0.7)))
        self.assertEqual(blocks['slower, beyond noise'], ['pair mine'])
        self.assertEqual(blocks['faster, beyond noise'], ['tree mine'])
        self.assertEqual(blocks['the same, as far as the noise allows to say'], ['churn mine'])

    def test_a_change_within_the_noise_is_none(self):
        new = self.changed()
        new['pair']['mine'] = noisy(2.01)
        blocks = self.blocks(results_of(self.OLD), results_of(new))
        self.assertNotIn('slower, beyond noise', blocks)
        self.assertIn('pair mine', blocks['the same, as far as the noise allows to say'])

    def test_few_repeats_show_no_change(self):
        old, new = ({row: {peer: times[:3] for peer, times in peers.items()}
                     for row, peers in rows.items()} for rows in (self.OLD, self.changed(pair=3)))
        self.assertNotIn('slower, beyond noise', self.blocks(results_of(old), results_of(new)))

    def test_a_slower_machine_is_not_a_slower_allocator(self):
        new = {row: {peer: [2 * t for t in times] for peer, times in peers.items()}
               for row, peers in self.changed(pair=1.3).items()}
        text = self.compare(results_of(self.OLD), results_of(new))
        self.assertIn('glibc itself took 2.00x the time of the old file', text)
        blocks = self.blocks(results_of(self.OLD), results_of(new))
        self.assertEqual(blocks['slower, beyond noise'], ['pair mine'])

    def test_an_allocator_that_stays_while_the_machine_gets_faster_is_slower(self):
        new = self.changed()
        new['pair']['glibc'] = [t / 2 for t in new['pair']['glibc']]
        change, = (c for c in compare.changes(Table(results_of(self.OLD)), Table(results_of(new)))
                   if (c.label, c.peer) == ('pair', 'mine'))
        self.assertAlmostEqual(change.time.value, 2.0)
        self.assertAlmostEqual(change.plain.value, 1.0)

    def test_without_glibc_the_times_themselves_are_compared(self):
        old, new = ({row: {'mine': peers['mine']} for row, peers in rows.items()}
                    for rows in (self.OLD, self.changed(pair=1.3)))
        blocks = self.blocks(results_of(old), results_of(new))
        self.assertEqual(blocks['slower, beyond noise'], ['pair mine'])

    def test_with_glibc_alone_it_is_glibc_that_is_compared(self):
        old, new = ({'pair': {'glibc': noisy(t)}} for t in (1.0, 2.0))
        blocks = self.blocks(results_of(old), results_of(new))
        self.assertEqual(blocks['slower, beyond noise'], ['pair glibc'])

    def test_memory_is_compared_too(self):
        peaks = {'pair': {'mine': 3000.0}}
        files = results_of(self.OLD), results_of(self.OLD, peaks=peaks)
        self.assertRegex(self.compare(*files), r'(?m)^  pair +mine .* 3.000x\*')
        self.assertEqual(self.blocks(*files)['more memory, beyond noise'], ['pair mine'])
        self.assertEqual(self.blocks(*files[::-1])['less memory, beyond noise'], ['pair mine'])

    def test_a_row_of_nothing_kept_is_no_error(self):
        times = {'idle': {'glibc': [0.0] * 5, 'mine': [1.0] * 5}}
        files = [results_of(times, groups={'idle': STATE}) for _ in range(2)]
        self.assertIn('1.000x', self.compare(*files))
        times['idle']['mine'] = [0.0] * 5
        blocks = self.blocks(results_of(times, groups={'idle': STATE}), files[0])
        self.assertEqual(blocks['from nothing, or to nothing'], ['idle: mine'])

    def test_rows_about_memory_at_rest_can_be_told_apart(self):
        for row in suite.choose(['state'], False, ())[0]:
            self.assertGreaterEqual(row.repeats_at_most, stats.FEWEST_FOR_A_VERDICT)


class Differences(Compared):
    """What only one of the files has, or ran."""

    def test_what_crashes_now_and_what_does_no_more(self):
        good, crashed = ({'pair': {'glibc': [1.0], 'mine': given}} for given in ([1.0], CRASH))
        blocks = self.blocks(results_of(good), results_of(crashed))
        self.assertEqual(blocks['does not run any more'], ['pair: mine'])
        blocks = self.blocks(results_of(crashed), results_of(good))
        self.assertEqual(blocks['runs now, and did not'], ['pair: mine'])

    def test_what_crashes_in_both_or_is_new_and_crashes(self):
        crashed, nobody = ({'pair': {'glibc': [1.0]} | more} for more in ({'mine': CRASH}, {}))
        for old in crashed, nobody:
            blocks = self.blocks(results_of(old), results_of(crashed))
            self.assertEqual(blocks['does not run, nor did it before'], ['pair: mine'])

    def test_patterns_that_are_not_the_same_are_said(self):
        old, new = (results_of({'a': {'glibc': [1.0]}}) for _ in range(2))
        for made in old, new:
            made.machine['patterns'] = 'some'
        self.assertNotIn('bench/micro', self.compare(old, new))
        new.machine['patterns'] = 'others'
        self.assertIn('programs of bench/micro are not the same', self.compare(old, new))

    def test_rows_and_peers_that_only_one_file_has_are_named(self):
        old = {'pair': {'glibc': [1.0], 'gone': [1.0]}, 'lost': {'glibc': [1.0]}}
        new = {'pair': {'glibc': [1.0], 'come': [1.0]}, 'found': {'glibc': [1.0]}}
        text = self.compare(results_of(old), results_of(new))
        self.assertIn('only in the old file\n  peers: gone\n  rows: lost\n', text)
        self.assertIn('only in the new file\n  peers: come\n  rows: found\n', text)

    def test_a_row_of_a_peer_that_only_one_file_has(self):
        old = {'pair': {'glibc': [1.0], 'mine': [1.0]}, 'churn': {'glibc': [1.0], 'mine': [1.0]}}
        new = {'pair': {'glibc': [1.0], 'mine': [1.0]}, 'churn': {'glibc': [1.0]}}
        self.assertIn('only in the old file\n  rows of peers: churn of mine\n',
                      self.compare(results_of(old), results_of(new)))

    def test_nothing_in_common(self):
        self.assertIn('no row and peer in common that ran in both', self.compare(
            results_of({'a': {'glibc': [1.0]}}), results_of({'b': {'glibc': [1.0]}})))

    def test_another_machine_is_said(self):
        old, new = (results_of({'a': {'glibc': [1.0]}}) for _ in range(2))
        self.assertNotIn('different machines', self.compare(old, new))
        for key, value in (('kernel', '2'), ('architecture', 'b'), ('processor', 'another one'),
                           ('cores', 64), ('memory_kib', 2)):
            with self.subTest(key), mock.patch.dict(new.machine, {key: value}):
                self.assertIn('different machines', self.compare(old, new))

    def peers(self, **changes):
        """What is said of two files between which something of glibc or mine changed."""
        old, new = (results_of({'a': {'glibc': [1.0], 'mine': [1.0]}}) for _ in range(2))
        for number, peer in enumerate(('glibc', 'mine')):
            new.peers[number].update(changes.get(peer, {}))
        return self.compare(old, new)

    def test_peers_that_changed_are_named(self):
        self.assertNotIn('not the same peers', self.peers())
        for change, words in (
                ({'version': '2'}, 'version none, now 2'),
                ({'environment': {'X': '1', 'Y': '2'}}, 'environment none, now X=1 Y=2'),
                ({'digest': '2'}, 'another library file')):
            text = self.peers(mine=change)
            self.assertIn(f'not the same peers\n  mine: {words}\n', text)
            self.assertIn('the machine, not an allocator', text)

    def test_another_glibc_is_not_blamed_on_the_machine(self):
        text = self.peers(glibc={'version': 'glibc 2.37'})
        self.assertIn('  glibc: version none, now glibc 2.37\n', text)
        self.assertIn('the machine, or glibc, which is not the same', text)

    def test_a_row_that_is_about_another_figure_is_not_compared(self):
        old, new = (results_of({'idle': {'glibc': [v] * 5}}, groups={'idle': STATE})
                    for v in (1.0, 0.0))
        new.rows[0] |= {'what': 'kept', 'unit': '%'}
        text = self.compare(old, new)
        self.assertIn('another figure than in the old file\n  idle: time in s, now kept in %', text)
        self.assertIn('no row and peer in common', text)
        self.assertNotIn('to nothing', text)

    def test_other_work_sizes_are_refused(self):
        old, new = (results_of({'a': {'glibc': [1.0]}}) for _ in range(2))
        new.settings['work'] = 50
        for path, made in ((self.folder / 'old.json', old), (self.folder / 'new.json', new)):
            made.save(path)
        self.assert_refused('their work sizes (--work) are 100 and 50',
                            run('--compare', self.folder / 'old.json', self.folder / 'new.json'))

    def test_long_names_stay_apart_from_what_follows(self):
        row, peer = 'a-row-with-a-name-of-some-length', 'a-peer-with-such-a-name'
        text = self.compare(*(results_of({row: {peer: [1.0]}}) for _ in range(2)))
        self.assertIn(f'  {row} {peer}   1.000x', text)

    def test_lines_are_not_wide(self):
        names = [f'a-row-with-a-long-name-{n}' for n in range(30)]
        text = self.compare(results_of({name: {'glibc': [1.0], 'mine': [1.0]} for name in names}),
                            results_of({'other': {'glibc': [1.0]}}))
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
