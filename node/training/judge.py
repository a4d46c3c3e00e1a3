"""How good a fitting procedure is on patients that it has not seen, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from node.domain.findings import OperatingPoint
from node.training.tabular import Array, Recipe, Table, fit, platt, splits

Bools = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """
    Numbers of the outer cross-validation; intervals are 95 % bootstrap percentiles over patients.

    Attributes:
        auc: Mean over the repeats of the area under the ROC curve.
        slope: Calibration slope of held-out log-odds (1 is ideal).
        intercept: Calibration in the large: log-odds that are lacking on average (0 is ideal).
        ece: Mean distance of stated and observed frequency over five groups of equal size.
        within: Cohort to AUC among its own patients.
        across: "trained on A, tested on B" to AUC and interval.
        withheld: View of the table with fewer inputs to AUC and interval.
    """

    n: int
    events: int
    auc: float
    auc_interval: Interval
    brier: float
    brier_of_prevalence: float
    slope: float
    intercept: float
    ece: float
    operating_point: OperatingPoint
    within: Mapping[str, float]
    across: Mapping[str, tuple[float, Interval]]
    withheld: Mapping[str, tuple[float, Interval]]


def judge(table: Table, recipe: Recipe) -> Performance:
    """Cross-validate the whole procedure, repeatedly, on the full features and on every view of them."""
    held_out = _held_out(table, recipe)
    p, y = held_out[""], table.target
    cohorts = sorted({str(c) for c in table.cohorts})
    return Performance(
        n=len(y),
        events=int(y.sum()),
        auc=mean_auc(p, y),
        auc_interval=_bootstrap(p, y, recipe),
        brier=float(((p - y) ** 2).mean()),
        brier_of_prevalence=float(y.mean() * (1 - y.mean())),
        slope=_mean([_calibration(row, y)[0] for row in p]),
        intercept=_mean([_calibration(row, y)[1] for row in p]),
        ece=_mean([ece(row, y) for row in p]),
        operating_point=operating_point(p.mean(axis=0), y),
        within={c: mean_auc(p[:, table.cohorts == c], y[table.cohorts == c]) for c in cohorts},
        across=_across(table, recipe, cohorts) if len(cohorts) > 1 else {},
        withheld={name: (mean_auc(held_out[name], y), _bootstrap(held_out[name], y, recipe)) for name in table.views},
    )


def auc(p: Array, y: Bools) -> Array:
    """
    Area under the ROC curve: the Mann-Whitney statistic, ties counting one half.

    Args:
        p: Shape (…, n).
        y: Shape (…, n), with both classes along the last axis.

    Returns:
        Shape (…).
    """
    positives = y.sum(axis=-1)
    ranks = np.where(y, rankdata(p, axis=-1), 0).sum(axis=-1) - positives * (positives + 1) / 2
    return np.asarray(ranks / (positives * (y.shape[-1] - positives)))


def mean_auc(p: Array, y: Bools) -> float:
    """Mean over repeats; `p` has the shape (repeats, n)."""
    return float(auc(p, np.broadcast_to(y, p.shape)).mean())


def ece(p: Array, y: Bools, groups: int = 5) -> float:
    """Expected calibration error over groups of equal size."""
    parts = np.array_split(np.argsort(p, kind="stable"), groups)
    return float(sum(len(i) * abs(p[i].mean() - y[i].mean()) for i in parts) / len(p))


def wilson(hits: int, n: int) -> Interval:
    """95 % score interval of a proportion (Wilson 1927)."""
    z = float(norm.ppf(0.975))
    centre, spread = hits + z**2 / 2, z * float(np.sqrt(hits * (n - hits) / n + z**2 / 4))
    return (centre - spread) / (n + z**2), (centre + spread) / (n + z**2)


def operating_point(p: Array, y: Bools) -> OperatingPoint:
    """Sensitivity and specificity at the prevalence: a threshold fixed beforehand, so it flatters nobody."""
    threshold = float(y.mean())
    hits, clear = int((p[y] >= threshold).sum()), int((p[~y] < threshold).sum())
    return OperatingPoint(
        threshold=threshold,
        sensitivity=hits / int(y.sum()),
        specificity=clear / int((~y).sum()),
        sensitivity_interval=wilson(hits, int(y.sum())),
        specificity_interval=wilson(clear, int((~y).sum())),
    )


def _held_out(table: Table, recipe: Recipe) -> dict[str, Array]:
    """View ("": all inputs) to probabilities of shape (repeats, n), each by a model that did not know the patient."""
    views = {"": table.features, **table.views}
    held_out = {name: np.zeros((recipe.repeats, len(table.target))) for name in views}
    for repeat in range(recipe.repeats):
        for train, test in splits(table.target, recipe.folds, recipe.seed + repeat):
            model = fit(table.rows(train), recipe)
            for name, features in views.items():
                held_out[name][repeat, test] = model.probability(features[test])
    return held_out


def _across(table: Table, recipe: Recipe, cohorts: list[str]) -> dict[str, tuple[float, Interval]]:
    found = {}
    for cohort in cohorts:
        mine = table.cohorts == cohort
        model = fit(table.rows(np.flatnonzero(~mine)), recipe)
        p, y = model.probability(table.features[mine])[None], table.target[mine]
        others = " and ".join(c for c in cohorts if c != cohort)
        found[f"trained on {others}, tested on {cohort}"] = (mean_auc(p, y), _bootstrap(p, y, recipe))
    return found


def _bootstrap(p: Array, y: Bools, recipe: Recipe) -> Interval:
    drawn = np.random.default_rng(recipe.seed).integers(0, len(y), (10 * recipe.replicates, len(y)))
    drawn = drawn[(y[drawn].sum(axis=1) > 0) & (y[drawn].sum(axis=1) < len(y))]
    resampled = p[:, drawn]  # (repeats, draws, n)
    values = auc(resampled, np.broadcast_to(y[drawn], resampled.shape)).mean(axis=0)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _calibration(p: Array, y: Bools) -> tuple[float, float]:
    """Slope, and intercept with the slope held at 1 (Van Calster et al., BMC Med 17:230, 2019)."""
    log_odds = np.log(p) - np.log1p(-p)
    slope, _ = platt(log_odds, y)
    observed, stated = y.mean(), p.mean()
    return slope, float(np.log(observed / (1 - observed)) - np.log(stated / (1 - stated)))


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
