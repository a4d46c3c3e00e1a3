"""How often the node would refuse patients like those of the training, counted where the limits do not know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from node.domain.plain import from_plain
from node.inference.applicability import Applicability, applies
from node.inference.manifest import Declared
from node.training.distance import fitted
from node.training.rows import Patients
from node.training.spec import Spec
from node.training.tabular import splits

Range = tuple[float, float]
Quantities = Mapping[str, float | str]

PASSES, FLAGGED, REFUSED = range(3)

_LITRES = {
    "measure:volume_ml": 1.0,
    "feature:original_shape_VoxelVolume": 1e-3,
    "feature:original_shape_MeshVolume": 1e-3,
}
"""Sources that tell the volume of the lesion, and what makes millilitres of them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One declared range that a table can tell: name of its key, allowed and usual range."""

    name: str
    allowed: Range | None
    usual: Range | None


def refusals(found: Patients, spec: Spec) -> dict[str, Any]:
    """
    Judge every row by limits that were fitted on the other folds, in every draw of the cross-validation.

    A row is refused as the node would refuse it: a required input is missing, a declared range does not hold it, or it
    lies too far from the patients of the other folds. Ranges that only the header of an image tells are not counted.

    Returns:
        Shares for the manifest: mean over the draws and largest of the refused, mean of the flagged; and which ranges.
    """
    declared = from_plain(Declared, spec.head.get("declared", {}))
    drawn = []
    for repeat in range(spec.recipe.repeats):
        outcome = np.zeros(len(found.rows), int)
        for train, test in splits(found.table, spec.recipe.folds, spec.recipe.seed + repeat):
            fence = fitted(found.table.rows(train), spec.inputs)
            rules = list(_rules(declared, [found.quantities[n] for n in train]))
            for n in test:
                outcome[n] = _outcome(found, int(n), spec, fence, rules)
        drawn.append(outcome)
    refused = [float((outcome == REFUSED).mean()) for outcome in drawn]
    return {
        "refused": round(float(np.mean(refused)), 4),
        "refused_most": round(max(refused), 4),
        "flagged": round(float(np.mean([(outcome == FLAGGED).mean() for outcome in drawn])), 4),
        "draws": len(drawn),
        "ranges": [rule.name for rule in _rules(declared, found.quantities)],
    }


def _outcome(found: Patients, n: int, spec: Spec, fence: Applicability | None, rules: Sequence[Rule]) -> int:
    row, quantities = found.table.features[n], found.quantities[n]
    if any(item.required and np.isnan(value) for item, value in zip(spec.inputs, row, strict=True)):
        return REFUSED
    known = {rule.name: _known(rule.name, quantities) for rule in rules}
    if any(_beyond(known[rule.name], rule.allowed) for rule in rules):
        return REFUSED
    numbers = {name: float(v) for name, v in zip(found.table.names, row, strict=True) if not np.isnan(v)}
    far = applies(fence, numbers).outcome if fence else "in_domain"
    if far == "outside":
        return REFUSED
    return FLAGGED if far == "borderline" or any(_beyond(known[rule.name], rule.usual) for rule in rules) else PASSES


def _rules(declared: Declared, training: Sequence[Quantities]) -> Iterator[Rule]:
    """Declared ranges of what the training patients tell; their own range of age is usual where none is declared."""
    ages = [age for each in training if (age := _known("age", each)) is not None]
    usual = declared.age_usual or ((min(ages), max(ages)) if ages else None)
    if ages:
        yield Rule("age", declared.age, usual)
    if any(_known("lesion_volume_ml", each) is not None for each in training):
        yield Rule("lesion_volume_ml", declared.lesion_volume_ml, declared.lesion_volume_ml_usual)


def _known(name: str, quantities: Quantities) -> float | None:
    if name == "age":
        return float(quantities["clinical:age"]) if "clinical:age" in quantities else None
    return next((f * float(quantities[source]) for source, f in _LITRES.items() if source in quantities), None)


def _beyond(value: float | None, bounds: Range | None) -> bool:
    return value is not None and bounds is not None and not bounds[0] <= value <= bounds[1]
