"""python3 without its own pools: json, dictionaries and objects, all from malloc."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand
from runner.execute import Command


class Python(OneCommand):
    """CPython with PYTHONMALLOC=malloc."""

    name = "python3"
    title = "PYTHONMALLOC=malloc: json, dictionaries, objects"
    estimate = 1.5
    quick = True
    environment = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}

    def command(self, folder: Path) -> Command:
        return ["/usr/bin/python3", "-s", "-S", SCRIPTS / "objects.py"]
