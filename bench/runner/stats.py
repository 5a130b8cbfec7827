"""Medians, spread, and whether a difference is more than noise.

Everything rests on the standard library.  A difference counts when the bootstrap interval of the
ratio of the two medians leaves 1 outside; with the five repeats of a normal run that is the case
when the samples of the two sides hardly overlap.
"""

import math
import random
import statistics
from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

RESAMPLES = 1000
CONFIDENCE = 0.95
FEWEST_FOR_A_VERDICT = 4


def median(values: Sequence[float]) -> float:
    """The median of at least one value."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """Half the range, relative to the median: the `+-` beside a time."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of positive values; NaN of none."""
    logs = [math.log(value) for value in values if value > 0]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that noise allows for it."""

    value: float
    low: float
    high: float
    enough: bool  # whether there were samples enough for the interval to mean something

    def differs_from(self, point: float) -> bool:
        """Whether the figure is beyond noise above or below `point`."""
        return self.enough and not self.low <= point <= self.high


def bootstrap(samples: Sequence[Sequence[float]],
              figure: Callable[..., float]) -> Estimate:
    """`figure` of the medians of `samples`, with the interval that resampling gives it.

    The generator starts from the same point each time: the same samples give the same verdict.
    """
    generator = random.Random(0)
    drawn = sorted(
        figure(*(median(generator.choices(side, k=len(side))) for side in samples))
        for _ in range(RESAMPLES))
    tail = int(len(drawn) * (1 - CONFIDENCE) / 2)
    return Estimate(
        value=figure(*(median(side) for side in samples)),
        low=drawn[tail],
        high=drawn[-1 - tail],
        enough=all(len(side) >= FEWEST_FOR_A_VERDICT for side in samples))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """How many times `theirs` our median is; both must be positive."""
    return bootstrap((ours, theirs), lambda a, b: a / b if b else math.nan)
