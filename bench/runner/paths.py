"""Where things are."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
DEFAULT_BUILD = ROOT / "build-bench"
STORED_RATIOS = BENCH / "ratios.json"
