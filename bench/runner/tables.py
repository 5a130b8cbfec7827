"""The results as text for a terminal."""

from typing import Iterable, Sequence

from runner import execute, stats
from runner.peers import LIBBUDDY, REFERENCE
from runner.rows import MACRO, MICRO
from runner.summary import Cell, Table, compare

_HEAD = ("", "{what}", "+-", "of {base}", "peak MiB", "of {base}", "faults", "user s", "sys s")
_WIDTHS = (14, 13, 7, 10, 9, 10, 9, 8, 8)


def columns(widths: Sequence[int], fields: Iterable[str]) -> str:
    """A line of a table: the first field is a name, the others are figures.

    What is too long for its column moves the others on.
    """
    first, *rest = fields
    name = f"  {first:<{widths[0]}}"
    return (name + "".join(f" {word:>{width - 1}}"
                           for word, width in zip(rest, widths[1:]))).rstrip()


def base_peer(table: Table) -> str:
    """The peer that the others are compared with: glibc, or the first where it is not there."""
    return REFERENCE if REFERENCE in table.peers else table.peers[0]


def figure(value: float, unit: str) -> str:
    """A value with its unit, three digits long."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f} {unit}"


def _time_ratio(cell: Cell, base: Cell | None) -> str:
    if base is None or cell.peer == base.peer or not (cell.positive and base.positive):
        return ""
    ratio = stats.ratio(cell.times, base.times)
    return f"{ratio.value:.2f}x{'*' if ratio.differs_from(1.0) else ' '}"


def _memory_ratio(cell: Cell, base: Cell | None) -> str:
    if base is None or not base.good or cell.peer == base.peer:
        return ""
    return f"{cell.peak / base.peak:.2f}x"


def _cell_line(cell: Cell, base: Cell | None) -> str:
    if not cell.good:
        return f"  {cell.peer:<{_WIDTHS[0]}} {cell.state.upper()}  {cell.detail}"
    usage = cell.usage
    return columns(_WIDTHS, (
        cell.peer,
        figure(cell.time, cell.row["unit"]),
        f"{100 * stats.spread(cell.times):.1f}%",
        _time_ratio(cell, base),
        f"{cell.peak / 1024:.1f}",
        _memory_ratio(cell, base),
        f"{usage['minor_faults'] + usage['major_faults']:.0f}",
        f"{usage['user']:.2f}",
        f"{usage['sys']:.2f}"))


def row_lines(table: Table, row: dict) -> list[str]:
    """One row: a line for each peer."""
    base = base_peer(table)
    lines = [f"{row['label']}: {row['title']}"]
    if row["id"] in table.results.skipped:
        return [*lines, f"  skipped: {table.results.skipped[row['id']]}"]
    lines.append(columns(_WIDTHS, (word.format(what=row["what"], base=base) for word in _HEAD)))
    for peer in table.peers:
        cell = table.get(row, peer)
        if cell:
            lines.append(_cell_line(cell, table.get(row, base)))
    if row["group"] == MACRO:
        same = all(c.state != execute.DIFFERS for c in table.cells.values()
                   if c.row["id"] == row["id"])
        said = "the same under all that finished" if same else "NOT the same, see above"
        lines.append(f"  output: {said}")
    return lines


def _mean_lines(table: Table, subject: str) -> list[str]:
    lines = []
    for group in (MICRO, MACRO):
        for other in table.peers:
            if other == subject:
                continue
            found = compare(table, subject, other, group)
            if found:
                mark = "*" if found.time.differs_from(1.0) else ""
                lines.append(
                    f"  {group} rows, {subject} to {other}: time {found.time.value:.3f}x{mark}, "
                    f"peak memory {found.memory:.3f}x  ({found.faster} of {found.rows} rows "
                    f"faster, {found.slower} slower beyond noise)")
    return lines


def subject_of(table: Table) -> str:
    """The peer that the verdict is about: libbuddy, or the last where it is not there."""
    return LIBBUDDY if LIBBUDDY in table.peers else table.peers[-1]


def text(table: Table) -> str:
    """Everything, as it is printed at the end of a run."""
    blocks = ["\n".join(row_lines(table, row)) for row in table.rows]
    means = _mean_lines(table, subject_of(table))
    if means:
        blocks.append("\n".join(["geometric means (below 1 is better)", *means]))
    blocks.append("x* = beyond noise (95 % bootstrap interval of the ratio of the medians, or of "
                  "the mean of these); "
                  "+- = half the range")
    wrong = table.wrong_cells()
    if wrong:
        blocks.append("\n".join(["went wrong"] + [
            f"  {c.row['label']}: {c.peer} {c.state} ({c.detail})" for c in wrong]))
    if notes := table.notes():
        blocks.append("\n".join(["said beside the figures"] + [
            f"  {c.row['label']}: {c.peer}: {c.note}" for c in notes]))
    if table.results.absent:
        blocks.append("\n".join(["not there"] + [
            f"  {why}" for why in table.results.absent.values()]))
    return "\n\n".join(blocks)
