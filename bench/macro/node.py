"""node: buffers, compression and json, which take memory from malloc beside its own heap."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand
from runner.execute import Command
from runner.packages import Need


class Node(OneCommand):
    """Node.js with its helper threads."""

    name = "node"
    title = "node: buffers, compression, json"
    needs = (Need("nodejs", command="node"),)

    def command(self, folder: Path) -> Command:
        return ["node", SCRIPTS / "buffers.js"]
