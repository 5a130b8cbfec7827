"""A result file: everything that was run, sample by sample, as JSON."""

import dataclasses
import datetime
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from runner import execute, machine, shape
from runner.peers import Peer
from runner.rows import MACRO, Row, Sample

FORMAT = 1

_TEXTS = {str: str}
_NUMBERS = {str: shape.NUMBER}
_SHAPE = {
    "format": int,
    "arguments": [str],
    "settings": dict.fromkeys(("repeats", "warmup", "work", "full"), int),
    "machine": {"processor": str, "cores": int},
    "started": str,
    "finished": str,
    "peers": [{"name": str, "path": str, "version": str, "digest": str, "environment": _TEXTS}],
    "rows": [{"id": str, "name": str, "label": str, "group": str, "title": str, "threads": int,
              "metric": str, "unit": str, "what": str, "in_means": bool}],
    "skipped": _TEXTS,
    "absent": _TEXTS,
    "outputs": _TEXTS,
    "samples": [{"row": str, "peer": str, "round": int, "state": str, "detail": str,
                 "value": shape.NUMBER, "usage": _NUMBERS, "values": _NUMBERS, "output": str}],
}
# What a run that went well used.
_USAGE = dict.fromkeys(
    ("wall", "user", "sys", "peak_kib", "minor_faults", "major_faults"), shape.NUMBER)
# What must not have changed of a peer, or its runs are made again.
_KEPT_WITH = ("version", "digest", "environment")


class ResultsError(Exception):
    """A result file cannot be read; the text says why."""


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


@dataclasses.dataclass
class Results:
    """One result file.

    A sample's round is -1 and below for warm-up; such samples count only if they went wrong.
    """

    arguments: list[str]  # of the command line, so that a run can be taken up again
    settings: dict[str, int]
    machine: dict[str, Any] = dataclasses.field(default_factory=machine.describe)
    started: str = dataclasses.field(default_factory=_now)
    finished: str = ""  # empty while there is something left to run
    peers: list[dict] = dataclasses.field(default_factory=list)
    rows: list[dict] = dataclasses.field(default_factory=list)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)  # row -> why
    absent: dict[str, str] = dataclasses.field(default_factory=dict)  # peer -> why
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)  # row -> glibc's digest
    samples: list[dict] = dataclasses.field(default_factory=list)
    format: int = FORMAT

    def plan(self, rows: list[Row], peers: list[Peer]) -> None:
        """Write down what is going to be run."""
        self.rows = [row.as_json() for row in rows]
        self.peers = [peer.as_json() for peer in peers]

    def add(self, row: Row, peer: Peer, number: int, sample: Sample) -> None:
        """Keep one sample."""
        self.samples.append({"row": row.id, "peer": peer.name, "round": number}
                            | dataclasses.asdict(sample))

    def done(self) -> None:
        """Mark the run as complete."""
        self.finished = _now()

    def samples_of(self, row: str, peer: str) -> list[dict]:
        """The samples of a row under a peer."""
        return [s for s in self.samples if s["row"] == row and s["peer"] == peer]

    def save(self, path: Path) -> None:
        """Write the file so that a reader sees the old one or the new one, never half of it."""
        with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False) as file:
            try:
                json.dump(dataclasses.asdict(self), file, indent=1)
                file.flush()
                os.chmod(file.name, 0o644)
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def adopt(self, earlier: "Results") -> int:
        """Take over the samples of an earlier, unfinished run that still hold; say how many."""
        if earlier.settings["work"] != self.settings["work"]:
            raise ResultsError("it was made with another work size (--work)")
        if not machine.same_machine(earlier.machine, self.machine):
            raise ResultsError("it was made on another machine, or with other processors of it")
        ours = {peer["name"]: peer for peer in self.peers}
        for what, there in ("peer", ours.keys()), ("row", {row["id"] for row in self.rows}):
            if lost := {sample[what] for sample in earlier.samples} - there:
                raise ResultsError(
                    f"{what}s with runs in it are not there: {', '.join(sorted(lost))}")
        same = {peer["name"] for peer in earlier.peers
                if peer["name"] in ours
                and all(peer[key] == ours[peer["name"]][key] for key in _KEPT_WITH)}
        # Patterns that were built anew may do something else.
        built_anew = earlier.machine.get("patterns") != self.machine.get("patterns")
        rows = {row["id"] for row in self.rows if row["group"] == MACRO or not built_anew}
        self.samples = [s for s in earlier.samples if s["peer"] in same and s["row"] in rows]
        self.outputs = {row: out for row, out in earlier.outputs.items() if row in rows}
        self.started = earlier.started
        return len(self.samples)


def load(path: Path) -> Results:
    """Read a result file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path}: not a result file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ResultsError(f"{path}: not a result file of format {FORMAT}")
    if problem := _misshapen(content):
        raise ResultsError(f"{path}: not a whole result file: {problem}")
    return Results(**content)


def _misshapen(content: dict[str, Any]) -> str:
    """What a result file lacks, or has and should not; nothing if it is as save() writes it."""
    if problem := shape.fault(content, _SHAPE):
        return problem
    if more := content.keys() - _SHAPE.keys():
        return f"it should have no '{min(more)}'"
    if not content["peers"]:
        return "no peer is in it"
    faults = (_impossible(sample, f"samples[{n}]") for n, sample in enumerate(content["samples"])
              if sample["state"] == execute.OK)
    return next(filter(None, faults), "")


def _impossible(sample: dict[str, Any], where: str) -> str:
    """What no run that went well can have given, such as no memory at all."""
    if problem := shape.fault(sample["usage"], _USAGE, f"{where}.usage"):
        return problem
    if sample["value"] < 0:
        return f"{where}.value is below 0"
    return "" if sample["usage"]["peak_kib"] > 0 else f"{where}.usage.peak_kib is not above 0"


def good(samples: list[dict]) -> list[dict]:
    """The samples that figures are made of."""
    return [s for s in samples if s["state"] == execute.OK and s["round"] >= 0]


def bad(samples: list[dict]) -> list[dict]:
    """The samples that went wrong, warm-up included."""
    return [s for s in samples if s["state"] != execute.OK]
