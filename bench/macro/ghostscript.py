"""A ghostscript page run."""

from pathlib import Path

from macro.program import SCRIPTS, OneCommand, digest
from runner.execute import Command
from runner.packages import Need


class Ghostscript(OneCommand):
    """gs drawing pages of text, curves and shading into an image."""

    name = "ghostscript"
    title = "gs: pages of text, curves and shading at 100 dpi"
    needs = (Need("ghostscript", command="gs"),)

    def command(self, folder: Path) -> Command:
        return ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=ppmraw", "-r100",
                "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-sOutputFile=page%d.ppm",
                SCRIPTS / "pages.ps"]

    def before(self, folder: Path) -> None:
        for page in folder.glob("page*.ppm"):
            page.unlink()

    def output(self, folder: Path, stdout: Path) -> str:
        return digest(stdout, *sorted(folder.glob("page*.ppm")))
