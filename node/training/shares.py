"""Intervals of shares of patients: how many of those with the target were told so, how many of a group had it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from node.training.tabular import Array, Recipe, Table, resample

Interval = tuple[float, float]

Counts = NDArray[np.intp]
"""Shape (n,): for each row, in how many repeats of the cross-validation something holds."""


def wilson(hits: float, n: float) -> Interval:
    """95 % score interval of a proportion (Wilson 1927); means of counts over repeats are taken as counts."""
    z = float(norm.ppf(0.975))
    centre, spread = hits + z**2 / 2, z * float(np.sqrt(hits * (n - hits) / n + z**2 / 4))
    return max(0.0, (centre - spread) / (n + z**2)), min(1.0, (centre + spread) / (n + z**2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """
    How intervals of shares are taken from one table.

    Attributes:
        repeats: Of the cross-validation.
        groups: Shape (n,), whose row it is; empty where every patient has one.
        drawn: Shape (samples, n), how often each row is in a bootstrap sample of patients; unused without groups.
    """

    repeats: int
    groups: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    drawn: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(cls, table: Table, recipe: Recipe) -> Shares:
        """For a table and a number of repeats and bootstrap samples."""
        if not table.groups.size:
            return cls(repeats=recipe.repeats)
        rng, n = np.random.default_rng(recipe.seed), len(table.target)
        drawn = [np.bincount(resample(table, rng), minlength=n) for _ in range(10 * recipe.replicates)]
        return cls(repeats=recipe.repeats, groups=table.groups, drawn=np.array(drawn, float))

    def interval(self, hits: Counts, among: Counts) -> Interval:
        """
        95 % interval of a share.

        Where every patient has one row it is the score interval. Rows of one patient are not independent, so where they
        repeat it is that of a bootstrap over patients; a share of none or of all does not vary in it, and then it is
        the score interval of as many patients.

        Args:
            hits: Of `among`.
            among: What the share is taken of.
        """
        if not self.groups.size:
            return wilson(float(hits.sum()) / self.repeats, float(among.sum()) / self.repeats)
        patients = len(np.unique(self.groups[among > 0]))
        if hits.sum() in {0, among.sum()}:
            return wilson(patients if hits.any() else 0, patients)
        of = self.drawn @ among
        low, high = np.percentile((self.drawn @ hits)[of > 0] / of[of > 0], [2.5, 97.5])
        return float(low), float(high)
