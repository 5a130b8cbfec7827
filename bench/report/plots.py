"""The plots of the report, each as an <img> that holds its SVG."""

import base64
import html
import io
from itertools import cycle

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  pylint: disable=wrong-import-position
from matplotlib.ticker import LogLocator  # noqa: E402  pylint: disable=wrong-import-position

from runner import stats  # noqa: E402  pylint: disable=wrong-import-position
from runner.peers import LIBBUDDY  # noqa: E402  pylint: disable=wrong-import-position
from runner.rows import STATE  # noqa: E402  pylint: disable=wrong-import-position
from runner.summary import Cell, Table  # noqa: E402  pylint: disable=wrong-import-position

# Okabe and Ito's palette, which people with colour blindness can tell apart.
_COLOURS = {
    LIBBUDDY: "#0072b2", "glibc": "#7f7f7f", "jemalloc": "#e69f00", "mimalloc": "#009e73",
    "tcmalloc": "#cc79a7", "tbbmalloc": "#56b4e9", "scudo": "#8c6d31",
}
_MORE_COLOURS = ("#d55e00", "#b3a400", "#332288", "#aa4499", "#44aa99", "#882255")
_MARKERS = "osD^vP*X<>"
_BAR_END = 4.0  # bars longer than so many times the best are cut
_GRID = "#dddddd"

plt.rcParams.update({
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.axisbelow": True,
    "legend.frameon": False,
})
if "text.parse_math" in plt.rcParams:  # since matplotlib 3.6; a name may have dollars in it
    plt.rcParams["text.parse_math"] = False


class Style:
    """One colour and one marker for each peer, the same in all plots."""

    def __init__(self, peers: list[str]):
        more = cycle(_MORE_COLOURS)
        self.colours = {peer: _COLOURS.get(peer) or next(more) for peer in peers}
        self.markers = dict(zip(peers, cycle(_MARKERS)))

    def line(self, peer: str) -> dict[str, object]:
        """Keyword arguments of a line."""
        ours = peer == LIBBUDDY
        return {"color": self.colours[peer], "marker": self.markers[peer],
                "linewidth": 2.4 if ours else 1.2, "markersize": 5 if ours else 4,
                "zorder": 3 if ours else 2}


def _image(figure, text: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(text)}" src="data:image/svg+xml;base64,{data}">'


# ---- bars -----------------------------------------------------------------------------------


def _bar(axes, at: int, value: float, low: float, high: float, colour: str) -> None:
    """One bar with its whisker and its number; what is too long is cut and marked."""
    shown = min(value, _BAR_END)
    axes.barh(at, shown, height=0.72, color=colour)
    if value <= _BAR_END:
        axes.plot([low, min(high, _BAR_END)], [at, at], color="#222222", linewidth=0.8)
    beyond = " ▸" if value > _BAR_END else ""
    axes.text(max(shown, min(high, _BAR_END)) + 0.05, at, f"{value:.2f}{beyond}", va="center",
              fontsize=8)


def _relative_bars(axes, cells: list[Cell | None], peers: list[str], style: Style,
                   samples) -> None:
    """Bars of one figure (time or memory) of a row, as multiples of the best peer's median."""
    medians = {c.peer: stats.median(samples(c)) for c in cells if c and c.good}
    best = min(medians.values(), default=0)
    for at, (peer, cell) in enumerate(zip(peers, cells)):
        if cell is None:
            axes.text(0.05, at, "not run", va="center", fontsize=8, color="#888888")
        elif not cell.good or not best:
            axes.text(0.05, at, cell.state if not cell.good else "0", va="center", fontsize=8,
                      color="#c00000", weight="bold")
        else:
            values = samples(cell)
            _bar(axes, at, medians[peer] / best, min(values) / best, max(values) / best,
                 style.colours[peer])
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_xlim(0, _BAR_END + 0.6)


def _name_bars(axes, peers: list[str], title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_yticks(range(len(peers)), peers)
    for label in axes.get_yticklabels():
        label.set_weight("bold" if label.get_text() == LIBBUDDY else "normal")
    axes.set_ylim(len(peers) - 0.4, -0.6)
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
    axes.tick_params(length=0)


def row_bars(table: Table, row: dict, style: Style) -> str:
    """A row: its metric and its peak memory, each as a multiple of the best."""
    peers = table.peers
    cells = [table.get(row, peer) for peer in peers]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(6.4, 0.32 + 0.2 * len(peers)), sharey=True)
    if row["group"] == STATE:
        _absolute_bars(left, cells, peers, style)
        _name_bars(left, peers, f"{row['what']}, {row['unit']}")
    else:
        _relative_bars(left, cells, peers, style, lambda c: c.times)
        _name_bars(left, peers, f"{row['what']}, times the best")
    _relative_bars(right, cells, peers, style, lambda c: c.peaks)
    _name_bars(right, peers, "peak memory, times the best")
    figure.subplots_adjust(wspace=0.08)
    return _image(figure, f"{row['label']}: bars of all peers relative to the best")


def _absolute_bars(axes, cells: list[Cell | None], peers: list[str], style: Style) -> None:
    most = max((c.time for c in cells if c and c.good), default=1) or 1
    for at, (peer, cell) in enumerate(zip(peers, cells)):
        if cell is None or not cell.good:
            axes.text(0, at, cell.state if cell else "not run", va="center", fontsize=8,
                      color="#c00000")
            continue
        axes.barh(at, cell.time, height=0.72, color=style.colours[peer])
        axes.text(cell.time + most * 0.02, at, f"{cell.time:.1f}", va="center", fontsize=8)
    axes.set_xlim(0, most * 1.18)


# ---- the map of time against memory ------------------------------------------------------------


def overview_map(places: dict[str, tuple[float, float]], title: str, style: Style) -> str:
    """Each peer at its mean time and memory; nearer to the lower left corner is better."""
    figure, axes = plt.subplots(figsize=(4.4, 3.6))
    for peer, (time, memory) in places.items():
        ours = peer == LIBBUDDY
        axes.scatter(time, memory, s=110 if ours else 60, color=style.colours[peer],
                     marker=style.markers[peer], zorder=3)
        axes.annotate(peer, (time, memory), xytext=(7, 4), textcoords="offset points",
                      weight="bold" if ours else "normal")
    axes.set_xlabel("time, times the best of each row (geometric mean)")
    axes.set_ylabel("peak memory, times the best")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.margins(0.18)
    axes.annotate("better", xy=(0.01, 0.02), xytext=(0.10, 0.10), xycoords="axes fraction",
                  textcoords="axes fraction", color="#666666",
                  arrowprops={"arrowstyle": "->", "color": "#666666"})
    return _image(figure, f"{title}: time against memory of {', '.join(places)}")


# ---- lines -----------------------------------------------------------------------------------


def _legend(axes, lines: dict[str, object], **options) -> None:
    """Name the lines; a name that begins with _ would be left out if it were given as a label."""
    legend = axes.legend(lines.values(), ["peer"] * len(lines), loc="center left",
                         bbox_to_anchor=(1.0, 0.5), **options)
    for text, peer in zip(legend.get_texts(), lines):
        text.set_text(peer)


def over_time(table: Table, row: dict, prefix: str, unit_kib: float, ylabel: str,
              style: Style) -> str:
    """The values `prefix@SECONDS` of a row, a line for each peer."""
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    lines = {}
    for cell in table.good_cells(row):
        points = sorted((float(name.partition("@")[2]), value / unit_kib)
                        for name, value in cell.values.items() if name.startswith(prefix + "@"))
        if points:
            lines[cell.peer], = axes.plot(*zip(*points), **style.line(cell.peer))
    axes.set_xlabel("seconds of idleness")
    axes.set_ylabel(ylabel)
    axes.set_ylim(bottom=0)
    axes.grid(color=_GRID, linewidth=0.6)
    _legend(axes, lines)
    return _image(figure, f"{row['label']}: {ylabel} over time")


def scaling(table: Table, rows: list[dict], style: Style) -> str:
    """The cost of an operation over the number of threads, a line for each peer."""
    figure, axes = plt.subplots(figsize=(4.6, 3.0))
    lines = {}
    for peer in table.peers:
        points = [(row["threads"], cell.values["core_ns_per_op"]) for row in rows
                  if (cell := table.get(row, peer)) and cell.good
                  and "core_ns_per_op" in cell.values]
        if points:
            lines[peer], = axes.plot(*zip(*points), **style.line(peer))
    cores = int(table.results.machine["cores"])
    axes.axvline(cores, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_major_locator(LogLocator(base=2, subs=(1.0, 1.5)))
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel(f"threads (dashed: the {cores} cores)")
    axes.set_ylabel("ns of a core for each operation")
    axes.set_title(rows[0]["name"], loc="left", fontsize=10)
    axes.grid(color=_GRID, linewidth=0.6)
    _legend(axes, lines, fontsize=8)
    return _image(figure, f"{rows[0]['name']}: cost of an operation over threads")
