"""lua5.4: tables, strings and closures under its garbage collector."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand
from runner.execute import Command
from runner.packages import Need


class Lua(OneCommand):
    """The Lua interpreter."""

    name = "lua"
    title = "lua5.4: tables, strings, closures"
    needs = (Need("lua5.4", command="lua5.4"),)

    def command(self, folder: Path) -> Command:
        return ["lua5.4", SCRIPTS / "tables.lua"]
