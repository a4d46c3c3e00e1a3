"""Findings to a FHIR R4 transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhirclient.models.bundle import Bundle as R4Bundle
from pydicom.dataset import Dataset

from node.dicom.envelope import algorithm_name, device_uid
from node.domain import evidence, words
from node.domain.findings import Estimate, Findings
from node.domain.order import Predecessor
from node.domain.refusals import REFUSALS
from node.fhir.bundle import REPLACES, encode_fhir
from node.fhir.check import check
from node.fhir.elements import SYSTEMS, Json, urn
from node.stages.encode_seg import encode_seg
from node.stages.encode_sr import encode_sr
from tests.support.findings import DRAWN, EGFR, FOUND, KRAS, PREDICTED, SEGMENTER, WITHHELD, Case, make_case
from tests.support.series import MR

RADNODE = SYSTEMS["99RADNODE"]
LABORATORY = {
    "48018-6",
    "100019-9",
    "100022-3",
    "100023-1",
    "100026-4",
    "21665-5",
    "69548-6",
    "LA9633-4",
    "LA9634-2",
    "LA26398-0",
}
REFUSED = Findings(state="refused", reason_code="missing slices", reason="between slice 3 and 5 of 12 one is absent")


def objects(case: Case) -> tuple[Dataset, Dataset | None]:
    """SR and SEG of a case."""
    if not case.findings.lesions:
        return encode_sr(case.findings, None, case.headers, None, case.envelope), None
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    return encode_sr(case.findings, case.volume, case.headers, seg, case.envelope), seg


def encoded(case: Case, modality: str = "CT") -> bytes:
    """The bundle as it is sent."""
    sr, seg = objects(case)
    return encode_fhir(case.findings, case.envelope, modality=modality, sr=sr, seg=seg)


def resources(case: Case, kind: str) -> list[Json]:
    """All resources of a type in the bundle of a case."""
    entries = json.loads(encoded(case))["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == kind]


def report(case: Case) -> Json:
    """The one DiagnosticReport."""
    [found] = resources(case, "DiagnosticReport")
    return found


def observed(case: Case, code: str) -> list[Json]:
    """Observations of a concept, by code value."""
    return [each for each in resources(case, "Observation") if each["code"]["coding"][0]["code"] == code]


def component(observation: Json, code: str) -> Json:
    """The one component of a concept."""
    [found] = [each for each in observation["component"] if each["code"]["coding"][0]["code"] == code]
    return found


def refused(**changes: Any) -> Case:
    """A case that was not evaluated."""
    case = make_case()
    return replace(case, findings=REFUSED, envelope=replace(case.envelope, refused=True, **changes))


def asked(*predictions: Any) -> Case:
    """One lesion with these answers."""
    case = make_case()
    [lesion] = case.findings.lesions
    return replace(case, findings=replace(case.findings, lesions=(replace(lesion, predictions=predictions),)))


def walk(value: Any) -> Iterator[Json]:
    """Every JSON object inside."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from walk(each)


CASES = {
    "one lesion": make_case(),
    "two lesions": make_case(DRAWN, FOUND),
    "MR": make_case(sop_class=MR),
    "multi-frame": make_case(enhanced=True),
    "refused": refused(),
    "no patient": make_case(PatientID=""),
    "revised": replace(
        make_case(),
        envelope=replace(
            make_case().envelope, revision=2, predecessor=Predecessor(job_id="first", objects=(), change="slices")
        ),
    ),
}


@pytest.mark.parametrize(("lung", "site"), [("left", "44029006"), ("right", "3341006"), ("", "39607008")])
def test_the_body_site_says_which_lung(lung, site):
    """R4 has no laterality beside a body site: the code itself says it, of the lesion and of all that was found."""
    case = make_case()
    lesion = replace(case.findings.lesions[0], lung=lung)
    found = resources(replace(case, findings=replace(case.findings, lesions=(lesion,))), "Observation")
    notes = [note["text"] for each in found for note in each["note"]]

    assert {each["bodySite"]["coding"][0]["code"] for each in found} == {site}
    assert any(f"in the {lung} lung" in note for note in notes) == bool(lung)


@pytest.mark.parametrize("name", CASES)
def test_every_bundle_is_valid_in_r4_and_in_r4b(name):
    """A model of R4 (4.0.1) and one of R4B take it, and give every element back; none is empty."""
    bundle = json.loads(encoded(CASES[name]))

    assert R4Bundle(bundle).as_json() == bundle
    assert json.loads(Bundle.model_validate(bundle).model_dump_json(exclude_none=True)).keys() == bundle.keys()
    assert not [each for each in walk(bundle) if any(v in ("", [], {}, None) for v in each.values())]


@pytest.mark.parametrize("name", CASES)
def test_nothing_in_it_can_be_taken_for_a_laboratory_result(name):
    """Category imaging, status preliminary, no specimen, no coded conclusion, no code of a molecular test."""
    entries = [entry["resource"] for entry in json.loads(encoded(CASES[name]))["entry"]]
    results = [each for each in entries if each["resourceType"] in {"Observation", "DiagnosticReport"}]

    assert {each["status"] for each in results} == {"preliminary"}
    assert {c["coding"][0]["code"] for each in results for c in each["category"]} == {"imaging", "IMG"}
    assert not [each for each in walk(entries) if {"specimen", "conclusionCode"} & set(each)]
    assert not {str(each.get("code")) for each in walk(entries)} & LABORATORY
    assert "laboratory" not in str([each.get("category") for each in results]).lower()


def test_a_prediction_is_a_percentage_with_interval_gene_method_and_algorithm():
    """The SR's codes and numbers; the gene is what was predicted; the Device has the hash of the package."""
    case = make_case()
    [found] = observed(case, "RG-PROB-EGFR")
    algorithms = {each["identifier"][0]["value"]: each for each in resources(case, "Device")}

    assert found["code"]["coding"][0] == {
        "system": RADNODE, "code": "RG-PROB-EGFR", "display": "AI-predicted probability of EGFR mutation",
    }  # fmt: skip
    assert found["valueQuantity"] == {"value": 41.3, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    assert component(found, "RG-LOW-EGFR")["valueQuantity"]["value"] == 22
    assert component(found, "RG-UPP-EGFR")["valueQuantity"]["value"] == 63
    assert component(found, "RG-STAT-EGFR")["valueCodeableConcept"]["coding"][0]["code"] == "RG-ABOVE"
    gene = component(found, "RG-GENE")
    assert gene["code"]["text"] == "Predicted target"
    assert gene["valueCodeableConcept"]["coding"][0] == {
        "system": "http://www.genenames.org/geneId", "code": "HGNC:3236", "display": "EGFR",
    }  # fmt: skip
    assert found["method"]["text"] == "Radiogenomic prediction from imaging"
    assert found["device"]["reference"] == urn(device_uid(EGFR))
    algorithm = algorithms[f"urn:oid:{device_uid(EGFR)}"]
    assert EGFR.digest in [version["value"] for version in algorithm["version"]]
    assert algorithm["deviceName"][0]["name"] == algorithm_name(EGFR)


def test_every_sentence_of_the_evidence_stands_beside_the_number():
    """Also that it is research: a receiver may show one Observation alone."""
    [found] = observed(make_case(), "RG-PROB-EGFR")
    said = [note["text"] for note in found["note"]]

    assert said[0] == evidence.headline(PREDICTED)
    assert {*evidence.evidence(PREDICTED), *evidence.caveats(EGFR), words.RESEARCH} <= set(said)


def test_what_was_not_evaluated_has_a_reason_and_no_value():
    """The reason as a code of FHIR and in words; no interval, no threshold passed."""
    [found] = observed(make_case(), "RG-PROB-KRAS")

    assert "valueQuantity" not in found
    assert found["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert found["dataAbsentReason"]["text"] == "Not evaluated. Smoking is not known."
    assert component(found, "RG-STAT-KRAS")["valueCodeableConcept"]["coding"][0]["code"] == "RG-NOTEVALUATED"
    assert {c["code"]["coding"][0]["code"] for c in found["component"]} == {"RG-STAT-KRAS", "RG-GENE"}
    assert evidence.caveats(KRAS)[0] not in [note["text"] for note in found["note"]]


def test_a_tiny_probability_is_not_written_as_none():
    """0.0003 is "less than 0.1 %", not 0."""
    tiny = replace(PREDICTED, estimate=Estimate(probability=0.0003, lower=0.0001, upper=0.9999, contributions={}))
    [found] = observed(asked(tiny), "RG-PROB-EGFR")

    assert (found["valueQuantity"]["value"], found["valueQuantity"]["comparator"]) == (0.1, "<")
    upper = component(found, "RG-UPP-EGFR")["valueQuantity"]
    assert (upper["value"], upper["comparator"]) == (99.9, ">")


def test_a_measurement_that_is_no_number_says_so():
    """Infinity and NaN have reasons of their own."""
    case = make_case()
    [lesion] = case.findings.lesions
    odd = replace(
        lesion, measurements=replace(lesion.measurements, volume_ml=float("nan"), diameter_3d_mm=float("inf"))
    )
    case = replace(case, findings=replace(case.findings, lesions=(odd,)))

    assert observed(case, "118565006")[0]["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"
    assert observed(case, "L0JK")[0]["dataAbsentReason"]["coding"][0]["code"] == "positive-infinity"


def test_a_lesion_gathers_what_was_found_about_it_and_names_its_segment_and_slices():
    """The lesion leads to every part; derivedFrom to the study and to exactly the segment and the images under it."""
    case = make_case(DRAWN, FOUND)
    _, seg = objects(case)
    assert seg is not None
    first, second = observed(case, "125007")
    entries = {e["fullUrl"]: e["resource"] for e in json.loads(encoded(case))["entry"]}

    members = [entries[member["reference"]]["code"]["coding"][0]["code"] for member in first["hasMember"]]
    assert members == [
        "118565006", "103339001", "103340004", "L0JK", "RG-GROUNDGLASS", "RG-PROB-EGFR", "RG-PROB-KRAS",
    ]  # fmt: skip
    assert component(first, "112040")["valueString"] == f"urn:oid:{case.findings.lesions[0].tracking_uid}"
    for number, group in enumerate((first, second), start=1):
        [selection] = group["contained"]
        images, segments = selection["series"]
        slices = case.volume.slices[3 * number : 3 * number + 4]
        assert group["derivedFrom"][1] == {"reference": f"#{selection['id']}"}
        assert images["uid"] == case.volume.series_uid
        assert {each["uid"] for each in images["instance"]} == {each.sop_uid for each in slices}
        assert segments["uid"] == seg.SeriesInstanceUID
        assert [(e["uid"], e["title"]) for e in segments["instance"]] == [(seg.SOPInstanceUID, f"Segment {number}")]


def test_study_patient_and_order_are_named_by_identifier():
    """Nothing of the patient but the identifier goes along; the study by its UID, the order by its accession number."""
    issuer = Dataset()
    issuer.UniversalEntityID, issuer.UniversalEntityIDType = "1.2.276.0.76.3.1", "ISO"
    case = make_case(
        PatientName="Muster^Anna", PatientBirthDate="19600101", IssuerOfPatientID="HOSPITAL",
        IssuerOfPatientIDQualifiersSequence=[issuer],
    )  # fmt: skip
    text = encoded(case).decode()
    found = report(case)

    assert found["subject"]["identifier"]["value"] == case.headers[0].PatientID
    assert found["subject"]["identifier"]["system"] == "urn:oid:1.2.276.0.76.3.1"
    assert found["subject"]["identifier"]["assigner"] == {"display": "HOSPITAL"}
    assert found["imagingStudy"][0]["identifier"] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.99"}
    assert found["basedOn"][0]["identifier"]["value"] == case.headers[0].AccessionNumber
    assert not [word for word in ("Muster", "Anna", "1960") if word in text]


def test_the_time_of_the_images_is_given_only_with_its_zone():
    """FHIR has no time without one; the day alone is true in any case."""
    assert report(make_case(StudyDate="20261101", StudyTime="101500"))["effectiveDateTime"] == "2026-11-01"
    zoned = report(make_case(StudyDate="20261101", StudyTime="101500.5", TimezoneOffsetFromUTC="+0100"))
    assert zoned["effectiveDateTime"] == "2026-11-01T10:15:00+01:00"
    assert "effectiveDateTime" not in report(make_case(StudyDate=""))


def test_the_report_is_known_by_the_dicom_report_and_says_what_it_says():
    """Same identity as the SR; its conclusion has the warning first and every headline."""
    case = make_case(DRAWN, FOUND)
    sr, _ = objects(case)
    found = report(case)

    assert found["identifier"] == [{"system": "urn:dicom:uid", "value": f"urn:oid:{sr.SOPInstanceUID}"}]
    assert found["conclusion"].startswith(words.RESEARCH)
    assert found["conclusion"].count(evidence.headline(PREDICTED)) == 2
    assert len(found["result"]) == len(resources(case, "Observation"))


def test_a_revision_names_the_report_that_it_replaces_and_what_changed():
    """By the identifier that the former one has on the server."""
    former = make_case()
    case = replace(
        former, findings=replace(former.findings, change="slices arrived"),
        envelope=replace(
            former.envelope, job_id="second", revision=2,
            predecessor=Predecessor(job_id=former.envelope.job_id, objects=(), change="slices arrived"),
        ),
    )  # fmt: skip
    found = report(case)

    [link] = found["extension"]
    assert link["url"] == REPLACES
    assert link["valueReference"]["identifier"] == report(former)["identifier"][0]
    assert found["identifier"] != report(former)["identifier"]
    assert found["conclusion"].startswith("Changed since the previous result: slices arrived.")
    assert "rev 2" in found["code"]["text"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_case_is_one_observation_without_value_and_with_the_reason(code):
    """Nothing was measured, nothing is predicted; the sentence for the code is in report and Observation."""
    case = refused()
    case = replace(case, findings=replace(REFUSED, reason_code=code))
    [found] = resources(case, "Observation")

    assert found["code"]["coding"][0]["code"] == "RG-OUTCOME"
    assert not [key for key in found if key.startswith("value")]
    assert found["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    assert REFUSALS[code] in found["dataAbsentReason"]["text"]
    assert component(found, "RG-REASON")["valueCodeableConcept"]["coding"][0]["display"] == code
    assert "NOT EVALUATED" in report(case)["conclusion"]


def test_every_entry_is_a_conditional_create_that_nothing_else_meets():
    """The identifier asked for is the resource's own, and no two entries share one; references lead into the bundle."""
    bundle = json.loads(encoded(make_case(DRAWN, FOUND)))
    asked_for = []
    for entry in bundle["entry"]:
        system, value = entry["request"]["ifNoneExist"].removeprefix("identifier=").split("|")
        assert {"system": system, "value": value} == entry["resource"]["identifier"][0]
        assert entry["request"]["url"] == entry["resource"]["resourceType"]
        asked_for.append((entry["request"]["url"], value))
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    pointed = {each["reference"] for each in walk(bundle) if str(each.get("reference", "")).startswith("urn:")}

    assert bundle["type"] == "transaction"
    assert len(set(asked_for)) == len(asked_for) == len(urls)
    assert pointed <= urls


def test_the_same_job_gives_the_same_bytes_and_another_job_other_identities():
    """Sent again after a crash nothing is new; a second job meets none of its conditions, but for Devices."""
    case = make_case(DRAWN, FOUND)
    other = replace(case, envelope=replace(case.envelope, job_id="another"))
    mine, theirs = ({e["request"]["ifNoneExist"] for e in json.loads(encoded(each))["entry"]} for each in (case, other))

    assert encoded(case) == encoded(case)
    shared = {f"identifier=urn:ietf:rfc:3986|urn:oid:{device_uid(facts)}" for facts in (EGFR, KRAS, SEGMENTER)}
    assert shared < mine & theirs
    assert len(mine & theirs) == len(shared) + 1  # and the node itself


def test_a_model_without_a_package_has_no_device():
    """All that is known of it is its name; no Device may stand for every such model."""
    unknown = replace(WITHHELD, model=replace(KRAS, digest=""))
    case = asked(unknown)

    assert "device" not in observed(case, "RG-PROB-KRAS")[0]
    assert len(resources(case, "Device")) == 1


def test_what_is_wrong_with_a_bundle_is_told_without_its_values():
    """A mistake of ours may go to a log; the patient may not."""
    bundle = json.loads(encoded(make_case()))
    bundle["entry"][-1]["resource"]["status"] = {"of": "TEST-1"}

    with pytest.raises(ValueError, match=r"entry\.\d+\.") as caught:
        check(bundle)
    assert "TEST-1" not in str(caught.value)
    assert caught.value.__suppress_context__
