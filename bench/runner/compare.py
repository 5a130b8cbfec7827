"""Two result files: what got slower, with the noise taken into account."""

import textwrap

from runner import machine, stats
from runner.peers import REFERENCE
from runner.results import Results, ResultsError
from runner.summary import Cell, Table
from runner.tables import columns

_WIDTHS = (26, 14, 10, 17, 10, 17)
_WIDTH = 100


def _positive(cell: Cell | None) -> bool:
    return cell is not None and cell.positive


class Change:
    """A row under a peer, in an old and a new file."""

    def __init__(self, old: Cell, new: Cell, old_base: Cell | None, new_base: Cell | None):
        self.label = new.row["label"]
        self.peer = new.peer
        self.plain = stats.ratio(new.times, old.times)
        # Both runs measured glibc too, interleaved: what changed there is the machine.
        self.relative = None
        if self.peer != REFERENCE and _positive(old_base) and _positive(new_base):
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
        return columns(_WIDTHS, (self.label, self.peer, *shown(self.time), *shown(self.memory)))


def _same_figure(before: Cell, after: Cell) -> bool:
    return all(before.row[key] == after.row[key] for key in ("metric", "unit", "what"))


def changes(old: Table, new: Table) -> list[Change]:
    """All rows and peers that both files have figures for."""
    found = []
    for row in new.rows:
        for peer in new.peers:
            before, after = old.get(row, peer), new.get(row, peer)
            if not (_positive(before) and _positive(after) and _same_figure(before, after)):
                continue
            found.append(Change(before, after, old.get(row, REFERENCE), new.get(row, REFERENCE)))
    return found


def _changed_peers(old: Results, new: Results) -> dict[str, list[str]]:
    """What is another about peers that both files have: peer -> what."""
    before = {peer["name"]: peer for peer in old.peers}
    changed: dict[str, list[str]] = {}
    for now in new.peers:
        then = before.get(now["name"], now)
        what = [f"{key} {_shown(then[key])}, now {_shown(now[key])}"
                for key in ("version", "environment") if then[key] != now[key]]
        if not what and then["digest"] != now["digest"]:
            what = ["another library file"]
        if what:
            changed[now["name"]] = what
    return changed


def _shown(value: str | dict[str, str]) -> str:
    if isinstance(value, dict):
        value = " ".join(f"{name}={text}" for name, text in value.items())
    return value or "none"


def _changed(changed: dict[str, list[str]]) -> list[str]:
    lines = [f"  {peer}: {each}" for peer, what in changed.items() for each in what]
    return ["not the same peers", *lines, ""] if lines else []


def _machine_line(found: list[Change], changed: dict[str, list[str]]) -> list[str]:
    """What the reference itself took: that is the machine and its other load."""
    itself = [change.plain.value for change in found if change.peer == REFERENCE]
    if not itself:
        return []
    why = (f"the machine, or {REFERENCE}, which is not the same" if REFERENCE in changed
           else "the machine, not an allocator")
    return [f"{REFERENCE} itself took {stats.geometric_mean(itself):.2f}x the time of the old "
            f"file: {why}"]


def _broken(title: str, wrong: Table, other: Table, ran: bool = True) -> list[str]:
    """What went wrong in one file, and ran in the other or did not."""
    lines = [f"  {c.row['label']}: {c.peer} {c.state} ({c.detail})"
             for c in wrong.wrong_cells()
             if ran == bool((there := other.get(c.row, c.peer)) and there.good)]
    return [title, *lines, ""] if lines else []


def _nothing(old: Table, new: Table) -> list[str]:
    """Figures that are nothing in one file, as what is kept may be: no ratio says that."""
    lines = []
    for key, after in new.cells.items():
        before = old.cells.get(key)
        if not before or not _same_figure(before, after):
            continue
        if before.good and after.good and (before.time == 0) != (after.time == 0):
            lines.append(f"  {after.row['label']}: {after.peer} {after.row['what']} "
                         f"{before.time:.3g} {after.row['unit']} in the old file, "
                         f"{after.time:.3g} {after.row['unit']} in the new")
    return ["from nothing, or to nothing", *lines, ""] if lines else []


def _other_figures(old: Table, new: Table) -> list[str]:
    """Rows that are about another figure in each file."""
    lines = {f"  {after.row['label']}: {before.row['what']} in {before.row['unit']}, "
             f"now {after.row['what']} in {after.row['unit']}": None
             for key, after in new.cells.items()
             if (before := old.cells.get(key)) and not _same_figure(before, after)}
    return ["another figure than in the old file", *lines, ""] if lines else []


def _alone(title: str, one: Table, other: Table) -> list[str]:
    """Rows and peers that were run in one file only."""
    alone = [key for key in one.cells if key not in other.cells]
    rows, peers = ({key[part] for key in other.cells} for part in (0, 1))
    words = {
        "peers": [peer for _, peer in alone if peer not in peers],
        "rows": [row for row, _ in alone if row not in rows],
        "rows of peers": [f"{row} of {peer}" for row, peer in alone
                          if row in rows and peer in peers],
    }
    lines = [line for what, names in words.items() if names
             for line in textwrap.wrap(f"{what}: {', '.join(dict.fromkeys(names))}", _WIDTH,
                                       initial_indent="  ", subsequent_indent="    ",
                                       break_on_hyphens=False, break_long_words=False)]
    return [title, *lines, ""] if lines else []


def _block(title: str, found: list[Change]) -> list[str]:
    if not found:
        return []
    head = columns(_WIDTHS, ("", "", "time", "95 %", "memory", "95 %"))
    return [title, head, *(change.lines() for change in found), ""]


def _figures(everything: list[Change]) -> list[str]:
    """The rows that both files have: slower ones first, then faster, then the rest."""
    if not everything:
        return ["the two files have no row and peer in common that ran in both", ""]
    found = [change for change in everything if change.peer != REFERENCE] or everything
    beyond = [change for change in found if change.time.differs_from(1.0)]
    same = [change for change in found if not change.time.differs_from(1.0)]
    other_memory = [change for change in same if change.memory.differs_from(1.0)]
    return [
        *_block("slower, beyond noise", [c for c in beyond if c.time.value > 1]),
        *_block("faster, beyond noise", [c for c in beyond if c.time.value < 1]),
        *_block("more memory, beyond noise", [c for c in other_memory if c.memory.value > 1]),
        *_block("less memory, beyond noise", [c for c in other_memory if c.memory.value < 1]),
        *_block("the same, as far as the noise allows to say",
                [c for c in same if c not in other_memory])]


def text(old: Results, new: Results) -> str:
    """The comparison for a terminal."""
    if old.settings["work"] != new.settings["work"]:
        raise ResultsError("the two files cannot be compared: their work sizes (--work) are "
                           f"{old.settings['work']} and {new.settings['work']}")
    before, after = Table(old), Table(new)
    everything = sorted(changes(before, after), key=lambda change: -change.time.value)
    lines = []
    if not machine.same_machine(old.machine, new.machine):
        lines += ["the two files come from different machines; only figures relative to "
                  f"{REFERENCE} can be compared", ""]
    if old.machine.get("patterns") != new.machine.get("patterns"):
        lines += ["the programs of bench/micro are not the same in the two files: their rows may "
                  "do something else", ""]
    changed = _changed_peers(old, new)
    lines += _changed(changed)
    lines += _broken("does not run any more", after, before)
    lines += _broken("does not run, nor did it before", after, before, ran=False)
    lines += _broken("runs now, and did not", before, after)
    lines += _nothing(before, after)
    lines += _other_figures(before, after)
    lines += _figures(everything)
    lines += _alone("only in the old file", before, after)
    lines += _alone("only in the new file", after, before)
    lines += _machine_line(everything, changed)
    if everything:
        lines.append(f"times are new / old, each relative to {REFERENCE} of its own file where "
                     "both have it; below 1 is better; * = beyond noise")
    return "\n".join(lines).rstrip("\n")
