"""The command line of `bench/run`."""

import argparse
import errno
import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Callable

from runner import compare, guard, peers, results, session, suite, tables
from runner.build import BuildError
from runner.console import console
from runner.paths import DEFAULT_BUILD, STORED_RATIOS
from runner.peers import LIBBUDDY
from runner.rows import MOST_REPEATS, MOST_THREADS
from runner.summary import Table

EXIT_OK, EXIT_WRONG, EXIT_USAGE = 0, 1, 2
EXIT_SIGNAL = 128  # and the number of the signal
_MOST_WORK = 1_000_000  # percent: the patterns count in 64 bits
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Options that are uses of their own, and what means something beside them.  What --resume ignores
# it says itself.
_GOES_WITH = {
    "list": (),
    "compare": (),
    "show": ("report",),
    "guard": ("store", "repeats", "warmup", "env", "out", "resume", "build_dir", "no_build",
              "no_install"),
}

_DESCRIPTION = """\
Builds libbuddy and compares it with other allocators.  Without options: the quick form, one real
program and three patterns under glibc, jemalloc and libbuddy, in under three minutes.
"""
_EPILOG = """\
examples:
  bench/run --full                             everything, with a report in HTML
  bench/run --rows 'churn-*' --threads 1,2,4   some rows
  bench/run --peers glibc,libbuddy,mine=/tmp/libmine.so
  bench/run --resume                           go on with a run that was interrupted
  bench/run --compare old.json new.json        what got slower

The exit status is 0 when all that was asked for was run and libbuddy did not fail, 1 if not, 2 when
nothing could be run, and 128 and the number of the signal after one.
"""


def _from_to(least: int, most: int) -> Callable[[str], int]:
    """What reads a number within these."""
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number") from error
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{value} is more than {most}")
        return value
    return number


def _words(text: str) -> list[str]:
    words = [word for word in text.split(",") if word]
    if not words:
        raise argparse.ArgumentTypeError("the list is empty")
    return words


def _threads(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(map(_from_to(1, MOST_THREADS), _words(text))))


def _folder(text: str) -> Path:
    return Path(text).resolve()  # the build runs in another folder than the caller


def parser() -> argparse.ArgumentParser:
    """The options there are."""
    made = argparse.ArgumentParser(
        prog="bench/run", description=_DESCRIPTION, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    what = made.add_argument_group("what to run")
    what.add_argument("--full", action="store_true", help="all rows, all peers, with a report")
    what.add_argument("--rows", type=_words, action="extend", metavar="NAME,...",
                      help="only these: names, name/threads, micro, macro, state, or with *")
    what.add_argument("--peers", type=_words, action="extend", metavar="NAME,...",
                      help="only these allocators; name=path.so adds one that is not known")
    what.add_argument("--env", action="append", metavar="PEER:NAME=VALUE", default=[],
                      help="set a variable for one peer")
    what.add_argument("--threads", type=_threads, metavar="N,...", default=(),
                      help="numbers of threads, instead of those that each row has")
    what.add_argument("--list", action="store_true", help="show rows and peers, run nothing")
    how = made.add_argument_group("how")
    how.add_argument("--repeats", type=_from_to(1, MOST_REPEATS), metavar="N",
                     help=f"default {session.REPEATS}, with --guard {guard.REPEATS}")
    how.add_argument("--warmup", type=_from_to(0, MOST_REPEATS), metavar="N", default=1,
                     help="runs before those that count, default 1")
    how.add_argument("--work", type=_from_to(1, _MOST_WORK), metavar="PERCENT", default=100,
                     help="work size of the patterns, default 100")
    how.add_argument("--build-dir", type=_folder, metavar="DIR", default=DEFAULT_BUILD,
                     help="default build-bench")
    how.add_argument("--no-build", action="store_true", help="use what the build folder has")
    how.add_argument("--no-install", action="store_true", help="install no packages")
    out = made.add_argument_group("results")
    out.add_argument("--out", type=Path, metavar="FILE", help="result file (JSON)")
    out.add_argument("--resume", action="store_true",
                     help="go on with --out, or with the newest run that was interrupted, "
                          "with the options it had")
    out.add_argument("--report", type=Path, metavar="FILE", help="write a report (HTML) too")
    out.add_argument("--show", type=Path, metavar="FILE",
                     help="print a result file, and with --report make its report")
    out.add_argument("--compare", type=Path, nargs=2, metavar=("OLD", "NEW"),
                     help="compare two result files")
    checks = made.add_argument_group("guard")
    checks.add_argument("--guard", action="store_true",
                        help="compare a few rows with the stored ratios to glibc; only warns")
    checks.add_argument("--store", action="store_true",
                        help="with --guard: store today's ratios instead")
    return made


def _list() -> None:
    print("rows (name, threads of the full run, what it is)")
    threads: dict[str, list[str]] = {}
    titles = {}
    for row in suite.rows(full=True):
        threads.setdefault(row.name, []).append(str(row.threads or "-"))
        titles[row.name] = f"{row.group:<5} {row.title}"
    for name, title in titles.items():
        print(f"  {name:<21} {','.join(threads[name]):<10} {title}")
    print(f"\npeers\n  {', '.join(peers.ALL_PEERS)}, and any name=path.so")


def _show(path: Path, report: Path | None) -> int:
    table = Table(results.load(path))
    print(tables.text(table))
    return EXIT_OK if report is None or session.write_report(table, report) else EXIT_WRONG


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """End the run from here on, and let nothing come between it and saving what it has."""
    for each in _ENDING:
        signal.signal(each, lambda *_: None)
    raise KeyboardInterrupt(number)


def _handle_signals() -> None:
    for each in _ENDING:
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup wants it so
            signal.signal(each, _interrupt)


def _contradiction(given: dict[str, object]) -> str:
    """What was asked for together and does not go together; nothing if all does."""
    for use, beside in _GOES_WITH.items():
        if use in given:
            useless = [name for name in given if name != use and name not in beside]
            if useless:
                return f"{session.option(useless[0])} has no effect with {session.option(use)}"
    report = given.get("report")
    for use in ("show", "out"):
        if report and use in given and report.resolve() == given[use].resolve():
            return f"--report would overwrite {session.option(use)} {given[use]}"
    if "store" in given and "guard" not in given:
        return "--store has no effect without --guard"
    return ""


def _run(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run rows, print them, write the report; the exit status says whether all went well."""
    with session.Session(options, arguments) as run:
        try:
            return _measure(run, options)
        except KeyboardInterrupt:
            console.say(run.how_to_go_on())
            raise


def _measure(run: session.Session, options: argparse.Namespace) -> int:
    if options.guard:
        return EXIT_OK if guard.run(run, STORED_RATIOS, options.store) else EXIT_WRONG
    table = run.measure()
    if table is None:
        return EXIT_USAGE
    print(tables.text(table))
    run.print_zones_and_slabs()
    console.say(f"no results: {run.unsaved}" if run.unsaved else f"results: {run.path}")
    report_done = run.report(table)
    ours_wrong = [c for c in table.wrong_cells() if c.peer == LIBBUDDY]
    return EXIT_WRONG if run.complaints or ours_wrong or not report_done else EXIT_OK


def _do(options: argparse.Namespace, arguments: list[str]) -> int:
    if problem := _contradiction(session.given(arguments, parser())):
        raise session.UsageError(problem)
    if options.list:
        _list()
        return EXIT_OK
    if options.compare:
        print(compare.text(*(results.load(path) for path in options.compare)))
        return EXIT_OK
    if options.show:
        return _show(options.show, options.report)
    if options.resume:
        options, arguments = session.resumed(arguments, parser())
    if options.guard and options.report:
        raise session.UsageError("--report has no effect with --guard")
    return _run(options, arguments)


def main() -> int:
    """Entry point."""
    _handle_signals()
    # Names of files need not be text; they are shown as well as can be.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    options = parser().parse_args(arguments)
    try:
        status = _do(options, arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # `bench/run | head` is no error; what is left to print must not become one at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SIGNAL + signal.SIGPIPE
    except OSError as error:
        if error.errno != errno.ENOSPC:  # of a full disk under stdout
            raise
        console.say(str(error))
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_WRONG
    except (session.UsageError, results.ResultsError, BuildError) as error:
        console.say(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt as interrupt:
        return EXIT_SIGNAL + interrupt.args[0]
