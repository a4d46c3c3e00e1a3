"""What a card answers to the guidelines by which such models are judged; never better than what the manifest holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the radiomics quality score."""

    name: str
    most: int
    points: int
    why: str


_RQS: tuple[tuple[str, str, int, str], ...] = (
    ("protocol", "image protocol quality", 2, "the training images' protocol is not documented in the data"),
    ("segmentations", "multiple segmentations", 1, "one segmentation each"),
    ("phantom", "phantom study on all scanners", 1, "none"),
    ("timepoints", "imaging at multiple time points", 1, "one time point"),
    ("reduction", "feature reduction or adjustment for multiple testing", 3, ""),
    ("multivariable", "multivariable analysis with non-radiomics features", 1, ""),
    ("biology", "biological correlates", 1, "the target itself is molecular; nothing further was studied"),
    ("cutoff", "cut-off analysis", 1, ""),
    ("discrimination", "discrimination statistics", 2, ""),
    ("calibration", "calibration statistics", 2, ""),
    ("prospective", "prospective study in a registered trial", 7, "retrospective"),
    ("validation", "validation without retraining", 5, "no validation on other patients"),
    ("gold_standard", "comparison with the gold standard", 2, ""),
    ("utility", "potential clinical utility", 2, ""),
    ("cost", "cost-effectiveness analysis", 1, "none"),
    ("open", "open science and data", 4, ""),
)


def rqs(m: Manifest) -> list[Item]:
    """
    The radiomics quality score's sixteen items; none for a model without images among its inputs.

    What a run measures is counted here; the rest is zero (or the score's own penalty) unless the specification states
    it with a reason under [reporting.rqs].
    """
    images = any(not str(item["source"]).startswith("clinical:") for item in m.get("inputs", ()))
    if not images or "auc" not in m.get("performance", {}):
        return []
    earned = _earned(m)
    stated = m.get("reporting", {}).get("rqs", {})
    items = []
    for key, name, most, why in _RQS:
        points, reason = earned.get(key, (0, why))
        told = stated.get(key, {})
        items.append(Item(name, most, int(told.get("points", points)), str(told.get("why", reason))))
    return items


def _earned(m: Manifest) -> dict[str, tuple[int, str]]:
    clinical = any(str(item["source"]).startswith("clinical:") for item in m["inputs"])
    redrawn = {"segmentations": (1, "contours perturbed: see Stability")} if m.get("stability") else {}
    return {
        "reduction": (3, "penalised regression, the penalty chosen inside the folds"),
        "multivariable": (1, "clinical inputs in the same model") if clinical else (0, "images only"),
        "cutoff": (1, "the operating point is the training prevalence, fixed beforehand"),
        "discrimination": (2, "AUC with bootstrap interval, cross-validated"),
        "calibration": (2, "slope, intercept, error and plot, cross-validated"),
        "validation": (-5, "cross-validation only: the score counts that as none"),
        "gold_standard": (2, "the target is the molecular test of tissue"),
        "utility": (2, "decision curve"),
        "open": (3, "public data, code and weights; the segmentations are the data's own"),
    } | redrawn


def tripod(m: Manifest) -> Iterator[tuple[str, str]]:
    """Sections of TRIPOD+AI and where, or how, this card answers them."""
    trained = "auc" in m.get("performance", {}) and bool(m.get("training", {}).get("n"))
    none = "not applicable: nothing was trained"
    stated = m.get("reporting", {}).get("tripod", {})
    found: dict[str, str] = {
        "title and intended use": m["intended_use"],
        "source of data and participants": m.get("training", {}).get("population", "") or "see Data",
        "outcome": f"{m['target']}, as stated by the data source",
        "predictors": "see Inputs" if m.get("inputs") else none,
        "sample size": _size(m) if trained else none,
        "missing data": "mean for the estimate, training values for the interval; see Performance for what it costs"
        if trained
        else none,
        "analysis": "see Training and Performance" if trained else none,
        "class imbalance": "no resampling; answers are calibrated to the training prevalence" if trained else none,
        "fairness and subgroups": _groups(m) if trained else none,
        "model output": "a probability with interval, after re-basing to the site's stated prevalence",
        "model specification": "weights in Inputs, the whole model in model.onnx",
        "validation on other patients": "none",
        "protocol and registration": "none",
        "patient and public involvement": "none",
        "code and data": "train.py, spec.toml and `radnode models train`; data as named below",
        "limitations and use": "see Applicability and Limits",
    }
    yield from {**found, **stated}.items()


def _size(m: Manifest) -> str:
    training, inputs = m["training"], len(m["performance"]["weights"])
    return f"{training['n']} patients, {training['events']} with the target, {inputs} inputs; not planned"


def _groups(m: Manifest) -> str:
    groups = m["performance"].get("subgroups", {})
    return f"see Subgroups ({', '.join(groups)})" if groups else "not assessed"
