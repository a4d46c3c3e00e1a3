"""Redraw: does an answer outlast a small change of this very lesion's contour? One that does not is flagged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from node.domain.findings import Measurements, Prediction
from node.domain.order import Extraction
from node.domain.stability import flag, judged
from node.domain.volume import Volume
from node.domain.words import is_answered
from node.errors import Refused
from node.imaging.bias import Correct
from node.imaging.redraw import redrawn, step_mm
from node.inference.inputs import Needs
from node.stages.measure import measure

CODE = "unstable_contour"
"""Reason code of an answer that is flagged for nothing but its contour."""

Mask = NDArray[np.bool_]
Ask = Callable[[Measurements], Prediction]
"""Asks the same model about the same patient with other measurements, without judging whether it may be asked."""

Again = Sequence[Measurements | None]
"""Measurements of every redrawn contour; None where nothing is left of the lesion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    An answer with what is needed to ask for it again.

    Attributes:
        prediction: What the model said.
        needs: What it asks for; nothing where it could not be asked.
        extraction: How the features were computed that it was given.
        ask: None where it could not be asked.
    """

    prediction: Prediction
    needs: Needs = field(default_factory=Needs)
    extraction: Extraction = field(default_factory=Extraction)
    ask: Ask | None = None


def hold(answers: Sequence[Answer], volume: Volume, mask: Mask, correct: Correct) -> tuple[Prediction, ...]:
    """
    Redraw one lesion's contour, measure again what the models were given, and ask them again.

    Nothing is redrawn where no answer rests on the image. The cost is bounded: four contours, and of the features only
    the classes that the models ask for.

    Args:
        answers: Of all models about this lesion, also where there is none.
        volume: Image that was measured.
        mask: The lesion as it was measured, shape (slice, row, column).
        correct: Takes the bias field off, as it did when the lesion was measured; called for every contour.

    Returns:
        The predictions in their order, those that rest on the image with their stability; one that leaves its interval
        is borderline.
    """
    step = step_mm(volume.geometry.spacing)
    again: dict[Extraction, Again] = {}
    for extraction, names in _asked_for(answers).items():
        again[extraction] = _measure(volume, mask, extraction, names, correct)
    return tuple(_held(each, again[each.extraction], step) if _rests(each) else each.prediction for each in answers)


def _asked_for(answers: Sequence[Answer]) -> Mapping[Extraction, frozenset[str]]:
    """Every way in which features are computed for an answer that rests on the image, and the features."""
    wanted: dict[Extraction, frozenset[str]] = {}
    for answer in filter(_rests, answers):
        names = {item.quantity for item in answer.needs.inputs if item.source.startswith("feature:")}
        wanted[answer.extraction] = wanted.get(answer.extraction, frozenset()) | names
    return wanted


def _measure(volume: Volume, mask: Mask, extraction: Extraction, names: frozenset[str], correct: Correct) -> Again:
    """Every redrawn contour, with no more features than the models ask for."""
    filters = tuple(each for each in extraction.filters if any(name.startswith(each) for name in names))
    classes = frozenset(name.split("_")[1] for name in names if "_" in name)
    part = replace(extraction, filters=filters)
    found: list[Measurements | None] = []
    for each in redrawn(mask, volume.geometry.spacing):
        try:
            found.append(measure(volume, each.mask, part, features=bool(names), classes=classes, correct=correct))
        except Refused:  # nothing is left of the lesion
            found.append(None)
    return found


def _held(answer: Answer, again: Again, step: float) -> Prediction:
    prediction, estimate, ask = answer.prediction, answer.prediction.estimate, answer.ask
    if estimate is None or ask is None:
        return prediction
    told = [None if each is None else _probability(ask(each)) for each in again]
    found = judged(told, (estimate.lower, estimate.upper), step)
    if found is None or not found.unstable:
        return replace(prediction, stability=found)
    reason = "; ".join(filter(None, (prediction.reason, flag())))
    code = prediction.reason_code or CODE
    return replace(prediction, stability=found, state="borderline", reason_code=code, reason=reason)


def _probability(prediction: Prediction) -> float | None:
    return prediction.estimate.probability if prediction.estimate and is_answered(prediction) else None


def _rests(answer: Answer) -> bool:
    """Whether it is an answer, and at least one of its known inputs was measured inside the contour."""
    drawn = {item.quantity for item in answer.needs.inputs if not item.source.startswith("clinical:")}
    return is_answered(answer.prediction) and not drawn.isdisjoint(answer.prediction.inputs)
