"""
What is said of one model's answer: the headline, what it rests on, and what holds for every answer of the model.

Together with `words` these are the only sentences that any output prints.
"""

from __future__ import annotations

import math

from node.domain.explanation import explained, inputs_missing
from node.domain.findings import Findings, ModelFacts, OperatingPoint, Prediction
from node.domain.language import say
from node.domain.stability import redrawing
from node.domain.words import (
    NO_SUBSTITUTE,
    concept_name,
    ended,
    is_answered,
    percent,
    sentence,
    threshold,
    verdict,
)

MOST_LISTED = 8
"""Inputs of one origin that are listed one by one."""


def model_name(facts: ModelFacts) -> str:
    """Name, version and the beginning of the package's hash: enough to find the very model."""
    digest = f", SHA-256 {facts.digest[:12]}" if facts.digest else ""
    return f"{facts.name or facts.id} {facts.version} (package {facts.id}{digest})"


def headline(prediction: Prediction) -> str:
    """One line: the probability with its interval and how little it rests on, or that there is none and why."""
    facts, e = prediction.model, prediction.estimate
    if e is None or not is_answered(prediction):
        why = sentence(prediction.reason or "the model gave no number")
        return f"AI-predicted {facts.target or facts.id}: not evaluated. {why}"
    interval = f"{percent(facts.interval_level)} interval {percent(e.lower)} to {percent(e.upper)}"
    flag = f" BORDERLINE: {ended(prediction.reason or 'see below')}" if prediction.state == "borderline" else ""
    return f"{concept_name(facts)}: {percent(e.probability)} ({interval}).{_gaps(prediction)}{flag}"


def evidence(prediction: Prediction) -> list[str]:
    """
    What must stand beside this answer for it to be believed (design rule 8), one sentence each.

    What may overturn it comes first: what alone it is valid for, what it lacks, whether it says more than the
    prevalence. What holds for every answer of the model is in `caveats`.
    """
    conditions = list(map(sentence, prediction.statements))
    if not is_answered(prediction):
        return [*_fitness(prediction), *conditions, *_known(prediction), _model(prediction.model), NO_SUBSTITUTE]
    return [
        *conditions, *_missing(prediction), _prevalence(prediction), *_exploratory(prediction.model),
        *redrawing(prediction.stability),
        *_operating_point(prediction), *_known(prediction),
        *(explained(prediction.explanations) or _contributions(prediction)), *_fitness(prediction),
        _calibration(prediction), _model(prediction.model), NO_SUBSTITUTE,
    ]  # fmt: skip


def caveats(facts: ModelFacts) -> list[str]:
    """What holds for every answer of this model: whom it learnt from, and its limits."""
    known = facts.training if facts.training.startswith("Trained") else f"Trained on {facts.training}"
    return [*([ended(known)] if facts.training else []), *map(sentence, facts.limits)]


def asked(findings: Findings) -> list[ModelFacts]:
    """Every model that gave an answer, once, in the order of its first answer."""
    answers = [p for lesion in findings.lesions for p in lesion.predictions if is_answered(p)]
    return list({(p.model.id, p.model.digest): p.model for p in answers}.values())


def _model(facts: ModelFacts) -> str:
    return f"Model: {model_name(facts)}."


def _exploratory(facts: ModelFacts) -> list[str]:
    return [f"EXPLORATORY: {ended(facts.exploratory.removeprefix('exploratory: '))}"] if facts.exploratory else []


def _gaps(prediction: Prediction) -> str:
    """How much the answer rests on, where something is missing."""
    missing, known = len(prediction.missing_inputs), len(prediction.inputs)
    return f" {missing} of {missing + known} inputs missing." if missing else ""


def _missing(prediction: Prediction) -> list[str]:
    if not prediction.missing_inputs:
        return []
    names = ", ".join(map(_label, prediction.missing_inputs))
    return [inputs_missing(names, held=prediction.model.holds_missing)]


def _prevalence(prediction: Prediction) -> str:
    trained, site, e = prediction.model.prevalence, prediction.rebased_to, prediction.estimate
    known = percent(trained) if trained is not None else "not stated"
    basis = f"Holds for a prevalence as in training ({known})"
    if site is not None:
        basis = (
            f"Re-based by Bayes' rule from the training prevalence ({known}) to {percent(site)}, stated by this site"
        )
    at = trained if site is None else site
    if at is None or e is None or not e.lower <= at <= e.upper:
        return f"{basis}."
    return (
        f"{basis}. The interval includes that prevalence: this answer does not set the patient apart from the average."
    )


def _calibration(prediction: Prediction) -> str:
    if prediction.model.calibrated:
        return "Calibrated in cross-validation on its training data."
    return "NOT CALIBRATED: read it as a score, not as a probability."


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


def _known(prediction: Prediction) -> list[str]:
    """The inputs that are known, by where they come from."""
    by_source: dict[str, list[str]] = {}
    for name, v in prediction.inputs.items():
        by_source.setdefault(v.source, []).append(f"{_label(name)} {_value(v.value)}")
    used = "; ".join(f"{_listed(values)} [{source}]" for source, values in by_source.items())
    title = "Inputs used" if is_answered(prediction) else "Known, but not used"
    return [f"{title}: {used}."] if used else []


def _listed(values: list[str]) -> str:
    """Values one by one; many (radiomic features) only by their number, as the strongest are explained each."""
    return ", ".join(values) if len(values) <= MOST_LISTED else str(say("{count} values", count=len(values)))


def _fitness(prediction: Prediction) -> list[str]:
    """Whether the case is one that the model was made for; nothing where the headline says it, or nobody answered."""
    fitness, answered = prediction.fitness, is_answered(prediction)
    if fitness is None or (fitness.outcome == "in_domain" and not answered):
        return []
    if fitness.outcome == "in_domain":
        return ["The case lies within what the model was made for."]
    if fitness.reasons and all(reason in prediction.reason for reason in fitness.reasons):
        return []
    where = "At the border of" if fitness.outcome == "borderline" else "Outside"
    why = f": {'; '.join(fitness.reasons)}" if fitness.reasons else ""
    return [ended(f"{where} what the model was made for{why}")]


def _contributions(prediction: Prediction) -> list[str]:
    parts = prediction.estimate.contributions if prediction.estimate else {}
    ranked = sorted(
        ((v, k) for k, v in parts.items() if math.isfinite(v) and abs(v) >= 0.005), key=lambda p: -abs(p[0])
    )
    if not ranked:
        return []
    listed = ", ".join(f"{_label(name)} {value:+.2f}" for value, name in ranked)
    return [f"What moved it, strongest first, in log-odds (plus raises, minus lowers the probability): {listed}."]


def _label(name: str) -> str:
    return "pack-years" if name == "pack_years" else name.replace("_", " ")


def _value(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, int | float) else _label(value)
