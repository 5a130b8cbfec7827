"""perl: hashes, strings and regular expressions."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand
from runner.execute import Command
from runner.packages import Need


class Perl(OneCommand):
    """The Perl interpreter."""

    name = "perl"
    title = "perl: hashes, strings, regular expressions"
    needs = (Need("perl", command="perl"),)
    environment = {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}

    def command(self, folder: Path) -> Command:
        return ["perl", SCRIPTS / "hashes.pl"]
