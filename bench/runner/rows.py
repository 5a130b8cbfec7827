"""What a row of the suite is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from runner import execute, packages
from runner.build import find_program
from runner.execute import Bench, Outcome
from runner.packages import Need
from runner.peers import Peer

MICRO = "micro"
MACRO = "macro"
STATE = "state"  # what is measured is memory held, not time

MOST_THREADS = 256  # BENCH_MAX_THREADS of micro/bench.h
MOST_REPEATS = 1000
LONGEST_RUN = 120.0  # seconds after which a run is hung, unless the row says more


@dataclass(frozen=True)
class Metric:
    """The figure that a row is about; less is better in all of them."""

    key: str
    unit: str
    what: str


TIME = Metric("seconds", "s", "time")


@dataclass
class Sample:
    """One run of one row under one peer."""

    state: str
    detail: str = ""  # what went wrong, or what a pattern that went well had to say
    value: float = 0.0  # the row's metric
    usage: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)  # what the program printed
    output: str = ""  # digest of what a real program gave out

    @classmethod
    def failed(cls, outcome: Outcome) -> "Sample":
        """The sample of a run that does not count."""
        return cls(outcome.state, outcome.detail, usage=outcome.usage)


class Row(ABC):
    """One line of the results: a pattern or a program, with a number of threads."""

    name: str
    group: str
    title: str
    threads: int = 0  # 0 for a row that does not choose
    metric: Metric = TIME
    estimate: float = 1.0  # seconds of one run, until one has been seen
    longest: float = LONGEST_RUN
    repeats_at_most: int = MOST_REPEATS
    needs: tuple[Need, ...] = ()
    in_means: bool = True  # whether it counts in the means over rows
    impossible: str = ""  # why it cannot be run with its number of threads, if so

    @property
    def id(self) -> str:
        """The name in result files."""
        return f"{self.name}/{self.threads}" if self.threads else self.name

    @property
    def label(self) -> str:
        """The name for people."""
        if not self.threads:
            return self.name
        return f"{self.name}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def lacks(self, bench: Bench) -> str:  # pylint: disable=unused-argument
        """What is missing that the row cannot be run without; nothing if all is there."""
        names = " ".join(need.package for need in packages.missing(self.needs))
        return f"not installed: {names}" if names else ""

    def prepare(self, bench: Bench) -> None:
        """Make what the row reads, once for all its runs."""

    @abstractmethod
    def sample(self, bench: Bench, peer: Peer, timeout: float) -> Sample:
        """Run once."""

    def as_json(self) -> dict[str, object]:
        """What a result file says about the row."""
        return {"id": self.id, "name": self.name, "label": self.label, "group": self.group,
                "title": self.title, "threads": self.threads, "metric": self.metric.key,
                "unit": self.metric.unit, "what": self.metric.what,
                "in_means": self.in_means and self.group != STATE}


class MicroRow(Row):
    """A pattern of bench/micro with its arguments."""

    def __init__(self, pattern: "Pattern", threads: int, asked_for: bool = False):
        self.pattern = pattern
        self.name = pattern.name
        self.group = pattern.group
        self.title = pattern.title
        self.threads = threads
        self.metric = pattern.metric
        self.estimate = pattern.estimate * max(1, threads / 2)
        self.repeats_at_most = pattern.repeats_at_most
        self.impossible = pattern.why_not(threads)
        # Numbers of threads that are there only to show the scaling count in no mean.
        self.in_means = asked_for or not pattern.scaling or threads in pattern.threads

    def _program(self, bench: Bench) -> Path:
        return find_program(bench.build_dir, self.pattern.program)

    def lacks(self, bench: Bench) -> str:
        # No peer is to blame for what was not built, such as a pattern in C++ without a compiler.
        program = self._program(bench)
        return "" if program.exists() else f"its program was not built: {program}"

    def sample(self, bench: Bench, peer: Peer, timeout: float) -> Sample:
        command: list[str | Path] = [
            self._program(bench),
            *self.pattern.arguments, f"work={bench.work}"]
        if self.threads:
            command.append(f"threads={self.threads}")
        outcome = execute.run_micro(bench, peer, command, timeout)
        if not outcome.good:
            return Sample.failed(outcome)
        values = execute.read_values(outcome.stdout)
        if self.metric.key not in values:
            return Sample(execute.FAILED, f"it printed no '{self.metric.key}'")
        return Sample(execute.OK, execute.last_words(outcome.stderr),
                      value=values[self.metric.key], usage=outcome.usage, values=values)


@dataclass(frozen=True)
class Pattern:
    """A row of bench/micro before its number of threads is chosen."""

    name: str
    title: str
    program: str
    arguments: tuple[str, ...] = ()
    threads: tuple[int, ...] = (0,)  # (0,) for one that does not choose
    scaling: bool = False  # whether the full run shows it at SCALING_THREADS
    pairs: bool = False  # whether its threads are pairs, or one alone
    quick: bool = False
    group: str = MICRO
    metric: Metric = TIME
    estimate: float = 0.5
    repeats_at_most: int = MOST_REPEATS

    def why_not(self, threads: int) -> str:
        """Why it cannot have this number of threads; nothing if it can."""
        if threads > MOST_THREADS:
            return f"it can have at most {MOST_THREADS} threads"
        if self.pairs and threads > 1 and threads % 2:
            return "its threads are pairs: it can have an even number of them, or one"
        return ""

    def rows(self, threads: tuple[int, ...], asked_for: bool = False) -> list[MicroRow]:
        """One row for each number of threads; a pattern that does not choose gives one."""
        return [MicroRow(self, n, asked_for)
                for n in (threads if self.threads != (0,) else (0,))]
