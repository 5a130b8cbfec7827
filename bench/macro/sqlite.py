"""sqlite3 with a database in memory."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand
from runner.execute import Command
from runner.packages import Need


class Sqlite(OneCommand):
    """The sqlite3 shell."""

    name = "sqlite3"
    title = "in memory: inserts, indices, joins, updates, deletes"
    needs = (Need("sqlite3", command="sqlite3"),)

    def command(self, folder: Path) -> Command:
        return ["sqlite3", "-batch", ":memory:"]

    def stdin(self, folder: Path) -> Path:
        return SCRIPTS / "tables.sql"
