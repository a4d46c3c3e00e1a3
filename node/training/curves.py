"""Whether probabilities come true, and whether acting on them would help: numbers behind the figures of a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from node.training.tabular import Array

Bools = NDArray[np.bool_]
Interval = tuple[float, float]

GROUPS = 5
"""Groups of equal size that reliability is counted in."""

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Threshold probabilities of the decision curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """
    One group of patients with similar answers.

    Attributes:
        stated: Mean probability that they were told.
        observed: Share of them with the target.
        interval: 95 % score interval of `observed`.
    """

    n: int
    events: int
    stated: float
    observed: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """
    Net benefit of acting at one threshold: true positives less false ones weighed by the threshold's odds, per patient.

    Vickers and Elkin, Med Decis Making 26:565 (2006).
    """

    threshold: float
    model: float
    all: float
    none: float = 0.0


def reliability(p: Array, y: Bools, groups: int = GROUPS) -> tuple[Reliability, ...]:
    """
    Stated against observed frequency over groups of equal size.

    Args:
        p: Shape (n,), of patients that were held out.
        y: Shape (n,).
    """
    found = []
    for part in np.array_split(np.argsort(p, kind="stable"), min(groups, len(p))):
        n, events = len(part), int(y[part].sum())
        found.append(
            Reliability(
                n=n, events=events, stated=float(p[part].mean()), observed=events / n, interval=wilson(events, n)
            )
        )
    return tuple(found)


def ece(p: Array, y: Bools, groups: int = GROUPS) -> float:
    """Expected calibration error over groups of equal size."""
    return sum(g.n * abs(g.stated - g.observed) for g in reliability(p, y, groups)) / len(p)


def decision_curve(p: Array, y: Bools) -> tuple[Benefit, ...]:
    """Net benefit of acting on the model, on everyone and on no one, at every threshold."""
    found = []
    for threshold in THRESHOLDS:
        odds = threshold / (1 - threshold)
        acted = p >= threshold
        model = float((acted & y).mean() - odds * (acted & ~y).mean())
        found.append(Benefit(threshold=threshold, model=model, all=float(y.mean() - odds * (~y).mean())))
    return tuple(found)


def wilson(hits: int, n: int) -> Interval:
    """95 % score interval of a proportion (Wilson 1927)."""
    z = float(norm.ppf(0.975))
    centre, spread = hits + z**2 / 2, z * float(np.sqrt(hits * (n - hits) / n + z**2 / 4))
    return max(0.0, (centre - spread) / (n + z**2)), min(1.0, (centre + spread) / (n + z**2))
