"""The guard: a few rows against stored ratios to glibc.  It warns and never fails."""

import json
from dataclasses import dataclass
from pathlib import Path

from runner import shape, stats, suite
from runner.console import console
from runner.peers import LIBBUDDY, REFERENCE
from runner.session import Session
from runner.summary import Table

# Short, steady rows that between them pass through every layer.
ROWS = ("pair-64/1", "burst-fifo-1600/1", "churn-small/1", "churn-small/2", "churn-medium/1",
        "handover/2", "python3")
REPEATS = 7
SLOWER = 1.10  # times the stored ratio; noise comes on top


def _ratios(table: Table) -> dict[str, stats.Estimate]:
    found = {}
    for row in table.rows:
        ours, base = table.get(row, LIBBUDDY), table.get(row, REFERENCE)
        if ours and base and ours.good and base.good:
            found[row["id"]] = stats.ratio(ours.times, base.times)
    return found


@dataclass
class Stored:
    """Ratios of another day, and what they were measured on."""

    machine: str
    cores: int
    rows: dict[str, float]

    def elsewhere(self, table: Table) -> str:
        """Where they were measured, if that is not where the table was."""
        here = table.results.machine
        if (self.machine, self.cores) == (here["processor"], here["cores"]):
            return ""
        return f"{self.machine or 'another machine'} with {self.cores} cores"


def _load(path: Path) -> Stored | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        problem = shape.fault(content, {"machine": str, "cores": int,
                                        "rows": {str: shape.NUMBER}})
    except OSError as error:
        problem = str(error.strerror)
    except ValueError as error:
        problem = str(error)
    if not problem and min(content["rows"].values(), default=1) <= 0:
        problem = "a ratio is not above 0"
    if problem:
        console.say(f"no stored ratios: {path.name}: {problem}")
        return None
    return Stored(content["machine"], content["cores"], content["rows"])


def _store(path: Path, table: Table, found: dict[str, stats.Estimate]) -> bool:
    """Store the ratios of all rows; say so if that cannot be done."""
    lacking = [row["id"] for row in table.rows if row["id"] not in found]
    if lacking:
        console.say(f"not stored: no figures of {', '.join(lacking)}")
        return False
    content = {
        "what": f"median time of {LIBBUDDY} over that of {REFERENCE}; made by "
                "`bench/run --guard --store`",
        "machine": table.results.machine["processor"],
        "cores": table.results.machine["cores"],
        "rows": {row: round(estimate.value, 3) for row, estimate in found.items()},
    }
    try:
        path.write_text(json.dumps(content, indent="\t") + "\n", encoding="utf-8")
    except OSError as error:
        console.say(f"cannot write {path}: {error.strerror}")
        return False
    console.say(f"stored: {path}")
    return True


def judge(stored: dict[str, float], found: dict[str, stats.Estimate],
          elsewhere: str = "") -> list[str]:
    """A line for each row; a row is slower if even the low end of its interval is.

    What was stored elsewhere warns of nothing: another machine has other ratios.
    """
    lines = []
    slow, where = (("slower? ", f" on {elsewhere}") if elsewhere else ("WARNING ", ""))
    for row, now in found.items():
        figures = f"{now.value:.3f}x of {REFERENCE} [{now.low:.3f}, {now.high:.3f}]"
        if row not in stored:
            lines.append(f"new      {row}: {figures}, no ratio is stored")
            continue
        word = slow if now.enough and now.low > stored[row] * SLOWER else "ok      "
        slower = f"{now.value / stored[row] - 1:+.0%}" + ", too few runs" * (not now.enough)
        lines.append(f"{word} {row}: {figures}, stored {stored[row]:.3f}x{where}, {slower}")
    return lines


def _without_figures(table: Table, stored: dict[str, float],
                     found: dict[str, stats.Estimate]) -> list[str]:
    """A line for each peer that went wrong, and for each row that lacks figures otherwise."""
    wrong = table.wrong_cells()
    named = {*found, *(cell.row["id"] for cell in wrong)}
    return [*(f"WARNING  {cell.row['label']}: {cell.peer} {cell.state} ({cell.detail})"
              for cell in wrong),
            *(f"WARNING  {row}: no figures, stored {ratio:.3f}x"
              for row, ratio in stored.items() if row not in named)]


def run(session: Session, path: Path, store: bool) -> bool:
    """Measure the rows of the guard and compare, or store; false if it could not be stored."""
    session.options.peers = [REFERENCE, LIBBUDDY]
    session.options.repeats = session.options.repeats or REPEATS
    rows, _ = suite.choose(list(ROWS), full=False, threads=())
    table = session.measure(rows)
    if table is None:
        return not store
    found = _ratios(table)
    if store:
        return _store(path, table, found)
    stored = _load(path)
    ratios = stored.rows if stored else {}
    lines = judge(ratios, found, stored.elsewhere(table) if stored else "")
    lacking = _without_figures(table, ratios, found)
    print("\n".join([*lines, *lacking])
          or f"WARNING  no row has figures of both {REFERENCE} and {LIBBUDDY}")
    if any(line.startswith("WARNING") for line in lines):
        print(f"a row is more than {SLOWER - 1:.0%} slower than stored, beyond noise; "
              "this is a warning, not a failure")
    return True
