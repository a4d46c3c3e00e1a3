"""
What is said of one model's answer: the headline, what it rests on, and what holds for every answer of the model.

Together with `words` these are the only sentences that any output prints.
"""

from __future__ import annotations

import math

from node.domain.cards import heard
from node.domain.explanation import explained, inputs_missing
from node.domain.facts import ModelFacts, OperatingPoint
from node.domain.findings import Findings, Prediction
from node.domain.flags import flags, holds_prevalence
from node.domain.language import Said, joined, named, say, sentence, told
from node.domain.stability import redrawing
from node.domain.terms import term
from node.domain.words import NO_SUBSTITUTE, is_answered, percent, target, threshold, verdict

LIKE_THE_TRAINED = say(
    "As far as the node can check (header, age, size and measurements of the lesion), the case is like those that the "
    "model was made for."
)

VALIDITY = "valid only"
"""How a limit begins that says what alone a model is valid for."""

MOST_LISTED = 8
"""Inputs of one origin that are listed one by one."""


def model_name(facts: ModelFacts) -> Said:
    """Name, version and the beginning of the package's hash: enough to find the very model."""
    name = named(facts.name or facts.id)
    package = joined([facts.id, f"SHA-256 {facts.digest[:12]}" if facts.digest else ""], ", ")
    return say("{name} {version} (package {package})", name=name, version=facts.version, package=package)


def headline(prediction: Prediction) -> Said:
    """One line: the probability with its interval and its limits, or that there is none and why."""
    facts, e = prediction.model, prediction.estimate
    if e is None or not is_answered(prediction):
        why = told(prediction.reason or say("the model gave no number"))
        return say("AI-predicted {target}: not evaluated. {why:sentence}", target=target(facts), why=why)
    answer = say(
        "AI-predicted probability of {target}: {probability} ({level:.0f}% interval {lower} to {upper}).",
        target=target(facts),
        probability=percent(e.probability),
        level=100 * float(facts.interval_level),
        lower=percent(e.lower),
        upper=percent(e.upper),
    )
    return joined([answer, *flags(prediction)])


def evidence(prediction: Prediction) -> list[Said]:
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


def caveats(facts: ModelFacts) -> list[Said]:
    """What holds for every answer, or every outline, of this model: its limits, then whom it learnt from."""
    return [*limits(facts), *learnt_from(facts)]


def limits(facts: ModelFacts) -> list[Said]:
    """The model's limits in its makers' order, but first what alone it is valid for: a page may show no more."""
    drawing = _exploratory(facts) if facts.kind == "segmenter" else []  # an answer says it beside its number
    said = sorted(facts.limits, key=lambda limit: not limit.lower().startswith(VALIDITY))
    return [*drawing, *(sentence(heard(limit)) for limit in said)]


def learnt_from(facts: ModelFacts) -> list[Said]:
    """Whom a model learnt from."""
    if facts.training.startswith(("Trained", "Not trained")):
        return [sentence(heard(facts.training))]
    return [say("Trained on {population:ended}", population=heard(facts.training))] if facts.training else []


def asked(findings: Findings) -> list[ModelFacts]:
    """Every model that gave an answer, once, in the order of its first answer."""
    answers = [p for lesion in findings.lesions for p in lesion.predictions if is_answered(p)]
    return list({(p.model.id, p.model.digest): p.model for p in answers}.values())


def told_about(findings: Findings) -> list[ModelFacts]:
    """The models whose limits a reader must know: those that answered, then the one that drew."""
    return [*asked(findings), *filter(None, [findings.segmenter])]


def outlining(findings: Findings) -> list[Said]:
    """What holds for every outline of the model that drew, where one did: it limits all that was measured in it."""
    facts = findings.segmenter
    if facts is None:
        return []
    return [say("Outlined by {model}.", model=model_name(facts)), *caveats(facts)]


def _model(facts: ModelFacts) -> Said:
    return say("Model: {name}.", name=model_name(facts))


def _exploratory(facts: ModelFacts) -> list[Said]:
    why = heard(facts.exploratory.removeprefix("exploratory: "))
    return [say("EXPLORATORY: {why:ended}", why=why)] if why else []


def _missing(prediction: Prediction) -> list[Said]:
    if not prediction.missing_inputs:
        return []
    names = joined(map(term, prediction.missing_inputs), ", ")
    return [inputs_missing(names, held=prediction.model.holds_missing)]


def _prevalence(prediction: Prediction) -> Said:
    trained, site = prediction.model.prevalence, prediction.rebased_to
    known = percent(trained) if trained is not None else say("not stated")
    basis = say("Holds for a prevalence as in training ({known}).", known=known)
    if site is not None:
        basis = say(
            "Re-based by Bayes' rule from the training prevalence ({known}) to {site}, stated by this site.",
            known=known,
            site=percent(site),
        )
    if not holds_prevalence(prediction):
        return basis
    average = say("The interval includes that prevalence: this answer does not set the patient apart from the average.")
    return joined([basis, average])


def _calibration(prediction: Prediction) -> Said:
    facts = prediction.model
    if facts.slope is None or facts.slope_interval is None:
        if facts.calibrated:
            return say("Calibrated in cross-validation on its training data, as its makers state without a number.")
        return say("NOT CALIBRATED: read it as a score, not as a probability.")
    measured = {"slope": facts.slope, "lower": facts.slope_interval[0], "upper": facts.slope_interval[1]}
    if facts.calibrated:
        return say(
            "Calibrated in cross-validation on its training data: slope {slope:.2f} (95% interval {lower:.2f} to "
            "{upper:.2f}; 1 is ideal).",
            **measured,
        )
    if facts.uncertain:
        return say(
            "Its calibration is uncertain: in cross-validation on its training data the slope was {slope:.2f} (95% "
            "interval {lower:.2f} to {upper:.2f}; 1 is ideal).",
            **measured,
        )
    return say(
        "NOT CALIBRATED: read it as a score, not as a probability. In cross-validation on its training data the "
        "calibration slope was {slope:.2f} (95% interval {lower:.2f} to {upper:.2f}; 1 is ideal).",
        **measured,
    )


def _operating_point(prediction: Prediction) -> list[Said]:
    point, at, side = prediction.model.operating_point, threshold(prediction), verdict(prediction)
    if point is None or at is None or side is None:
        return [say("The model declares no operating point.")]
    said = say("Operating point {at}: {side}.", at=percent(at), side=side.value)
    return [joined([said, _accuracy(point)])]


def _accuracy(point: OperatingPoint) -> Said:
    def spread(share: float, interval: tuple[float, float]) -> Said:
        return say(
            "{share} (95% interval {lower} to {upper})",
            share=percent(share),
            lower=percent(interval[0]),
            upper=percent(interval[1]),
        )

    return say(
        "Measured for the estimate alone, whatever its interval: sensitivity {sensitivity}, specificity {specificity}.",
        sensitivity=spread(point.sensitivity, point.sensitivity_interval),
        specificity=spread(point.specificity, point.specificity_interval),
    )


def _known(prediction: Prediction) -> list[Said]:
    """The inputs that are known, by where they come from."""
    by_source: dict[str, list[Said]] = {}
    for name, v in prediction.inputs.items():
        by_source.setdefault(v.source, []).append(joined([term(name), _value(v.value)]))
    used = [say("{values} [{source}]", values=_listed(values), source=source) for source, values in by_source.items()]
    if not used:
        return []
    if is_answered(prediction):
        return [say("Inputs used: {used}.", used=joined(used, "; "))]
    return [say("Known, but not used: {used}.", used=joined(used, "; "))]


def _listed(values: list[Said]) -> Said:
    """Values one by one; many (radiomic features) only by their number, as the strongest are explained each."""
    return joined(values, ", ") if len(values) <= MOST_LISTED else say("{count} values", count=len(values))


def _fitness(prediction: Prediction) -> list[Said]:
    """Whether the case is one that the model was made for; nothing where the headline says it, or nobody answered."""
    fitness, answered = prediction.fitness, is_answered(prediction)
    if fitness is None or (fitness.outcome == "in_domain" and not answered):
        return []
    if fitness.outcome == "in_domain":
        return [LIKE_THE_TRAINED]
    if fitness.reasons and all(reason in prediction.reason for reason in fitness.reasons):
        return []
    where = say("Outside what the model was made for")
    if fitness.outcome == "borderline":
        where = say("At the border of what the model was made for")
    return [say("{text:ended}", text=joined([where, joined(map(told, fitness.reasons), "; ")], ": "))]


def _contributions(prediction: Prediction) -> list[Said]:
    parts = prediction.estimate.contributions if prediction.estimate else {}
    ranked = sorted(
        ((v, k) for k, v in parts.items() if math.isfinite(v) and abs(v) >= 0.005), key=lambda p: -abs(p[0])
    )
    if not ranked:
        return []
    listed = [say("{name} {value:+.2f}", name=term(name), value=float(value)) for value, name in ranked]
    return [
        say(
            "What moved it, strongest first, in log-odds (plus raises, minus lowers the probability): {listed}.",
            listed=joined(listed, "; "),
        )
    ]


def _value(value: float | str) -> str:
    return say("{value:g}", value=float(value)) if isinstance(value, int | float) else term(value)
