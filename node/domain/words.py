"""
Findings in sentences. Every output (SEG, SR, report, JSON) prints only these and those of `evidence`.

The reader is a radiologist. A sentence says what was seen, what it rests on and how far it may be trusted; what a model
predicts always begins with "AI-predicted", and the nature of a lesion is never stated beyond what its source said.
"""

from __future__ import annotations

import math
from enum import Enum

from node.domain.findings import (
    Estimate,
    Findings,
    Lesion,
    Measurements,
    ModelFacts,
    Prediction,
    Provenance,
)
from node.domain.refusals import REFUSALS

RESEARCH = "RESEARCH. Made by software without medical device clearance; not for diagnostic use."
NO_SUBSTITUTE = "Not a substitute for molecular testing."

_SOURCES = {
    "rtstruct": "drawn in an RT Structure Set",
    "seg": "taken from a Segmentation object",
    "seed": "grown by software around a mark that a reader set",
    "model": "found automatically",
}


class Verdict(Enum):
    """The qualitative answer of a model: which side of its operating point the whole interval lies on."""

    ABOVE = "the whole interval lies above it"
    BELOW = "the whole interval lies below it"
    INDETERMINATE = "the interval includes it, so the answer is indeterminate"
    NOT_EVALUATED = "not evaluated"


def percent(share: float) -> str:
    """A share as whole per cent, never rounded to certainty: 0.004 is "<1%"."""
    if not math.isfinite(share):
        return "not a number"
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 < share < 1 else f"{100 * share:.0f}%"


def number(value: float, unit: str = "", digits: int = 1) -> str:
    """A measured number with its unit; what is not finite is said in words."""
    return f"{value:.{digits}f} {unit}".strip() if math.isfinite(value) else "not measurable"


def concept_name(facts: ModelFacts, suffix: str = "") -> str:
    """Code Meaning of a predicted probability, at most 64 characters (LO) and always led by "AI-predicted"."""
    return f"AI-predicted probability of {facts.target or facts.id}"[: 64 - len(suffix)] + suffix


def is_answered(prediction: Prediction) -> bool:
    """Whether there is a probability to show: an estimate of finite numbers that was not withheld."""
    e = prediction.estimate
    return prediction.state != "not_evaluated" and e is not None and all(map(math.isfinite, _numbers(e)))


def verdict(prediction: Prediction) -> Verdict | None:
    """Which side of the operating point the answer lies on; None where the model declares no operating point."""
    if not is_answered(prediction) or prediction.estimate is None:
        return Verdict.NOT_EVALUATED
    if (at := threshold(prediction)) is None:
        return None
    if prediction.estimate.lower >= at:
        return Verdict.ABOVE
    return Verdict.BELOW if prediction.estimate.upper < at else Verdict.INDETERMINATE


def threshold(prediction: Prediction) -> float | None:
    """The operating point on the scale of the estimate: shifted on the logit scale when the estimate was re-based."""
    facts = prediction.model
    if facts.operating_point is None:
        return None
    as_trained = facts.operating_point.threshold
    if prediction.rebased_to is None or facts.prevalence is None or not 0 < as_trained < 1:
        return as_trained
    logit = _logit(as_trained) + _logit(prediction.rebased_to) - _logit(facts.prevalence)
    return 1 / (1 + math.exp(-logit))


def source(provenance: Provenance) -> str:
    """Who drew the lesion: "Drawn in an RT Structure Set, ROI "GTV-1"."."""
    text = _SOURCES[provenance.kind]
    if provenance.label:
        text += f', labelled "{provenance.label}"'
    if provenance.model:
        text += f" by {provenance.model}"
    return f"{text[0].upper()}{text[1:]}"


def nature(provenance: Provenance) -> str:
    """What is known of the lesion's nature, and from whom."""
    if provenance.named_neoplasm:
        return "named as tumour by its source, not confirmed by this analysis"
    if provenance.kind == "model":
        return "found automatically, nature not established"
    return "nature not stated by its source, not established by this analysis"


def description(provenance: Provenance) -> str:
    """Source and nature in one sentence, for the segment and the finding."""
    score = f"{provenance.trust:.2f}" if provenance.trust is not None else ""
    trust = f" The software's score for its own outline: {score} of 1 (no probability)." if score else ""
    text = nature(provenance) if provenance.kind == "model" else f"{source(provenance)}; {nature(provenance)}"
    return f"{text[0].upper()}{text[1:]}.{trust}"


def refusal(code: str, reason: str = "") -> str:
    """Why a case was not evaluated: the sentence for the code, then what was so in this case."""
    said = REFUSALS.get(code, "The case could not be evaluated.")
    return said if not reason or reason in said else f"{said} In this case: {ended(reason)}"


def measured(lesion: Lesion) -> list[str]:
    """What was measured, and what a reader must know about it."""
    m = lesion.measurements
    said = [f"Long and short axis lie on {place}."] if (place := key_slice(m)) else []
    if m.ground_glass is not None:
        share = m.ground_glass
        said.append(
            f"Ground-glass share {percent(share.fraction)}, class {share.reader_class} (measured without rim, vessels "
            "and air; agreement with readers untested)."
            if share.fraction is not None
            else f"Ground-glass share not measured: {ended(share.why_missing or 'no reason given')}"
        )
    if m.touches_edge:
        said.append("The lesion reaches the first or last slice: it may extend further, and is measured too small.")
    return [*said, *map(sentence, m.notes), *map(sentence, lesion.contour.provenance.notes)]


def key_slice(m: Measurements) -> str:
    """Where a reader finds the axes: "image 117, z -519.6 mm"; z (LPS) on axial images only."""
    (_, _, start), (_, _, end) = m.long_axis.start, m.long_axis.end
    place = f"z {start:.1f} mm" if abs(start - end) < 0.05 else ""
    return ", ".join(filter(None, (m.key_image, place)))


def key_contour(parts: int) -> str:
    """What a contour on a single slice shows, and that the numbers beside it are not of that slice alone."""
    which = f" It surrounds the largest of {parts} separate parts on this slice." if parts > 1 else ""
    return (
        "The contour is the outer boundary of the lesion on the slice of its long axis, along the edges of its pixels."
        f"{which} Volume and predictions are those of the whole lesion."
    )


def case(findings: Findings) -> list[str]:
    """What holds for the case as a whole; the change since the predecessor comes first."""
    said = [f"Changed since the previous result: {ended(findings.change)}"] if findings.change else []
    if findings.state == "refused":
        said.append(f"NOT EVALUATED ({findings.reason_code}). {refusal(findings.reason_code, findings.reason)}")
    said.append(RESEARCH)
    return said + [sentence(note) for note in findings.notes]


def choice(findings: Findings) -> list[str]:
    """Why these lesions and no others."""
    said = [f"Choice of lesions: {ended(findings.rule)}"] if findings.rule else []
    return said + [f"Passed over: {ended(skipped)}" for skipped in findings.skipped]


def _numbers(e: Estimate) -> tuple[float, float, float]:
    return e.probability, e.lower, e.upper


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def ended(text: str) -> str:
    """The text as a sentence: with a full stop where it has no end yet."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def sentence(text: str) -> str:
    """The text with a full stop, and a capital where it begins with a plain lower-case word."""
    text = ended(text)
    return text[0].upper() + text[1:] if text[:2].isalpha() and text[:2].islower() else text
