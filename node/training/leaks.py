"""Tables that no model may be trained on: what leaks the answer, too little to learn from, who stands there twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from node.domain import radiomics
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.training.copies import twice
from node.training.curves import Bools
from node.training.judge import auc
from node.training.rows import Patients
from node.training.spec import Spec
from node.training.tabular import Array

ALONE = 0.98
"""AUC of a single column beyond which it is the answer in disguise; no finding on an image is that good."""

FEWEST_EVENTS = 10
"""Fewer patients of one class carry no model; below it only on explicit demand, and marked."""

MOST_GROUPS, FEWEST_ALIKE = 10, 5
"""Groups that a column is cut into where it has more values, and how many patients each has at least."""

_IDENTIFIER = re.compile(
    r"(?i)(^|[ _-])(id|uid|mrn|accession|index|row|nr|no|number|patient|subject|case)$|^unnamed|"
    r"(patient|subject|case|study|series|scan|exam)(id|uid|nr|no)$"
)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word of "PatientID" or "MRIScanNumber" begins."""

FEWEST_ROWS = 10
"""Numbers of so few rows, or fewer, may rise by chance."""

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
    mistakes = [*_classes(found, spec, exploratory=exploratory), *twice(found, spec), *_nobody(found, spec)]
    if found.table.events and found.table.clear:  # without one of them nothing can tell the target
        mistakes += [*_leaks(found, spec), *_empty(found, spec)]
    if mistakes:
        raise ConfigError(mistakes, at=at, do="correct the table or the specification; nothing was trained")


def _classes(found: Patients, spec: Spec, *, exploratory: bool) -> Iterator[str]:
    for word, n in {"with": found.table.events, "without": found.table.clear}.items():
        if n == 0:
            values = Counter(row[spec.table.target] for row in found.rows) or found.unrecognised
            yield f"one class only: no patient {word} the target in column {spec.table.target!r} ({dict(values)})"
        elif n < spec.recipe.folds:
            yield f"{n} patients {word} the target: fewer than the {spec.recipe.folds} folds of cross-validation"
        elif n < FEWEST_EVENTS and not exploratory:
            yield f"{n} patients {word} the target: fewer than {FEWEST_EVENTS} carry no model (--exploratory overrides)"


def _nobody(found: Patients, spec: Spec) -> Iterator[str]:
    """Subgroups that could only be reported as if they were there."""
    for group in spec.subgroups if found.rows else ():
        if not found.subgroups[group.name].any():
            said = [value or "blank" for value, _ in Counter(row[group.column] for row in found.rows).most_common(5)]
            yield (
                f"subgroup {group.name!r}: no row says {' or '.join(group.values)} in column {group.column!r}, "
                f"but {', '.join(said)}"
            )


def _columns(found: Patients, spec: Spec) -> Iterator[tuple[str, ModelInput, Array]]:
    """Whose input, the input, its numbers: of the model, then what baselines have beside it."""
    yield from (("input", item, values) for item, values in zip(spec.inputs, found.table.features.T, strict=True))
    known = {item.source for item in spec.inputs}
    for baseline in spec.baselines:
        own = zip(baseline.inputs, found.baselines[baseline.name].features.T, strict=bool(baseline.inputs))
        for item, values in own:
            if item.source not in known:
                yield f"baseline {baseline.name!r}, input", item, values


def _leaks(found: Patients, spec: Spec) -> Iterator[str]:
    for whose, item, values in _columns(found, spec):
        if why := _leak(item, values, found, spec):
            yield f"{whose} {item.name}: {why}"


def _leak(item: ModelInput, values: Array, found: Patients, spec: Spec) -> str:
    """Why one column of numbers must not be an input; "" where it may."""
    column, y = spec.column(item.source), found.table.target
    allowed = item.name in spec.table.known_before or column in spec.table.known_before
    if column in {spec.table.target, spec.table.patient, spec.table.cohort}:
        return f"column {column!r} is the target, the patient or the cohort"
    if not allowed and _numbers_rows(column, values):
        return f"column {column!r} numbers patients or rows (if it does not, list it in table.known_before)"
    if _LATER.search(column.removeprefix("original_")) and not allowed:
        return (
            f"column {column!r} reads like something known only after the question is answered "
            "(if it is not, list it in table.known_before)"
        )
    if (alone := _alone(values, y)) >= ALONE:
        return f"column {column!r} tells the target by itself (AUC {alone:.2f}): a copy of it?"
    if (alone := _alone(np.isnan(values).astype(float), y)) >= ALONE:
        return f"whether column {column!r} is filled tells the target (AUC {alone:.2f})"
    if (alone := _by_value([known.get(item.source) for known in found.quantities], y, found.table.groups)) >= ALONE:
        return f"column {column!r} tells the target by itself (AUC {alone:.2f}, value by value): a copy of it?"
    return ""


def _empty(found: Patients, spec: Spec) -> Iterator[str]:
    for whose, item, values in _columns(found, spec):
        if np.unique(values[~np.isnan(values)]).size < 2:
            yield f"{whose} {item.name}: has fewer than two different values"


def _alone(values: Array, y: Bools) -> float:
    known = ~np.isnan(values)
    target = y[known]
    if min(target.sum(), (~target).sum()) < 3:
        return 0.5
    found = float(auc(values[known], target))
    return max(found, 1 - found)


def _by_value(values: Sequence[float | str | None], y: Bools, groups: NDArray[Any]) -> float:
    """
    AUC of the share with the target among those of the same value, in whatever order the values come.

    So the codes 0 and 2 for "with" and 1 for "without" are seen, which no rising or falling order tells. Numbers of
    many values are cut into groups of equal size; groups of fewer patients than `FEWEST_ALIKE` would tell the target by
    chance. `groups`: the patient of each row, where rows of one repeat.
    """
    known = np.array([value is not None for value in values])
    there, target = [value for value in values if value is not None], y[known]
    if min(target.sum(), (~target).sum()) < 3:
        return 0.5
    codes = np.unique(np.array(there, str if any(isinstance(v, str) for v in there) else float), return_inverse=True)[1]
    patients = len(np.unique(groups[known])) if groups.size else len(there)
    most = max(2, min(MOST_GROUPS, patients // FEWEST_ALIKE))
    if codes.max() >= most:
        codes = (rankdata(codes) * most / (len(codes) + 1)).astype(int)
    shares = np.bincount(codes, weights=target) / np.maximum(np.bincount(codes), 1)
    return float(auc(shares[codes], target))


def _numbers_rows(column: str, values: Array) -> bool:
    """Whether a column is called an identifier, rises by the same step, or holds whole numbers in their order."""
    steps = np.diff(values)
    full = len(values) > FEWEST_ROWS and bool(np.isfinite(steps).all())
    if full and np.ptp(steps) == 0 and steps[0] != 0:
        return True
    if radiomics.exists(column):  # "Maximum2DDiameterRow" is none, nor is a table sorted by the volume in mm3
        return False
    ordered = full and bool((values == np.round(values)).all()) and bool((steps > 0).all() or (steps < 0).all())
    return ordered or bool(_IDENTIFIER.search(_HUMP.sub(" ", column)))
