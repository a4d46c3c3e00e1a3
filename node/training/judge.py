"""How good a fitting procedure is on patients that it has not seen, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from node.domain.facts import OperatingPoint
from node.training.calibration import Calibration, calibration
from node.training.curves import Benefit, Bools, Interval, Reliability, decision_curve, reliability, wilson
from node.training.tabular import Array, Recipe, Table, fit, resample, splits

Progress = Callable[[str], None]
"""Takes one line that says how far a long work is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How the model fares among some of its patients, held out as all are; AUC None where one class is too rare."""

    n: int
    events: int
    auc: float | None
    interval: Interval | None
    stated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """
    Numbers of the outer cross-validation; intervals are 95 % bootstrap percentiles over patients.

    Attributes:
        n: Patients.
        events: Those of them who have the target.
        auc: Mean over the repeats of the area under the ROC curve.
        calibration: Whether the answers came true.
        within: Cohort to AUC among its own patients.
        across: "trained on A, tested on B" to AUC and interval.
        withheld: View of the table with fewer inputs to AUC and interval.
        reliability: Stated against observed, by mean held-out answers.
        benefit: The decision curve of the same answers.
        subgroups: Name to how the model fares there.
        baselines: Name of a simpler model to its AUC and interval, in the same folds.
        baseline_subgroups: Name of a simpler model to subgroup to how it fares there.
    """

    n: int
    events: int
    auc: float
    auc_interval: Interval
    brier: float
    brier_of_prevalence: float
    calibration: Calibration
    operating_point: OperatingPoint
    within: Mapping[str, float]
    across: Mapping[str, tuple[float, Interval]]
    withheld: Mapping[str, tuple[float, Interval]]
    reliability: tuple[Reliability, ...]
    benefit: tuple[Benefit, ...]
    subgroups: Mapping[str, Part]
    baselines: Mapping[str, tuple[float, Interval]]
    baseline_subgroups: Mapping[str, Mapping[str, Part]]


def judge(
    table: Table,
    recipe: Recipe,
    *,
    baselines: Mapping[str, Table] | None = None,
    subgroups: Mapping[str, Bools] | None = None,
    progress: Progress = lambda _: None,
) -> Performance:
    """
    Cross-validate the whole procedure, repeatedly, on the full features and on every view of them.

    Args:
        table: The patients.
        recipe: How to fit.
        baselines: Name to the same patients with the inputs of a simpler model, judged in the same folds.
        subgroups: Name to which patients, shape (n,).
        progress: Told how far the work is.
    """
    held_out = _held_out(table, recipe, "cross-validation", progress)
    p, y = held_out[""], table.target
    cohorts, groups = sorted({str(c) for c in table.cohorts}), subgroups or {}
    simple = {name: _held_out(t, recipe, name, progress)[""] for name, t in (baselines or {}).items()}
    return Performance(
        n=table.patients,
        events=table.events,
        auc=mean_auc(p, y),
        auc_interval=_bootstrap(p, table, recipe),
        brier=float(((p - y) ** 2).mean()),
        brier_of_prevalence=float(y.mean() * (1 - y.mean())),
        calibration=calibration(p, table, recipe),
        operating_point=operating_point(p.mean(axis=0), y),
        within={c: mean_auc(p[:, table.cohorts == c], y[table.cohorts == c]) for c in _testable(table, cohorts)},
        across=_across(table, recipe, cohorts) if len(cohorts) > 1 else {},
        withheld={n: (mean_auc(held_out[n], y), _bootstrap(held_out[n], table, recipe)) for n in table.views},
        reliability=reliability(p.mean(axis=0), y),
        benefit=decision_curve(p.mean(axis=0), y),
        subgroups={name: _part(p, table, mine, recipe) for name, mine in groups.items()},
        baselines={name: (mean_auc(q, y), _bootstrap(q, table, recipe)) for name, q in simple.items()},
        baseline_subgroups={
            name: {group: _part(q, table, mine, recipe) for group, mine in groups.items()} for name, q in simple.items()
        },
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


def _held_out(table: Table, recipe: Recipe, what: str, progress: Progress) -> dict[str, Array]:
    """View ("": all inputs) to probabilities of shape (repeats, n), each by a model that did not know the patient."""
    views = {"": table.features, **table.views}
    held_out = {name: np.zeros((recipe.repeats, len(table.target))) for name in views}
    for repeat in range(recipe.repeats):
        progress(f"{what}: round {repeat + 1} of {recipe.repeats}")
        for train, test in splits(table, recipe.folds, recipe.seed + repeat):
            model = fit(table.rows(train), recipe)
            for name, features in views.items():
                held_out[name][repeat, test] = model.probability(features[test])
    return held_out


def _testable(table: Table, cohorts: list[str]) -> list[str]:
    """Cohorts that have both classes."""
    return [c for c in cohorts if 0 < table.target[table.cohorts == c].sum() < (table.cohorts == c).sum()]


def _across(table: Table, recipe: Recipe, cohorts: list[str]) -> dict[str, tuple[float, Interval]]:
    found = {}
    for cohort in _testable(table, cohorts):
        mine = table.cohorts == cohort
        others = table.rows(np.flatnonzero(~mine))
        if min(others.target.sum(), (~others.target).sum()) < recipe.folds:
            continue
        p, part = fit(others, recipe).probability(table.features[mine])[None], table.rows(np.flatnonzero(mine))
        names = " and ".join(c for c in cohorts if c != cohort)
        found[f"trained on {names}, tested on {cohort}"] = (mean_auc(p, part.target), _bootstrap(p, part, recipe))
    return found


def _part(p: Array, table: Table, mine: Bools, recipe: Recipe) -> Part:
    """How answers of shape (repeats, n) fare among the patients `mine`."""
    part, q = table.rows(np.flatnonzero(mine)), p[:, mine]
    enough = min(part.events, part.clear) >= 5  # fewer give an AUC that says nothing
    return Part(
        n=part.patients, events=part.events, stated=float(q.mean()) if part.patients else 0.0,
        auc=mean_auc(q, part.target) if enough else None,
        interval=_bootstrap(q, part, recipe) if enough else None,
    )  # fmt: skip


def _bootstrap(p: Array, table: Table, recipe: Recipe) -> Interval:
    y, rng = table.target, np.random.default_rng(recipe.seed)
    if table.groups.size:
        samples = [resample(table, rng) for _ in range(10 * recipe.replicates)]
        values = np.array([mean_auc(p[:, i], y[i]) for i in samples if 0 < y[i].sum() < len(i)])
    else:
        drawn = rng.integers(0, len(y), (10 * recipe.replicates, len(y)))
        drawn = drawn[(y[drawn].sum(axis=1) > 0) & (y[drawn].sum(axis=1) < len(y))]
        resampled = p[:, drawn]  # (repeats, draws, n)
        values = auc(resampled, np.broadcast_to(y[drawn], resampled.shape)).mean(axis=0)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
