"""
Fit a small classifier on a table: penalised logistic regression, honest about what so few patients can carry.

Everything that is learned (means, penalty, recalibration) is learned inside the fold it is judged outside of: inner
cross-validation picks the elastic-net penalty (Zou and Hastie, J R Stat Soc B 67:301, 2005) and fits the recalibration
(Platt scaling on held-out log-odds); outer, repeated cross-validation judges the whole procedure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from node.training.recalibration import lacking, platt, sigmoid

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """
    What to learn from.

    Attributes:
        names: Input names, k of them.
        features: Shape (n, k); NaN = missing.
        target: Shape (n,), bool.
        cohorts: Shape (n,), text: where each patient was seen. Never an input; the model is judged across them.
        views: Name to features of the same shape in which some inputs are missing: how these patients look when less is
            known. The model learns from them beside the full rows, so that it can do without, and is judged on each.
        logs: Names of inputs that are taken by their logarithm.
        blocks: For each input the quantity that it is made from; () where each has its own. What is made from one
            quantity is known, or missing, together.
        groups: Shape (n,), int: whose row it is. Rows of one patient stay on one side of every fold. Empty: one each.
    """

    names: tuple[str, ...]
    features: Array
    target: NDArray[np.bool_]
    cohorts: NDArray[np.str_]
    views: Mapping[str, Array] = field(default_factory=dict)
    logs: frozenset[str] = frozenset()
    blocks: tuple[str, ...] = ()
    groups: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))

    def rows(self, index: NDArray[np.intp]) -> Table:
        """A part of the table."""
        return Table(
            names=self.names,
            features=self.features[index],
            target=self.target[index],
            cohorts=self.cohorts[index],
            views={name: view[index] for name, view in self.views.items()},
            logs=self.logs,
            blocks=self.blocks,
            groups=self.groups[index] if self.groups.size else self.groups,
        )

    @property
    def patients(self) -> int:
        """How many patients: one may have several rows."""
        return len(np.unique(self.groups)) if self.groups.size else len(self.target)

    @property
    def events(self) -> int:
        """How many of them have the target, in whichever of their rows."""
        return len(np.unique(self.groups[self.target])) if self.groups.size else int(self.target.sum())

    @property
    def clear(self) -> int:
        """How many of them have a row without the target."""
        return len(np.unique(self.groups[~self.target])) if self.groups.size else int((~self.target).sum())

    @property
    def log(self) -> NDArray[np.bool_]:
        """Shape (k,): which inputs are taken by their logarithm."""
        return np.array([name in self.logs for name in self.names])


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """
    How to fit. The same recipe and table give the same model, byte by byte.

    Attributes:
        strengths: Penalties tried (`C` of scikit-learn: smaller is stronger).
        mixes: Shares of L1 in the penalty that are tried.
        folds: Outer folds, and inner ones too.
        repeats: Times that the outer cross-validation is drawn anew.
        replicates: Bootstrap replicates, in the ensemble and for intervals of performance (times 10).
        level: Nominal level of the ensemble's interval.
        recalibrate: Whether held-out log-odds shrink the model (Platt scaling, slope 0 to 1). Where nothing is found
            that leaves no weights, so no AUC: a package that refuses for want of a signal is judged without it.
    """

    strengths: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    mixes: tuple[float, ...] = (0.0, 0.5)
    folds: int = 5
    repeats: int = 5
    replicates: int = 200
    level: float = 0.95
    recalibrate: bool = True
    seed: int = 20261121


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear:
    """
    A fitted model in the space of standardised inputs.

    A missing input counts as the training mean, so it adds nothing; a value beyond the training range counts as its
    end.

    Attributes:
        log: Shape (k,), which inputs are taken by their natural logarithm.
        mean: Shape (k,), of the known training values (or their logarithms).
        scale: Shape (k,), their standard deviation, 1 where an input never varied.
        low: Shape (k,), smallest training value.
        high: Shape (k,), largest training value.
        weights: Shape (k,), log-odds per standard deviation, after recalibration.
        bias: Log-odds of a patient with average inputs, after recalibration.
        strength: Penalty that was picked.
        mix: Share of L1 that was picked.
        slope: Recalibration slope that `weights` contain.
    """

    log: NDArray[np.bool_]
    mean: Array
    scale: Array
    low: Array
    high: Array
    weights: Array
    bias: float
    strength: float
    mix: float
    slope: float

    def standardise(self, features: Array) -> Array:
        """Shape (n, k) to shape (n, k), without NaN."""
        held = np.clip(features, self.low, self.high)
        return np.nan_to_num((_logged(held, self.log) - self.mean) / self.scale, nan=0.0)

    def probability(self, features: Array) -> Array:
        """Shape (n, k) to shape (n,)."""
        return sigmoid(self.standardise(features) @ self.weights + self.bias)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ensemble:
    """
    What the interval comes from.

    Attributes:
        weights: Shape (replicates, k): each member's, for standardised inputs.
        biases: Shape (replicates,).
        draws: Shape (replicates, k): what each member takes for a missing input, standardised.
    """

    weights: Array
    biases: Array
    draws: Array


def fit(table: Table, recipe: Recipe) -> Linear:
    """Fit the whole procedure on a table with at least `folds` patients of each class."""
    blank = scaling(table)
    z = _stack(table, blank)
    strength, mix, held_out = _tune(z, table, recipe)
    slope, offset = _shrinking(held_out, table.target) if recipe.recalibrate else (1.0, 0.0)
    weights, bias = _logistic(z, table.target, strength, mix, recipe.seed)
    if not weights.any():  # nothing was found, so everyone is told the prevalence
        slope, offset = 1.0, lacking(np.zeros(1), table.target) - bias
    return replace(blank, weights=slope * weights, bias=slope * bias + offset, strength=strength, mix=mix, slope=slope)


def ensemble(table: Table, model: Linear, recipe: Recipe) -> Ensemble:
    """Refit on bootstrap samples of the patients, with the model's own scaling, penalty and recalibration."""
    rng = np.random.default_rng(recipe.seed)
    z, y = _stack(table, model), table.target
    offset = model.bias - model.slope * _logistic(z, y, model.strength, model.mix, recipe.seed)[1]
    weights: list[Array] = []
    biases: list[float] = []
    while len(weights) < recipe.replicates:
        index = resample(table, rng)
        if y[index].all() or not y[index].any():
            continue
        w, b = _logistic(z[:, index], y[index], model.strength, model.mix, recipe.seed)
        weights.append(model.slope * w)
        biases.append(model.slope * b + offset)
    return Ensemble(weights=np.array(weights), biases=np.array(biases), draws=draws(table, model, recipe))


def draws(table: Table, model: Linear, recipe: Recipe) -> Array:
    """
    What a missing input may have been: for every replicate another value that some training patient had.

    Inputs that are made from one quantity are drawn together, different quantities apart: so no patient's row is kept,
    and what is missing counts as independent of what is known, which widens the interval rather than narrows it.

    Returns:
        Shape (replicates, k), standardised.
    """
    rng = np.random.default_rng(recipe.seed + 1)
    z = model.standardise(table.features)
    drawn = np.zeros((recipe.replicates, len(table.names)))
    blocks = np.array(table.blocks or table.names)
    for block in dict.fromkeys(blocks):
        columns = np.flatnonzero(blocks == block)
        known = np.flatnonzero(~np.isnan(table.features[:, columns]).any(axis=1))
        if known.size:
            drawn[:, columns] = z[np.ix_(rng.choice(known, recipe.replicates), columns)]
    return drawn


def resample(table: Table, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of a bootstrap sample of patients: all rows of each patient that is drawn."""
    if not table.groups.size:
        return rng.integers(0, len(table.target), len(table.target))
    patients = np.unique(table.groups)
    return np.concatenate([np.flatnonzero(table.groups == each) for each in rng.choice(patients, len(patients))])


def splits(table: Table, folds: int, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Stratified folds as (train, test) indices; the rows of one patient are all in one of them."""
    blank = np.zeros((len(table.target), 1))
    if table.groups.size:
        grouped = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        return [(train, test) for train, test in grouped.split(blank, table.target, table.groups)]
    folder = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [(train, test) for train, test in folder.split(blank, table.target)]


def scaling(table: Table) -> Linear:
    """A model that knows how inputs are distributed, and nothing about the target."""
    k = len(table.names)
    known = [column[~np.isnan(column)] for column in table.features.T]
    known = [column if column.size else np.ones(1) for column in known]
    taken = [np.log(column) if log else column for column, log in zip(known, table.log, strict=True)]
    scale = np.array([column.std() for column in taken])
    return Linear(
        log=table.log, mean=np.array([column.mean() for column in taken]), scale=np.where(scale > 0, scale, 1.0),
        low=np.array([column.min() for column in known]), high=np.array([column.max() for column in known]),
        weights=np.zeros(k), bias=0.0, strength=1.0, mix=0.0, slope=1.0,
    )  # fmt: skip


def _shrinking(held_out: Array, target: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the recalibration, which only shrinks: so few patients must not make it bolder."""
    return platt(held_out.ravel(), np.broadcast_to(target, held_out.shape).ravel(), most=1.0)


def _logged(values: Array, log: NDArray[np.bool_]) -> Array:
    return np.where(log, np.log(np.where(log, values, 1.0)), values)


def _stack(table: Table, scaling: Linear) -> Array:
    """The full features and every view, standardised: shape (views + 1, n, k)."""
    return np.stack([scaling.standardise(features) for features in (table.features, *table.views.values())])


def _tune(z: Array, table: Table, recipe: Recipe) -> tuple[float, float, Array]:
    """
    The penalty with the smallest held-out log loss, and the log-odds it gave to patients it had not seen.

    A patient's views stay together, on one side of every fold.
    """
    target, folds = table.target, splits(table, recipe.folds, recipe.seed)
    best, choice = np.inf, (recipe.strengths[0], recipe.mixes[0], np.zeros(z.shape[:2]))
    for strength in recipe.strengths:
        for mix in recipe.mixes:
            held_out = np.zeros(z.shape[:2])
            for train, test in folds:
                weights, bias = _logistic(z[:, train], target[train], strength, mix, recipe.seed)
                held_out[:, test] = z[:, test] @ weights + bias
            loss = float(np.logaddexp(0, np.where(target, -held_out, held_out)).mean())
            if loss < best - 1e-9:
                best, choice = loss, (strength, mix, held_out)
    return choice


def _logistic(z: Array, target: NDArray[np.bool_], strength: float, mix: float, seed: int) -> tuple[Array, float]:
    """
    Fit on features of shape (views, n, k); the views of a patient weigh as much as one patient.

    saga stops when the weights do, so where L1 keeps them at zero it stops before the intercept has moved: that is
    taken from its own score equation, as it is not penalised. Every row weighs the same, which `lacking` takes for
    granted.
    """
    views, n, k = z.shape
    rows, told = z.reshape(views * n, k), np.tile(target, views)
    solver = "saga" if mix else "newton-cholesky"  # a few Newton steps, where nothing makes the penalty uneven
    fitted = LogisticRegression(C=strength, l1_ratio=mix, solver=solver, max_iter=20_000, tol=1e-6, random_state=seed)
    fitted.fit(rows, told, sample_weight=np.full(views * n, 1 / views))
    weights: Array = fitted.coef_[0]
    return weights, lacking(rows @ weights, told) if mix else float(fitted.intercept_[0])
