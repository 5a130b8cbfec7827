"""The guard: a few rows against stored ratios to glibc.  It warns and never fails."""

import json
from pathlib import Path

from runner import stats, suite
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


def _load(path: Path) -> dict[str, float]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        console.say(f"no stored ratios: {path.name}: {error}")
        return {}


def _store(path: Path, table: Table, found: dict[str, stats.Estimate]) -> None:
    content = {
        "what": f"median time of {LIBBUDDY} over that of {REFERENCE}; made by "
                "`bench/run --guard --store`",
        "machine": table.results.machine["processor"],
        "rows": {row: round(estimate.value, 3) for row, estimate in found.items()},
    }
    try:
        path.write_text(json.dumps(content, indent="\t") + "\n", encoding="utf-8")
    except OSError as error:
        console.say(f"cannot write {path}: {error.strerror}")
        return
    console.say(f"stored: {path}")


def judge(stored: dict[str, float], found: dict[str, stats.Estimate]) -> list[str]:
    """A line for each row; a row is slower if even the low end of its interval is."""
    lines = []
    for row, now in found.items():
        figures = f"{now.value:.3f}x of {REFERENCE} [{now.low:.3f}, {now.high:.3f}]"
        if row not in stored:
            lines.append(f"new      {row}: {figures}, no ratio is stored")
            continue
        limit = stored[row] * SLOWER
        word = "WARNING " if now.low > limit else "ok      "
        slower = f", {now.value / stored[row] - 1:+.0%}"
        lines.append(f"{word} {row}: {figures}, stored {stored[row]:.3f}x{slower}")
    return lines


def run(session: Session, path: Path, store: bool) -> int:
    """Measure the rows of the guard and compare, or store."""
    session.options.peers = [REFERENCE, LIBBUDDY]
    session.options.repeats = max(session.options.repeats, REPEATS)
    rows, _ = suite.choose(list(ROWS), full=False, threads=())
    table = session.measure(rows)
    if table is None:
        return 0
    found = _ratios(table)
    if store:
        _store(path, table, found)
        return 0
    lines = judge(_load(path), found)
    print("\n".join(lines) or f"WARNING  no row has figures of both {REFERENCE} and {LIBBUDDY}")
    for cell in table.wrong_cells():
        print(f"WARNING  {cell.row['label']}: {cell.peer} {cell.state} ({cell.detail})")
    if any(line.startswith("WARNING") for line in lines):
        print(f"a row is more than {SLOWER - 1:.0%} slower than stored, beyond noise; "
              "this is a warning, not a failure")
    return 0
