"""The machine-readable outcome: keys that later versions extend and never rename."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from node.domain.document import ResultFile, Unmatched, document, job_document
from node.domain.explanation import Explanation
from node.domain.findings import Estimate, Findings
from tests.support.findings import DRAWN, FOUND, PREDICTED, make_case

FILE = ResultFile("out/seg.dcm", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.1", "2.25.2", "AI lung SEG [RESEARCH]")


def job(findings, **changes):
    """One job's document."""
    facts = {"job_id": "j1", "pipeline": "lung", "study_uid": "1.2.99", "revision": 1, "state": "succeeded"}
    return job_document(**{**facts, "findings": findings, "files": (FILE,), **changes})


def test_every_key_of_a_job_holds_its_value():
    """The whole document of a case with a predicted and a withheld model, key by key."""
    [lesion] = job(make_case().findings)["lesions"]
    predicted, withheld = lesion.pop("predictions")

    assert {k: v for k, v in job(make_case().findings).items() if k != "lesions"} == {
        "id": "j1",
        "pipeline": "lung",
        "study_uid": "1.2.99",
        "revision": 1,
        "state": "succeeded",
        "reason_code": "",
        "reason": "",
        "files": [
            {
                "path": "out/seg.dcm",
                "sop_class_uid": "1.2.840.10008.5.1.4.1.1.66.4",
                "sop_instance_uid": "2.25.1",
                "series_instance_uid": "2.25.2",
                "series_description": "AI lung SEG [RESEARCH]",
            }
        ],
    }
    assert lesion == {
        "tracking_id": "GTV-1 (ROI 1)",
        "source": "rtstruct",
        "lung": None,
        "volume_ml": 0.512,
        "long_axis_mm": 11.31,
    }
    assert predicted == {
        "target": "EGFR mutation",
        "state": "predicted",
        "probability": 0.413,
        "lower": 0.22,
        "upper": 0.63,
        "calibrated": True,
        "in_domain": True,
        "prevalence": 0.14,
        "model": "lung-egfr",
        "version": "1.0.0",
        "reason": "",
        "inputs": {
            "age": {"value": 66.0, "source": "PatientAge (0010,1010)"},
            "smoking": {"value": "not_current", "source": "SmokingStatus (0010,21A0)"},
        },
        "missing_inputs": ["pack_years"],
        "explanations": [],
        "stability": None,
    }
    assert withheld == {
        "target": "KRAS mutation",
        "state": "not_evaluated",
        "probability": None,
        "lower": None,
        "upper": None,
        "calibrated": True,
        "in_domain": False,
        "prevalence": None,
        "model": "lung-kras",
        "version": "1.0.0",
        "reason": "smoking is not known",
        "inputs": {},
        "missing_inputs": [],
        "explanations": [],
        "stability": None,
    }


def test_a_refused_or_failed_job_has_its_reason():
    """From the findings where there are any, else as given."""
    refused = job(Findings(state="refused", reason_code="low trust", reason="trust 0.3"), state="refused")
    failed = job(None, state="failed", reason_code="error", reason="the disk is full", files=())

    assert (refused["reason_code"], refused["reason"], refused["lesions"]) == ("low trust", "trust 0.3", [])
    assert (failed["reason_code"], failed["reason"], failed["lesions"]) == ("error", "the disk is full", [])


def test_the_source_is_named_as_in_the_configuration():
    """It is "rtstruct" or "model:<package id>"."""
    lesions = job(make_case(DRAWN, FOUND).findings)["lesions"]

    assert [lesion["source"] for lesion in lesions] == ["rtstruct", "model:lung-lesion"]


def test_the_whole_is_strict_json():
    """Schema 1; NaN never reaches the text; what no pipeline takes is listed with the reason."""
    case = make_case()
    broken = replace(PREDICTED, estimate=Estimate(probability=math.nan, lower=0.1, upper=0.2, contributions={}))
    lesion = replace(case.findings.lesions[0], predictions=(broken,))
    whole = document([job(replace(case.findings, lesions=(lesion,)))], [Unmatched("1.5", {"1.5.1": "Modality is US"})])

    read = json.loads(json.dumps(whole, allow_nan=False))
    assert list(read) == ["schema", "jobs", "unmatched"]
    assert read["schema"] == 1
    assert read["jobs"][0]["lesions"][0]["predictions"][0]["state"] == "not_evaluated"
    assert read["jobs"][0]["lesions"][0]["predictions"][0]["probability"] is None
    assert read["unmatched"] == [{"study_uid": "1.5", "series": [{"series_uid": "1.5.1", "why": "Modality is US"}]}]


def test_what_each_input_did_is_in_the_document():
    """Value, log-odds, factor on the odds, place among the training patients; nothing where no number is given."""
    part = Explanation(name="age", value=66.0, log_odds=0.5, percentile=91.0)
    lesion = make_case().findings.lesions[0]
    told = replace(lesion.predictions[0], explanations=(part,))
    withheld = replace(told, state="not_evaluated", estimate=None)
    findings = replace(make_case().findings, lesions=(replace(lesion, predictions=(told, withheld)),))
    first, second = job(findings)["lesions"][0]["predictions"]
    assert first["explanations"] == [
        {"input": "age", "value": 66.0, "log_odds": 0.5, "odds_ratio": pytest.approx(1.6487, abs=1e-4),
         "percentile": 91.0, "share": None}
    ]  # fmt: skip
    assert second["explanations"] == []
