"""The items of TRIPOD+AI (Collins et al., BMJ 385:e078378, 2024), and what a card can answer to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Manifest = Mapping[str, Any]

ITEMS: tuple[tuple[str, str], ...] = (
    ("1", "title"),
    ("2", "abstract"),
    ("3a", "background: context, rationale, existing models"),
    ("3b", "target population, purpose in the care pathway, users"),
    ("3c", "known health inequalities"),
    ("4", "objectives"),
    ("5a", "sources of data, and how representative they are"),
    ("5b", "dates of the data"),
    ("6a", "setting and centres"),
    ("6b", "eligibility"),
    ("6c", "treatments received"),
    ("7", "data preparation and quality"),
    ("8a", "outcome"),
    ("8b", "who assessed the outcome"),
    ("8c", "blinding of the outcome"),
    ("9a", "choice of predictors"),
    ("9b", "predictors, and how they are measured"),
    ("9c", "who assessed the predictors"),
    ("10", "sample size"),
    ("11", "missing data"),
    ("12a", "how the data were used"),
    ("12b", "handling of predictors"),
    ("12c", "type of model, building, internal validation"),
    ("12d", "heterogeneity between clusters: method"),
    ("12e", "measures of performance"),
    ("12f", "model updating: method"),
    ("12g", "how predictions were calculated"),
    ("13", "class imbalance"),
    ("14", "fairness"),
    ("15", "model output and thresholds"),
    ("16", "differences of training and evaluation"),
    ("17", "ethical approval and consent"),
    ("18a", "funding"),
    ("18b", "conflicts of interest"),
    ("18c", "protocol"),
    ("18d", "registration"),
    ("18e", "data sharing"),
    ("18f", "code sharing"),
    ("19", "patient and public involvement"),
    ("20a", "flow of participants"),
    ("20b", "characteristics of participants"),
    ("20c", "comparison with the development data"),
    ("21", "participants and events of each analysis"),
    ("22", "specification of the model"),
    ("23a", "performance, with subgroups"),
    ("23b", "heterogeneity between clusters: result"),
    ("24", "model updating: result"),
    ("25", "interpretation"),
    ("26", "limitations"),
    ("27a", "poor or missing inputs in use"),
    ("27b", "what users must do: human oversight"),
    ("27c", "next steps, applicability, generalisability"),
)

NOT_REPORTED = "not reported"
REQUIRED = "every input is required for an answer, so nothing is imputed"
IMPUTED = "mean for the estimate, training values for the interval; see Performance for what it costs"
NO_PATIENTS = "not applicable: nothing was trained"
_OF_PATIENTS = frozenset((
    "5b", "6a", "6b", "6c", "7", "8b", "8c", "9c", "10", "12a", "12c", "12d", "12e", "12f", "12g",
    "13", "14", "16", "20a", "20b", "20c", "21", "23a", "23b", "24",
))  # fmt: skip
"""Items about patients, whom a model of published numbers never had."""


def tripod(m: Manifest) -> Iterator[tuple[str, str, str]]:
    """Number, item and what the card answers; what the specification states in [reporting.tripod] goes before."""
    trained = "auc" in m.get("performance", {}) and bool(m.get("training", {}).get("n"))
    found = _general(m) | (_trained(m) if trained else dict.fromkeys(_OF_PATIENTS, NO_PATIENTS) | _published(m))
    if m["engine"] == "refusal":
        found |= _refusing()
    found |= {key: str(value) for key, value in m.get("reporting", {}).get("tripod", {}).items()}
    yield from ((number, item, found.get(number, NOT_REPORTED)) for number, item in ITEMS)


def _general(m: Manifest) -> dict[str, str]:
    own = "train.py, " if "train.py" in m.get("files", {}) else ""
    return {
        "2": "none; the beginning of this card stands for one",
        "3b": m["intended_use"],
        "5a": m.get("training", {}).get("population", "") or NOT_REPORTED,
        "8a": f"{m['target']}, as stated by the source of the data; no time horizon",
        "9b": "see Inputs",
        "18e": "see Data" if m.get("data") else NOT_REPORTED,
        "18f": f"{own}spec.toml and radnode, which reads it",
        "22": "weights in Inputs, the whole model in model.onnx",
        "25": "see Limits",
        "26": "see Limits",
        "27a": f"{_lacking(m)}; {_far(m)}",
        "27b": "every result is marked RESEARCH, UNVERIFIED and PRELIMINARY, and says that it does not replace "
        "molecular testing; a person must verify it",
        "27c": "see Limits",
    }


def all_required(m: Manifest) -> bool:
    """Whether a model answers only where it has every input."""
    inputs = m.get("inputs", ())
    return bool(inputs) and all(item.get("required") for item in inputs)


def _lacking(m: Manifest) -> str:
    if all_required(m):
        return "without every input the model does not answer"
    return "a missing input widens the interval, or the model does not answer"


def _far(m: Manifest) -> str:
    told = "is refused or flagged, with the reason"
    if m.get("training", {}).get("n") and not m.get("applicability"):
        return f"what lies outside of what is declared {told}; the distance to the training patients is not judged"
    return f"what lies outside of Applicability {told}"


def _trained(m: Manifest) -> dict[str, str]:
    found, inputs = m["performance"], len(m["performance"]["weights"])
    n, events = m["training"]["n"], m["training"]["events"]
    left_out, rows = _left_out(m["training"].get("left_out", {})), _rows(m["training"])
    clusters = ", ".join(filter(None, found.get("auc_within", {})))
    by_cluster = f"see Performance ({clusters})" if clusters else "not examined: one cohort"
    groups = ", ".join(found.get("subgroups", {}))
    point = m.get("operating_point")
    return {
        "1": f"development of a model for {m['target']}, judged by cross-validation",
        "4": "to develop a model and to judge it by cross-validation; no validation on other patients",
        "6b": f"whose outcome is known, as the table states it; {left_out}otherwise not reported",
        "7": "cells, columns and patients who stand there twice are checked before training",
        "9a": "those that spec.toml names; all of them enter the model",
        "10": f"{n} patients, {events} with the target, {inputs} inputs; not planned",
        "11": REQUIRED if all_required(m) else IMPUTED,
        "12a": str(found["method"]),
        "12b": "standardised by the training patients; logarithm where Inputs says so; held within the training range",
        "12c": "see Training",
        "12d": by_cluster,
        "12e": "AUC, Brier score, calibration slope, intercept and error with figure, decision curve",
        "12f": "none after the evaluation; recalibration is part of the training, see there",
        "12g": "by the model of the fold that did not hold the patient",
        "13": "no resampling; answers are made for the training prevalence",
        "14": f"not aimed at; see Subgroups ({groups})" if groups else "not assessed",
        "15": "a probability with interval, re-based to the prevalence that a site states; "
        + ("the threshold is the training prevalence, fixed beforehand" if point else "no threshold"),
        "16": "not applicable: no other patients were used for the evaluation",
        "20a": f"{_both(m['training'])}; see Training; {left_out}otherwise not reported",
        "20b": m["training"]["population"] or NOT_REPORTED,
        "20c": "not applicable: no other patients were used for the evaluation",
        "21": f"{rows}{n} patients, {events} with the target, in every analysis but those by subgroup or cohort",
        "23a": "see Performance, Calibration, Decision curve" + (" and Subgroups" if groups else ""),
        "23b": by_cluster,
        "24": "none",
    }


def _both(training: Manifest) -> str:
    n, events = training["n"], training["events"]
    if training.get("rows"):
        return f"{n} patients, {events} of them with the target in one row or more"
    return f"{events} patients with the target and {n - events} without"


def _left_out(found: Mapping[str, int]) -> str:
    """Rows whose outcome was neither of the two nor unknown."""
    if not found:
        return ""
    said = ", ".join(f"{n} {value!r}" if value else f"{n} with values that few rows have" for value, n in found.items())
    return f"left out were {sum(found.values())} rows of another outcome ({said}); "


def _rows(training: Manifest) -> str:
    """How many rows the patients have, where one may have several."""
    return f"{training['rows']} rows of " if training.get("rows") else ""


def _published(m: Manifest) -> dict[str, str]:
    return {
        "1": f"published odds ratios put together for {m['target']}; neither developed nor evaluated on patients",
        "4": "to put published findings beside a declared prior; to develop or to validate nothing",
        "9a": "findings with a published odds ratio",
        "11": "a missing finding leaves the estimate as it is; the interval holds what it may change",
        "12b": "yes or no; centred, by how common each is taken to be, so that the mean answer is the prior",
        "15": "a score with interval, re-based to the prevalence that a site states; no threshold",
    }


def _refusing() -> dict[str, str]:
    """What differs for a package that gives no number, though a model was trained to find that out."""
    nothing = "not applicable: no number is given"
    return {
        "4": "to see whether the inputs tell the target apart; they do not, so no model is offered",
        "9b": "those of spec.toml; the package itself takes none",
        "11": "what is missing counts as the training mean",
        "12b": "standardised by the training patients; logarithm where spec.toml says so",
        "13": "no resampling",
        "15": "a refusal with its reason, never a number",
        "22": "none: the model that was judged is not part of the package",
        "27a": nothing,
    }
