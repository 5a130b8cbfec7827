"""The report as one HTML file that needs no network."""

import html
import math
from pathlib import Path

from report import plots
from report.plots import Style
from runner import stats
from runner.rows import MACRO, MICRO
from runner.summary import Cell, Table, compare
from runner.tables import figure, subject_of

_STYLE = Path(__file__).with_name("style.css")

NOTICEABLE = 0.02  # ratios within this of 1 are called even
TIME_LIMIT, MEMORY_LIMIT = 1.05, 1.25  # of the best peer; rows above are listed
GROUP_TITLES = {MICRO: "patterns", MACRO: "real programs"}


def _text(value: object) -> str:
    return html.escape(str(value))


def _tone(ratio: float) -> str:
    if ratio < 1 - NOTICEABLE:
        return "good"
    return "bad" if ratio > 1 + NOTICEABLE else "even"


def _table(head: list[str], rows: list[str]) -> str:
    cells = "".join(f"<th>{_text(word)}</th>" for word in head)
    return (f"<table><thead><tr>{cells}</tr></thead><tbody>" + "".join(rows)
            + "</tbody></table>")


# ---- the first screen: is it faster, where not, and what does it cost in memory? ----------------


class Verdict:
    """The three questions of the first screen, answered."""

    def __init__(self, table: Table):
        self.table = table
        self.subject = subject_of(table)
        self.others = [peer for peer in table.peers if peer != self.subject]
        self.comparisons = {
            (group, other): found for group in (MICRO, MACRO) for other in self.others
            if (found := compare(table, self.subject, other, group))}
        compared = {other for _, other in self.comparisons}
        self.everyone = "every peer" if compared >= {*self.others} else "every peer that ran"

    def answers(self) -> str:
        """The three answers as a list."""
        items = [self._faster(), self._where_not(), self._memory()]
        wrong = [c for c in self.table.wrong_cells() if c.peer == self.subject]
        if wrong:
            names = ", ".join(f"{c.row['label']} ({c.state})" for c in wrong[:4])
            more = f" and {len(wrong) - 4} more, listed below" if len(wrong) > 4 else ""
            items.insert(0, ("bad", f"{self.subject} failed in {len(wrong)} rows.", names + more))
        return '<ul class="answers">' + "".join(
            f'<li class="{tone}"><b>{_text(title)}</b>{_text(words)}</li>'
            for tone, title, words in items) + "</ul>"

    def _range(self, figure_of, more=lambda c: "") -> tuple[list[str], float]:
        """For each group: how the subject stands to the strongest other; and the worst of it."""
        words, worst = [], 0.0
        for group in (MICRO, MACRO):
            found = [c for (g, _), c in self.comparisons.items() if g == group]
            if not found:
                continue
            closest = max(found, key=figure_of)
            worst = max(worst, figure_of(closest))
            words.append(f"{GROUP_TITLES[group]}: {figure_of(closest):.2f}x of {closest.other}, "
                         f"the strongest{more(closest)}")
        return words, worst

    def _faster(self) -> tuple[str, str, str]:
        words, worst = self._range(
            lambda c: c.time.value,
            lambda c: f" ({c.faster} of {c.rows} rows faster, {c.slower} slower beyond noise)")
        if not words:
            return "even", "Faster? Nothing to compare with.", ""
        tone, title = self._faster_beyond_noise(_tone(worst))
        return tone, title, "Time, " + "; ".join(words) + "."

    def _faster_beyond_noise(self, tone: str) -> tuple[str, str]:
        """What may be said of the means, where `tone` is that of the worst."""
        times = [c.time for c in self.comparisons.values()]
        beyond = [t.differs_from(1.0) for t in times]
        if not all(t.enough for t in times):
            return "even", "Faster? Too few runs to tell that from noise."
        if tone == "good" and all(beyond):
            return "good", f"Faster than {self.everyone}, on the mean of all rows."
        if any(b and _tone(t.value) == "bad" for t, b in zip(times, beyond)):
            return "bad", "Not the fastest, on the mean of all rows."
        return "even", ("On a par with the fastest peer, as far as the noise allows to say, on the "
                        "mean of all rows.")

    def _where_not(self) -> tuple[str, str, str]:
        slow = self.slow_rows()
        if not self._comparable():
            return "even", "Where not? Nothing to compare with.", ""
        if not slow:
            return "good", f"No row is above {TIME_LIMIT}x of its best peer.", ""
        total = len(self.table.working_rows())
        sure = sum(stats.ratio(ours.times, best.times).differs_from(1.0) for ours, best in slow)
        first = ", ".join(f"{ours.row['label']} {ours.time / best.time:.2f}x"
                          for ours, best in slow[:4])
        more = f", and {len(slow) - 4} more, listed below" if len(slow) > 4 else ""
        return ("bad" if sure else "even", f"Behind the best peer in {len(slow)} of {total} rows, "
                f"in {sure} beyond noise.", first + more + ".")

    def _comparable(self) -> bool:
        """Whether there is a row that the subject and another peer finished."""
        return any((ours := self.table.get(row, self.subject)) and ours.good
                   and self.table.best(row, self.subject) for row in self.table.working_rows())

    def _memory(self) -> tuple[str, str, str]:
        words, worst = self._range(lambda c: c.memory)
        if not words:
            return "even", "Memory? Nothing to compare with.", ""
        title = {"good": f"Needs less memory than {self.everyone}.",
                 "even": "Needs as much memory as the thriftiest peer.",
                 "bad": "Some peer needs less memory."}[_tone(worst)]
        return _tone(worst), title, "Peak memory, " + "; ".join(words) + "."

    def _behind(self, best_of, figure_of, limit: float) -> list[tuple[Cell, Cell]]:
        pairs = []
        for row in self.table.working_rows():
            ours, best = self.table.get(row, self.subject), best_of(row, self.subject)
            if (ours and ours.good and best
                    and figure_of(ours) > limit * figure_of(best) > 0):
                pairs.append((ours, best))
        return sorted(pairs, key=lambda p: -figure_of(p[0]) / figure_of(p[1]))

    def slow_rows(self) -> list[tuple[Cell, Cell]]:
        """Rows above the limit of time, with the best peer of each, the worst first."""
        return self._behind(self.table.best, lambda c: c.time, TIME_LIMIT)

    def fat_rows(self) -> list[tuple[Cell, Cell]]:
        """The same for peak memory."""
        return self._behind(self.table.least_memory, lambda c: c.peak, MEMORY_LIMIT)

    def means(self) -> str:
        """The subject against each peer, as a table."""
        lines = []
        for group in (MICRO, MACRO):
            for what, figure_of in (("time", lambda c: c.time.value),
                                    ("peak memory", lambda c: c.memory)):
                cells = [self._mean_cell(group, other, figure_of) for other in self.others]
                lines.append(f"<tr><td>{GROUP_TITLES[group]}, {what}</td>{''.join(cells)}</tr>")
        return _table([f"{self.subject}, as multiple of"] + self.others, lines)

    def _mean_cell(self, group: str, other: str, figure_of) -> str:
        found = self.comparisons.get((group, other))
        if found is None:
            return '<td class="soft">-</td>'
        value = figure_of(found)
        most = max(c.rows for (g, _), c in self.comparisons.items() if g == group)
        of_rows = f" ({found.rows} of {most} rows)" if found.rows < most else ""
        return (f'<td class="{_tone(value)}" title="{found.rows} rows, {found.faster} faster and '
                f'{found.slower} slower beyond noise">{value:.3f}{of_rows}</td>')


def _behind_table(title: str, pairs: list[tuple[Cell, Cell]], figure_of, shown) -> str:
    if not pairs:
        return ""
    lines = [f"<tr><td>{_text(ours.row['label'])}</td><td>{shown(ours)}</td>"
             f"<td>{figure_of(ours) / figure_of(best):.2f}x</td>"
             f"<td>{_text(best.peer)}</td><td>{shown(best)}</td></tr>" for ours, best in pairs]
    return f"<h2>{_text(title)}</h2>" + _table(["row", "ours", "times", "best", "its"], lines)


# ---- plots ---------------------------------------------------------------------------------


def places_of(table: Table, group: str) -> dict[str, tuple[float, float]]:
    """Where each peer lies on the map: means of time and memory relative to each row's best."""
    rows = [row for row in table.timed_rows(group)
            if len(table.good_cells(row)) == len(table.peers)]
    # A peer that crashes somewhere must not cost all the others that row.
    rows = rows or table.timed_rows(group)
    places = {}
    for peer in table.peers:
        pairs = [(ours.time / best.time, ours.peak / least.peak) for row in rows
                 if (ours := table.get(row, peer)) and ours.good
                 and (best := table.best(row)) and best.time > 0
                 and (least := table.least_memory(row))]
        if pairs:
            times, peaks = zip(*pairs)
            places[peer] = (stats.geometric_mean(times), stats.geometric_mean(peaks))
    return places


def _maps(table: Table, style: Style) -> str:
    images = [plots.overview_map(places, GROUP_TITLES[group], style)
              for group in (MICRO, MACRO) if (places := places_of(table, group))]
    return _plots("Time against memory", images)


def _plots(title: str, images: list[str]) -> str:
    if not images:
        return ""
    figures = "".join(f"<figure>{image}</figure>" for image in images)
    return f'<h2>{_text(title)}</h2><div class="plots">{figures}</div>'


def _idle(table: Table, style: Style, name: str, title: str) -> str:
    row = next((r for r in table.rows if r["name"] == name), None)
    if row is None or not table.good_cells(row):
        return ""
    lines = [f"<tr><td>{_text(c.peer)}</td><td>{c.time:.1f} %</td>"
             f"<td>{c.values.get('first_burst', math.nan):.2f} s</td>"
             f"<td>{c.values.get('next_burst', math.nan):.2f} s</td></tr>"
             for c in table.good_cells(row)]
    image = plots.over_time(table, row, "rss_kib", 1024, "resident memory, MiB", style)
    head = ["peer", f"{row['what']} after 10 s", "the spike took", "the next one took"]
    return _plots(title, [image]) + _table(head, lines)


def _sleepers(table: Table, style: Style) -> str:
    row = next((r for r in table.rows if r["name"] == "sleepers"), None)
    if row is None or not table.good_cells(row):
        return ""
    image = plots.over_time(table, row, "kib_per_thread", 1, "KiB for each thread", style)
    return _plots("Sleeping threads: what each of 1000 holds", [image])


def _scaling(table: Table, style: Style) -> str:
    by_name: dict[str, list[dict]] = {}
    for row in table.rows:
        if row["threads"]:
            by_name.setdefault(row["name"], []).append(row)
    images = [plots.scaling(table, rows, style) for rows in by_name.values()
              if len(rows) > 2 and any("core_ns_per_op" in cell.values
                                       for row in rows for cell in table.good_cells(row))]
    return _plots("Scaling over threads", images)


def _bars(table: Table, style: Style) -> str:
    parts = ["<h2>Every row, relative to its best</h2>",
             '<p class="soft">Whiskers show the lowest and the highest run.</p>',
             '<div class="plots rows">']
    for row in table.rows:
        caption = f"{_text(row['label'])} <span>{_text(row['title'])}</span>"
        if row["id"] in table.results.skipped:
            body = f'<p class="soft">skipped: {_text(table.results.skipped[row["id"]])}</p>'
        else:
            body = plots.row_bars(table, row, style)
        parts.append(f"<figure><figcaption>{caption}</figcaption>{body}</figure>")
    return "".join(parts) + "</div>"


# ---- numbers ---------------------------------------------------------------------------------


def _numbers_line(cell: Cell, subject: str) -> str:
    row_class = ' class="ours"' if cell.peer == subject else ""
    if not cell.good:
        return (f"<tr{row_class}><td>{_text(cell.peer)}</td><td class=\"crashed\">"
                f"{_text(cell.state)}</td><td class=\"words\" colspan=\"6\">{_text(cell.detail)}"
                "</td></tr>")
    usage = cell.usage
    return (f"<tr{row_class}><td>{_text(cell.peer)}</td>"
            f"<td>{_text(figure(cell.time, cell.row['unit']))}</td>"
            f"<td>± {100 * stats.spread(cell.times):.1f} %</td><td>{len(cell.times)}</td>"
            f"<td>{cell.peak / 1024:.1f}</td>"
            f"<td>{usage['minor_faults'] + usage['major_faults']:.0f}</td>"
            f"<td>{usage['user']:.2f}</td><td>{usage['sys']:.2f}</td></tr>")


def _numbers(table: Table, subject: str) -> str:
    parts = ["<h2>All figures</h2>"]
    for row in table.rows:
        cells = [c for peer in table.peers if (c := table.get(row, peer))]
        head = ["peer", row["what"], "half range", "runs", "peak MiB", "faults", "user s", "sys s"]
        parts.append(f"<details><summary>{_text(row['label'])}</summary>"
                     + _table(head, [_numbers_line(c, subject) for c in cells]) + "</details>")
    return "".join(parts)


def _wrong(table: Table) -> str:
    lines = [f"<tr><td>{_text(c.row['label'])}</td><td>{_text(c.peer)}</td>"
             f"<td class=\"crashed\">{_text(c.state)}</td>"
             f"<td class=\"words\">{_text(c.detail)}</td></tr>" for c in table.wrong_cells()]
    lines += [f"<tr><td>all</td><td>{_text(peer)}</td><td class=\"crashed\">not there</td>"
              f"<td class=\"words\">{_text(why)}</td></tr>"
              for peer, why in table.results.absent.items()]
    if not lines:
        return ""
    return "<h2>Crashed, hung, or not there</h2>" + _table(
        ["row", "peer", "what", "detail"], lines)


def _notes(table: Table) -> str:
    lines = [f"<tr><td>{_text(c.row['label'])}</td><td>{_text(c.peer)}</td>"
             f"<td class=\"words\">{_text(c.note)}</td></tr>" for c in table.notes()]
    return "<h2>Said beside the figures</h2>" + _table(
        ["row", "peer", "what"], lines) if lines else ""


def _facts(table: Table) -> str:
    results = table.results
    machine = "".join(f"<tr><td>{_text(name)}</td><td class=\"words\">{_text(value)}</td></tr>"
                      for name, value in results.machine.items())
    peers = [f"<tr><td>{_text(p['name'])}</td><td class=\"words\">{_text(p['version'])}</td>"
             f"<td class=\"words\">{_text(p['path'])}</td></tr>" for p in results.peers]
    return (f"<h2>Peers and machine</h2>{_table(['peer', 'version', 'library'], peers)}"
            f"<table><tbody>{machine}</tbody></table>")


_METHOD = """\
<h2>How it was measured</h2>
<p>Runs of all peers alternate, so a busy moment of the machine hits each of them.  Figures are
medians; a difference counts as beyond noise when the 95 % bootstrap interval of the ratio of two
medians leaves 1 outside (of a mean, when that of the mean does).  Means are geometric, over rows
that both peers finished; rows about memory at rest, and numbers of threads that only show scaling,
are left out of them.  Peak memory is that of the process (the largest, where a program starts
several).  Every pattern stamps its blocks and checks them; every real program must give out what it
gives out under glibc.</p>
"""


def page(table: Table) -> str:
    """The whole report."""
    results = table.results
    style = Style(table.peers)
    verdict = Verdict(table)
    state = "" if results.finished else " (this run was interrupted)"
    repeats = f"{results.settings['repeats']} repeats, {results.settings['warmup']} warm-up"
    body = "".join((
        f"<h1>{_text(verdict.subject)} against {_text(', '.join(verdict.others) or 'nobody')}</h1>",
        f'<p class="soft">{_text(results.started)}{state}, {repeats}, '
        f"{_text(results.machine['processor'])}, {_text(results.machine['cores'])} cores. "
        "All ratios: below 1 is better.</p>",
        verdict.answers(),
        verdict.means(),
        _maps(table, style),
        _behind_table(f"Rows above {TIME_LIMIT}x of the best peer in time", verdict.slow_rows(),
                      lambda c: c.time, lambda c: figure(c.time, "s")),
        _behind_table(f"Rows above {MEMORY_LIMIT}x of the best peer in memory",
                      verdict.fat_rows(), lambda c: c.peak, lambda c: f"{c.peak / 1024:.1f} MiB"),
        _wrong(table),
        _notes(table),
        _idle(table, style, "spike-idle", "Spike and idle: what is left when nobody calls"),
        _idle(table, style, "sparse-idle", "A tenth survives: what is left when nobody calls"),
        _sleepers(table, style),
        _scaling(table, style),
        _bars(table, style),
        _numbers(table, verdict.subject),
        _facts(table),
        _METHOD))
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{_text(verdict.subject)} benchmark</title>"
            f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
            f"<body>{body}</body></html>\n")
