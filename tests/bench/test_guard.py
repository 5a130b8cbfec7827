"""test_guard.py - a few rows against stored ratios to glibc: it warns, and never fails"""
import json
from unittest import mock

from support import FakeRow, RunnerTest, run
from runner import cli, execute, guard, machine, suite
from runner.rows import Sample
from runner.paths import STORED_RATIOS

NOISE = (0.99, 1.0, 1.01, 1.0, 0.99, 1.01, 1.0)  # one for each repeat


def row_of(name, libbuddy, glibc=1.0, noise=NOISE):
    """A row whose medians are these, or that gives a whole sample under libbuddy."""
    def give(peer, number):
        if peer == 'libbuddy' and isinstance(libbuddy, Sample):
            return libbuddy
        return (libbuddy if peer == 'libbuddy' else glibc) * noise[number % len(noise)]
    return FakeRow(name, give)


class Guarded(RunnerTest):
    """--guard, with pretended rows and ratios."""

    def setUp(self):
        super().setUp()
        self.have_libbuddy('works')
        self.stored = self.folder / 'ratios.json'

    def store(self, rows, **another):
        """Have these ratios stored, on this machine or on another."""
        here = machine.describe()
        self.stored.write_text(json.dumps({'machine': here['processor'], 'cores': here['cores'],
                                           'rows': rows} | another))

    def guard(self, *words, rows, stored=None):
        """Use the guard."""
        if stored is not None:
            self.store(stored)
        with (mock.patch.object(cli, 'STORED_RATIOS', self.stored),
              mock.patch.object(suite, 'choose', return_value=(rows, []))):
            return run('--guard', '--no-build', '--no-install', '--build-dir', self.build,
                       '--warmup', '0', '--out', self.out, *words)

    def line(self, row, ending):
        """The line of a row."""
        self.assertEqual(ending.status, cli.EXIT_OK, ending.err)
        return next(line for line in ending.out.splitlines() if f' {row}: ' in line)


class Warns(Guarded):
    """When it warns, and when not."""

    def test_a_row_far_above_what_is_stored_is_warned_of(self):
        ending = self.guard(rows=[row_of('a', 0.6)], stored={'a': 0.5})
        self.assertEqual(self.line('a', ending), 'WARNING  a: 0.600x of glibc [0.594, 0.606], '
                                                 'stored 0.500x, +20%')
        self.assertIn('more than 10% slower than stored, beyond noise; this is a warning',
                      ending.out)

    def test_what_was_stored_elsewhere_warns_of_nothing_and_says_so(self):
        for another, where in (({'machine': 'Z80', 'cores': 1}, 'Z80 with 1 cores'),
                               ({'machine': 'Z80'}, 'Z80 with '), ({'cores': 999}, '999 cores')):
            self.store({'a': 0.5}, **another)
            for now, word in (0.6, 'slower? '), (0.5, 'ok '):
                ending = self.guard(rows=[row_of('a', now)])
                self.assertNotIn('WARNING', ending.out)
                self.assertNotIn('this is a warning', ending.out)
                self.assertTrue(self.line('a', ending).startswith(word), ending.out)
                self.assertRegex(self.line('a', ending), f'stored 0.500x on .*{where}')

    def test_a_row_within_a_tenth_is_not(self):
        for now in 0.5, 0.54, 0.3:
            ending = self.guard(rows=[row_of('a', now)], stored={'a': 0.5})
            self.assertTrue(self.line('a', ending).startswith('ok '), ending.out)
            self.assertNotIn('WARNING', ending.out)

    def test_a_row_that_noise_may_have_carried_above_is_not(self):
        noise = (0.7, 1.0, 1.3, 0.8, 1.2, 1.0, 1.1)
        ending = self.guard(rows=[row_of('a', 0.6, noise=noise)], stored={'a': 0.5})
        self.assertTrue(self.line('a', ending).startswith('ok '), ending.out)

    def test_a_slower_machine_is_not_warned_of(self):
        ending = self.guard(rows=[row_of('a', 5.0, glibc=10.0)], stored={'a': 0.5})
        self.assertTrue(self.line('a', ending).startswith('ok '), ending.out)

    def test_too_few_repeats_are_not_warned_of(self):
        ending = self.guard('--repeats', '3', rows=[row_of('a', 0.9)], stored={'a': 0.5})
        self.assertNotIn('WARNING', ending.out)
        self.assertIn('too few runs', self.line('a', ending))

    def test_it_makes_seven_repeats_unless_told_otherwise(self):
        self.guard(rows=[row_of('a', 0.5)], stored={'a': 0.5})
        self.assertEqual(len(self.samples('glibc')), guard.REPEATS)
        self.guard('--repeats', '9', rows=[row_of('a', 0.5)], stored={'a': 0.5})
        self.assertEqual(len(self.samples('glibc')), 9)

    def test_a_row_that_is_new_is_named(self):
        ending = self.guard(rows=[row_of('a', 0.5), row_of('b', 0.5)], stored={'a': 0.5})
        self.assertTrue(self.line('b', ending).startswith('new '), ending.out)

    def test_a_row_that_has_no_figures_any_more_is_warned_of(self):
        crash = Sample(execute.CRASHED, 'SIGSEGV')
        ending = self.guard(rows=[row_of('a', crash), row_of('b', 0.5)],
                            stored={'a': 0.5, 'b': 0.5, 'c': 0.5})
        self.assertIn('WARNING  a: libbuddy crashed', ending.out)
        self.assertTrue(self.line('b', ending).startswith('ok '), ending.out)
        self.assertEqual(self.line('c', ending), 'WARNING  c: no figures, stored 0.500x')
        self.assertNotIn('10%', ending.out)

    def test_no_libbuddy_at_all_is_warned_of(self):
        (self.build / 'libbuddy.so').unlink()
        ending = self.guard(rows=[row_of('a', 0.5)], stored={'a': 0.5})
        self.assert_says('no libbuddy.so', ending)
        self.assertEqual(ending.status, cli.EXIT_OK)
        self.assertIn('WARNING', ending.out)

    def test_ratios_that_cannot_be_read_are_said(self):
        for content in ('', '[]', '{}', '{"rows": {}}', *(
                '{"machine": "m", "cores": 1, "rows": %s}' % rows
                for rows in ('1', '{"a": "x"}', '{"a": 0}'))):
            with self.subTest(content):
                self.stored.write_text(content)
                ending = self.guard(rows=[row_of('a', 0.5)])
                self.assert_says('no stored ratios: ratios.json: ', ending)
                self.assertTrue(self.line('a', ending).startswith('new '), ending.out)


class Stores(Guarded):
    """--store"""

    def test_what_is_stored_is_what_is_read(self):
        ending = self.guard('--store', rows=[row_of('a', 0.51)])
        self.assertEqual((ending.status, ending.out), (cli.EXIT_OK, ''))
        stored, here = json.loads(self.stored.read_text()), machine.describe()
        self.assertEqual((stored['machine'], stored['cores'], stored['rows']),
                         (here['processor'], here['cores'], {'a': 0.51}))
        ending = self.guard(rows=[row_of('a', 0.51)])
        self.assertTrue(self.line('a', ending).startswith('ok '), ending.out)

    def test_it_stores_all_rows_or_none(self):
        crash = Sample(execute.CRASHED, 'SIGSEGV')
        ending = self.guard('--store', rows=[row_of('a', 0.5), row_of('b', crash)])
        self.assert_says('not stored: no figures of b', ending)
        self.assertEqual((ending.status, self.stored.exists()), (cli.EXIT_WRONG, False))

    def test_ratios_that_cannot_be_written_are_said(self):
        self.stored.mkdir()
        ending = self.guard('--store', rows=[row_of('a', 0.5)])
        self.assert_says(f'cannot write {self.stored}: Is a directory', ending)
        self.assertEqual(ending.status, cli.EXIT_WRONG)


class Fixed(RunnerTest):
    """The rows that there are, and the ratios in the tree."""

    def test_rows_exist_and_have_ratios(self):
        rows, complaints = suite.choose(list(guard.ROWS), False, ())
        self.assertEqual(([row.id for row in rows], complaints), (list(guard.ROWS), []))
        content = json.loads(STORED_RATIOS.read_text(encoding='utf-8'))
        self.assertEqual(list(content['rows']), list(guard.ROWS))
        self.assertGreater(content['cores'], 0)
