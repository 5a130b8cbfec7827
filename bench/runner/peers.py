"""The allocators to compare: known ones, libbuddy, and any `name=path.so`."""

import glob
import hashlib
import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from runner import build, packages, process
from runner.console import console
from runner.packages import Need

LIBBUDDY = "libbuddy"
REFERENCE = "glibc"


@dataclass(frozen=True)
class Known:
    """An allocator that Debian has, and where its library lies."""

    package: str
    pattern: str
    what: str

    @property
    def need(self) -> Need:
        """The package and the file that shows it is there."""
        return Need(self.package, files=self.pattern)


KNOWN = {
    "jemalloc": Known("libjemalloc2", "/usr/lib/*/libjemalloc.so.2", "jemalloc"),
    "mimalloc": Known("libmimalloc2.0", "/usr/lib/*/libmimalloc.so.2.0", "mimalloc 2"),
    "tcmalloc": Known("libtcmalloc-minimal4", "/usr/lib/*/libtcmalloc_minimal.so.4",
                      "tcmalloc of gperftools"),
    "tbbmalloc": Known("libtbbmalloc2", "/usr/lib/*/libtbbmalloc_proxy.so.2", "oneTBB's malloc"),
    "scudo": Known("libclang-rt-14-dev",
                   "/usr/lib/llvm-*/lib/clang/*/lib/linux/"
                   f"libclang_rt.scudo_standalone-{platform.machine()}.so",
                   "LLVM's hardened allocator"),
}
_PROBE_PATIENCE = 20.0  # seconds
QUICK_PEERS = (REFERENCE, "jemalloc", LIBBUDDY)
ALL_PEERS = (REFERENCE, *KNOWN, LIBBUDDY)


@dataclass
class Peer:
    """One allocator as it takes part in a run."""

    name: str
    path: str = ""  # of the library to preload; nothing for what the program has anyway
    preload: str = ""  # the name by which it is preloaded, mostly its path
    version: str = ""
    digest: str = ""  # of the library file: a resumed run must find the same one
    environment: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """What a result file says about it."""
        return {"name": self.name, "path": self.path, "version": self.version,
                "digest": self.digest, "environment": self.environment}

    def surroundings(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of a program run under it: the same for all, but for what it asks for."""
        return {
            "PATH": packages.search_path(),
            "HOME": os.environ.get("HOME", "/"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        } | (extra or {}) | self.environment


class Links:
    """Names for libraries whose own paths LD_PRELOAD would take apart."""

    SEPARATORS = " :"

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory | None = None
        self._count = 0

    def name_for(self, path: str) -> str:
        """The path itself, or that of a symbolic link to it."""
        if not self._taken_apart(path):
            return path
        if self._folder is None:
            where = "/tmp" if self._taken_apart(tempfile.gettempdir()) else None
            self._folder = tempfile.TemporaryDirectory(  # pylint: disable=consider-using-with
                prefix="buddy-bench-links-", dir=where)
        self._count += 1
        link = Path(self._folder.name) / f"{self._count}.so"
        link.symlink_to(path)
        return str(link)

    def _taken_apart(self, path: str) -> bool:
        return any(separator in path for separator in self.SEPARATORS)

    def remove(self) -> None:
        """Take the links away."""
        if self._folder is not None:
            self._folder.cleanup()


class PeerError(Exception):
    """This peer cannot take part; the text says why."""


def parse(word: str) -> tuple[str, str]:
    """`name` or `name=path.so` as (name, path)."""
    name, _, path = word.partition("=")
    return name, path


def needs(words: list[str]) -> list[Need]:
    """What must be installed for these peers."""
    return [KNOWN[name].need for name in words if name in KNOWN]


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _from_path(name: str, path: str) -> Peer:
    resolved = os.path.realpath(path)
    if not os.path.isfile(resolved):
        raise PeerError(f"peer {name}: no file {path}")
    return Peer(name, resolved, version=os.path.basename(resolved))


def _libbuddy(build_dir: Path) -> Peer:
    library = build.find_library(build_dir)
    if library is None:
        raise PeerError(f"peer {LIBBUDDY}: no libbuddy.so in {build_dir}")
    return Peer(LIBBUDDY, str(library.resolve()), version="this tree")


def _known(name: str) -> Peer:
    known = KNOWN[name]
    found = sorted(glob.glob(known.pattern))
    if not found:
        raise PeerError(f"peer {name}: not installed (apt-get install {known.package})")
    # The newest where several compilers brought one each.
    return Peer(name, found[-1], version=packages.version(known.package))


def _find(word: str, build_dir: Path) -> Peer:
    name, path = parse(word)
    if path:
        return _from_path(name, path)
    if name == REFERENCE:
        return Peer(REFERENCE, version=" ".join(platform.libc_ver()))
    if name == LIBBUDDY:
        return _libbuddy(build_dir)
    if name in KNOWN:
        return _known(name)
    raise PeerError(
        f"no peer named '{word}'; there are {', '.join(ALL_PEERS)}, and name=path.so for others")


def find(word: str, build_dir: Path, links: Links, environment: dict[str, str]) -> Peer:
    """The peer that a word of the command line means, known to be the one that gets used.

    A peer that crashes already when it is probed takes part all the same: the report shows it
    as crashed.
    """
    peer = _find(word, build_dir)
    peer.environment = environment
    if peer.path:
        try:
            peer.digest = _digest(peer.path)
        except OSError as error:
            raise PeerError(f"peer {peer.name}: cannot read {peer.path}: "
                            f"{error.strerror}") from error
        peer.preload = links.name_for(peer.path)
        _insist_on_use(peer, build_dir)
    return peer


def _insist_on_use(peer: Peer, build_dir: Path) -> None:
    """Raise if the loader did not take the library, or if malloc is not its own.

    What else is not its own is said, and goes with its version into results and reports.
    """
    served = probe(peer, build_dir)
    own = os.path.realpath(peer.path)
    others = [function for function, path in served.items() if path != own]
    if "malloc" in others:
        raise PeerError(
            f"peer {peer.name}: preloading {peer.path} leaves malloc to {served['malloc']}")
    if others:
        lacks = f"it has no {', '.join(others)} of its own"
        console.say(f"peer {peer.name}: {lacks}; rows that use these measure "
                    f"{' and '.join(sorted({served[function] for function in others}))} too")
        peer.version += f" ({lacks})"


def probe(peer: Peer, build_dir: Path) -> dict[str, str]:
    """The libraries that serve malloc and its siblings under this peer; nothing if it crashed.

    It runs as the measured programs do, or another library could be found than they find.
    """
    with tempfile.NamedTemporaryFile() as result, tempfile.NamedTemporaryFile() as found:
        command = [build.find_program(build_dir, "launch"), result.name, peer.preload,
                   build.find_program(build_dir, "probe"), found.name]
        try:
            process.run(command, _PROBE_PATIENCE, env=peer.surroundings(),
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return {}
        lines = (line.partition(" ") for line in os.fsdecode(found.read()).splitlines())
        return {name: path for name, _, path in lines}
