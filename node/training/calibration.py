"""Whether held-out answers came true: slope, intercept and error (Van Calster et al., BMC Med 17:230, 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from node.domain.facts import shows_calibration
from node.training.curves import Bools, ece
from node.training.recalibration import lacking, sigmoid
from node.training.shares import Interval
from node.training.tabular import Array, Recipe, Table, resample

STEPS = 25
"""Newton steps of a slope in a bootstrap sample; what did not settle by then has no finite slope, and is left out."""

FARTHEST = 50.0
"""Largest slope, either way, that a bootstrap sample may have: beyond it the sample is separated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """
    Means over the repeats of the cross-validation, but for the error.

    Attributes:
        slope: Of held-out log-odds (1 is ideal: smaller means too bold); None where everyone was told the same.
        slope_interval: 95 % bootstrap percentiles over patients; None where most samples have no slope.
        intercept: Log-odds that are lacking on average, the slope held at 1 (0 is ideal).
        ece: Mean distance of stated and observed frequency over the groups of `reliability`, all repeats together.
    """

    slope: float | None
    slope_interval: Interval | None
    intercept: float
    ece: float

    @property
    def shown(self) -> bool:
        """Whether answers are shown to come true, by the interval of the slope."""
        return self.slope is not None and self.slope_interval is not None and shows_calibration(self.slope_interval)


def calibration(p: Array, table: Table, recipe: Recipe) -> Calibration:
    """
    Compare what held-out patients were told with what they had.

    Args:
        p: Probabilities, shape (repeats, n).
        table: The patients.
        recipe: Seed and number of bootstrap samples.
    """
    y, log_odds = table.target, np.log(p) - np.log1p(-p)
    found = [slopes(row, y, np.ones((1, len(y))))[0] for row in log_odds]
    return Calibration(
        slope=float(np.mean(found)) if np.isfinite(found).all() else None,
        slope_interval=_interval(log_odds, table, recipe),
        intercept=float(np.mean([lacking(row, y) for row in log_odds])),
        ece=ece(p, y),
    )


def slopes(x: Array, y: Bools, counts: Array) -> Array:
    """
    Slope of the logistic regression of `y` on `x` in many samples at once, by Newton's method.

    Args:
        x: Log-odds, shape (n,).
        y: Shape (n,).
        counts: Shape (samples, n), how often each row was drawn.

    Returns:
        Shape (samples,); NaN where there is no finite slope.
    """
    with np.errstate(all="ignore"):
        share = (counts @ y) / counts.sum(axis=1)
        slope, intercept = np.zeros(len(counts)), np.log(share) - np.log1p(-share)
        for _ in range(STEPS):
            told = sigmoid(slope[:, None] * x + intercept[:, None])
            lack, weight = counts * (y - told), counts * told * (1 - told)
            a, b, c = weight.sum(axis=1), weight @ x, weight @ np.square(x)
            first, second = lack.sum(axis=1), lack @ x
            step = (a * second - b * first) / (a * c - b * b)
            slope, intercept = slope + step, intercept + (c * first - b * second) / (a * c - b * b)
    settled = np.isfinite(step) & (np.abs(step) < 1e-6) & (np.abs(slope) < FARTHEST)
    return np.where(settled, slope, np.nan)


def _interval(log_odds: Array, table: Table, recipe: Recipe) -> Interval | None:
    """Of the mean slope over the repeats."""
    rng, n = np.random.default_rng(recipe.seed), len(table.target)
    drawn = [np.bincount(resample(table, rng), minlength=n) for _ in range(10 * recipe.replicates)]
    counts = np.array(drawn, float)
    found = np.mean([slopes(row, table.target, counts) for row in log_odds], axis=0)
    finite = found[np.isfinite(found)]
    if finite.size < len(counts) / 2:
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
