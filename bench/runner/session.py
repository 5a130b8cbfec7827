"""One use of the runner: choose, install, build, find the peers, measure, report."""

import argparse
import datetime
import itertools
import os
import shlex
import tempfile
from pathlib import Path

from macro.python import Python
from runner import build, execute, packages, peers, results, suite
from runner.campaign import Campaign
from runner.console import console
from runner.execute import Bench
from runner.paths import DEFAULT_BUILD, command
from runner.peers import LIBBUDDY, REFERENCE, Links, Peer, PeerError
from runner.results import Results, ResultsError
from runner.rows import Row
from runner.summary import Table

REPEATS = 5  # unless other is asked for
_STATS = {"BUDDY_OPTIONS": "stats_at_exit=on"}

# Options that mean something beside --resume; for the others the run's own are taken.
_WITH_RESUME = ("resume", "out", "report", "build_dir", "no_build", "no_install")


class UsageError(Exception):
    """What was asked for cannot be done as it stands; the text says why."""


def given(arguments: list[str], parser: argparse.ArgumentParser) -> dict[str, object]:
    """The options that a command line really has, by name."""
    # Where a name is there already, argparse sets no default: None is what was not given.
    names = vars(parser.parse_args([]))
    values = parser.parse_args(arguments, argparse.Namespace(**dict.fromkeys(names)))
    return {name: value for name, value in vars(values).items() if value is not None}


def option(name: str) -> str:
    """How the option of this name is written."""
    return "--" + name.replace("_", "-")


def resumed(arguments: list[str],
            parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """The options of the run to go on with: those it was started with."""
    options = parser.parse_args(arguments)
    path = options.out or _newest_unfinished(options.build_dir)
    earlier = results.load(path)
    if earlier.finished:
        raise ResultsError(f"{path}: nothing left to run")
    again = parser.parse_args(earlier.arguments)
    _say_what_is_ignored(arguments, again, parser)
    again.out, again.resume = path, True
    again.build_dir = options.build_dir
    again.report = options.report or again.report
    again.no_build = options.no_build
    again.no_install = options.no_install
    return again, earlier.arguments


def _say_what_is_ignored(arguments: list[str], again: argparse.Namespace,
                         parser: argparse.ArgumentParser) -> None:
    """Name the options beside --resume that the run to go on with had otherwise."""
    ignored = [option(name) for name, value in given(arguments, parser).items()
               if name not in _WITH_RESUME and value != getattr(again, name)]
    if ignored:
        console.say("--resume goes on with the options that the run was started with; "
                    f"ignored: {', '.join(ignored)}")


def _results_dir(build_dir: Path) -> Path:
    return build_dir / "results"


def _newest_unfinished(build_dir: Path) -> Path:
    files = sorted(_results_dir(build_dir).glob("*.json"),
                   key=lambda path: path.lstat().st_mtime, reverse=True)
    for path in files:
        try:
            if not results.load(path).finished:
                return path
        except ResultsError as error:
            console.say(f"not this one: {error}")
    raise ResultsError(f"{_results_dir(build_dir)}: no run there that was interrupted")


def _why_not_writable(path: Path, in_place: bool) -> str:
    """Why a file cannot be written, its folder made if need be; nothing if it can.

    In place, what is there is overwritten; otherwise a new file takes its name.
    """
    try:
        if path.is_dir():
            return "it is a folder"
        if not in_place and path.exists() and not path.is_file():
            return "it is no file"  # such as /dev/null, whose place a file would take
        if in_place and path.exists():
            return "" if os.access(path, os.W_OK) else "it is write-protected"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return ""
    except OSError as error:
        return str(error.strerror)


def _taken(path: Path) -> Path:
    """The path, or one like it, which is now there and no other run's: two may begin at once."""
    for number in itertools.count(2):
        try:
            path.open("x", encoding="utf-8").close()
            break
        except FileExistsError:
            path = path.with_name(f"{path.stem.partition('.')[0]}.{number}{path.suffix}")
    return path


def write_report(table: Table, path: Path) -> bool:
    """Make the HTML report; say so if that cannot be done."""
    if packages.missing(packages.REPORT_NEEDS):
        console.say("no report: it needs python3-matplotlib (apt-get install python3-matplotlib)")
        return False
    from report.page import page  # pylint: disable=import-outside-toplevel
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(table), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        console.say(f"no report: cannot write {path}: {error.strerror}")
        return False
    console.say(f"report: {path}")
    return True


def _insist_on_names(words: list[str]) -> None:
    """Raise if two peers could not be told apart in the results."""
    seen: dict[str, str] = {}
    for word in words:
        name, path = peers.parse(word)
        if not name:
            raise UsageError(f"--peers {word}: it must be name=path.so")
        if not name.isprintable():  # such characters may stand in no report
            raise UsageError(f"--peers {word!r}: a name is made of characters that can be seen")
        if name == REFERENCE and path:
            raise UsageError(f"--peers {word}: {REFERENCE} is the C library itself, which the "
                             "others are compared with; call this one otherwise")
        if name in seen:
            raise UsageError(f"--peers: {seen[name]} and {word} have the same name")
        seen[name] = word


class Session:
    """Rows, peers and the result file of one run."""

    def __init__(self, options: argparse.Namespace, arguments: list[str]):
        self.options = options
        self.arguments = arguments
        self.complaints: list[str] = []  # what was asked for and cannot be had
        self.absent: dict[str, str] = {}
        self.path = Path()
        self.results: Results | None = None  # once the runs begin
        self.campaign: Campaign | None = None
        self.peers: list[Peer] = []
        self.links = Links()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.links.remove()

    def complain(self, text: str) -> None:
        """Something asked for cannot be had; the rest goes on."""
        console.say(text)
        self.complaints.append(text)

    def measure(self, rows: list[Row] | None = None) -> Table | None:
        """Do everything up to the figures; None if there was nothing to run."""
        self._insist_on_report()
        rows = self._choose_rows() if rows is None else rows
        if not rows:
            console.say("no rows to run")
            return None
        self.prepare(rows)
        if not self.peers:
            console.say("no peers to run")
            return None
        self.path = self._writable_path()
        found = Results(arguments=self.arguments, settings=self._settings(), absent=self.absent)
        found.machine["patterns"] = build.patterns_digest(self.options.build_dir)
        found.plan(rows, self.peers)
        if self.options.resume:
            try:
                kept = found.adopt(results.load(self.options.out))
            except ResultsError as error:
                raise ResultsError(f"cannot go on with {self.options.out}: {error}") from error
            console.say(f"going on with {self.path}: {kept} runs are done")
        self.results = found
        with tempfile.TemporaryDirectory(prefix="buddy-bench-") as work:
            bench = Bench(self.options.build_dir, Path(work), self.options.work)
            self.campaign = Campaign(bench, rows, self.peers, found, self.path)
            self.campaign.run()
        if self.unsaved:
            self.complaints.append(self.unsaved)
        if self.options.rows:
            self.complaints += [f"{row}: skipped, {why}" for row, why in found.skipped.items()]
        return Table(found)

    @property
    def unsaved(self) -> str:
        """Why the results could not be saved, if so."""
        return self.campaign.unsaved if self.campaign else ""

    def how_to_go_on(self) -> str:
        """What to say to who interrupts this: where the results are, and the next command."""
        if self.results is None and not self.options.resume:
            return "interrupted before the first run"
        if self.unsaved:
            return f"interrupted; the runs are lost: {self.unsaved}"
        path = self.path if self.results else self.options.out
        if self.results and self.results.finished:
            return f"interrupted; the runs are done: `{self._command('--show', str(path))}`"
        words = ["--resume"]
        if self.options.out or path.parent != _results_dir(self.options.build_dir):
            words += ["--out", str(path)]
        if self.options.build_dir != DEFAULT_BUILD:
            words += ["--build-dir", str(self.options.build_dir)]
        words += ["--no-build"] * self.options.no_build
        words += ["--no-install"] * self.options.no_install
        return f"interrupted; `{self._command(*words)}` goes on from here"

    @staticmethod
    def _command(*words: str) -> str:
        return shlex.join([command(), *words])

    def prepare(self, rows: list[Row]) -> None:
        """Install, build, and find the peers."""
        words = self._peer_words()
        self._install([*peers.needs(words), *(need for row in rows for need in row.needs)])
        if not self.options.no_build:
            build.build(self.options.build_dir)
        if not build.find_program(self.options.build_dir, "launch").exists():
            raise build.BuildError(f"{self.options.build_dir} has no benchmark programs")
        self._find_peers(words)

    def _settings(self) -> dict[str, int]:
        return {"repeats": self.options.repeats or REPEATS, "warmup": self.options.warmup,
                "work": self.options.work, "full": int(self.options.full)}

    def _choose_rows(self) -> list[Row]:
        rows, complaints = suite.rows(self.options.full, self.options.threads), []
        if self.options.rows:
            rows, complaints = suite.choose(
                self.options.rows, self.options.full, self.options.threads)
        complaints += [f"no row {row.id}: {row.impossible}" for row in rows if row.impossible]
        for complaint in complaints:
            self.complain(complaint)
        return [row for row in rows if not row.impossible]

    def _peer_words(self) -> list[str]:
        if self.options.peers:
            words = list(dict.fromkeys(self.options.peers))
            _insist_on_names(words)
            return words
        return list(peers.ALL_PEERS if self.options.full else peers.QUICK_PEERS)

    def _install(self, optional: list[packages.Need]) -> None:
        """Install what the build, the rows and the peers need; only the build insists."""
        required = () if self.options.no_build else packages.BUILD_NEEDS
        report = packages.REPORT_NEEDS if self.options.full or self.options.report else ()
        lacking = packages.install([*required, *optional, *report],
                                   allowed=not self.options.no_install)
        if any(need in lacking for need in required):
            raise build.BuildError("without these nothing can be built")

    def _find_peers(self, words: list[str]) -> None:
        environments = self._environments([peers.parse(word)[0] for word in words])
        for word in words:
            name = peers.parse(word)[0]
            try:
                self.peers.append(peers.find(word, self.options.build_dir, self.links,
                                             environments[name]))
            except PeerError as error:
                self.absent[name] = str(error)
                if self.options.peers or name == LIBBUDDY:
                    self.complain(str(error))
                else:
                    console.say(str(error))

    def _environments(self, names: list[str]) -> dict[str, dict[str, str]]:
        """The variables that --env sets for each peer."""
        environments: dict[str, dict[str, str]] = {name: {} for name in names}
        for word in self.options.env:
            name, colon, setting = word.partition(":")
            variable, equals, value = setting.partition("=")
            if not (colon and equals and variable and name in environments):
                self.complain(f"--env {word}: it must be PEER:NAME=VALUE with a peer of this run")
                continue
            environments[name][variable] = value
        return environments

    def _writable_path(self) -> Path:
        """Where the results go; elsewhere, with a word, if that cannot be written."""
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        default = _results_dir(self.options.build_dir) / f"{stamp}.json"
        path = self.options.out or default
        problem = _why_not_writable(path, in_place=False)
        if not problem:
            return self.options.out or _taken(default)
        instead = Path(tempfile.mkdtemp(prefix="buddy-bench-results-")) / default.name
        self.complain(f"cannot write {path}: {problem}; results go to {instead}")
        return instead

    def _insist_on_report(self) -> None:
        """Raise now rather than after the runs if the report cannot be written."""
        path = self.options.report
        if path and (problem := _why_not_writable(path, in_place=True)):
            raise UsageError(f"cannot write the report {path}: {problem}")

    def print_zones_and_slabs(self) -> None:
        """Show libbuddy's own view at the end of a real program."""
        ours = next((peer for peer in self.peers if peer.name == LIBBUDDY), None)
        if ours is None:
            return
        shown = Peer(ours.name, preload=ours.preload, environment=ours.environment | _STATS)
        with tempfile.TemporaryDirectory(prefix="buddy-bench-") as work:
            bench = Bench(self.options.build_dir, Path(work))
            program = Python()
            outcome = execute.run(bench, shown, program.command(Path(work)), program.longest,
                                  env=program.environment)
            text = outcome.stderr.read_text(encoding="utf-8", errors="replace").strip()
        print(f"\nlibbuddy's zones and slabs at the end of {program.name}")
        print(text or f"  (nothing was printed: {outcome.state} {outcome.detail})")

    def report(self, table: Table) -> bool:
        """Write the report that was asked for; true if there was none to write."""
        path = self.options.report
        if path is None and self.options.full:
            path = self.path.with_suffix(".html")
        return path is None or write_report(table, path)
