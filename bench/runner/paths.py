"""Where things are."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
DEFAULT_BUILD = ROOT / "build-bench"
STORED_RATIOS = BENCH / "ratios.json"


def command() -> str:
    """What to type in the caller's folder to start the runner."""
    return "bench/run" if Path.cwd() == ROOT else str(BENCH / "run")
