"""The benchmark runner: see bench/README.md for what it measures and how."""
