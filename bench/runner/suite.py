"""The rows there are, and choosing among them."""

import difflib
import fnmatch
from typing import Callable, Iterable

from macro import PROGRAMS
from macro.program import Program
from runner.rows import STATE, Metric, MicroRow, Pattern, Row
from runner.stats import FEWEST_FOR_A_VERDICT

SCALING_THREADS = (1, 2, 4, 8, 16)
ALONE_AND_TWO = (1, 2)

KEPT = Metric("kept_percent", "%", "kept/asked")
EACH_THREAD = Metric("kib_per_thread", "KiB", "per thread")
RESIDENT = Metric("rss_kib", "KiB", "resident")

PATTERNS = (
    Pattern("pair-16", "malloc and free of one block of 16 bytes",
            "pair", ("size=16",), ALONE_AND_TWO),
    Pattern("pair-64", "malloc and free of one block of 64 bytes",
            "pair", ("size=64",), ALONE_AND_TWO),
    Pattern("pair-1024", "malloc and free of one block of 1024 bytes",
            "pair", ("size=1024",), ALONE_AND_TWO),
    Pattern("burst-lifo-32", "32 blocks, freed last one first",
            "burst", ("depth=32", "order=lifo"), (1,)),
    Pattern("burst-fifo-32", "32 blocks, freed first one first",
            "burst", ("depth=32", "order=fifo"), (1,)),
    Pattern("burst-lifo-1600", "1600 blocks, freed last one first",
            "burst", ("depth=1600", "order=lifo"), (1,)),
    Pattern("burst-fifo-1600", "1600 blocks, freed first one first",
            "burst", ("depth=1600", "order=fifo"), ALONE_AND_TWO, scaling=True, quick=True),
    Pattern("burst-lifo-100000", "100,000 blocks, freed last one first",
            "burst", ("depth=100000", "order=lifo"), (1,)),
    Pattern("burst-fifo-100000", "100,000 blocks, freed first one first",
            "burst", ("depth=100000", "order=fifo"), (1,)),
    Pattern("churn-small", "random replacement among 5000 blocks of 8 to 1000 bytes",
            "churn", ("live=5000", "min=8", "max=1000"), ALONE_AND_TWO, scaling=True, quick=True),
    Pattern("churn-medium", "random replacement among 1000 blocks of 1 to 32 KiB",
            "churn", ("live=1000", "min=1024", "max=32768", "spread=doublings", "steps=2000000"),
            ALONE_AND_TWO),
    Pattern("churn-buffers", "random replacement among 200 blocks of 16 to 256 KiB",
            "churn", ("live=200", "min=16384", "max=262144", "spread=doublings", "steps=300000"),
            ALONE_AND_TWO),
    Pattern("churn-large", "random replacement among 32 blocks of 32 KiB to 4 MiB",
            "churn", ("live=32", "min=32768", "max=4194304", "spread=doublings", "steps=6000"),
            (1,)),
    Pattern("churn-huge", "random replacement among 8 blocks of 5 to 25 MiB",
            "churn", ("live=8", "min=5242880", "max=26214400", "steps=200"), (1,), estimate=1.0),
    Pattern("handover", "producers hand objects to consumers, one to one",
            "handover", ("shape=one-to-one",), ALONE_AND_TWO, scaling=True, quick=True,
            pairs=True),
    Pattern("handover-to-many", "one producer hands objects to three consumers",
            "handover", ("shape=one-to-many",), (4,)),
    Pattern("handover-to-one", "three producers hand objects to one consumer",
            "handover", ("shape=many-to-one",), (4,)),
    Pattern("pareto", "Pareto sizes, 200,000 live blocks", "pareto", (), ALONE_AND_TWO),
    Pattern("powerlaw", "sizes and lifetimes as in traces of real programs",
            "powerlaw", (), ALONE_AND_TWO),
    Pattern("bleed", "a server: blocks freed by other threads, threads made anew",
            "bleed", (), ALONE_AND_TWO, scaling=True),
    Pattern("false-sharing", "small blocks of two threads, written often",
            "false_sharing", ("kind=active",), (2,)),
    Pattern("false-sharing-passive", "the same with blocks that one thread handed out",
            "false_sharing", ("kind=passive",), (2,)),
    Pattern("thread-birth", "threads that allocate, leave a remainder and die",
            "thread_birth", (), ALONE_AND_TWO),
    Pattern("reverse", "batches freed in reverse, a part survives", "reverse", (), ALONE_AND_TWO),
    Pattern("calloc-fresh", "a growing heap of zeroed blocks", "calloc", ("kind=fresh",), (1,)),
    Pattern("calloc-recycled", "zeroed blocks where others were freed",
            "calloc", ("kind=recycled",), (1,), estimate=1.0),
    Pattern("realloc-bytes", "strings that grow by bytes", "realloc", ("kind=bytes",), (1,)),
    Pattern("realloc-factor", "vectors that grow by half",
            "realloc", ("kind=factor",), (1,), estimate=1.0),
    Pattern("realloc-large", "buffers that grow by 1 MiB up to 64 MiB",
            "realloc", ("kind=large",), (1,), estimate=2.0),
    Pattern("vectors", "vectors that grow by copying, to 24 MiB each",
            "vectors", (), ALONE_AND_TWO),
    Pattern("aligned", "alignments from 32 bytes to 64 KiB", "aligned", (), ALONE_AND_TWO),
    Pattern("tree", "trees of nodes and strings, freed by deep recursion",
            "tree", (), ALONE_AND_TWO),
    Pattern("containers", "C++ containers with sized delete", "containers", (), ALONE_AND_TWO),
    Pattern("phases", "phases with different sizes, a tenth survives each", "phases"),
    Pattern("start", "start of /bin/true", "start", estimate=1.0),
    Pattern("fork-storm", "a process with a heap forks children that allocate",
            "fork_storm", estimate=1.5),
    Pattern("spike-idle", "1 GiB of small objects freed, then ten seconds of nothing",
            "idle", group=STATE, metric=KEPT, estimate=14.0,
            repeats_at_most=FEWEST_FOR_A_VERDICT),
    Pattern("sparse-idle", "of 256 MiB a tenth survives, then ten seconds of nothing",
            "sparse_idle", group=STATE, metric=KEPT, estimate=11.0,
            repeats_at_most=FEWEST_FOR_A_VERDICT),
    Pattern("sleepers", "1000 threads that touched every size and sleep",
            "sleepers", group=STATE, metric=EACH_THREAD, estimate=11.0,
            repeats_at_most=FEWEST_FOR_A_VERDICT),
    Pattern("one-object", "a program that holds one object",
            "one_object", group=STATE, metric=RESIDENT, estimate=0.01),
)


def pattern_rows(pattern: Pattern, full: bool, threads: tuple[int, ...]) -> list[MicroRow]:
    """The rows of a pattern; numbers of threads that were asked for replace its own."""
    if threads:
        return pattern.rows(threads, asked_for=True)
    if full and pattern.scaling:
        return pattern.rows(tuple(sorted({*pattern.threads, *SCALING_THREADS})))
    return pattern.rows(pattern.threads)


def rows(full: bool, threads: tuple[int, ...] = ()) -> list[Row]:
    """All rows of a form of the suite, in the order in which they run."""
    return (_programs([p for p in PROGRAMS if full or p.quick])
            + _micro([p for p in PATTERNS if full or p.quick], full, threads))


def _programs(programs: Iterable[Callable[[], Program]]) -> list[Row]:
    return [program() for program in programs]


def _micro(patterns: list[Pattern], full: bool, threads: tuple[int, ...]) -> list[Row]:
    return [row for p in patterns for row in pattern_rows(p, full, threads)]


def choose(words: list[str], full: bool,
           threads: tuple[int, ...]) -> tuple[list[Row], list[str]]:
    """The rows that words name, and a complaint for each word that names none.

    A word is a name, a name with threads (`churn-small/2`), a group or a pattern with `*`.
    """
    everything = _programs(PROGRAMS) + _micro(list(PATTERNS), full, threads)
    chosen: dict[str, Row] = {}
    complaints = []
    for word in words:
        found = [row for row in everything
                 if word in (row.group, row.name) or fnmatch.fnmatchcase(row.id, word)
                 or fnmatch.fnmatchcase(row.name, word)]
        # A number of threads outside the usual ones can be asked for by name.
        found = found or _with_threads(word)
        if not found:
            complaints.append(_no_such_row(word, everything))
        chosen.update((row.id, row) for row in found)
    return list(chosen.values()), complaints


def _with_threads(word: str) -> list[Row]:
    name, _, count = word.partition("/")
    if not count.isdecimal() or int(count) == 0:  # isdigit() takes what int() does not
        return []
    return [row for p in PATTERNS if p.name == name and p.threads != (0,)
            for row in p.rows((int(count),), asked_for=True)]


def _no_such_row(word: str, everything: list[Row]) -> str:
    names = sorted({row.name for row in everything})
    near = difflib.get_close_matches(word.partition("/")[0], names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"no row named '{word}'; {hint}`bench/run --list` shows them all"
