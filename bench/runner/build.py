"""Build libbuddy and the benchmark programs."""

import hashlib
from pathlib import Path

from runner import process
from runner.console import console
from runner.paths import ROOT


class BuildError(Exception):
    """The build failed; the text says how."""


def _step(*command: str) -> None:
    status, said = process.run_tool(*command, cwd=ROOT)
    if status != 0:
        tail = "\n".join(said.strip().splitlines()[-20:])
        raise BuildError(f"{' '.join(command)} failed:\n{tail}")


def build(build_dir: Path) -> None:
    """Configure (once) and build everything in release form."""
    if not (build_dir / "build.ninja").exists():
        console.say(f"configuring {build_dir}")
        _step("meson", "setup", str(build_dir), "--buildtype=release", "-Dbench=true",
              "-Dtests=false")
    console.say("building libbuddy and the benchmark programs")
    _step("ninja", "-C", str(build_dir))


def find_library(build_dir: Path) -> Path | None:
    """libbuddy.so in a build directory, wherever the build put it."""
    return next(iter(sorted(build_dir.rglob("libbuddy.so"))), None)


def find_program(build_dir: Path, name: str) -> Path:
    """A benchmark program in a build directory."""
    return build_dir / "bench" / f"bench-{name}"


def patterns_digest(build_dir: Path) -> str:
    """What tells whether the benchmark programs are the same as in another run."""
    total = hashlib.sha256()
    for program in sorted((build_dir / "bench").glob("bench-*")):
        if program.is_file():
            total.update(program.name.encode() + program.read_bytes())
    return total.hexdigest()[:16]
