"""Run rows under peers, interleaved, so that a busy moment hits all of them."""

import statistics
import time
from pathlib import Path

from runner import execute
from runner.console import console, duration
from runner.execute import Bench
from runner.peers import REFERENCE, Peer
from runner.results import Results, bad
from runner.rows import MACRO, MICRO, Row, Sample

SAVE_EVERY = 5.0  # seconds
SHORTEST_LIMIT = 30.0  # seconds that every run may take
PATIENCE = 100  # times the fastest run of the row, then a run is hung
BAD_RUNS_ENOUGH = 2  # of one peer in one row, then its other repeats are left out


class Clock:
    """Foresees how long the rest takes, from what has been seen of each row."""

    def __init__(self, rows: list[Row], rounds: dict[str, int], peers: int, work: int):
        self.left = {row.id: rounds[row.id] * peers for row in rows}
        self.guess = {row.id: row.estimate * (work / 100 if row.group == MICRO else 1)
                      for row in rows}
        self.seen: dict[str, list[float]] = {}

    def took(self, row: Row, seconds: float) -> None:
        """One run of a row is over."""
        self.seen.setdefault(row.id, []).append(seconds)
        self.left[row.id] -= 1

    def skip(self, row: Row, runs: int = 1) -> None:
        """Runs of a row that will not be made, or were made earlier."""
        self.left[row.id] -= runs

    def remaining(self) -> float:
        """Seconds until the end."""
        measured = {row: statistics.mean(times) for row, times in self.seen.items()}
        guessed = sum(self.guess[row] for row in measured)
        pace = sum(measured.values()) / guessed if guessed else 1.0
        return sum(runs * measured.get(row, self.guess[row] * pace)
                   for row, runs in self.left.items())


class Campaign:
    """One run of the suite."""

    def __init__(self, bench: Bench, rows: list[Row], peers: list[Peer], results: Results,
                 path: Path):
        self.bench = bench
        self.rows = rows
        self.peers = peers
        self.results = results
        self.path = path
        self.saved = time.monotonic()
        self.rounds = {row.id: self._rounds(row) for row in rows}
        self.clock = Clock(rows, {row: len(r) for row, r in self.rounds.items()}, len(peers),
                           bench.work)
        self.total = sum(len(r) for r in self.rounds.values()) * len(peers)
        self.count = 0
        self.unsaved = ""  # why the results could not be saved the last time, if so

    def _turn(self, row: Row, number: int) -> list[Peer]:
        """The peers in the order of this round.

        Each round begins with the next one, and so does each row, as there may be fewer rounds
        than peers: in a virtual machine who runs first pays for memory that the host has taken
        back.  From there it goes to and fro, 0 +1 -1 +2 -2, in the other direction when all have
        been first, so that each runs after all others in turn and finds what they leave behind.
        """
        first, count = self.rows.index(row) + number, len(self.peers)
        way = -1 if first // count % 2 else 1
        steps = ((at + 1) // 2 * (way if at % 2 else -way) for at in range(count))
        return [self.peers[(first + step) % count] for step in steps]

    def _rounds(self, row: Row) -> range:
        repeats = min(self.results.settings["repeats"], row.repeats_at_most)
        # A row of few repeats is a long one, and about memory: it needs no warm-up.
        few = repeats < self.results.settings["repeats"]
        return range(0 if few else -self.results.settings["warmup"], repeats)

    def run(self) -> None:
        """Run all that has not been run; what is done is saved also when this is interrupted."""
        try:
            for row in self.rows:
                self._run_row(row)
            self.results.done()
        finally:
            console.clear()
            self._save_at_last()

    def _save_at_last(self) -> None:
        """Save, also if that is what is interrupted; no second signal is heard after the first."""
        try:
            self._save()
        except KeyboardInterrupt:
            self._save()
            raise

    def _save(self) -> None:
        """Save what there is; if that fails the runs go on, and it is tried again later."""
        before, self.unsaved = self.unsaved, ""
        try:
            self.results.save(self.path)
        except OSError as error:
            self.unsaved = f"cannot write {self.path}: {error.strerror}"
            if self.unsaved != before:
                console.say(self.unsaved)
        self.saved = time.monotonic()

    def _run_row(self, row: Row) -> None:
        lacks = row.lacks(self.bench)
        if lacks:
            self._skip_row(row, lacks)
            return
        done = {(s["peer"], s["round"]) for s in self.results.samples if s["row"] == row.id}
        if all((peer.name, n) in done for peer in self.peers for n in self.rounds[row.id]):
            self._count(row, len(self.rounds[row.id]) * len(self.peers))
            return
        console.milestone(f"{row.label}   (about {duration(self.clock.remaining())} left)")
        problem = self._prepare(row)
        if problem:
            self._skip_row(row, problem)
            return
        for number in self.rounds[row.id]:
            for peer in self._turn(row, number):
                if (peer.name, number) in done or self._given_up(row, peer):
                    self._count(row, 1)
                else:
                    self._run_one(row, peer, number)

    def _prepare(self, row: Row) -> str:
        """Make the inputs and the reference output; the reason if that cannot be done."""
        try:
            row.prepare(self.bench)
        except (OSError, RuntimeError) as error:
            return f"its input could not be made: {error}"
        if row.group != MACRO or row.id in self.results.outputs:
            return ""
        reference = self._sample(row, Peer(REFERENCE))
        if reference.state != execute.OK:
            return f"it does not run under {REFERENCE}: {reference.state} {reference.detail}"
        self.results.outputs[row.id] = reference.output
        return ""

    def _skip_row(self, row: Row, reason: str) -> None:
        console.say(f"{row.label}: skipped, {reason}")
        self.results.skipped[row.id] = reason
        self._count(row, len(self.rounds[row.id]) * len(self.peers))

    def _count(self, row: Row, runs: int) -> None:
        self.clock.skip(row, runs)
        self.count += runs

    def _given_up(self, row: Row, peer: Peer) -> bool:
        wrong = bad(self.results.samples_of(row.id, peer.name))
        hung = any(s["state"] == execute.HUNG for s in wrong)
        return hung or len(wrong) >= BAD_RUNS_ENOUGH

    def _limit(self, row: Row) -> float:
        """Seconds after which a run of this row counts as hung."""
        scale = self.bench.work / 100 if row.group != MACRO else 1
        longest = row.longest * max(1, scale)
        walls = [s["usage"]["wall"] for s in self.results.samples
                 if s["row"] == row.id and s["state"] == execute.OK]
        if not walls:
            return longest
        return min(longest, max(SHORTEST_LIMIT, PATIENCE * min(walls)))

    def _sample(self, row: Row, peer: Peer) -> Sample:
        """One run; whatever goes wrong inside is a failed sample, not the end of the campaign."""
        try:
            return row.sample(self.bench, peer, self._limit(row))
        except (OSError, RuntimeError, ValueError) as error:
            return Sample(execute.FAILED, f"{type(error).__name__}: {error}")

    def _run_one(self, row: Row, peer: Peer, number: int) -> None:
        console.progress(f"[{self.count + 1}/{self.total}] {row.label}: {peer.name}"
                         f"   about {duration(self.clock.remaining())} left")
        began = time.monotonic()
        sample = self._sample(row, peer)
        if sample.state == execute.OK and sample.output != self.results.outputs.get(row.id, ""):
            sample.state = execute.DIFFERS
            sample.detail = f"its output is not the one under {REFERENCE}"
        if sample.state != execute.OK:
            console.say(f"{row.label}: {peer.name} {sample.state} ({sample.detail})")
        self.results.add(row, peer, number, sample)
        self.clock.took(row, time.monotonic() - began)
        self.count += 1
        if time.monotonic() - self.saved > SAVE_EVERY:
            self._save()
