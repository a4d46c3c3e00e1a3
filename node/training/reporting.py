"""The radiomics quality score of a card; never better than what a run measured, or its makers state with a reason."""

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


NOT_STATED = "not stated by its makers"

NO_WEIGHTS = "measured of the procedure only: the shipped model tells everyone the same"
_OF_ANSWERS = ("discrimination", "calibration", "utility")
"""Items that rest on what the answers of a model are worth."""

_RQS: tuple[tuple[str, str, int, str], ...] = (
    ("protocol", "image protocol quality", 2, NOT_STATED),
    ("segmentations", "multiple segmentations", 1, NOT_STATED),
    ("phantom", "phantom study on all scanners", 1, NOT_STATED),
    ("timepoints", "imaging at multiple time points", 1, NOT_STATED),
    ("reduction", "feature reduction or adjustment for multiple testing", 3, ""),
    ("multivariable", "multivariable analysis with non-radiomics features", 1, ""),
    ("biology", "biological correlates", 1, NOT_STATED),
    ("cutoff", "cut-off analysis", 1, "no operating point"),
    ("discrimination", "discrimination statistics", 2, ""),
    ("calibration", "calibration statistics", 2, ""),
    ("prospective", "prospective study in a registered trial", 7, NOT_STATED),
    ("validation", "validation without retraining", 5, ""),
    ("gold_standard", "comparison with the gold standard", 2, NOT_STATED),
    ("utility", "potential clinical utility", 2, ""),
    ("cost", "cost-effectiveness analysis", 1, NOT_STATED),
    ("open", "open science and data", 4, NOT_STATED),
)


LEAST = -5
"""Points that the score takes off at most, for a missing validation."""


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


def mistakes(scored: object) -> Iterator[str]:
    """What cannot be meant under [reporting.rqs]."""
    if not isinstance(scored, Mapping):
        yield "reporting.rqs is no table"
        return
    most = {key: points for key, _, points, _ in _RQS}
    for key, told in scored.items():
        at = f"reporting.rqs.{key}"
        if key not in most:
            yield f"{at} is no item of the score: {', '.join(most)}"
        elif not isinstance(told, Mapping) or not told.keys() <= {"points", "why"}:
            yield f"{at} takes points and why, and nothing else"
        elif not isinstance(points := told.get("points", 0), int) or not LEAST <= points <= most[key]:
            yield f"{at}.points is {points!r}, but a whole number from {LEAST} to {most[key]}"


def _reduction(m: Manifest) -> tuple[int, str]:
    """Only L1 leaves inputs out; the score takes three points off where neither is done (Lambin et al. 2017)."""
    if m["performance"].get("penalty_l1_share", 0) > 0:
        return 3, "an L1 penalty leaves inputs out, chosen inside the folds"
    return -3, "neither: the penalty shrinks weights but leaves no input out, and no multiple testing was adjusted for"


def without_weights(m: Manifest) -> bool:
    """Whether the model that ships found nothing: what was measured is then of the procedure, and not of it."""
    return m["engine"] == "onnx" and "auc" in m.get("performance", {}) and not m.get("operating_point")


def _earned(m: Manifest) -> dict[str, tuple[int, str]]:
    clinical = any(str(item["source"]).startswith("clinical:") for item in m["inputs"])
    redrawn = {"segmentations": (1, "contours perturbed: see Stability")}
    cutoff = {"cutoff": (1, "the operating point is the training prevalence, fixed beforehand")}
    return {
        "reduction": _reduction(m),
        "multivariable": (1, "clinical inputs in the same model") if clinical else (0, "images only"),
        "discrimination": (2, "AUC with bootstrap interval, cross-validated"),
        "calibration": (2, "slope, intercept, error and plot, cross-validated"),
        "validation": (-5, "cross-validation only: the score counts that as none"),
        "utility": (2, "decision curve"),
        **(dict.fromkeys(_OF_ANSWERS, (0, NO_WEIGHTS)) if without_weights(m) else {}),
        **(redrawn if m.get("stability") else {}),
        **(cutoff if m.get("operating_point") else {}),
    }
