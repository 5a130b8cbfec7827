"""What all real programs share: run a command, take its time, digest its output."""

import hashlib
import subprocess
import time
from abc import abstractmethod
from pathlib import Path

from runner import execute, peers, process
from runner.execute import Bench, Command, Outcome, Running
from runner.peers import Peer
from runner.rows import MACRO, Row, Sample

SCRIPTS = Path(__file__).resolve().parent / "scripts"
_CHUNK = 1 << 20


def digest(*paths: Path) -> str:
    """One digest of the contents of files."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
    return total.hexdigest()


def plainly(*command: str | Path, timeout: float = 60, **options) -> bytes:
    """Run a helper outside the measurement, without any preload; its stdout."""
    outcome = process.run(command, timeout,
                          env=Peer(peers.REFERENCE).surroundings(), **options)
    if outcome.returncode != 0:
        words = outcome.stderr.decode(errors="replace").strip()[-200:]
        raise RuntimeError(f"{command[0]} failed: {words}")
    return outcome.stdout


class Program(Row):
    """A real program.  Its output under every peer must be what it is under glibc."""

    group = MACRO
    estimate = 2.0
    quick = False

    def inputs(self, bench: Bench) -> Path:
        """The folder for what make_inputs() makes, and where the program runs."""
        folder = bench.work_dir / self.name
        folder.mkdir(exist_ok=True)
        return folder

    def prepare(self, bench: Bench) -> None:
        self.make_inputs(self.inputs(bench))

    def make_inputs(self, folder: Path) -> None:
        """Write what the program reads; the same in every run."""


class OneCommand(Program):
    """A program that runs once from start to end; its time is that of the process."""

    environment: dict[str, str] = {}

    @abstractmethod
    def command(self, folder: Path) -> Command:
        """What to run."""

    def stdin(self, folder: Path) -> Path | None:  # pylint: disable=unused-argument
        """What the program reads, if anything."""
        return None

    def before(self, folder: Path) -> None:
        """What to put right before each run, outside the clock."""

    def output(self, folder: Path, stdout: Path) -> str:  # pylint: disable=unused-argument
        """A digest of all that the program gave out."""
        return digest(stdout)

    def sample(self, bench: Bench, peer: Peer, timeout: float) -> Sample:
        folder = self.inputs(bench)
        self.before(folder)
        outcome = execute.run(bench, peer, self.command(folder), timeout, cwd=folder,
                              env=self.environment, stdin=self.stdin(folder))
        if not outcome.good:
            return Sample.failed(outcome)
        return Sample(execute.OK, value=outcome.usage["wall"], usage=outcome.usage,
                      output=self.output(folder, outcome.stdout))


class Server(Program):
    """A server under load; its time is that of the load, its memory that of the server."""

    start_patience = 10.0  # seconds until it must answer
    stop_patience = 20.0
    crash_words = ""  # what it says on stderr of a process of its own that crashed, if any

    @abstractmethod
    def command(self, folder: Path) -> Command:
        """What to run."""

    @abstractmethod
    def answers(self, folder: Path) -> bool:
        """Whether the server is ready."""

    @abstractmethod
    def load(self, folder: Path, timeout: float) -> None:
        """The work that is timed; an error if the server did not do it."""

    @abstractmethod
    def state(self, folder: Path) -> str:
        """A digest of what the server holds or serves after the load."""

    @abstractmethod
    def stop(self, folder: Path) -> None:
        """Ask the server to end."""

    def preload_for(self, peer: Peer, bench: Bench) -> Peer:  # pylint: disable=unused-argument
        """The peer as this server needs it."""
        return peer

    def sample(self, bench: Bench, peer: Peer, timeout: float) -> Sample:
        folder = self.inputs(bench)
        running = Running(bench, self.preload_for(peer, bench), self.command(folder), cwd=folder)
        try:
            return self._use(running, folder, timeout)
        except subprocess.TimeoutExpired:
            running.kill()
            return Sample(execute.HUNG, f"it did not answer within {timeout:.0f} s")
        except (RuntimeError, OSError) as error:
            # If the server is gone that is the news; else what the client says.
            outcome = self._judged(running.finish(1.0))
            if outcome.state in (execute.CRASHED, execute.FAILED):
                return Sample.failed(outcome)
            return Sample(execute.FAILED, str(error) or type(error).__name__)
        finally:
            running.kill()

    def _use(self, running: Running, folder: Path, timeout: float) -> Sample:
        self._wait_until_ready(running, folder)
        began = time.perf_counter()
        self.load(folder, timeout)
        seconds = time.perf_counter() - began
        output = self.state(folder)
        self.stop(folder)
        outcome = self._judged(running.finish(self.stop_patience))
        if not outcome.good:
            return Sample.failed(outcome)
        return Sample(execute.OK, value=seconds, usage=outcome.usage, output=output)

    def _judged(self, outcome: Outcome) -> Outcome:
        """How a server ended; one that replaces a process that crashed ends well itself."""
        words = execute.last_words(outcome.stderr)
        if self.crash_words and self.crash_words in words:
            outcome.state, outcome.detail = execute.CRASHED, words
        return outcome

    def _wait_until_ready(self, running: Running, folder: Path) -> None:
        deadline = time.monotonic() + self.start_patience
        while not self.answers(folder):
            if running.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not answer")
            time.sleep(0.02)
