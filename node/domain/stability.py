"""Whether an answer outlasts a small change of the contour that it was measured in, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.domain.language import Said, say
from node.domain.words import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """
    What redrawing the contour of this very lesion does to one answer.

    Attributes:
        lower, upper: Smallest and largest probability over the redrawn contours, for the same prevalence as the answer.
        contours: How many redrawn contours were answered.
        unanswered: How many were not: nothing was left of the lesion, or what was measured in it is beyond the model.
        step_mm: How far the border was moved.
        unstable: Whether an answer lies outside the interval of the answer that is reported.
    """

    lower: float
    upper: float
    contours: int
    unanswered: int
    step_mm: float
    unstable: bool


def judged(answers: Sequence[float | None], interval: tuple[float, float], step_mm: float) -> Stability | None:
    """
    Hold answers for redrawn contours against the interval of the answer that is reported.

    Args:
        answers: One for each redrawn contour; None where there was no answer.
        interval: Of the answer that is reported, for the same prevalence.
        step_mm: How far the border was moved.

    Returns:
        None where no redrawn contour was answered: nothing is known then.
    """
    known = [answer for answer in answers if answer is not None]
    if not known:
        return None
    lower, upper = min(known), max(known)
    return Stability(
        lower=lower,
        upper=upper,
        contours=len(known),
        unanswered=len(answers) - len(known),
        step_mm=step_mm,
        unstable=lower < interval[0] or upper > interval[1],
    )


def flag() -> Said:
    """Why an answer that a small change of the contour moves out of its interval is flagged."""
    return say("the answer depends on how the lesion is drawn")


def redrawing(found: Stability | None) -> list[Said]:
    """
    One sentence on what redrawing did; none where nothing was redrawn.

    "When the contour is redrawn 1 mm smaller, larger or to the side (4 times), the probability is 38% to 44%, within
    its interval."
    """
    if found is None:
        return []
    values = {"step": say("{value:.2g}", value=found.step_mm), "count": found.contours}
    ends = {"lower": percent(found.lower), "upper": percent(found.upper)}
    if found.unstable:
        told = say(
            "UNSTABLE: when the contour is redrawn {step} mm smaller, larger or to the side ({count} times), the "
            "probability is {lower} to {upper}, which leaves its interval: it depends on how the lesion is drawn.",
            **values,
            **ends,
        )
    elif ends["lower"] == ends["upper"]:
        told = say(
            "When the contour is redrawn {step} mm smaller, larger or to the side ({count} times), the probability "
            "stays {lower}.",
            **values,
            **ends,
        )
    else:
        told = say(
            "When the contour is redrawn {step} mm smaller, larger or to the side ({count} times), the probability is "
            "{lower} to {upper}, within its interval.",
            **values,
            **ends,
        )
    if not found.unanswered:
        return [told]
    return [told, say("Redrawn contours that gave no answer: {count}.", count=found.unanswered)]
