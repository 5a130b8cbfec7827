"""What has to be installed, and installing it where that is possible."""

import glob
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Iterable

from runner import process
from runner.console import console


@dataclass(frozen=True)
class Need:
    """A Debian package and the sign that what it brings is there already.

    The sign is a command on the path, a file pattern or a Python module; with a sign, another
    source of the same thing (a newer meson, say) is as good as the package.
    """

    package: str
    command: str = ""
    files: str = ""
    module: str = ""

    def met(self) -> bool:
        """Whether the thing is there."""
        if self.command:
            return shutil.which(self.command, path=search_path()) is not None
        if self.files:
            return bool(glob.glob(self.files))
        return importlib.util.find_spec(self.module) is not None


BUILD_NEEDS = (
    Need("gcc", command="gcc"),
    Need("g++", command="g++"),
    Need("libc6-dev", files="/usr/lib/*/libc.a"),
    Need("meson", command="meson"),
    Need("ninja-build", command="ninja"),
    Need("pkg-config", command="pkg-config"),
)
REPORT_NEEDS = (Need("python3-matplotlib", module="matplotlib"),)


def search_path() -> str:
    """The path to look for commands on; servers live in sbin, which users often lack."""
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def _apt(*words: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    status, said = process.run_tool("apt-get", "-q", *words, env=environment)
    if status != 0:
        tail = said.strip().splitlines()[-1:]
        console.say(f"apt-get {words[0]} failed: {' '.join(tail)}")
    return status == 0


def can_install() -> bool:
    """Whether this process may install packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def missing(needs: Iterable[Need]) -> list[Need]:
    """The needs that are not met, each package once."""
    return list({need.package: need for need in needs if not need.met()}.values())


def install(needs: Iterable[Need], allowed: bool = True) -> list[Need]:
    """Install what is missing and return what is missing still.

    All together first; if that fails, one by one, so that one package that cannot be had does
    not cost the others.
    """
    wanted = missing(needs)
    if not wanted:
        return []
    names = [need.package for need in wanted]
    if not allowed or not can_install():
        console.say(f"these packages are missing: {' '.join(names)}")
        console.say(f"install them with: apt-get install {' '.join(names)}")
        return wanted
    console.say(f"installing {' '.join(names)}")
    options = ("install", "-y", "--no-install-recommends")
    _apt("update")
    if not _apt(*options, *names):
        for name in names:
            _apt(*options, name)
    importlib.invalidate_caches()
    return missing(wanted)


def version(package: str) -> str:
    """The version of an installed package, or an empty text."""
    if shutil.which("dpkg-query") is None:
        return ""
    outcome = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],
        capture_output=True, text=True, check=False)
    return outcome.stdout.strip()
