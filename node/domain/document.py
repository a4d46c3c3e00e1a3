"""The machine-readable outcome of a run: `radnode run --json`. Later versions extend it and never rename a key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from node.domain.explanation import Explanation
from node.domain.findings import Findings, Lesion, Prediction, Provenance
from node.domain.stability import Stability
from node.domain.words import is_answered

SCHEMA = 1

ResultKind = Literal["seg", "sr", "key-sr", "pdf", "sc", "text-sr", "labelmap", "feature-sr"]
"""Result objects in the order in which they are sent."""

ALWAYS: tuple[ResultKind, ...] = ("seg", "sr", "key-sr")
"""What every job makes; the other kinds are made where a destination, or the pipeline, asks for them."""


ExportKind = Literal["csv", "fhir"]
"""What else a job may leave beside its result objects, no DICOM."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One result object as written."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    series_description: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A study that no pipeline takes: every series (Series Instance UID) with the reason."""

    study_uid: str
    series: Mapping[str, str]


def document(jobs: Sequence[Mapping[str, Any]], unmatched: Sequence[Unmatched] = ()) -> dict[str, Any]:
    """The whole document: what `job_document` made of every job, and what no pipeline takes."""
    listed = [
        {"study_uid": u.study_uid, "series": [{"series_uid": uid, "why": why} for uid, why in u.series.items()]}
        for u in unmatched
    ]
    return {"schema": SCHEMA, "jobs": [dict(job) for job in jobs], "unmatched": listed}


def job_document(
    *,
    job_id: str,
    pipeline: str,
    study_uid: str,
    revision: int,
    state: str,
    findings: Findings | None = None,
    files: Sequence[ResultFile] = (),
    reason_code: str = "",
    reason: str = "",
) -> dict[str, Any]:
    """
    One job.

    Args:
        job_id: Job id.
        pipeline: Name of the pipeline.
        study_uid: Study Instance UID.
        revision: From 1.
        files: What was written, in the order in which it is sent.
        state: Job state: "succeeded", "refused", "failed", …
        findings: None where the job ended without any.
        reason_code: Given where the findings have none (a failed job); the findings' own wins.
        reason: The same in words.

    Returns:
        Values that `json` writes; a number that was not evaluated, or is not finite, is None.
    """
    return {
        "id": job_id,
        "pipeline": pipeline,
        "study_uid": study_uid,
        "revision": revision,
        "state": state,
        "reason_code": (findings.reason_code if findings else "") or reason_code,
        "reason": (findings.reason if findings else "") or reason,
        "lesions": [_lesion(lesion) for lesion in findings.lesions] if findings else [],
        "files": [
            {
                "path": file.path,
                "sop_class_uid": file.sop_class_uid,
                "sop_instance_uid": file.sop_instance_uid,
                "series_instance_uid": file.series_instance_uid,
                "series_description": file.series_description,
            }
            for file in files
        ],
    }


def _lesion(lesion: Lesion) -> dict[str, Any]:
    return {
        "tracking_id": lesion.tracking_id,
        "source": _source(lesion.contour.provenance),
        "lung": lesion.lung or None,
        "volume_ml": _finite(lesion.measurements.volume_ml),
        "long_axis_mm": _finite(lesion.measurements.long_axis.length_mm),
        "predictions": [_prediction(prediction) for prediction in lesion.predictions],
    }


def _source(provenance: Provenance) -> str:
    """As a pipeline's configuration names it: "rtstruct", "seg", "seed" or "model:<package id>"."""
    return f"model:{provenance.model}" if provenance.kind == "model" else provenance.kind


def _prediction(p: Prediction) -> dict[str, Any]:
    e = p.estimate if is_answered(p) else None
    return {
        "target": p.model.target or p.model.id,
        "state": p.state if e else "not_evaluated",
        "probability": _finite(e.probability if e else None),
        "lower": _finite(e.lower if e else None),
        "upper": _finite(e.upper if e else None),
        "calibrated": p.model.calibrated,
        "in_domain": p.fitness.outcome == "in_domain" if p.fitness else None,
        "prevalence": _finite(_prevalence(p)) if e else None,
        "model": p.model.id,
        "version": p.model.version,
        "reason": p.reason,
        "inputs": {name: {"value": _value(v.value), "source": v.source} for name, v in p.inputs.items()},
        "missing_inputs": list(p.missing_inputs),
        "explanations": [_explanation(each) for each in p.explanations] if e else [],
        "stability": _stability(p.stability) if e and p.stability else None,
    }


def _stability(found: Stability) -> dict[str, Any]:
    return {
        "lower": _finite(found.lower),
        "upper": _finite(found.upper),
        "contours": found.contours,
        "unanswered": found.unanswered,
        "step_mm": found.step_mm,
        "unstable": found.unstable,
    }


def _explanation(part: Explanation) -> dict[str, Any]:
    return {
        "input": part.name,
        "value": _value(part.value),
        "log_odds": _finite(part.log_odds),
        "odds_ratio": _finite(part.odds_ratio),
        "percentile": _finite(part.percentile),
        "share": _finite(part.share),
    }


def _prevalence(p: Prediction) -> float | None:
    """What the estimate holds for: the site's prevalence where it was re-based, else that of training."""
    return p.rebased_to if p.rebased_to is not None else p.model.prevalence


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _value(value: float | str) -> float | str | None:
    return value if isinstance(value, str) else _finite(value)
