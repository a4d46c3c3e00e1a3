"""What `applicability.json` and `percentiles.json` hold: distributions of the training patients, never a patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from node.domain.explanation import label
from node.domain.plain import to_plain
from node.inference.applicability import Applicability, Known, deviate
from node.inference.explain import Spread
from node.inference.inputs import ModelInput
from node.training.digits import beside, significant, unitless
from node.training.tabular import Array, Table, scaling

BORDERLINE, OUTSIDE = 95.0, 99.0
"""Percentiles of the training patients' own distances, each measured against the others."""

PATIENTS_PER_INPUT = 2
"""Fewer patients for each input that counts say nothing of what lies far from them."""

NOT_JUDGED = "The distance to the training patients is not judged"

METHOD = (
    "Mahalanobis distance with shrunken covariance (Ledoit-Wolf) over the inputs that have more than two values; a "
    "missing input does not count; limits are the {borderline:g}th and {outside:g}th percentile of the training "
    "patients, each measured against the others"
)


def unjudged(table: Table) -> str:
    """Why the distance to a table's patients is not judged, for the reader of every answer; "" where it is."""
    counted, n = len(_counted(table)), table.patients
    if not counted:
        return f"{NOT_JUDGED}: no input has more than two values."
    if n < PATIENTS_PER_INPUT * counted:
        return f"{NOT_JUDGED}: {n} patients for {counted} inputs."
    return ""


def applicability(table: Table, inputs: Sequence[ModelInput]) -> tuple[bytes, dict[str, Any]]:
    """
    Fit the distance to the training patients.

    Returns:
        The file, and what the manifest says about it; an empty file where the distance is not judged.
    """
    found = None if unjudged(table) else fitted(table, inputs)
    if found is None:
        return b"", {}
    return _json(to_plain(found)), {"method": found.method, "inputs": [item.name for item in found.inputs]}


def fitted(table: Table, inputs: Sequence[ModelInput]) -> Applicability | None:
    """The distance to a table's patients, however few they are; None where no input has more than two values."""
    counted = _counted(table)
    if not counted:
        return None
    scaled = scaling(table)
    z = np.where(np.isnan(table.features), np.nan, scaled.standardise(table.features))[:, counted]
    far = _left_out(z, table.groups)
    borderline, outside = (float(np.percentile(far, q, method="higher")) for q in (BORDERLINE, OUTSIDE))
    known = tuple(_known(table, inputs[n], n, float(scaled.mean[n]), float(scaled.scale[n])) for n in counted)
    return Applicability(
        method=METHOD.format(borderline=BORDERLINE, outside=OUTSIDE),
        inputs=known,
        covariance=tuple(tuple(map(float, row)) for row in unitless(_covariance(z))),
        borderline=round(borderline, 4),
        outside=round(outside, 4),
    )


def percentiles(inputs: Sequence[ModelInput], quantities: Sequence[Mapping[str, float | str]]) -> bytes:
    """How every quantity was spread over the patients in whom it was known."""
    spreads = {}
    for source in dict.fromkeys(item.source for item in inputs):
        of = [item for item in inputs if item.source == source]
        known = [row[source] for row in quantities if source in row]
        if known:
            spreads[source] = to_plain(_spread(of, known))
    return _json(spreads)


def _counted(table: Table) -> list[int]:
    """Columns that have more than two values; the others are left to the declaration."""
    return [n for n, column in enumerate(table.features.T) if np.unique(column[~np.isnan(column)]).size > 2]


def _left_out(z: Array, groups: NDArray[np.intp]) -> Array:
    """Deviate of every row's distance to all other patients, shape (n,)."""
    far = np.zeros(len(z))
    for n, row in enumerate(z):
        others = z[groups != groups[n]] if groups.size else np.delete(z, n, axis=0)
        known = ~np.isnan(row)
        if known.any():
            centred = (row - np.nanmean(others, axis=0))[known]
            part = _covariance(others)[np.ix_(known, known)]
            far[n] = deviate(float(centred @ np.linalg.solve(part, centred)), int(known.sum()))
    return far


def _covariance(z: Array) -> Array:
    """Shrunken; what is missing counts as the mean."""
    return np.asarray(LedoitWolf().fit(np.nan_to_num(z, nan=0.0)).covariance_)


def _known(table: Table, item: ModelInput, column: int, mean: float, scale: float) -> Known:
    values = table.features[:, column]
    low, high = np.nanpercentile(values, [1, 99])
    return Known(
        name=item.name, label=str(label(item.quantity)), log=item.name in table.logs, mean=beside(mean, scale),
        scale=significant(scale), usual=(_short(low), _short(high)),
    )  # fmt: skip


def _spread(of: list[ModelInput], known: list[float | str]) -> Spread:
    levels = of[0].levels
    if not levels:
        return Spread(
            kind="number", quantiles=tuple(_short(v) for v in np.percentile(np.array(known, float), range(101)))
        )
    ordered = len(of) == 1 and len(set(levels.values())) > 2
    words = sorted(levels, key=lambda word: levels[word]) if ordered else list(levels)
    words += sorted({str(word) for word in known} - set(words))
    shares = {word: round(known.count(word) / len(known), 4) for word in words if word in known}
    return Spread(kind="ordinal" if ordered else "category", shares=shares)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _json(plain: Any) -> bytes:
    return (json.dumps(plain, indent=1, ensure_ascii=False) + "\n").encode()
