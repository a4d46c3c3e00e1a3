"""Tables that no model may be trained on: what leaks the answer, too little to learn from, who stands there twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import rankdata

from node.errors import ConfigError
from node.training.copies import twice
from node.training.curves import Bools
from node.training.judge import auc
from node.training.rows import Patients, inputs_without_values
from node.training.spec import Spec
from node.training.tabular import Array

ALONE = 0.98
"""AUC of a single column beyond which it is the answer in disguise; no finding on an image is that good."""

FEWEST_EVENTS = 10
"""Fewer patients of one class carry no model; below it only on explicit demand, and marked."""

MOST_GROUPS, FEWEST_ALIKE = 10, 5
"""Groups that a column is cut into where it has more values, and how many patients each has at least."""

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
    mistakes = [*_classes(found, spec, exploratory=exploratory), *twice(found, spec)]
    if not mistakes:
        mistakes = [*_leaks(found, spec), *_empty(found)]
    if mistakes:
        raise ConfigError(mistakes, at=at, do="correct the table or the specification; nothing was trained")


def _classes(found: Patients, spec: Spec, *, exploratory: bool) -> Iterator[str]:
    for word, n in {"with": found.table.events, "without": found.table.clear}.items():
        if n == 0:
            values = Counter(row[spec.table.target] for row in found.rows)
            yield f"one class only: no patient {word} the target in column {spec.table.target!r} ({dict(values)})"
        elif n < spec.recipe.folds:
            yield f"{n} patients {word} the target: fewer than the {spec.recipe.folds} folds of cross-validation"
        elif n < FEWEST_EVENTS and not exploratory:
            yield f"{n} patients {word} the target: fewer than {FEWEST_EVENTS} carry no model (--exploratory overrides)"


def _leaks(found: Patients, spec: Spec) -> Iterator[str]:
    table, y = found.table, found.table.target
    columns = {item.name: spec.column(item.source) for item in spec.inputs}
    by_value = {
        source: _by_value([quantities.get(source) for quantities in found.quantities], y)
        for source in dict.fromkeys(item.source for item in spec.inputs)
    }
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
        elif (alone := by_value[item.source]) >= ALONE:
            yield (
                f"input {item.name}: column {column!r} tells the target by itself (AUC {alone:.2f}, value by value): a "
                "copy of it?"
            )


def _empty(found: Patients) -> Iterator[str]:
    for name in inputs_without_values(found.table):
        yield f"input {name}: has fewer than two different values"


def _alone(values: Array, y: Bools) -> float:
    known = ~np.isnan(values)
    target = y[known]
    if min(target.sum(), (~target).sum()) < 3:
        return 0.5
    found = float(auc(values[known], target))
    return max(found, 1 - found)


def _by_value(values: Sequence[float | str | None], y: Bools) -> float:
    """
    AUC of the share with the target among those of the same value, in whatever order the values come.

    So the codes 0 and 2 for "with" and 1 for "without" are seen, which no rising or falling order tells. Numbers of
    many values are cut into groups of equal size; groups of fewer than `FEWEST_ALIKE` would tell the target by chance.
    """
    known = np.array([value is not None for value in values])
    there, target = [value for value in values if value is not None], y[known]
    if min(target.sum(), (~target).sum()) < 3:
        return 0.5
    codes = np.unique(np.array(there, str if any(isinstance(v, str) for v in there) else float), return_inverse=True)[1]
    most = max(2, min(MOST_GROUPS, len(there) // FEWEST_ALIKE))
    if codes.max() >= most:
        codes = (rankdata(codes) * most / (len(codes) + 1)).astype(int)
    shares = np.bincount(codes, weights=target) / np.maximum(np.bincount(codes), 1)
    return float(auc(shares[codes], target))


def _numbers_rows(values: Array) -> bool:
    """Whether a column rises by the same step from row to row."""
    steps = np.diff(values)
    return len(values) > 10 and bool(np.isfinite(steps).all()) and np.ptp(steps) == 0 and steps[0] != 0
