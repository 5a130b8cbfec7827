"""From samples to figures: medians for each row and peer, means over groups of rows."""

from dataclasses import dataclass, field

from runner import execute, stats
from runner.results import Results, bad, good
from runner.rows import STATE


@dataclass
class Cell:
    """One row under one peer."""

    row: dict
    peer: str
    times: list[float] = field(default_factory=list)  # the row's metric, one for each repeat
    peaks: list[float] = field(default_factory=list)  # KiB
    usage: dict[str, float] = field(default_factory=dict)  # medians
    values: dict[str, float] = field(default_factory=dict)  # medians
    state: str = execute.OK
    detail: str = ""
    note: str = ""  # what a run that went well had to say

    @property
    def good(self) -> bool:
        """Whether there are figures to compare."""
        return self.state == execute.OK and bool(self.times)

    @property
    def positive(self) -> bool:
        """Whether there are figures that others can be divided by."""
        return self.good and min(self.times) > 0

    @property
    def time(self) -> float:
        """The median of the row's metric."""
        return stats.median(self.times)

    @property
    def peak(self) -> float:
        """The median of the peak of resident memory, KiB."""
        return stats.median(self.peaks)


def _medians(maps: list[dict[str, float]]) -> dict[str, float]:
    keys = {key for values in maps for key in values}
    return {key: stats.median([values[key] for values in maps if key in values]) for key in keys}


def make_cell(results: Results, row: dict, peer: str) -> Cell | None:
    """The figures of a row under a peer; None where nothing was run."""
    samples = results.samples_of(row["id"], peer)
    counted = good(samples)
    wrong = bad(samples)
    if not counted and not wrong:
        return None
    made = Cell(row, peer,
                times=[s["value"] for s in counted],
                peaks=[s["usage"]["peak_kib"] for s in counted],
                usage=_medians([s["usage"] for s in counted]),
                values=_medians([s["values"] for s in counted]),
                note=next(filter(None, (s["detail"] for s in counted)), ""))
    if wrong:
        made.state = wrong[0]["state"]
        made.detail = f"{len(wrong)} of {len(wrong) + len(counted)} runs: {wrong[0]['detail']}"
    return made


class Table:
    """All cells of a result file."""

    def __init__(self, results: Results):
        self.results = results
        self.peers = [peer["name"] for peer in results.peers]
        self.rows = results.rows
        self.cells: dict[tuple[str, str], Cell] = {}
        for row in self.rows:
            for peer in self.peers:
                made = make_cell(results, row, peer)
                if made:
                    self.cells[row["id"], peer] = made

    def get(self, row: dict, peer: str) -> Cell | None:
        """The cell of a row and a peer."""
        return self.cells.get((row["id"], peer))

    def good_cells(self, row: dict) -> list[Cell]:
        """The cells of a row that have figures."""
        cells = (self.get(row, peer) for peer in self.peers)
        return [c for c in cells if c and c.good]

    def timed_rows(self, group: str = "") -> list[dict]:
        """The rows that count for the means."""
        return [row for row in self.rows if row["in_means"] and group in ("", row["group"])]

    def working_rows(self) -> list[dict]:
        """The rows in which something is done, whether they count for the means or not."""
        return [row for row in self.rows if row["group"] != STATE]

    def best(self, row: dict, besides: str = "") -> Cell | None:
        """The fastest peer of a row, `besides` left aside."""
        others = [cell for cell in self.good_cells(row) if cell.peer != besides]
        return min(others, key=lambda cell: cell.time) if others else None

    def least_memory(self, row: dict, besides: str = "") -> Cell | None:
        """The peer with the lowest peak in a row, `besides` left aside."""
        others = [cell for cell in self.good_cells(row) if cell.peer != besides]
        return min(others, key=lambda cell: cell.peak) if others else None

    def wrong_cells(self) -> list[Cell]:
        """Everything that crashed, hung or gave another output."""
        return [c for c in self.cells.values() if c.state != execute.OK]

    def notes(self) -> list[Cell]:
        """Everything that went well and had something to say."""
        return [c for c in self.cells.values() if c.good and c.note]


@dataclass(frozen=True)
class Comparison:
    """One peer against another over a group of rows."""

    peer: str
    other: str
    rows: int
    time: stats.Estimate  # geometric mean of the ratios of the medians
    memory: float
    faster: int  # rows beyond noise
    slower: int


def _mean_ratio(pairs: list[tuple[Cell, Cell]]) -> stats.Estimate:
    """The geometric mean of the ratios of times, with what noise in all the rows allows for it."""
    return stats.bootstrap(
        [cell.times for pair in pairs for cell in pair],
        lambda *medians: stats.geometric_mean(
            a / b for a, b in zip(medians[::2], medians[1::2])))


def compare(table: Table, peer: str, other: str, group: str) -> Comparison | None:
    """Compare two peers over the rows of a group that both finished."""
    pairs = [(ours, theirs) for row in table.timed_rows(group)
             if (ours := table.get(row, peer)) and (theirs := table.get(row, other))
             and ours.positive and theirs.positive]
    if not pairs:
        return None
    ratios = [stats.ratio(ours.times, theirs.times) for ours, theirs in pairs]
    beyond = [r for r in ratios if r.differs_from(1.0)]
    return Comparison(
        peer, other, len(pairs),
        time=_mean_ratio(pairs),
        memory=stats.geometric_mean(ours.peak / theirs.peak for ours, theirs in pairs),
        faster=sum(r.value < 1 for r in beyond),
        slower=sum(r.value > 1 for r in beyond))
