"""Tables that no model may be trained on: what leaks the answer, who stands there twice, too little to learn from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from node.errors import ConfigError
from node.training.judge import auc
from node.training.rows import Patients, inputs_without_values
from node.training.spec import Spec
from node.training.tabular import Array

ALONE = 0.98
"""AUC of a single column beyond which it is the answer in disguise; no finding on an image is that good."""

FEWEST_EVENTS = 10
"""Fewer patients of one class carry no model; below it only on explicit demand, and marked."""

_IDENTIFIER = re.compile(r"(?i)(^|[ _-])(id|uid|mrn|accession|index|row|nr|no|number|patient|subject|case)$|^unnamed")

_LATER = re.compile(
    r"(?i)surviv|death|dead|alive|deceased|follow.?up|recur|progress|relapse|outcome|respon[sd]|treat|therap|chemo|"
    r"radiation|resect|surg|adjuvant|patholog|histopath|mutation|wild.?type|methylat|molecular|sequenc|biops|"
    r"(^|[ _-])(os|pfs|dfs|eor|grade|status|label|target|diagnosis)($|[ _-])"
)
"""Names of what is usually known only after the question is answered."""


def check(found: Patients, spec: Spec, *, at: str, exploratory: bool) -> None:
    """
    Refuse a table that a model must not be trained on.

    Args:
        found: Its patients.
        spec: What the columns mean.
        at: The table, for the message.
        exploratory: Whether fewer than ten patients of a class are allowed.

    Raises:
        ConfigError: Every reason at once.
    """
    mistakes = [*_classes(found, spec, exploratory=exploratory), *_twice(found, spec)]
    if not mistakes:
        mistakes = [*_leaks(found, spec), *_empty(found)]
    if mistakes:
        raise ConfigError(mistakes, at=at, do="correct the table or the specification; nothing was trained")


def _classes(found: Patients, spec: Spec, *, exploratory: bool) -> Iterator[str]:
    positive = int(found.table.target.sum())
    counted = {"with": positive, "without": len(found.rows) - positive}
    for word, n in counted.items():
        if n == 0:
            values = Counter(row[spec.table.target] for row in found.rows)
            yield f"one class only: no patient {word} the target in column {spec.table.target!r} ({dict(values)})"
        elif n < spec.recipe.folds:
            yield f"{n} patients {word} the target: fewer than the {spec.recipe.folds} folds of cross-validation"
        elif n < FEWEST_EVENTS and not exploratory:
            yield f"{n} patients {word} the target: fewer than {FEWEST_EVENTS} carry no model (--exploratory overrides)"


def _twice(found: Patients, spec: Spec) -> Iterator[str]:
    ids = [row[spec.table.patient] for row in found.rows]
    if blank := ids.count(""):
        yield f"{blank} rows have no patient in column {spec.table.patient!r}"
    repeated = [name for name, n in Counter(ids).items() if n > 1]
    if repeated and not spec.table.repeated:
        yield (
            f"{len(repeated)} patients stand in more than one row: keep one each, or set table.repeated = true to keep "
            "their rows together"
        )
    # Rows of different patients that agree in every feature are one patient under two names.
    keys = Counter(
        (tuple(sorted(q.items())), id_) for q, id_ in zip(map(_measured, found.quantities), ids, strict=True)
    )
    values = Counter(key for key, _ in keys if len(key) >= 3)
    if copies := sum(n - 1 for n in values.values()):
        yield f"{copies} rows repeat the measurements of another patient exactly"


def _measured(quantities: object) -> dict[str, float]:
    """Numbers that two patients do not share by chance."""
    assert isinstance(quantities, dict)  # noqa: S101 - made by `rows`
    return {k: v for k, v in quantities.items() if isinstance(v, float) and not v.is_integer()}


def _leaks(found: Patients, spec: Spec) -> Iterator[str]:
    table, y = found.table, found.table.target
    columns = {item.name: spec.column(item.source) for item in spec.inputs}
    for item, values in zip(spec.inputs, table.features.T, strict=True):
        column = columns[item.name]
        allowed = item.name in spec.table.known_before or column in spec.table.known_before
        if column in {spec.table.target, spec.table.patient, spec.table.cohort}:
            yield f"input {item.name}: column {column!r} is the target, the patient or the cohort"
        elif _IDENTIFIER.search(column) or _numbers_rows(values):
            yield f"input {item.name}: column {column!r} numbers patients or rows"
        elif _LATER.search(column.removeprefix("original_")) and not allowed:
            yield (
                f"input {item.name}: column {column!r} reads like something known only after the question is answered "
                "(if it is not, list it in table.known_before)"
            )
        elif (alone := _alone(values, y)) >= ALONE:
            yield f"input {item.name}: column {column!r} tells the target by itself (AUC {alone:.2f}): a copy of it?"
        elif (alone := _alone(np.isnan(values).astype(float), y)) >= ALONE:
            yield f"input {item.name}: whether column {column!r} is filled tells the target (AUC {alone:.2f})"


def _empty(found: Patients) -> Iterator[str]:
    for name in inputs_without_values(found.table):
        yield f"input {name}: has fewer than two different values"


def _alone(values: Array, y: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    known = ~np.isnan(values)
    target = y[known]
    if min(target.sum(), (~target).sum()) < 3:
        return 0.5
    found = float(auc(values[known], target))
    return max(found, 1 - found)


def _numbers_rows(values: Array) -> bool:
    """Whether a column rises by the same step from row to row."""
    steps = np.diff(values)
    return len(values) > 10 and bool(np.isfinite(steps).all()) and np.ptp(steps) == 0 and steps[0] != 0
