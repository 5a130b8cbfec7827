"""test_servers.py - rows in which a server is put under load: their time, and where they run"""
import shutil
import subprocess
from unittest import mock

import support
from support import RunnerTest, fake
from macro import nginx, program, redis
from runner import execute
from runner.peers import Peer

GLIBC = Peer('glibc')


class Pretended(program.Server):
    """A server that sleeps, and whose load is what a test says."""

    name = 'pretended'
    title = 'pretended'

    def __init__(self, load=lambda: None, command=('sleep', '1000')):
        self.pretend_load = load
        self.pretend_command = command

    def command(self, folder):
        return self.pretend_command

    def answers(self, folder):
        return True

    def load(self, folder, timeout):
        self.pretend_load()

    def state(self, folder):
        return 'a state'

    def stop(self, folder):
        pass


class Load(RunnerTest):
    """What a row of a server gives."""

    def sample(self, server):
        """One run."""
        return server.sample(support.Bench(self.build, self.folder), GLIBC, 60)

    def test_its_time_is_that_of_the_load(self):
        with mock.patch('macro.program.time.perf_counter', side_effect=[10.0, 12.5]):
            sample = self.sample(Pretended(command=['true']))
        self.assertEqual((sample.state, sample.value, sample.output), (execute.OK, 2.5, 'a state'))

    def test_a_load_that_is_not_done(self):
        for error, why in ((RuntimeError('the client is unhappy'), 'the client is unhappy'),
                           (OSError(), 'OSError')):
            sample = self.sample(Pretended(mock.Mock(side_effect=error)))
            self.assertEqual((sample.state, sample.detail), (execute.FAILED, why))

    def test_a_load_that_does_not_end(self):
        hang = mock.Mock(side_effect=subprocess.TimeoutExpired('client', 60))
        sample = self.sample(Pretended(hang))
        self.assertEqual((sample.state, sample.detail),
                         (execute.HUNG, 'it did not answer within 60 s'))


class Workers(RunnerTest):
    """A server that replaces its workers when they crash, and ends well itself."""

    def test_one_that_crashes_is_told(self):
        said = 'worker process 7 exited on signal 11'
        for load in None, mock.Mock(side_effect=RuntimeError('the client is unhappy')):
            server = Pretended(load or (lambda: None), ['sh', '-c', f'echo {said} >&2'])
            with mock.patch.object(server, 'crash_words', 'exited on signal'):
                sample = server.sample(support.Bench(self.build, self.folder), GLIBC, 60)
            self.assertEqual((sample.state, sample.detail), (execute.CRASHED, said))

    def test_nginx_at_its_end(self):
        if not shutil.which('nginx', path='/usr/sbin') or not shutil.which('ab', path='/usr/bin'):
            self.skipTest('there is no nginx')
        self.folder.chmod(0o755)
        bench, row = support.Bench(self.build, self.folder), nginx.Nginx()
        row.prepare(bench)
        with mock.patch.object(nginx, 'REQUESTS', '100'):
            sample = row.sample(bench, Peer('bad', preload=str(fake('crashes_in_children'))), 60)
        self.assertEqual(sample.state, execute.CRASHED, sample.detail)
        self.assertIn('exited on signal 11', sample.detail)


class Folders(RunnerTest):
    """Temporary folders of odd names."""

    FOLDERS = 'a folder with spaces', '/'.join(['a-folder-with-a-name-of-thirty'] * 5)

    def assert_runs(self, row, *programs):
        """A row runs in each of the folders, if its programs are there."""
        for program_name in programs:
            if shutil.which(program_name, path='/usr/bin:/usr/sbin') is None:
                self.skipTest(f'there is no {program_name}')
        for name in self.FOLDERS:
            with self.subTest(name):
                folder = self.folder / name
                folder.mkdir(parents=True)
                bench = support.Bench(self.build, folder)
                row.prepare(bench)
                sample = row.sample(bench, GLIBC, 60)
                self.assertEqual((sample.state, sample.detail), (execute.OK, ''))

    def test_redis(self):
        with mock.patch.object(redis, 'COMMANDS', 1000):
            self.assert_runs(redis.Redis(), 'redis-server', 'redis-cli', 'redis-benchmark')

    def test_nginx(self):
        # Its worker is another user, who cannot go through the folder of a test otherwise.
        self.folder.chmod(0o755)
        with mock.patch.object(nginx, 'REQUESTS', '100'):
            self.assert_runs(nginx.Nginx(), 'nginx', 'ab')
