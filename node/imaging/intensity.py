"""Intensities on a scale that does not depend on a scanner's gain."""

from __future__ import annotations

import numpy as np

from node.imaging.grid import Floats

MAD = 1.4826  #: median absolute deviation to standard deviation, for a normal distribution
SAMPLE = 2_000_000  #: values that a median is taken of; every n-th of a larger image


def robust_scale(values: Floats) -> tuple[float, float]:
    """Centre and spread that outliers do not move: median, and median absolute deviation times 1.4826."""
    some = _some(values)
    centre = float(np.median(some))
    return centre, MAD * float(np.median(np.abs(some - centre)))


def plain_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation."""
    return float(np.mean(values, dtype=np.float64)), float(np.std(values, dtype=np.float64))


def range_scale(values: Floats) -> tuple[float, float]:
    """Smallest value, and the way from it to the largest."""
    low = float(np.min(values))
    return low, float(np.max(values)) - low


def _some(values: Floats) -> Floats:
    return values[:: max(1, len(values) // SAMPLE)]
