"""How far numbers of a model are rounded, so that the last bit of a processor's arithmetic makes no other file."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

DIGITS = 7
"""Significant digits of what has the unit of an input, be it mm³ or a share of 1e-6: as many as float32 holds."""

DECIMALS = 6
"""Decimals of what has no unit: log-odds for each standard deviation, correlations."""

Array = NDArray[np.float64]


def significant(value: float) -> float:
    """A number in the unit of an input."""
    return float(f"{value:.{DIGITS - 1}e}")


def beside(value: float, scale: float) -> float:
    """A mean, to the last digit of its standard deviation: its own digits may be noise around zero."""
    return round(float(value), DIGITS - 1 - math.floor(math.log10(scale))) + 0.0  # + 0.0 turns -0.0 into 0.0


def unitless(values: Array) -> Array:
    """Numbers that have no unit."""
    return np.asarray(np.round(values, DECIMALS) + 0.0)
