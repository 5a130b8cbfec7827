"""test_campaign.py - in which order runs are made, which of them count, and which are not made"""
import itertools
import tempfile
import unittest
from unittest import mock

import support
from support import FakeRow, RunnerTest, good_sample, make_results, pretend_to_measure
from runner import campaign, console, execute, packages, results, suite, summary, tables
from runner.peers import Peer
from runner.rows import MACRO, MICRO, Sample

CRASH = Sample(execute.CRASHED, 'SIGSEGV')
HANG = Sample(execute.HUNG, 'not done after 1 s')


class Order(RunnerTest):
    """Interleaving and warm-up."""

    def test_each_round_begins_with_the_next_peer(self):
        row = FakeRow()
        pretend_to_measure([row], ['a', 'b', 'c'], self.folder, repeats=6)
        self.assertEqual(''.join(row.runs), 'abc' 'bca' 'cab' 'acb' 'bac' 'cba')

    def test_every_peer_is_first_equally_often(self):
        row = FakeRow()
        pretend_to_measure([row], ['a', 'b', 'c', 'd'], self.folder, repeats=8)
        self.assertEqual(sorted(row.runs[::4]), list('aabbccdd'))

    def test_over_rows_every_peer_is_first_though_there_are_fewer_rounds_than_peers(self):
        rows = [FakeRow(str(n)) for n in range(7)]
        pretend_to_measure(rows, list('abcdefg'), self.folder, repeats=2)
        self.assertEqual(sorted(peer for row in rows for peer in row.runs[::7]),
                         list('aabbccddeeffgg'))

    def test_every_peer_runs_after_each_other_equally_often(self):
        for count in range(2, 9):
            row, peers = FakeRow(), list('abcdefgh'[:count])
            pretend_to_measure([row], peers, self.folder, repeats=2 * count)
            rounds = [row.runs[at:at + count] for at in range(0, len(row.runs), count)]
            pairs = [pair for runs in rounds for pair in zip(runs, runs[1:])]
            self.assertEqual(sorted(pairs), sorted([*itertools.permutations(peers, 2)] * 2))

    def test_a_row_is_over_before_the_next_begins(self):
        order = []
        rows = [FakeRow(name, lambda peer, run, name=name: order.append(name) or 1.0)
                for name in 'xy']
        pretend_to_measure(rows, ['a', 'b'], self.folder, repeats=2)
        self.assertEqual(''.join(order), 'xxxxyyyy')

    def test_warm_up_is_run_and_does_not_count(self):
        row = FakeRow(give=lambda peer, run: 100.0 if run < 2 else 1.0 + run)
        made, _ = pretend_to_measure([row], ['a', 'b'], self.folder, repeats=3, warmup=2)
        self.assertEqual(len(row.runs), 2 * (2 + 3))
        self.assertEqual(summary.Table(made).cells['row', 'a'].times, [3.0, 4.0, 5.0])

    def test_a_crash_in_the_warm_up_shows_all_the_same(self):
        row = FakeRow(give=lambda peer, run: CRASH if run == 0 else 1.0)
        made, _ = pretend_to_measure([row], ['a'], self.folder, repeats=3, warmup=1)
        self.assertEqual(summary.Table(made).cells['row', 'a'].state, execute.CRASHED)

    def test_long_rows_have_fewer_repeats_and_no_warm_up(self):
        row = FakeRow()
        row.repeats_at_most = 2
        pretend_to_measure([row], ['a'], self.folder, repeats=5, warmup=3)
        self.assertEqual(len(row.runs), 2)


class GoesWrong(RunnerTest):
    """A row or a peer that goes wrong costs nobody else a run."""

    def cells(self, row, repeats=5):
        made, said = pretend_to_measure([row, FakeRow('next')], ['a', 'b', 'c'], self.folder,
                                        repeats)
        return summary.Table(made), said

    def test_crashed_peer_stays_and_the_others_run_on(self):
        row = FakeRow(give=lambda peer, run: CRASH if peer == 'b' else 1.0)
        table, said = self.cells(row)
        self.assertEqual(table.cells['row', 'b'].state, execute.CRASHED)
        self.assertEqual([len(table.cells['row', peer].times) for peer in 'ac'], [5, 5])
        self.assertEqual(len(table.cells['next', 'b'].times), 5)
        self.assertIn('row: b crashed (SIGSEGV)', said)

    def test_two_crashes_are_enough(self):
        row = FakeRow(give=lambda peer, run: CRASH if peer == 'b' else 1.0)
        self.cells(row)
        self.assertEqual(row.runs.count('b'), campaign.BAD_RUNS_ENOUGH)

    def test_one_hang_is_enough(self):
        row = FakeRow(give=lambda peer, run: HANG if peer == 'b' else 1.0)
        table, _ = self.cells(row)
        self.assertEqual(row.runs.count('b'), 1)
        self.assertEqual(table.cells['row', 'b'].state, execute.HUNG)

    def test_one_crash_among_good_runs_is_shown(self):
        row = FakeRow(give=lambda peer, run: CRASH if (peer, run) == ('b', 3) else 1.0)
        table, _ = self.cells(row)
        cell = table.cells['row', 'b']
        self.assertEqual((cell.state, cell.good), (execute.CRASHED, False))
        self.assertIn('1 of 5 runs', cell.detail)
        self.assertEqual([c.peer for c in table.wrong_cells()], ['b'])

    def test_an_error_of_the_runner_itself_is_a_failed_run(self):
        def give(peer, _):
            if peer == 'b':
                raise RuntimeError('no such thing')
            return 1.0
        table, said = self.cells(FakeRow(give=give))
        self.assertEqual(table.cells['row', 'b'].state, execute.FAILED)
        self.assertIn('no such thing', said)

    def test_other_output_than_under_glibc_is_wrong(self):
        row = FakeRow(group=MACRO, give=lambda peer, run: good_sample(
            1.0, output='other' if peer == 'b' else 'one'))
        table, _ = self.cells(row)
        self.assertEqual(row.runs[0], 'glibc')  # the reference, though it is no peer here
        self.assertEqual(table.cells['row', 'b'].state, execute.DIFFERS)
        self.assertTrue(table.cells['row', 'a'].good)

    def test_a_program_that_fails_under_glibc_is_skipped_with_a_reason(self):
        row = FakeRow(group=MACRO, give=lambda peer, run: CRASH)
        table, said = self.cells(row)
        self.assertEqual(row.runs, ['glibc'])
        self.assertIn('does not run under glibc', table.results.skipped['row'])
        self.assertIn('row: skipped', said)
        self.assertIn(('next', 'a'), table.cells)

    def test_a_row_whose_input_cannot_be_made_is_skipped_with_a_reason(self):
        row = FakeRow()
        with mock.patch.object(row, 'prepare', side_effect=OSError('disk full')):
            table, _ = self.cells(row)
        self.assertIn('disk full', table.results.skipped['row'])

    def test_a_row_whose_program_is_missing_is_skipped_with_a_reason(self):
        row = FakeRow()
        row.needs = (packages.Need('a-package', command='no-such-command'),)
        table, _ = self.cells(row)
        self.assertEqual(table.results.skipped['row'], 'not installed: a-package')


class Limit(RunnerTest):
    """How long a run may take before it counts as hung."""

    def test_it_follows_the_fastest_run(self):
        row = FakeRow(give=lambda peer, run: 0.5 if peer == 'a' else 9.0)
        pretend_to_measure([row], ['a', 'b'], self.folder, repeats=2)
        self.assertEqual(row.limits, [row.longest] + [campaign.PATIENCE * 0.5] * 3)

    def test_it_is_never_short(self):
        row = FakeRow(give=lambda peer, run: 1e-6)
        pretend_to_measure([row], ['a'], self.folder, repeats=2)
        self.assertEqual(row.limits[1], campaign.SHORTEST_LIMIT)


    def test_it_grows_with_the_work_of_patterns(self):
        for group, work, longest in ((MICRO, 1000, 1200), (MICRO, 10, 120), (MACRO, 1000, 120)):
            row = FakeRow(group=group, give=lambda peer, run: 1e6)
            pretend_to_measure([row], ['glibc'], self.folder, repeats=2, work=work)
            self.assertEqual(set(row.limits), {longest})


class Resumed(RunnerTest):
    """What a run that goes on takes over from an earlier one."""

    def go_on(self, earlier, row, peers, repeats=3):
        """Go on with a result file; how many runs were kept."""
        made = make_results([row], [], repeats)
        made.plan([row], peers)
        kept = made.adopt(earlier)
        with mock.patch('runner.console.Console._write'):
            campaign.Campaign(support.Bench(self.folder, self.folder), [row], peers, made,
                              self.out).run()
        return kept, made

    def earlier(self, row, peers, samples):
        """A run that ended after some samples: (peer, round)."""
        made = make_results([row], [], 3)
        made.plan([row], peers)
        for peer, number in samples:
            made.add(row, peer, number, good_sample(1.0))
        return made

    def test_what_exists_is_not_run_again(self):
        row, peers = FakeRow(), [Peer('a', digest='1'), Peer('b', digest='2')]
        earlier = self.earlier(row, peers, [(peers[0], 0), (peers[1], 0), (peers[1], 1)])
        kept, made = self.go_on(earlier, row, peers)
        self.assertEqual(kept, 3)
        self.assertEqual(''.join(row.runs), 'a' 'ab')
        self.assertEqual(sorted((s['peer'], s['round']) for s in made.samples),
                         [(peer, n) for peer in 'ab' for n in range(3)])
        self.assertTrue(made.finished)

    def test_runs_of_a_library_that_changed_are_made_again(self):
        row, peers = FakeRow(), [Peer('a', digest='1'), Peer('b', digest='2')]
        earlier = self.earlier(row, peers, [(peer, n) for peer in peers for n in range(3)])
        kept, _ = self.go_on(earlier, row, [Peer('a', digest='1'), Peer('b', digest='3')])
        self.assertEqual((kept, row.runs), (3, ['b'] * 3))

    def test_runs_of_another_environment_are_made_again(self):
        row, peers = FakeRow(), [Peer('a')]
        earlier = self.earlier(row, peers, [(peers[0], n) for n in range(3)])
        self.go_on(earlier, row, [Peer('a', environment={'X': '1'})])
        self.assertEqual(len(row.runs), 3)

    def test_runs_under_another_c_library_are_made_again(self):
        row, peers = FakeRow(), [Peer('glibc', version='glibc 2.36')]
        earlier = self.earlier(row, peers, [(peers[0], n) for n in range(3)])
        self.go_on(earlier, row, [Peer('glibc', version='glibc 2.37')])
        self.assertEqual(len(row.runs), 3)

    def test_the_output_under_glibc_is_not_made_again(self):
        row, peers = FakeRow(group=MACRO, output='one'), [Peer('a')]
        earlier = self.earlier(row, peers, [(peers[0], 0)])
        earlier.outputs['row'] = 'one'
        earlier.samples[0]['output'] = 'one'
        _, made = self.go_on(earlier, row, peers)
        self.assertEqual((row.runs, made.outputs), (['a'] * 2, {'row': 'one'}))

    def test_another_machine_is_refused(self):
        for key in 'kernel', 'architecture', 'processor', 'cores', 'memory_kib':
            earlier = make_results([FakeRow()], ['a'])
            earlier.machine[key] = 'another'
            with self.assertRaisesRegex(results.ResultsError, 'on another machine'):
                make_results([FakeRow()], ['a']).adopt(earlier)

    def test_another_work_size_is_refused(self):
        earlier = make_results([FakeRow()], ['a'])
        earlier.settings['work'] = 50
        with self.assertRaisesRegex(results.ResultsError, 'work size'):
            make_results([FakeRow()], ['a']).adopt(earlier)


class Programs(RunnerTest):
    """What is run for a row, and which of its figures is the row's."""

    USAGE = {'wall': 5.0, 'user': 3.0, 'sys': 1.0, 'peak_kib': 2048.0, 'minor_faults': 30.0,
             'major_faults': 4.0}

    def setUp(self):
        super().setUp()
        self.beside = self.folder / 'said-beside'
        self.beside.write_text('')

    def sample(self, row, said=''):
        """The sample of a row whose program says something, and the command that was run."""
        stdout = self.folder / 'said'
        stdout.write_text(said)
        outcome = execute.Outcome(execute.OK, '', dict(self.USAGE), stdout, self.beside)
        with mock.patch.object(execute, 'run', return_value=outcome) as ran:
            sample = row.sample(support.Bench(self.build, self.folder, work=30), Peer('a'), 9.0)
        return sample, [str(word) for word in ran.call_args[0][2]]

    def test_a_pattern_gets_its_threads_and_work_and_gives_its_own_figure(self):
        row, = suite.choose(['churn-small/2'], False, ())[0]
        sample, command = self.sample(row, 'ns_per_op 7\nseconds 0.25\n')
        self.assertIn('threads=2', command)
        self.assertIn('work=30', command)
        self.assertEqual((sample.value, sample.usage), (0.25, self.USAGE))

    def test_a_row_about_memory_gives_what_is_kept(self):
        row, = suite.choose(['spike-idle'], False, ())[0]
        sample, _ = self.sample(row, 'seconds 1\nkept_percent 12\n')
        self.assertEqual(sample.value, 12.0)

    def test_a_program_takes_from_its_start_to_its_end(self):
        row, = suite.choose(['python3'], False, ())[0]
        self.assertEqual(self.sample(row)[0].value, self.USAGE['wall'])

    def test_what_a_pattern_says_beside_its_figures_is_kept(self):
        self.beside.write_text('the spike is cut\nto 5 MiB\n')
        row, = suite.choose(['spike-idle'], False, ())[0]
        sample, _ = self.sample(row, 'kept_percent 12\n')
        self.assertEqual(sample.detail, 'the spike is cut to 5 MiB')

    def test_usage_is_the_median_of_all_runs(self):
        row = FakeRow('a')
        made = make_results([row], ['mine'])
        for number, times in enumerate((1.0, 5.0, 3.0)):
            usage = {name: value * times for name, value in self.USAGE.items()}
            made.add(row, Peer('mine'), number, Sample(execute.OK, value=1.0, usage=usage))
        self.assertEqual(summary.Table(made).cells['a', 'mine'].usage,
                         {name: value * 3.0 for name, value in self.USAGE.items()})

    def test_each_figure_is_in_its_column(self):
        made = make_results([FakeRow('a')], ['glibc', 'mine'])
        for peer, times in (('glibc', 1.0), ('mine', 2.0)):
            usage = {name: value * times for name, value in self.USAGE.items()}
            made.add(FakeRow('a'), Peer(peer), 0, Sample(execute.OK, value=2 * times, usage=usage))
        line, = (line for line in tables.text(summary.Table(made)).splitlines()
                 if line.startswith('  mine'))
        self.assertEqual(line.split(), ['mine', '4.00', 's', '0.0%', '2.00x', '4.0', '2.00x', '68',
                                        '6.00', '2.00'])


class Saving(RunnerTest):
    """The result file while the runs go on."""

    def test_what_was_run_is_saved_when_something_ends_the_campaign(self):
        def give(_, run):
            if run == 2:
                raise KeyboardInterrupt
            return 1.0
        with self.assertRaises(KeyboardInterrupt):
            pretend_to_measure([FakeRow(give=give)], ['a'], self.folder)
        saved = results.load(self.out)
        self.assertEqual((len(saved.samples), saved.finished), (2, ''))

    def test_what_was_run_is_saved_when_the_last_save_is_interrupted(self):
        real = results.json.dump
        def interrupted_once(*words, **more):
            results.json.dump = real
            raise KeyboardInterrupt
        with (mock.patch.object(results.json, 'dump', interrupted_once),
              self.assertRaises(KeyboardInterrupt)):
            pretend_to_measure([FakeRow()], ['a'], self.folder)
        self.assertTrue(results.load(self.out).finished)

    def test_saving_leaves_nothing_else_behind(self):
        pretend_to_measure([FakeRow()], ['a'], self.folder)
        self.assertEqual({path.name for path in self.folder.iterdir()},
                         {'build', 'results.json'})

    def test_what_is_saved_is_what_is_read(self):
        made, _ = pretend_to_measure([FakeRow()], ['a', 'b'], self.folder, warmup=1)
        self.assertEqual(results.load(self.out), made)


class Foresight(unittest.TestCase):
    """The estimate of the time left."""

    def test_estimates_are_scaled_by_what_was_seen(self):
        rows = [FakeRow('x'), FakeRow('y')]
        clock = campaign.Clock(rows, {'x': 2, 'y': 2}, peers=1, work=100)
        self.assertEqual(clock.remaining(), 4.0)
        clock.took(rows[0], 3.0)
        self.assertEqual(clock.remaining(), 3.0 + 2 * 3.0)
        clock.skip(rows[0])
        clock.skip(rows[1], 2)
        self.assertEqual(clock.remaining(), 0.0)

    def test_it_is_said_before_each_row(self):
        row = FakeRow()
        row.estimate = 25.0
        with tempfile.TemporaryDirectory() as folder:
            _, said = pretend_to_measure([row], ['a', 'b'], folder, repeats=2)
        self.assertIn('row   (about 1:40 left)', said)

    def test_durations(self):
        for seconds, text in ((0.4, '0:00'), (59.4, '0:59'), (59.6, '1:00'), (95.2, '1:35'),
                              (3599.4, '59:59'), (3725, '1:02:05')):
            self.assertEqual(console.duration(seconds), text)
