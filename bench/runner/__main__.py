"""Entry point of `bench/run`."""

import sys

from runner.cli import main

sys.exit(main())
