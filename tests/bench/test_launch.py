"""test_launch.py - time, memory and faults are those of the measured program

The program `uses` takes known amounts.  The launcher, and this interpreter above it, are far larger
than the smallest of them.
"""
import os
import resource
import unittest
from unittest import mock

import support
from support import FAKES, RunnerTest
from runner import execute
from runner.execute import Bench
from runner.peers import Peer

PAGE = resource.getpagesize()
MIB = 1024  # in KiB
SMALL = 4 * MIB  # a program that uses nothing needs less
GLIBC = Peer('glibc')


class Usage(RunnerTest):
    """What the launcher writes down."""

    def use(self, *amounts):
        """Run `uses` under the launcher; what it is said to have used."""
        outcome = execute.run(Bench(self.build, self.folder), GLIBC,
                              [FAKES / 'uses', *map(str, amounts)], 60)
        self.assertTrue(outcome.good, outcome)
        return outcome.usage

    def test_a_small_program_is_small_though_the_runner_is_not(self):
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.assertGreater(ours, 2 * SMALL)
        self.assertLess(self.use()['peak_kib'], SMALL)

    def test_peak_is_that_of_the_program_though_it_gave_the_memory_back(self):
        peak = self.use(50)['peak_kib']
        self.assertGreaterEqual(peak, 50 * MIB)
        self.assertLess(peak, 50 * MIB + SMALL)

    def test_of_a_program_and_its_child_the_larger_counts_and_not_the_sum(self):
        for amounts in (20, 50), (50, 20):
            peak = self.use(*amounts)['peak_kib']
            self.assertGreaterEqual(peak, 50 * MIB)
            self.assertLess(peak, 50 * MIB + SMALL)

    def test_faults_are_those_of_the_program_and_its_child(self):
        few = self.use()['minor_faults']
        pages = 10 * MIB * 1024 // PAGE
        for amounts in (10,), (0, 10):
            faults = self.use(*amounts)['minor_faults']
            self.assertGreaterEqual(faults, pages)
            self.assertLess(faults, pages + few + 200)

    def test_user_and_system_time_are_told_apart(self):
        user, system = self.use(0, 0, 300, 0), self.use(0, 0, 0, 300)
        self.assertGreaterEqual(user['user'], 0.28)
        self.assertGreater(user['user'], user['sys'])
        self.assertGreaterEqual(system['sys'], 0.28)
        self.assertGreater(system['sys'], system['user'])

    def test_nothing_carries_over_from_one_run_to_the_next(self):
        self.use(50, 0, 300)
        after = self.use()
        self.assertLess(after['peak_kib'], SMALL)
        self.assertLess(after['user'], 0.28)


class Ending(RunnerTest):
    """How the end of a program is told."""

    def outcome(self, *command, timeout=60.0, **options):
        """Run a command under the launcher."""
        return execute.run(Bench(self.build, self.folder), GLIBC, command, timeout, **options)

    def test_exit_status(self):
        outcome = self.outcome('sh', '-c', 'echo no luck >&2; exit 7')
        self.assertEqual((outcome.state, outcome.detail), (execute.FAILED, 'exit 7: no luck'))

    def test_a_failed_run_is_never_without_a_reason(self):
        self.assertEqual(self.outcome('sh', '-c', 'echo no luck; exit 7').detail, 'exit 7: no luck')
        self.assertEqual(self.outcome('sh', '-c', 'exit 7').detail, 'exit 7: without a word')

    def test_what_it_says_does_nothing_to_a_terminal(self):
        outcome = self.outcome('printf', r'\033[2J\033]0;title\007 h\303\266rt\n')
        self.assertEqual(execute.last_words(outcome.stdout), '?[2J?]0;title? h\u00f6rt')

    def test_of_what_a_peer_says_only_the_end_is_read(self):
        path = self.folder / 'flood'
        path.touch()
        os.truncate(path, 1 << 40)  # more than can be read
        with path.open('a', encoding='utf-8') as file:
            file.write('\nseconds 1\n')
        self.assertTrue(execute.last_words(path).endswith(' seconds 1'))
        self.assertEqual(execute.read_values(path), {'seconds': 1.0})

    def test_signal(self):
        outcome = self.outcome('sh', '-c', 'echo no luck >&2; kill -SEGV $$')
        self.assertEqual((outcome.state, outcome.detail), (execute.CRASHED, 'SIGSEGV no luck'))

    def test_a_signal_without_a_name(self):
        outcome = self.outcome('sh', '-c', 'kill -40 $$')
        self.assertEqual((outcome.state, outcome.detail), (execute.CRASHED, 'signal 40'))

    def test_a_program_that_is_not_there(self):
        outcome = self.outcome('/nowhere/program')
        self.assertEqual(outcome.state, execute.FAILED)
        self.assertIn('No such file', outcome.detail)

    def test_a_hanging_program_ends_with_all_that_it_started(self):
        outcome = self.outcome('sh', '-c', 'sleep 1000 & echo $!; wait', timeout=1.0)
        self.assertEqual(outcome.state, execute.HUNG)
        child = int(outcome.stdout.read_text())
        self.assertTrue(support.comes_true(lambda: not support.is_alive(child)))

    def test_what_a_program_leaves_behind_ends_with_it(self):
        outcome = self.outcome('sh', '-c', 'sleep 1000 & echo $!')
        self.assertEqual(outcome.state, execute.OK)
        child = int(outcome.stdout.read_text())
        self.assertTrue(support.comes_true(lambda: not support.is_alive(child)))

    def test_a_launcher_that_is_killed_is_a_failed_run(self):
        self.assertEqual(self.outcome('sh', '-c', 'kill -KILL $PPID').state, execute.FAILED)

    def test_half_a_result_is_a_failed_run(self):
        running = execute.Running(Bench(self.build, self.folder), GLIBC, ['true'])
        running.process.wait()
        running.result.write_text('exit 0\n')
        self.assertEqual(running.finish(60).state, execute.FAILED)


class Surroundings(RunnerTest):
    """What a measured program gets to see."""

    def environment(self, peer):
        """The environment of a program under a peer."""
        outcome = execute.run(Bench(self.build, self.folder), peer, ['env'], 60)
        return dict(line.split('=', 1) for line in outcome.stdout.read_text().splitlines())

    def test_the_library_is_preloaded_into_the_program(self):
        library = str(support.fake('works'))
        self.assertEqual(self.environment(Peer('a', preload=library))['LD_PRELOAD'], library)
        self.assertNotIn('LD_PRELOAD', self.environment(GLIBC))
        self.assertNotIn('LD_PRELOAD', self.environment(Peer('a', environment={'LD_PRELOAD': 'x'})))

    def test_the_environment_is_small_and_the_same_for_all(self):
        with mock.patch.dict('os.environ', {'MALLOC_CONF': 'x', 'LD_PRELOAD': 'x'}):
            seen = self.environment(GLIBC)
        self.assertLessEqual(set(seen), {'PATH', 'HOME', 'LC_ALL', 'TZ', 'PWD', '_', 'SHLVL'})

    def test_a_peer_may_have_variables_of_its_own(self):
        self.assertEqual(self.environment(Peer('a', environment={'X': '1'}))['X'], '1')
