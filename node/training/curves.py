"""Whether probabilities come true, and whether acting on them would help: numbers behind the figures of a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.training.shares import Interval, Shares
from node.training.tabular import Array

Bools = NDArray[np.bool_]

GROUPS = 5
"""Groups of about equal size that reliability is counted in."""

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Threshold probabilities of the decision curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """
    One group of similar answers; every row of the table has one in each repeat of the cross-validation.

    Attributes:
        n: Answers.
        events: Those of them that were given to rows with the target.
        stated: Mean of the answers.
        observed: Share of them that were given to rows with the target.
        interval: 95 % interval of `observed`, as `Shares.interval` takes it.
    """

    n: int
    events: int
    stated: float
    observed: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """
    Net benefit of acting at one threshold: true positives less false ones weighed by the threshold's odds, per row.

    Vickers and Elkin, Med Decis Making 26:565 (2006).
    """

    threshold: float
    model: float
    all: float
    none: float = 0.0


def reliability(p: Array, y: Bools, groups: int = GROUPS, *, shares: Shares | None = None) -> tuple[Reliability, ...]:
    """
    Stated against observed frequency over groups of about equal size; equal answers are in one group.

    Args:
        p: Shape (repeats, n), of patients that were held out.
        y: Shape (n,).
        groups: How many at most.
        shares: How intervals are taken; as if every row were a patient's only one, where it is not given.
    """
    repeats, n_rows = p.shape
    shares, order = shares or Shares(repeats=repeats), np.argsort(p, axis=None, kind="stable")
    told, came = p.ravel()[order], np.tile(y, repeats)[order]
    ends = np.cumsum([len(part) for part in np.array_split(told, min(groups, told.size))])
    ends = np.unique(np.searchsorted(told, told[ends - 1], side="right"))
    found = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        n, events = int(end - start), int(came[start:end].sum())
        among = np.bincount(order[start:end] % n_rows, minlength=n_rows)
        found.append(
            Reliability(
                n=n, events=events, stated=float(told[start:end].mean()), observed=events / n,
                interval=shares.interval(among * y, among),
            )
        )  # fmt: skip
    return tuple(found)


def ece(p: Array, y: Bools, groups: int = GROUPS) -> float:
    """Expected calibration error: mean distance of stated and observed in `reliability`, over its answers."""
    return sum(g.n * abs(g.stated - g.observed) for g in reliability(p, y, groups)) / p.size


def decision_curve(p: Array, y: Bools) -> tuple[Benefit, ...]:
    """
    Net benefit of acting on the model, on everyone and on no one, at every threshold.

    Args:
        p: Shape (repeats, n); the net benefit is the mean over the repeats.
        y: Shape (n,).
    """
    found = []
    for threshold in THRESHOLDS:
        odds = threshold / (1 - threshold)
        acted = p >= threshold
        model = float((acted & y).mean() - odds * (acted & ~y).mean())
        found.append(Benefit(threshold=threshold, model=model, all=float(y.mean() - odds * (~y).mean())))
    return tuple(found)
