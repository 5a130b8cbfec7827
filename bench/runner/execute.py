"""Run one program under one allocator and say what came of it."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from runner import build, process, shape
from runner.peers import Peer

OK = "ok"
CRASHED = "crashed"  # ended by a signal
HUNG = "hung"  # did not end in time
DAMAGED = "damaged"  # a block did not hold what was written to it
FAILED = "failed"  # ended with an error
DIFFERS = "differs"  # ended well, but with another output than under glibc

_MICRO_EXIT_DAMAGE = 3  # BENCH_EXIT_DAMAGE of micro/bench.h
_WORDS_KEPT = 300  # characters of what a program said
_VALUES_KEPT = 1 << 20  # bytes at the end of what it printed
_MOST_PRINTED = 64 << 20  # bytes: who prints on would fill the disk
_LOOK_EVERY = 0.5  # seconds
_LONGEST_CHARACTER = 4  # bytes of UTF-8
# What the launcher writes, the last line last.
_WRITTEN = {"exit", "signal", "wall", "user", "sys", "peak_kib", "minor_faults", "major_faults"}

Command = Sequence[str | Path]


@dataclass
class Outcome:
    """What one run gave."""

    state: str
    detail: str = ""
    usage: dict[str, float] = field(default_factory=dict)  # what the launcher wrote
    stdout: Path = Path(os.devnull)
    stderr: Path = Path(os.devnull)

    @property
    def good(self) -> bool:
        """Whether the run counts."""
        return self.state == OK


@dataclass(frozen=True)
class Bench:
    """Where a campaign builds, works and how much it does."""

    build_dir: Path
    work_dir: Path
    work: int = 100  # percent of the standard work size

    def launcher(self) -> Path:
        """The program that runs others and stays small."""
        return build.find_program(self.build_dir, "launch")


def _tail(path: Path, size: int) -> str:
    """The end of a text, which a peer may have made as long as the disk is large."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read(size).decode(errors="replace")


def read_values(path: Path) -> dict[str, float]:
    """The `name value` lines of a file, without those that no result file can hold."""
    values = {}
    for line in _tail(path, _VALUES_KEPT).splitlines():
        name, _, text = line.partition(" ")
        try:
            value = float(text)
        except ValueError:
            continue
        if not shape.fault(value, shape.NUMBER):
            values[name] = value
    return values


def last_words(path: Path) -> str:
    """The end of what a program said, in one line that does nothing to a terminal."""
    text = _tail(path, _LONGEST_CHARACTER * _WORDS_KEPT).strip()
    words = " ".join(text[-_WORDS_KEPT:].split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals
        return f"signal {number}"


class Running:
    """A measured program that has been started."""

    def __init__(self, bench: Bench, peer: Peer, command: Command, *,
                 cwd: Path | None = None, env: dict[str, str] | None = None,
                 stdin: Path | None = None):
        work = bench.work_dir
        self.result = work / "result.txt"
        self.stdout = work / "stdout.txt"
        self.stderr = work / "stderr.txt"
        self.result.unlink(missing_ok=True)
        with (self.stdout.open("wb") as out, self.stderr.open("wb") as err,
              (stdin or Path(os.devnull)).open("rb") as inp):
            # It outlives this block; finish() and kill() see to its end.
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [bench.launcher(), self.result, peer.preload, *command],
                cwd=cwd or work, env=peer.surroundings(env),
                stdin=inp, stdout=out, stderr=err, start_new_session=True)

    def kill(self) -> None:
        """End the program and whatever it started."""
        process.end_group(self.process)

    def finish(self, timeout: float) -> Outcome:
        """Wait for the end of the program."""
        end = time.monotonic() + timeout
        try:
            while not self._ends_by(min(end, time.monotonic() + _LOOK_EVERY)):
                if self._printed() > _MOST_PRINTED:
                    why = f"it printed more than {_MOST_PRINTED >> 20} MiB"
                    return Outcome(FAILED, why, {}, self.stdout, self.stderr)
                if time.monotonic() >= end:
                    why = f"not done after {timeout:.0f} s"
                    return Outcome(HUNG, why, {}, self.stdout, self.stderr)
        finally:
            self.kill()  # what it left behind would run beside the next one
        return self._judge()

    def _ends_by(self, when: float) -> bool:
        try:
            self.process.wait(max(0.0, when - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _printed(self) -> int:
        return self.stdout.stat().st_size + self.stderr.stat().st_size

    def _judge(self) -> Outcome:
        usage = read_values(self.result) if self.result.exists() else {}
        if not usage.keys() >= _WRITTEN:
            return Outcome(FAILED, last_words(self.stderr) or "the launcher failed")
        outcome = Outcome(OK, "", usage, self.stdout, self.stderr)
        if usage["signal"]:
            outcome.state = CRASHED
            name = _signal_name(int(usage["signal"]))
            outcome.detail = f"{name} {last_words(self.stderr)}".strip()
        elif usage["exit"]:
            outcome.state = FAILED
            # Some say on stdout what went wrong, redis-server for one.
            words = last_words(self.stderr) or last_words(self.stdout) or "without a word"
            outcome.detail = f"exit {usage['exit']:.0f}: {words}"
        return outcome


def run(bench: Bench, peer: Peer, command: Command, timeout: float,
        **options) -> Outcome:
    """Start a program and wait for its end."""
    return Running(bench, peer, command, **options).finish(timeout)


def run_micro(bench: Bench, peer: Peer, command: Command, timeout: float) -> Outcome:
    """The same for a pattern of bench/micro, whose exit status says what went wrong."""
    outcome = run(bench, peer, command, timeout)
    if outcome.state == FAILED and outcome.usage.get("exit") == _MICRO_EXIT_DAMAGE:
        outcome.state = DAMAGED
        outcome.detail = last_words(outcome.stderr)
    return outcome
