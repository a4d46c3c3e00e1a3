"""What a run measured, as the keys of `model.toml`: four decimals, so that every processor prints the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node.domain.plain import to_plain
from node.training.judge import Auc, Part, Performance
from node.training.rows import Patients
from node.training.tabular import Linear, Recipe, Table
from node.training.tripod import all_required

EVENTS_PER_INPUT = 10
"""Fewer events per input than this make a model exploratory (Peduzzi et al., J Clin Epidemiol 49:1373, 1996)."""


ALIKE = "everyone was told the same"
"""Stands for an AUC where no model told its patients apart: that of constants is 0.5, and measures nothing."""

NOTHING_FOUND = "Nothing in the inputs was found to tell the target apart: everyone is told the training prevalence."


def measured(
    head: Mapping[str, Any], population: str, patients: Patients, recipe: Recipe, model: Linear, found: Performance
) -> dict[str, Any]:
    """
    Training, calibration, operating point, interval, performance, limits, and whether the model is exploratory.

    A model that found nothing tells everyone the same, so it has no operating point: whatever was measured at one, the
    models of the folds did, which chased noise.
    """
    table, doubted = patients.table, str(head.get("exploratory", ""))
    left_out = {"left_out": dict(patients.unrecognised)} if patients.unrecognised else {}
    numbers: dict[str, Any] = {
        "training": {**_training(head, population, table), **left_out},
        "calibration": _calibration(model, recipe, found, doubted=bool(doubted)),
        **({"operating_point": rounded(to_plain(found.operating_point))} if model.weights.any() else {}),
        "interval": interval(recipe, required=all_required(head)),
        "performance": _performance(table, recipe, model, found),
        "limits": [
            *head.get("limits", ()),
            *([] if model.weights.any() else [NOTHING_FOUND]),
            *(_less_known(found) if model.weights.any() else []),
        ],
    }
    few = min(table.events, table.clear) < EVENTS_PER_INPUT * len(table.names)
    if few or doubted:
        numbers["exploratory"] = "; ".join(filter(None, (_counted(table), doubted)))
    return numbers


def _training(head: Mapping[str, Any], population: str, table: Table) -> dict[str, Any]:
    n, events, target = table.patients, table.events, head["target"]
    counted = {"n": n, "events": events, "prevalence": round(float(table.target.mean()), 6)}
    if not table.groups.size:
        sentence = f"Trained on {n} patients ({population}), {events} of them with {target}."
        return {"sentence": sentence, "population": population, **counted}
    rows = len(table.target)
    sentence = f"Trained on {rows} rows of {n} patients ({population}), {events} of these patients with {target}."
    return {"sentence": sentence, "population": population, "rows": rows, **counted}


def _counted(table: Table) -> str:
    """How few of the rarer class there are: patients without the target are as much needed as those with it."""
    k = len(table.names)
    if table.clear < table.events:
        return f"exploratory: {table.clear} patients without the target for {k} inputs"
    return f"exploratory: {table.events} events for {k} inputs"


def interval(recipe: Recipe, *, required: bool) -> dict[str, Any]:
    """What the interval of a trained model means; `required`: whether it answers only where it has every input."""
    missing = "" if required else ", each of which takes another training patient's value for a missing input"
    return {
        "level": recipe.level,
        "method": f"percentiles of {recipe.replicates} models refitted on bootstrap samples of patients{missing}",
        "holds_missing": True,
    }


def rounded(value: Any) -> Any:
    """Four decimals, inside of whatever holds the numbers."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return round(float(value), 4) if isinstance(value, float) else value


def _less_known(found: Performance) -> list[str]:
    """What missing inputs cost: the reader of one result must know it, for that result may lack them."""
    views = "; ".join(f"{name} {pair[0]:.2f}" for name, pair in found.withheld.items() if pair)
    if found.auc is None or not views:
        return []
    return [f"Held-out AUC with all inputs {found.auc:.2f}; {views} (0.50 is chance)."]


def _calibration(model: Linear, recipe: Recipe, found: Performance, *, doubted: bool) -> dict[str, Any]:
    """What was measured; a model whose own makers doubt it (`exploratory` of the specification) is not called so."""
    measured = {**to_plain(found.calibration), "brier": found.brier}
    return {
        "calibrated": found.calibration.shown and bool(model.weights.any()) and not doubted,
        "method": "Platt scaling on held-out log-odds that may only shrink, inside every fold"
        if recipe.recalibrate
        else "none",
        **rounded({key: value for key, value in measured.items() if value is not None}),
        "shrinkage": round(model.slope, 4),
    }


def _performance(table: Table, recipe: Recipe, model: Linear, found: Performance) -> dict[str, Any]:
    numbers = {
        "method": f"{recipe.folds}-fold stratified cross-validation, repeated {recipe.repeats} times, everything "
        f"(scaling, penalty{', recalibration' if recipe.recalibrate else ''}) fitted inside the fold; intervals: 95 % "
        "bootstrap over patients",
        "auc": ALIKE if found.auc is None else found.auc,
        **({} if found.auc_interval is None else {"auc_interval": found.auc_interval}),
        "folds": found.folds,
        "folds_alike": found.folds_alike,
        "brier": found.brier,
        "brier_of_prevalence": found.brier_of_prevalence,
        "penalty_strength": model.strength,
        "penalty_l1_share": model.mix,
        "weights": {name: round(float(w), 3) for name, w in zip(table.names, model.weights, strict=True)},
        "reliability": [to_plain(group) for group in found.reliability],
        "decision_curve": [to_plain(point) for point in found.benefit],
        "auc_within": {name: ALIKE if value is None else value for name, value in found.within.items()},
        "auc_across": {name: _auc(pair) for name, pair in found.across.items()},
        "auc_withheld": {name: _auc(pair) for name, pair in found.withheld.items()},
        "baselines": {name: _auc(pair) for name, pair in found.baselines.items()},
        "subgroups": {name: _part(part) for name, part in found.subgroups.items()},
        "baseline_subgroups": {
            name: {group: _part(part) for group, part in parts.items()}
            for name, parts in found.baseline_subgroups.items()
            if parts
        },
    }
    return {key: rounded(value) for key, value in numbers.items()}


def _part(part: Part) -> dict[str, Any]:
    told_apart = _auc(part.auc) if part.auc or part.alike else {}
    return {"n": part.n, "events": part.events, "stated": part.stated, **told_apart}


def _auc(pair: Auc) -> dict[str, Any]:
    return {"auc": pair[0], "interval": list(pair[1])} if pair else {"auc": ALIKE}
