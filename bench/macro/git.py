"""git gc on a generated repository."""

import random
import shutil
from pathlib import Path

from macro.program import OneCommand, plainly
from runner.execute import Command
from runner.packages import Need

COMMITS = 250
FILES = 120
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi".split()


def _line(draw: random.Random) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randrange(3, 12)))


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _history(draw: random.Random) -> str:
    """A stream for git fast-import: files that change a little with every commit."""
    files = {f"dir{i % 10}/file{i}.txt": [_line(draw) for _ in range(draw.randrange(20, 400))]
             for i in range(FILES)}
    stream = []
    for number in range(COMMITS):
        stream.append("commit refs/heads/main\n"
                      f"committer Bench <bench@example.org> {1_600_000_000 + number * 600} +0000\n"
                      + _data(f"change {number}"))
        changed = files if number == 0 else draw.sample(sorted(files), 12)
        for path in changed:
            lines = files[path]
            for _ in range(4):
                lines[draw.randrange(len(lines))] = _line(draw)
            stream.append(f"M 100644 inline {path}\n" + _data("\n".join(lines)))
    return "".join(stream)


class GitGc(OneCommand):
    """git gc that looks for all deltas anew."""

    name = "git-gc"
    title = "git gc --aggressive of a generated repository"
    estimate = 3.0
    needs = (Need("git", command="git"),)
    environment = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}

    def make_inputs(self, folder: Path) -> None:
        origin = folder / "origin"
        plainly("git", "init", "-q", "--bare", origin)
        plainly("git", "-C", origin, "fast-import", "--quiet",
                data=_history(random.Random(3)).encode())

    def before(self, folder: Path) -> None:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(folder / "origin", folder / "copy")

    def command(self, folder: Path) -> Command:
        return ["git", "-C", "copy", "-c", "pack.threads=2", "-c", "gc.aggressiveWindow=30",
                "gc", "--aggressive", "--quiet", "--prune=now"]

    def output(self, folder: Path, stdout: Path) -> str:
        # How the threads share the search decides on bytes of the pack, not on what it holds.
        plainly("git", "-C", folder / "copy", "fsck", "--full", "--strict")
        objects = plainly("git", "-C", folder / "copy", "cat-file", "--batch-all-objects",
                          "--batch-check")
        listing = folder / "objects"
        listing.write_bytes(objects)
        return super().output(folder, listing)
