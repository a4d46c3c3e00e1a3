"""How good a fitting procedure is on patients that it has not seen, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from node.domain.facts import OperatingPoint
from node.training.calibration import Calibration, calibration
from node.training.curves import Benefit, Bools, Reliability, decision_curve, reliability
from node.training.shares import Interval, Shares
from node.training.tabular import Array, Recipe, Table, fit, resample, splits

Progress = Callable[[str], None]
"""Takes one line that says how far a long work is."""

Auc = tuple[float, Interval] | None
"""With its interval; None where everyone was told the same, so that nothing was measured."""

Folds = list[list[tuple[NDArray[np.intp], NDArray[np.intp]]]]
"""For every repeat the folds as (train, test) indices."""

SAME = 1e-9
"""Answers that differ by less are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    How the model fares among some of its patients, held out as all are.

    Attributes:
        n: Patients.
        events: Those of them who have the target.
        auc: With its interval; None where one class is too rare, or where
        alike: everyone was told the same.
        stated: Mean answer.
    """

    n: int
    events: int
    auc: Auc
    alike: bool
    stated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """
    Numbers of the outer cross-validation: means over its repeats, each of which holds every patient out once.

    Intervals are 95 % bootstrap percentiles over patients; those of shares are score intervals where every patient has
    one row.

    Attributes:
        n: Patients.
        events: Those of them who have the target.
        auc: Mean over the repeats of the area under the ROC curve; None where no model of a fold told patients apart.
        folds: Models that were fitted in the cross-validation.
        folds_alike: Those of them that told everyone the same.
        calibration: Whether the answers came true.
        within: Cohort to AUC among its own patients.
        across: "trained on A, tested on B" to AUC and interval.
        withheld: View of the table with fewer inputs to AUC and interval.
        reliability: Stated against observed, over the answers of all repeats.
        benefit: The decision curve of the same answers.
        subgroups: Name to how the model fares there.
        baselines: Name of a simpler model to its AUC and interval, in the same folds.
        baseline_subgroups: Name of a simpler model to subgroup to how it fares there.
    """

    n: int
    events: int
    auc: float | None
    auc_interval: Interval | None
    folds: int
    folds_alike: int
    brier: float
    brier_of_prevalence: float
    calibration: Calibration
    operating_point: OperatingPoint
    within: Mapping[str, float | None]
    across: Mapping[str, Auc]
    withheld: Mapping[str, Auc]
    reliability: tuple[Reliability, ...]
    benefit: tuple[Benefit, ...]
    subgroups: Mapping[str, Part]
    baselines: Mapping[str, Auc]
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
    folds = [splits(table, recipe.folds, recipe.seed + repeat) for repeat in range(recipe.repeats)]
    held_out = _held_out(table, recipe, folds, "cross-validation", progress)
    p, y = held_out[""], table.target
    cohorts, groups = sorted({str(c) for c in table.cohorts}), subgroups or {}
    simple = {name: _held_out(t, recipe, folds, name, progress)[""] for name, t in (baselines or {}).items()}
    alike, whole, shares = _alike(p, folds), _auc(p, table, recipe, folds), Shares.of(table, recipe)
    return Performance(
        n=table.patients,
        events=table.events,
        auc=whole[0] if whole else None,
        auc_interval=whole[1] if whole else None,
        folds=alike.size,
        folds_alike=int(alike.sum()),
        brier=float(((p - y) ** 2).mean()),
        brier_of_prevalence=float(y.mean() * (1 - y.mean())),
        calibration=_calibration(p, table, recipe, known=whole is not None),
        operating_point=operating_point(p, y, shares),
        within={c: _within(p, table, folds, table.cohorts == c) for c in _testable(table, cohorts)},
        across=_across(table, recipe, cohorts) if len(cohorts) > 1 else {},
        withheld={name: _auc(held_out[name], table, recipe, folds) for name in table.views},
        reliability=reliability(p, y, shares=shares),
        benefit=decision_curve(p, y),
        subgroups={name: _part(p, table, mine, recipe, folds) for name, mine in groups.items()},
        baselines={name: _auc(q, table, recipe, folds) for name, q in simple.items()},
        baseline_subgroups={
            name: {group: _part(q, table, mine, recipe, folds) for group, mine in groups.items()}
            for name, q in simple.items()
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


def operating_point(p: Array, y: Bools, shares: Shares) -> OperatingPoint:
    """
    Sensitivity and specificity at the prevalence: a threshold fixed beforehand, so it flatters nobody.

    Args:
        p: Shape (repeats, n); both are means over the repeats.
        y: Shape (n,).
        shares: How their intervals are taken.
    """
    threshold, repeats = float(y.mean()), len(p)
    above = (p >= threshold).sum(axis=0)
    hits, clear = above * y, (repeats - above) * ~y
    return OperatingPoint(
        threshold=threshold,
        sensitivity=float(hits.sum() / repeats) / int(y.sum()),
        specificity=float(clear.sum() / repeats) / int((~y).sum()),
        sensitivity_interval=shares.interval(hits, repeats * y),
        specificity_interval=shares.interval(clear, repeats * ~y),
    )


def _held_out(table: Table, recipe: Recipe, folds: Folds, what: str, progress: Progress) -> dict[str, Array]:
    """View ("": all inputs) to probabilities of shape (repeats, n), each by a model that did not know the patient."""
    views = {"": table.features, **table.views}
    held_out = {name: np.zeros((recipe.repeats, len(table.target))) for name in views}
    for repeat, drawn in enumerate(folds):
        progress(f"{what}: round {repeat + 1} of {recipe.repeats}")
        for train, test in drawn:
            model = fit(table.rows(train), recipe)
            for name, features in views.items():
                held_out[name][repeat, test] = model.probability(features[test])
    return held_out


def _alike(p: Array, folds: Folds, mine: Bools | None = None) -> Bools:
    """
    Which models told all their held-out patients (or those of `mine`) the same; constants of two folds may differ.

    Returns:
        Shape (repeats, folds).
    """
    asked = np.ones(p.shape[1], bool) if mine is None else mine
    return np.array([
        [bool(np.ptp(row[kept]) < SAME) if (kept := test[asked[test]]).size else True for _, test in drawn]
        for row, drawn in zip(p, folds, strict=True)
    ])  # fmt: skip


def _auc(p: Array, table: Table, recipe: Recipe, folds: Folds) -> Auc:
    """Of answers of shape (repeats, n), with its interval; None where no model told its patients apart."""
    return None if _alike(p, folds).all() else (mean_auc(p, table.target), _bootstrap(p, table, recipe))


def _calibration(p: Array, table: Table, recipe: Recipe, *, known: bool) -> Calibration:
    """Without a slope where no model told its patients apart: that of the folds' constants means nothing."""
    found = calibration(p, table, recipe)
    return found if known else replace(found, slope=None, slope_interval=None)


def _within(p: Array, table: Table, folds: Folds, mine: Bools) -> float | None:
    """AUC among the patients `mine`; None where no model told them apart."""
    return None if _alike(p, folds, mine).all() else mean_auc(p[:, mine], table.target[mine])


def _testable(table: Table, cohorts: list[str]) -> list[str]:
    """Cohorts that have both classes."""
    return [c for c in cohorts if 0 < table.target[table.cohorts == c].sum() < (table.cohorts == c).sum()]


def _across(table: Table, recipe: Recipe, cohorts: list[str]) -> dict[str, Auc]:
    found: dict[str, Auc] = {}
    for cohort in _testable(table, cohorts):
        mine = table.cohorts == cohort
        others = table.rows(np.flatnonzero(~mine))
        if min(others.events, others.clear) < recipe.folds:
            continue
        p, part = fit(others, recipe).probability(table.features[mine])[None], table.rows(np.flatnonzero(mine))
        names = " and ".join(c for c in cohorts if c != cohort)
        tested: Folds = [[(np.flatnonzero(~mine), np.arange(len(part.target)))]]
        found[f"trained on {names}, tested on {cohort}"] = _auc(p, part, recipe, tested)
    return found


def _part(p: Array, table: Table, mine: Bools, recipe: Recipe, folds: Folds) -> Part:
    """How answers of shape (repeats, n) fare among the patients `mine`."""
    part, q = table.rows(np.flatnonzero(mine)), p[:, mine]
    enough = min(part.events, part.clear) >= 5  # fewer give an AUC that says nothing
    alike = bool(_alike(p, folds, mine).all())
    return Part(
        n=part.patients, events=part.events, stated=float(q.mean()) if part.patients else 0.0, alike=alike,
        auc=(mean_auc(q, part.target), _bootstrap(q, part, recipe)) if enough and not alike else None,
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
