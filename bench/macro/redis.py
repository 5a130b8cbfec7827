"""redis-server under a fixed stream of commands."""

import random
import re
from pathlib import Path

from macro.program import Server, plainly
from runner import peers
from runner.execute import Bench, Command
from runner.packages import Need
from runner.peers import Peer

COMMANDS = 250_000
KEYS = 20_000
_SOCKET = "./socket"  # in the folder that all run in: a whole path may be longer than one can be


def _encoded(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def _one_command(draw: random.Random) -> tuple[str, ...]:
    key = str(draw.randrange(KEYS))
    text = "v" * draw.randrange(8, 300)
    member = str(draw.randrange(1000))
    return draw.choice((
        ("SET", f"string:{key}", text),
        ("SET", f"string:{key}", text),
        ("APPEND", f"string:{key}", text[:20]),
        ("DEL", f"string:{key}"),
        ("LPUSH", f"list:{draw.randrange(500)}", text[:80]),
        ("RPOP", f"list:{draw.randrange(500)}"),
        ("HSET", f"hash:{draw.randrange(2000)}", member, text[:60]),
        ("SADD", f"set:{draw.randrange(500)}", f"member-{member}"),
        ("ZADD", f"sorted:{draw.randrange(200)}", str(draw.randrange(10000)), f"m-{member}"),
    ))


class Redis(Server):
    """Commands piped in, then ranges read by twenty clients."""

    name = "redis"
    title = "redis-server: strings, lists, hashes, sets and sorted sets"
    needs = (Need("redis-server", command="redis-server"), Need("redis-tools", command="redis-cli"))

    def make_inputs(self, folder: Path) -> None:
        draw = random.Random(1)
        with (folder / "commands").open("wb") as file:
            for _ in range(COMMANDS):
                file.write(_encoded(*_one_command(draw)))
            for i in range(200):
                file.write(_encoded("RPUSH", "list:range", f"element-{i}"))

    def preload_for(self, peer: Peer, bench: Bench) -> Peer:
        # Debian links redis with jemalloc; what stands first in the search order wins.
        if peer.name != peers.REFERENCE:
            return peer
        return Peer(peer.name, preload=peers.probe(peer, bench.build_dir).get("malloc", ""),
                    environment=peer.environment)

    def command(self, folder: Path) -> Command:
        return ["redis-server", "--port", "0", "--unixsocket", _SOCKET, "--save", "",
                "--appendonly", "no", "--enable-debug-command", "yes", "--daemonize", "no"]

    def _cli(self, folder: Path, *words: str, **options) -> str:
        return plainly("redis-cli", "-s", _SOCKET, *words, cwd=folder, **options).decode()

    def answers(self, folder: Path) -> bool:
        try:
            return self._cli(folder, "ping").strip() == "PONG"
        except RuntimeError:
            return False

    def load(self, folder: Path, timeout: float) -> None:
        with (folder / "commands").open("rb") as commands:
            reply = self._cli(folder, "--pipe", stdin=commands, timeout=timeout)
        if "errors: 0" not in reply:
            raise RuntimeError(f"redis-cli: {reply.strip()[-200:]}")
        plainly("redis-benchmark", "-s", _SOCKET, "-q", "-c", "20", "-P", "8", "-n", "60000",
                "LRANGE", "list:range", "0", "100", cwd=folder, timeout=timeout)

    def state(self, folder: Path) -> str:
        digest = self._cli(folder, "debug", "digest").strip()
        if not re.fullmatch("[0-9a-f]{40}", digest):
            raise RuntimeError(f"redis-cli: no digest but '{digest}'")
        return digest

    def stop(self, folder: Path) -> None:
        self._cli(folder, "shutdown", "nosave")
