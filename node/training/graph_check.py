"""A package's graph and limits, held against the very patients that they were made from, before it is published."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from node.errors import ModelFailed
from node.inference import applicability
from node.inference.onnx import OUTPUTS
from node.inference.onnx_session import FOREIGN, REPORT, open_session
from node.training.tabular import Array, Linear, Table

CLOSE = 1e-4
"""Difference of two probabilities that float32 and rounded weights explain."""

MOST_REFUSED = 0.5
"""Share of the training patients; limits that keep 99 in 100 of them refuse a few."""

_DO = 'give these inputs another unit or scale (scale = "log" for what spans magnitudes), or leave them out'


def check(graph: bytes, model: Linear, table: Table, *, at: str) -> None:
    """
    Hold the graph against the model that it was made from, on every training patient, in every view.

    Raises:
        ModelFailed: Somewhere it answers no finite number, or another probability than the model.
    """
    for features in (table.features, *table.views.values()):
        _compare(_answers(graph, features, at=at), model, features, table.names, at=at)


def check_limits(fence: bytes, table: Table, *, at: str) -> None:
    """
    Hold the limits of applicability against the patients who set them.

    Raises:
        ModelFailed: They would refuse most of them.
    """
    limits = applicability.parse(fence, at=at)
    known = ({n: float(v) for n, v in zip(table.names, row, strict=True) if not np.isnan(v)} for row in table.features)
    refused = sum(applicability.applies(limits, numbers).outcome == "outside" for numbers in known)
    if refused > MOST_REFUSED * len(table.features):
        found = f"its own limits would refuse {refused} of the {len(table.features)} training patients"
        raise ModelFailed(found, at=at, do=_DO)


def _answers(graph: bytes, features: Array, *, at: str) -> dict[str, Array]:
    session = open_session(graph, threads=1, at=at)
    with np.errstate(over="ignore"):  # becomes infinite, as it would in the node, and is found
        asked = features.astype(np.float32)
    try:
        answers = session.run(list(OUTPUTS), {"features": asked})
    except FOREIGN as error:
        raise ModelFailed(f"model.onnx failed: {error}", at=at, do=REPORT) from error
    return {name: np.asarray(answer, np.float64) for name, answer in zip(OUTPUTS, answers, strict=True)}


def _compare(answers: dict[str, Array], model: Linear, features: Array, names: Sequence[str], *, at: str) -> None:
    parts = answers["contributions"]
    finite = np.logical_and.reduce(
        [np.isfinite(answer.reshape(len(features), -1)).all(1) for answer in answers.values()]
    )
    if not finite.all():
        odd = [name for name, column in zip(names, parts.T, strict=True) if not np.isfinite(column).all()]
        found = f"the graph answers no number for {int((~finite).sum())} of the {len(features)} training patients"
        raise ModelFailed(f"{found}{_of(odd)}", at=at, do=_DO)
    apart = np.abs(answers["probability"] - model.probability(features))
    if not apart.max() <= CLOSE:
        off = np.abs(parts - model.standardise(features) * model.weights).max(axis=0)
        found = f"the graph's probabilities differ from the fitted model's by up to {apart.max():.2g}"
        raise ModelFailed(f"{found}{_of([names[int(off.argmax())]])}", at=at, do=_DO)


def _of(names: Sequence[str]) -> str:
    return f", because of {', '.join(names)}" if names else ""
