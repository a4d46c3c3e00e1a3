"""
Findings in sentences. Every output (SEG, SR, report, JSON) prints only these and those of `evidence`.

The reader is a radiologist. A sentence says what was seen, what it rests on and how far it may be trusted; what a model
predicts always begins with "AI-predicted", and the nature of a lesion is never stated beyond what its source said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum

from node.domain.cards import heard
from node.domain.facts import ModelFacts
from node.domain.findings import (
    Estimate,
    Findings,
    GroundGlass,
    Lesion,
    Measurements,
    Prediction,
    Provenance,
    SegmentAlgorithmType,
)
from node.domain.language import Said, figure, joined, named, say, sentence, told
from node.domain.place import side
from node.domain.refusals import REFUSALS
from node.domain.terms import term

RESEARCH = say("RESEARCH. Made by software without medical device clearance; not for diagnostic use.")
NOT_DIAGNOSTIC = say("RESEARCH, not for diagnostic use")
NO_SUBSTITUTE = say("Not a substitute for molecular testing.")

_SOURCES = {
    "seed": say("grown by software around a mark that a reader set"),
    "model": say("found automatically"),
}
_DRAWN: Mapping[str, Mapping[SegmentAlgorithmType, Said]] = {
    "rtstruct": {
        "MANUAL": say("drawn in an RT Structure Set"),
        "SEMIAUTOMATIC": say("drawn with the help of software, in an RT Structure Set"),
        "AUTOMATIC": say("drawn by software, in an RT Structure Set"),
    },
    "seg": {
        "MANUAL": say("drawn by hand, in a Segmentation object"),
        "SEMIAUTOMATIC": say("drawn with the help of software, in a Segmentation object"),
        "AUTOMATIC": say("drawn by software, in a Segmentation object"),
    },
}


class Verdict(Enum):
    """The qualitative answer of a model: which side of its operating point the whole interval lies on."""

    ABOVE = say("the whole interval lies above it")
    BELOW = say("the whole interval lies below it")
    INDETERMINATE = say("the interval includes it, so the answer is indeterminate")
    NOT_EVALUATED = say("not evaluated")


def percent(share: float) -> Said:
    """A share as whole per cent, never rounded to certainty: 0.004 is "<1%"."""
    if not math.isfinite(share):
        return say("not a number")
    if 0 < share < 0.005:
        return say("<{share}%", share=1)
    return say(">{share}%", share=99) if 0.995 < share < 1 else say("{share:.0f}%", share=100 * float(share))


def number(value: float, unit: str = "", digits: int = 1) -> Said:
    """A measured number with its unit; what is not finite is said in words."""
    return joined([figure(value, digits), unit]) if math.isfinite(value) else say("not measurable")


def volume(ml: float) -> Said:
    """A volume as every output says it: below 1 mL with the digits that a model's bounds have."""
    return number(ml, "mL", 2 if ml >= 1 else 3)


def target(facts: ModelFacts) -> Said:
    """What a model predicts, in the reader's language where that is known: "IDH mutation" has no gene of its own."""
    known = heard(facts.target)
    return known if known.values else named(facts.target or facts.id)


def concept_name(facts: ModelFacts, suffix: str = "") -> str:
    """Code Meaning of a predicted probability, at most 64 characters (LO) and always led by "AI-predicted"."""
    return fitting(f"AI-predicted probability of {facts.target or facts.id}", 64 - len(suffix)) + suffix


def fitting(text: str, most: int) -> str:
    """The text with whole words in so many characters; a single word is cut."""
    return text if len(text) <= most else text[: most + 1].rpartition(" ")[0] or text[:most]


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


def source(provenance: Provenance) -> Said:
    """Who drew the lesion: "Drawn in an RT Structure Set, labelled "GTV-1""."""
    drawn = _DRAWN.get(provenance.kind)
    text = drawn[provenance.algorithm_type] if drawn else _SOURCES[provenance.kind]
    if provenance.label:
        text = say('{source}, labelled "{label}"', source=text, label=provenance.label)
    if provenance.model:
        text = say("{source} by {model}", source=text, model=provenance.model)
    return say("{source:capital}", source=text)


def nature(provenance: Provenance) -> Said:
    """What is known of the lesion's nature, and from whom."""
    if provenance.named_neoplasm:
        return say("named as tumour by its source, not confirmed by this analysis")
    if provenance.kind == "model":
        return say("found automatically, nature not established")
    if provenance.algorithm_type == "AUTOMATIC":
        return say("nature not established by a person, nor by this analysis")
    return say("nature not stated by its source, not established by this analysis")


def description(provenance: Provenance) -> Said:
    """Source and nature in one sentence, for the segment and the finding."""
    what = nature(provenance)
    said = [
        sentence(what)
        if provenance.kind == "model"
        else say("{source}; {nature}.", source=source(provenance), nature=what)
    ]
    if provenance.trust is not None:
        score = say("The software's score for its own outline: {score:.2f} of 1 (no probability).",
                    score=float(provenance.trust))  # fmt: skip
        said.append(score)
    return joined(said)


def segment_label(lesion: Lesion) -> Said:
    """What viewers write beside the outline: "Lesion 1: GTV-1"."""
    return joined([say("Lesion {number}", number=lesion.number), lesion.contour.provenance.label], ": ")


def refusal(code: str, reason: str = "") -> Said:
    """Why a case was not evaluated: the sentence for the code, then what was so in this case."""
    said = REFUSALS.get(code) or say("The case could not be evaluated.")
    if not reason or reason in said:
        return said
    return say("{refusal} In this case: {reason:ended}", refusal=said, reason=told(reason))


def measured(lesion: Lesion) -> list[Said]:
    """Where the lesion lies, what was measured, and what a reader must know about it."""
    m = lesion.measurements
    said = side(lesion)
    if place := key_slice(m):
        said.append(say("Long and short axis lie on {place}.", place=place))
    if m.ground_glass is not None:
        said.append(_ground_glass(m.ground_glass))
    if m.touches_edge:
        said.append(
            say(
                "The lesion reaches the edge of the images: part of it may lie beyond them, so that its measurements "
                "are too small."
            )
        )
    return [*said, *map(sentence, m.notes), *map(sentence, lesion.contour.provenance.notes)]


def _ground_glass(share: GroundGlass) -> Said:
    if share.fraction is None:
        why = told(share.why_missing or say("no reason given"))
        return say("Ground-glass share not measured: {why:ended}", why=why)
    return say(
        "Ground-glass share {share}, class {reader_class} (measured without rim, vessels and air; agreement with "
        "readers untested).",
        share=percent(share.fraction),
        reader_class=term(share.reader_class),
    )


def key_slice(m: Measurements) -> Said:
    """Where a reader finds the axes: "image 117, z -519.6 mm"; z (LPS) on axial images only."""
    (_, _, start), (_, _, end) = m.long_axis.start, m.long_axis.end
    place = say("z {height:.1f} {unit}", height=float(start), unit="mm") if abs(start - end) < 0.05 else ""
    return joined([m.key_image, place], ", ")


def key_contour(parts: int) -> Said:
    """What a contour on a single slice shows, and that the numbers beside it are not of that slice alone."""
    outline = say(
        "The contour is the outer boundary of the lesion on the slice of its long axis, along the edges of its pixels."
    )
    part = say("It surrounds the largest of {parts} separate parts on this slice.", parts=parts) if parts > 1 else ""
    return joined([outline, part, say("Volume and predictions are those of the whole lesion.")])


def case(findings: Findings) -> list[Said]:
    """What holds for the case as a whole; the change since the predecessor comes first."""
    said = []
    if findings.change:
        said.append(say("Changed since the previous result: {change:ended}", change=told(findings.change)))
    if findings.state == "refused":
        why = refusal(findings.reason_code, findings.reason)
        said.append(say("NOT EVALUATED ({code}). {why}", code=findings.reason_code, why=why))
    said.append(RESEARCH)
    return said + [sentence(note) for note in findings.notes]


def choice(findings: Findings) -> list[Said]:
    """Why these lesions and no others."""
    said = [say("Choice of lesions: {rule:ended}", rule=told(findings.rule))] if findings.rule else []
    return said + [say("Passed over: {skipped:ended}", skipped=told(skipped)) for skipped in findings.skipped]


def _numbers(e: Estimate) -> tuple[float, float, float]:
    return e.probability, e.lower, e.upper


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
