"""Two result files: what got slower, with the noise taken into account."""

from runner import machine, stats
from runner.peers import REFERENCE
from runner.results import Results, ResultsError
from runner.summary import Cell, Table

_WIDTHS = (26, 14, 10, 17, 10, 17)


def _line(*fields: str) -> str:
    first, *rest = fields
    line = f"  {first:<{_WIDTHS[0]}}"
    return (line + "".join(f"{word:>{width}}" for word, width in zip(rest, _WIDTHS[1:]))).rstrip()


class Change:
    """A row under a peer, in an old and a new file."""

    def __init__(self, old: Cell, new: Cell, old_base: Cell | None, new_base: Cell | None):
        self.label = new.row["label"]
        self.peer = new.peer
        self.plain = stats.ratio(new.times, old.times)
        # Both runs measured glibc too, interleaved: what changed there is the machine.
        self.relative = None
        if self.peer != REFERENCE and old_base and new_base and old_base.good and new_base.good:
            self.relative = stats.bootstrap(
                (new.times, new_base.times, old.times, old_base.times),
                lambda a, b, c, d: (a / b) / (c / d))
        self.memory = stats.ratio(new.peaks, old.peaks)

    @property
    def time(self) -> stats.Estimate:
        """The change that counts: relative to glibc where both files have it."""
        return self.relative or self.plain

    def lines(self) -> str:
        """One line of the table."""
        def shown(estimate: stats.Estimate) -> tuple[str, str]:
            mark = "*" if estimate.differs_from(1.0) else " "
            return f"{estimate.value:.3f}x{mark}", f"[{estimate.low:.3f}, {estimate.high:.3f}]"
        return _line(self.label, self.peer, *shown(self.time), *shown(self.memory))


def _positive(cell: Cell) -> bool:
    return cell.good and min(cell.times) > 0


def changes(old: Results, new: Results) -> list[Change]:
    """All rows and peers that both files have figures for."""
    old_table, new_table = Table(old), Table(new)
    found = []
    for row in new_table.rows:
        for peer in new_table.peers:
            before, after = old_table.get(row, peer), new_table.get(row, peer)
            if not (before and after and _positive(before) and _positive(after)):
                continue
            found.append(Change(before, after, old_table.get(row, REFERENCE),
                                new_table.get(row, REFERENCE)))
    return found


def _machine_line(found: list[Change]) -> list[str]:
    """What the reference itself took: that is the machine and its other load."""
    itself = [change.plain.value for change in found if change.peer == REFERENCE]
    if not itself:
        return []
    return [f"{REFERENCE} itself took {stats.geometric_mean(itself):.2f}x the time of the old "
            "file: the machine, not an allocator"]


def _broken(old: Results, new: Results) -> list[str]:
    """What ran in the old file and does not in the new one."""
    old_table = Table(old)
    return [f"  {c.row['label']}: {c.peer} {c.state} ({c.detail})"
            for c in Table(new).wrong_cells()
            if (before := old_table.get(c.row, c.peer)) and before.good]


def _block(title: str, found: list[Change]) -> list[str]:
    if not found:
        return []
    head = _line("", "", "time", "95 %", "memory", "95 %")
    return [title, head, *(change.lines() for change in found), ""]


def text(old: Results, new: Results) -> str:
    """The comparison for a terminal: slower rows first, then faster, then the rest."""
    if old.settings["work"] != new.settings["work"]:
        raise ResultsError("the two files cannot be compared: their work sizes (--work) are "
                           f"{old.settings['work']} and {new.settings['work']}")
    everything = sorted(changes(old, new), key=lambda change: -change.time.value)
    if not everything:
        return "the two files have no row and peer in common"
    found = [change for change in everything if change.peer != REFERENCE] or everything
    beyond = [change for change in found if change.time.differs_from(1.0)]
    lines = []
    if not machine.same_machine(old.machine, new.machine):
        lines += ["the two files come from different machines; only figures relative to "
                  f"{REFERENCE} can be compared", ""]
    broken = _broken(old, new)
    if broken:
        lines += ["does not run any more", *broken, ""]
    lines += _block("slower, beyond noise", [c for c in beyond if c.time.value > 1])
    lines += _block("faster, beyond noise", [c for c in beyond if c.time.value < 1])
    lines += _block("the same, as far as the noise allows to say",
                    [c for c in found if not c.time.differs_from(1.0)])
    lines += _machine_line(everything)
    lines.append(f"times are new / old, each relative to {REFERENCE} of its own file where both "
                 "have it; below 1 is better; * = beyond noise")
    return "\n".join(lines)
