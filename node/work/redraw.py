"""Redraw: does an answer outlast a small change of this very lesion's contour? One that does not is flagged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from node.domain.findings import Contour, Measurements, Prediction
from node.domain.order import Extraction
from node.domain.stability import flag, judged
from node.domain.volume import Volume
from node.domain.words import is_answered
from node.errors import Refused
from node.imaging.redraw import redrawn, step_mm
from node.inference.inputs import Needs
from node.stages.measure import measure

CODE = "unstable_contour"
"""Reason code of an answer that is flagged for nothing but its contour."""

Ask = Callable[[Measurements], Prediction]
"""Asks the same model about the same patient with other measurements, without judging whether it may be asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with what is needed to ask for it again; a model that could not be asked has neither."""

    prediction: Prediction
    needs: Needs = field(default_factory=Needs)
    ask: Ask | None = None


def hold(answers: Sequence[Answer], volume: Volume, contour: Contour, extraction: Extraction) -> tuple[Prediction, ...]:
    """
    Redraw one lesion's contour, measure again what the models were given, and ask them again.

    Nothing is redrawn where no answer rests on the image. Cost is bounded: four contours, and of the features only the
    classes that the models ask for.

    Args:
        answers: Of all models about this lesion, also where there is none.
        volume: Image that was measured.
        contour: The lesion as it was measured.
        extraction: How features are computed.

    Returns:
        The predictions in their order, those that rest on the image with their stability; one that leaves its interval
        is borderline.
    """
    resting = [answer for answer in answers if _rests_on_image(answer)]
    if not resting:
        return tuple(answer.prediction for answer in answers)
    names = frozenset(name for answer in resting for name in _features(answer.needs))
    spacing = volume.geometry.spacing
    again = [_measure(volume, replace(contour, mask=each.mask), extraction, names)
             for each in redrawn(contour.mask, spacing)]  # fmt: skip
    step = step_mm(spacing)
    return tuple(_held(answer, again, step) for answer in answers)


def wanted(names: frozenset[str], extraction: Extraction) -> tuple[Extraction, frozenset[str]]:
    """
    The part of an extraction that yields some features: only their image types, and their classes.

    Args:
        names: As pyradiomics has them: "original_shape_Sphericity", "wavelet-LLH_glcm_Contrast".
        extraction: The whole.
    """
    filters = tuple(each for each in extraction.filters if any(name.startswith(each) for name in names))
    return replace(extraction, filters=filters), frozenset(name.split("_")[1] for name in names if "_" in name)


def _measure(volume: Volume, contour: Contour, extraction: Extraction, names: frozenset[str]) -> Measurements | None:
    part, classes = wanted(names, extraction)
    try:
        return measure(volume, contour.mask, part, features=bool(names), classes=classes)
    except Refused:  # nothing is left of the lesion
        return None


def _held(answer: Answer, again: Sequence[Measurements | None], step: float) -> Prediction:
    prediction, estimate, ask = answer.prediction, answer.prediction.estimate, answer.ask
    if estimate is None or ask is None or not _rests_on_image(answer):
        return prediction
    told = [None if each is None else _probability(ask(each)) for each in again]
    found = judged(told, (estimate.lower, estimate.upper), step)
    if found is None or not found.unstable:
        return replace(prediction, stability=found)
    reasons = "; ".join(filter(None, (prediction.reason, flag())))
    code = prediction.reason_code or CODE
    return replace(prediction, stability=found, state="borderline", reason_code=code, reason=reasons)


def _probability(prediction: Prediction) -> float | None:
    return prediction.estimate.probability if prediction.estimate and is_answered(prediction) else None


def _rests_on_image(answer: Answer) -> bool:
    """Whether at least one known input was measured inside the contour."""
    drawn = {item.quantity for item in answer.needs.inputs if not item.source.startswith("clinical:")}
    return is_answered(answer.prediction) and not drawn.isdisjoint(answer.prediction.inputs)


def _features(needs: Needs) -> list[str]:
    return [item.quantity for item in needs.inputs if item.source.startswith("feature:")]
