"""test_stats.py - the figures: medians, intervals, what is beyond noise, means over rows"""
import math
import random
import unittest

from support import results_of
from runner import execute, stats, summary
from runner.rows import MACRO, MICRO, Sample
from runner.summary import Table

SEED = 1


def binomial_at_least(least, trials, chance):
    """How probable `least` or more of so many trials are."""
    return sum(math.comb(trials, k) * chance ** k * (1 - chance) ** (trials - k)
               for k in range(least, trials + 1))


class Figures(unittest.TestCase):
    """One column of numbers."""

    def test_median_is_that_of_the_middle_and_not_the_mean(self):
        self.assertEqual(stats.median([1, 100, 2]), 2)
        self.assertEqual(stats.median([1, 2, 4, 100]), 3)

    def test_spread_is_half_the_range_over_the_median(self):
        self.assertEqual(stats.spread([8, 10, 14]), 0.3)
        self.assertEqual(stats.spread([0, 0, 0]), 0.0)

    def test_geometric_mean(self):
        self.assertAlmostEqual(stats.geometric_mean([0.5, 2.0]), 1.0)
        self.assertAlmostEqual(stats.geometric_mean([1, 10, 100]), 10)
        self.assertTrue(math.isnan(stats.geometric_mean([])))


class Interval(unittest.TestCase):
    """The interval against what can be said about it without drawing lots."""

    def test_ends_are_those_of_the_exact_distribution(self):
        # The median of n drawn from n, n odd, is at most the k-th if n/2 or more of them are.
        for count in (7, 11, 15):
            values = [float(k) for k in range(1, count + 1)]
            most = [binomial_at_least(count // 2 + 1, count, k / count)
                    for k in range(1, count + 1)]
            low = next(k for k, chance in enumerate(most, 1) if chance > 0.025)
            high = next(k for k, chance in enumerate(most, 1) if chance > 0.975)
            estimate = stats.ratio(values, [1.0] * count)
            self.assertEqual((estimate.value, estimate.low, estimate.high),
                             ((count + 1) / 2, low, high))

    def test_same_samples_give_the_same_interval(self):
        draw = random.Random(SEED)
        ours, theirs = ([draw.gauss(1, 0.1) for _ in range(5)] for _ in range(2))
        self.assertEqual(stats.ratio(ours, theirs), stats.ratio(ours, theirs))

    def test_interval_holds_the_truth_mostly(self):
        draw = random.Random(SEED)
        held = 0
        for _ in range(60):
            ours = [draw.lognormvariate(0.1, 0.2) for _ in range(9)]
            theirs = [draw.lognormvariate(0, 0.2) for _ in range(9)]
            estimate = stats.ratio(ours, theirs)
            held += estimate.low <= math.exp(0.1) <= estimate.high
        self.assertGreater(held, 51)
        self.assertLess(held, 60)


class BeyondNoise(unittest.TestCase):
    """The significance mark."""

    def marks(self, shift, count, trials=60, noise=0.05):
        """How many of so many trials get a mark, where one side takes `shift` times as long."""
        draw = random.Random(SEED)
        return sum(stats.ratio([draw.lognormvariate(math.log(shift), noise) for _ in range(count)],
                               [draw.lognormvariate(0, noise) for _ in range(count)]
                               ).differs_from(1.0) for _ in range(trials))

    def test_nothing_is_found_where_nothing_is(self):
        self.assertLess(self.marks(1.0, 5), 6)
        self.assertLess(self.marks(1.0, 9), 6)

    def test_a_difference_far_above_the_noise_is_found_each_time(self):
        self.assertEqual(self.marks(1.5, 5), 60)
        self.assertEqual(self.marks(1 / 1.5, 5), 60)

    def test_more_repeats_find_smaller_differences(self):
        self.assertGreater(self.marks(1.06, 15), self.marks(1.06, 5))

    def test_fewer_than_four_are_never_enough(self):
        for count in (1, 2, 3):
            self.assertFalse(stats.ratio([9.0] * count, [1.0] * 9).differs_from(1.0))
            self.assertFalse(stats.ratio([1.0] * 9, [9.0] * count).differs_from(1.0))
        self.assertTrue(stats.ratio([9.0] * 4, [1.0] * 4).differs_from(1.0))

    def test_one_wild_run_of_five_does_not_hide_a_difference(self):
        self.assertTrue(stats.ratio([2.0, 2.01, 2.02, 2.03, 9.0],
                                    [1.0, 1.01, 1.02, 1.03, 1.04]).differs_from(1.0))

    def test_overlapping_samples_of_five_are_noise(self):
        self.assertFalse(stats.ratio([1.0, 1.1, 1.2, 1.3, 1.4],
                                     [1.05, 1.15, 1.18, 1.25, 1.35]).differs_from(1.0))


class MeansOverRows(unittest.TestCase):
    """Comparisons of two peers."""

    def compare(self, times, group=MICRO, **more):
        return summary.compare(Table(results_of(times, **more)), 'ours', 'theirs', group)

    def test_mean_is_that_of_the_ratios_of_the_medians(self):
        found = self.compare({'a': {'ours': [1, 2, 90], 'theirs': [1, 1, 1]},
                              'b': {'ours': [1, 1, 1], 'theirs': [0.1, 8, 9]}},
                             peaks={'a': {'ours': 4000.0}, 'b': {'ours': 9000.0}})
        self.assertAlmostEqual(found.time.value, math.sqrt(2 / 8))
        self.assertAlmostEqual(found.memory, 6)
        self.assertEqual(found.rows, 2)

    def test_only_rows_that_both_finished_count(self):
        crash = Sample(execute.CRASHED, 'SIGSEGV')
        found = self.compare({'a': {'ours': [2.0], 'theirs': [1.0]},
                              'b': {'ours': [50.0], 'theirs': crash},
                              'c': {'ours': crash, 'theirs': [50.0]},
                              'd': {'ours': [50.0]}})
        self.assertEqual((found.rows, found.time.value), (1, 2.0))

    def test_a_row_with_a_single_wrong_run_counts_as_wrong(self):
        made = results_of({'a': {'ours': [1.0] * 4, 'theirs': [1.0] * 4}})
        made.samples[2]['state'] = execute.DAMAGED
        self.assertEqual(Table(made).cells['a', 'ours'].state, execute.DAMAGED)
        self.assertIsNone(summary.compare(Table(made), 'ours', 'theirs', MICRO))

    def test_groups_have_means_of_their_own(self):
        times = {'a': {'ours': [2.0], 'theirs': [1.0]}, 'b': {'ours': [3.0], 'theirs': [1.0]}}
        self.assertAlmostEqual(self.compare(times, MICRO, groups={'b': MACRO}).time.value, 2)
        self.assertAlmostEqual(self.compare(times, MACRO, groups={'b': MACRO}).time.value, 3)

    def test_rows_that_only_show_the_scaling_are_left_out(self):
        made = results_of({'a': {'ours': [2.0], 'theirs': [1.0]},
                           'b': {'ours': [9.0], 'theirs': [1.0]}})
        made.rows[1]['in_means'] = False
        self.assertEqual(summary.compare(Table(made), 'ours', 'theirs', MICRO).time.value, 2.0)

    def test_rows_beyond_noise_are_counted(self):
        even = [1.0, 1.1, 1.2, 1.3, 1.4]
        found = self.compare({'faster': {'ours': [0.5] * 5, 'theirs': even},
                              'slower': {'ours': [9.0] * 5, 'theirs': even},
                              'same': {'ours': even, 'theirs': even}})
        self.assertEqual((found.faster, found.slower, found.rows), (1, 1, 3))

    def test_a_mean_has_noise_of_its_own(self):
        steady = {row: {'ours': [0.9] * 5, 'theirs': [1.0] * 5} for row in 'abc'}
        self.assertTrue(self.compare(steady).time.differs_from(1.0))
        few = {row: {'ours': [0.9] * 3, 'theirs': [1.0] * 3} for row in 'abc'}
        self.assertFalse(self.compare(few).time.differs_from(1.0))
