"""
Findings in sentences. Every output (SEG, SR, report, JSON) prints only these.

The reader is a radiologist. A sentence says what was seen, what it rests on and how far it may be trusted; what a model
predicts always begins with "AI-predicted", and the nature of a lesion is never stated beyond what its source said.
"""

from __future__ import annotations

import math
from enum import Enum

from node.domain.findings import Estimate, Findings, Lesion, ModelFacts, OperatingPoint, Prediction, Provenance
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
    return f"AI-predicted probability of {facts.target}"[: 64 - len(suffix)] + suffix


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


def model_name(facts: ModelFacts) -> str:
    """Name, version and the beginning of the package's hash: enough to find the very model."""
    return f"{facts.name or facts.id} {facts.version} (package {facts.id}, SHA-256 {facts.digest[:12]})"


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
    trust = f" Trust in the drawing: {percent(provenance.trust)}." if provenance.trust is not None else ""
    text = nature(provenance) if provenance.kind == "model" else f"{source(provenance)}; {nature(provenance)}"
    return f"{text[0].upper()}{text[1:]}.{trust}"


def refusal(code: str, reason: str = "") -> str:
    """Why a case was not evaluated: the sentence for the code, then what was found in this case."""
    sentence = REFUSALS.get(code, "The case could not be evaluated.")
    return sentence if not reason or reason in sentence else f"{sentence} Found: {_ended(reason)}"


def headline(prediction: Prediction) -> str:
    """One line: the probability with its interval, or that there is none and why."""
    facts, e = prediction.model, prediction.estimate
    if e is None or not is_answered(prediction):
        return (
            f"AI-predicted {facts.target}: not evaluated. {_sentence(prediction.reason or 'the model gave no number')}"
        )
    flag = f" BORDERLINE: {_ended(prediction.reason or 'see below')}" if prediction.state == "borderline" else ""
    interval = f"{percent(facts.interval_level)} interval {percent(e.lower)} to {percent(e.upper)}"
    return f"{concept_name(facts)}: {percent(e.probability)} ({interval}).{flag}"


def evidence(prediction: Prediction) -> list[str]:
    """Everything that must stand beside a probability for it to be believed (design rule 8), one sentence each."""
    answered = is_answered(prediction)
    said = [f"Model: {model_name(prediction.model)}."]
    if answered:
        said += [_calibration(prediction), _prevalence(prediction), *_operating_point(prediction)]
    said += [*_inputs(prediction), *_fitness(prediction)]
    if answered:
        said += _contributions(prediction)
    return [*said, *map(_sentence, prediction.statements), *caveats(prediction.model)]


def caveats(facts: ModelFacts) -> list[str]:
    """What always stands beside this model, whatever it says."""
    exploratory = (
        [f"EXPLORATORY: {_ended(facts.exploratory.removeprefix('exploratory: '))}"] if facts.exploratory else []
    )
    training = [f"Training data: {_ended(facts.training)}"] if facts.training else []
    return [*exploratory, *training, *map(_sentence, facts.limits), NO_SUBSTITUTE]


def measured(lesion: Lesion) -> list[str]:
    """What was measured, and what a reader must know about it."""
    m = lesion.measurements
    said = []
    if m.ground_glass is not None:
        share = m.ground_glass
        said.append(
            f"Ground-glass share {percent(share.fraction)}, class {share.reader_class} (measured without rim, vessels "
            "and air; agreement with readers untested)."
            if share.fraction is not None
            else f"Ground-glass share not measured: {_ended(share.why_missing or 'no reason given')}"
        )
    if m.touches_edge:
        said.append("The lesion reaches the first or last slice: it may extend further, and is measured too small.")
    return [*said, *map(_sentence, m.notes), *map(_sentence, lesion.contour.provenance.notes)]


def key_contour(parts: int) -> str:
    """What a contour on a single slice shows, and that the numbers beside it are not of that slice alone."""
    which = f" It surrounds the largest of {parts} separate parts on this slice." if parts > 1 else ""
    return (
        "The contour is the outer boundary of the lesion on the slice of its long axis, along the edges of its pixels."
        f"{which} Volume and predictions are those of the whole lesion."
    )


def case(findings: Findings) -> list[str]:
    """What holds for the case as a whole; the change since the predecessor comes first."""
    said = [f"Changed since the previous result: {_ended(findings.change)}"] if findings.change else []
    if findings.state == "refused":
        said.append(f"NOT EVALUATED ({findings.reason_code}). {refusal(findings.reason_code, findings.reason)}")
    said.append(RESEARCH)
    if findings.rule:
        said.append(f"Choice of lesions: {_ended(findings.rule)}")
    said += [f"Passed over: {_ended(skipped)}" for skipped in findings.skipped]
    return said + [_sentence(note) for note in findings.notes]


def _numbers(e: Estimate) -> tuple[float, float, float]:
    return e.probability, e.lower, e.upper


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _ended(text: str) -> str:
    """The text as a sentence: with a full stop where it has no end yet."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _sentence(text: str) -> str:
    """The text with a full stop, and a capital where it begins with a plain lower-case word."""
    text = _ended(text)
    return text[0].upper() + text[1:] if text[:2].isalpha() and text[:2].islower() else text


def _calibration(prediction: Prediction) -> str:
    if prediction.model.calibrated:
        return "Calibrated in cross-validation on its training data."
    return "NOT CALIBRATED: read it as a score, not as a probability."


def _prevalence(prediction: Prediction) -> str:
    trained = prediction.model.prevalence
    known = percent(trained) if trained is not None else "not stated"
    if prediction.rebased_to is None:
        return f"Holds for a prevalence as in training ({known})."
    return (
        f"Re-based by Bayes' rule from the training prevalence ({known}) to {percent(prediction.rebased_to)}, "
        "which this site states."
    )


def _operating_point(prediction: Prediction) -> list[str]:
    point, at, side = prediction.model.operating_point, threshold(prediction), verdict(prediction)
    if point is None or at is None or side is None:
        return ["The model declares no operating point."]
    return [f"Operating point {percent(at)}: {side.value}. {_accuracy(point)}"]


def _accuracy(point: OperatingPoint) -> str:
    def spread(share: float, interval: tuple[float, float]) -> str:
        return f"{percent(share)} (95% interval {percent(interval[0])} to {percent(interval[1])})"

    return (
        f"Measured at it: sensitivity {spread(point.sensitivity, point.sensitivity_interval)}, "
        f"specificity {spread(point.specificity, point.specificity_interval)}."
    )


def _inputs(prediction: Prediction) -> list[str]:
    used = [f"{_label(name)} {_value(v.value)} [{v.source}]" for name, v in prediction.inputs.items()]
    said = [f"Inputs used: {'; '.join(used)}."] if used else []
    if prediction.missing_inputs:
        said.append(f"Inputs missing: {', '.join(map(_label, prediction.missing_inputs))}.")
    return said


def _fitness(prediction: Prediction) -> list[str]:
    fitness = prediction.fitness
    if fitness is None:
        return []
    if fitness.outcome == "in_domain":
        return ["The case lies within what the model was made for."]
    where = "At the border of" if fitness.outcome == "borderline" else "Outside"
    why = f": {'; '.join(fitness.reasons)}" if fitness.reasons else ""
    return [_ended(f"{where} what the model was made for{why}")]


def _contributions(prediction: Prediction) -> list[str]:
    parts = prediction.estimate.contributions if prediction.estimate else {}
    ranked = sorted(
        ((v, k) for k, v in parts.items() if math.isfinite(v) and abs(v) >= 0.005), key=lambda p: -abs(p[0])
    )
    if not ranked:
        return []
    listed = ", ".join(f"{_label(name)} {value:+.2f}" for value, name in ranked)
    return [f"Contributions to the log-odds (plus raises, minus lowers the probability): {listed}."]


def _label(name: str) -> str:
    return name.replace("_", " ")


def _value(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, int | float) else _label(value)
