"""Predict: ask one classifier about one lesion. Whatever happens, its word is a value beside its siblings (rule 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from node.domain.clinical import Clinical, Value, with_implied
from node.domain.explanation import label
from node.domain.findings import Estimate, Fitness, Measurements, ModelFacts, NotEvaluated, Prediction
from node.errors import ModelFailed
from node.inference.applicability import applies, worse
from node.inference.explain import explain
from node.inference.inputs import Encoded, ModelInput, Needs, encode
from node.inference.knowledge import NOTHING, Knowledge
from node.inference.model import Classifier
from node.inference.rebase import rebase

log = structlog.get_logger()

Quantities = Mapping[str, Value]
"""Source ("clinical:age", "image:ground_glass", …) to value with its origin; absent where unknown."""


def predict(
    classifier: Classifier,
    needs: Needs,
    *,
    fitness: Fitness,
    clinical: Clinical,
    measurements: Measurements,
    prevalence: float | None,
    knowledge: Knowledge = NOTHING,
) -> Prediction:
    """
    Ask a classifier about one lesion.

    Args:
        classifier: The opened model.
        needs: What its manifest asks for.
        fitness: What `judge` said of this model and this lesion.
        clinical: Of this patient.
        measurements: Of this lesion.
        prevalence: Of the target at this site, which the estimate is re-based to; None: as trained.
        knowledge: What its package holds about the training patients.

    Returns:
        A prediction, also where there is none: outside its domain, a required input missing, a model that refuses or
        fails. `inputs` and `missing_inputs` name quantities ("smoking"); where a known quantity leaves one input open,
        that input is named ("not_current" does not say whether the patient ever smoked).
    """
    quantities = gather(needs, with_implied(clinical), measurements)
    encoded = encode(needs.inputs, {source: value.value for source, value in quantities.items()})
    if knowledge.applicability and fitness.outcome != "outside" and not encoded.outside:
        fitness = worse(fitness, applies(knowledge.applicability, encoded.numbers))
    base = Prediction(
        model=classifier.facts,
        state="not_evaluated",
        fitness=fitness,
        inputs={source.partition(":")[2]: value for source, value in quantities.items()},
        missing_inputs=_missing(needs.inputs, quantities, encoded),
        statements=(*_conditions(needs, clinical), *_problems(needs, quantities, clinical, measurements)),
    )
    if refusal := _refusal(needs, fitness, encoded):
        return _not_evaluated(base, refusal)
    try:
        answer = classifier(encoded.numbers)
    except ModelFailed as error:
        log.warning("model.refused", model=base.model.id, version=base.model.version, error=str(error))
        return _not_evaluated(base, NotEvaluated(code="model_failed", text=str(error)))
    if isinstance(answer, NotEvaluated):
        return _not_evaluated(base, answer)
    answer = replace(answer, contributions=_by_quantity(needs.inputs, answer))
    parts = explain(needs.inputs, quantities, answer.contributions, knowledge.spreads)
    return _predicted(replace(base, explanations=parts), answer, prevalence)


def unavailable(facts: ModelFacts, error: ModelFailed) -> Prediction:
    """The word of a model that could not be loaded or opened, for one lesion."""
    base = Prediction(model=facts, state="not_evaluated")
    return _not_evaluated(base, NotEvaluated(code="model_unavailable", text=str(error)))


def gather(needs: Needs, clinical: Clinical, measurements: Measurements) -> Quantities:
    """Every quantity that the model asks for and that is known, in the manifest's order."""
    found: dict[str, Value] = {}
    for item in needs.inputs:
        kind, _, name = item.source.partition(":")
        value = clinical.values.get(name) if kind == "clinical" else _from_image(kind, name, measurements)
        if value is not None:
            found[item.source] = value
    return found


def _from_image(kind: str, name: str, measurements: Measurements) -> Value | None:
    glass = measurements.ground_glass
    if kind == "image":
        known = name == "ground_glass" and glass is not None and glass.reader_class
        return Value(glass.reader_class, "measured on the image") if known and glass else None
    if kind == "feature":
        return _measured(measurements.features.get(name), "radiomic feature of the image")
    lengths = {
        "volume_ml": measurements.volume_ml,
        "long_axis_mm": measurements.long_axis.length_mm,
        "short_axis_mm": measurements.short_axis.length_mm,
        "diameter_3d_mm": measurements.diameter_3d_mm,
    }
    return _measured(lengths.get(name), "measured on the image")


def _measured(number: float | None, source: str) -> Value | None:
    return None if number is None else Value(number, source)


def _refusal(needs: Needs, fitness: Fitness, encoded: Encoded) -> NotEvaluated | None:
    if fitness.outcome == "outside":
        return NotEvaluated(code=fitness.code or "outside_domain", text="; ".join(fitness.reasons))
    if encoded.outside:
        source, text = encoded.outside[0]
        code = "histology_outside" if source == "clinical:histology" else "outside_domain"
        return NotEvaluated(code=code, text=f"{text} (what the model was trained on)")
    if lacking := [item.quantity for item in needs.inputs if item.required and item.name in encoded.missing]:
        text = f"the model cannot answer without {', '.join(dict.fromkeys(lacking))}"
        return NotEvaluated(code="input_missing", text=text)
    if len(_known_sources(needs, encoded)) < needs.least:
        wanted = ", ".join(dict.fromkeys(label(item.quantity) for item in needs.inputs))
        text = f"the model answers only from findings that were supplied, and none of these was: {wanted}"
        return NotEvaluated(code="input_missing", text=text)
    return None


def _known_sources(needs: Needs, encoded: Encoded) -> set[str]:
    """Sources of which at least one input is known."""
    return {item.source for item in needs.inputs if item.name in encoded.numbers}


def _predicted(base: Prediction, estimate: Estimate, prevalence: float | None) -> Prediction:
    trained = base.model.prevalence
    rebased = prevalence is not None and trained is not None
    if prevalence is not None and trained is not None:
        estimate = rebase(estimate, trained=trained, site=prevalence)
    borderline = base.fitness is not None and base.fitness.outcome == "borderline"
    return replace(
        base,
        state="borderline" if borderline else "predicted",
        estimate=estimate,
        reason_code="borderline_domain" if borderline else "",
        reason="; ".join(base.fitness.reasons) if borderline and base.fitness else "",
        rebased_to=prevalence if rebased else None,
    )


def _by_quantity(inputs: tuple[ModelInput, ...], answer: Estimate) -> dict[str, float]:
    """What each quantity adds to the log-odds: a category is one, though several columns of the model."""
    quantities = {item.name: item.quantity for item in inputs}
    added: dict[str, float] = {}
    for name, value in answer.contributions.items():
        quantity = quantities.get(name, name)
        added[quantity] = added.get(quantity, 0.0) + value
    return added


def _not_evaluated(base: Prediction, why: NotEvaluated) -> Prediction:
    return replace(base, reason_code=why.code, reason=why.text)


def _missing(inputs: tuple[ModelInput, ...], quantities: Quantities, encoded: Encoded) -> tuple[str, ...]:
    absent = [item for item in inputs if item.name in encoded.missing]
    return tuple(dict.fromkeys(i.name if i.source in quantities else i.quantity for i in absent))


def _conditions(needs: Needs, clinical: Clinical) -> tuple[str, ...]:
    sentences = []
    for condition in needs.conditions:
        value = clinical.values.get(condition.quantity)
        supplied = f"supplied as {value.value} ({value.source})" if value else "not supplied"
        sentences.append(f"{condition.text}; {condition.quantity} was {supplied}")
    return tuple(sentences)


def _problems(needs: Needs, quantities: Quantities, clinical: Clinical, measurements: Measurements) -> tuple[str, ...]:
    """Why a quantity is missing although something was stated or measured."""
    glass = measurements.ground_glass
    why = {f"clinical:{name}": text for name, text in clinical.problems.items()}
    why |= {"image:ground_glass": glass.why_missing} if glass and glass.why_missing else {}
    wanted = dict.fromkeys(item.source for item in needs.inputs if item.source not in quantities)
    return tuple(f"{source.partition(':')[2]} is missing: {why[source]}" for source in wanted if source in why)
