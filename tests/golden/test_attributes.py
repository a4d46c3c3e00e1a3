"""What every result object of every kind states about patient, study, request, time, and who made it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from node.dicom.envelope import KINDS, MANUFACTURER, MODEL_NAME, Envelope, device_uid
from node.domain.clinical import Clinical
from node.domain.document import ResultKind
from node.domain.findings import Findings
from node.domain.order import Input, Order
from node.stages.load import Loaded
from node.work import objects
from tests.golden.situations import LUNG, WRITTEN_AT
from tests.support.findings import DRAWN, EGFR, FOUND, KRAS, SEGMENTER, make_case, reread
from tests.support.reports import named, walk
from tests.support.series import MR

REPORTS = "1.2.840.10008.5.1.4.1.1.88."
PRIVATE = {"99RADNODE", "HGNC"}


def item(**attributes):
    """A sequence item."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


STATED = {
    "AccessionNumber": "A-77",
    "IssuerOfAccessionNumberSequence": [item(LocalNamespaceEntityID="RIS")],
    "IssuerOfPatientID": "HIS",
    "ReferringPhysicianName": "Doe^Jane",
    "StudyDescription": "Chest CT",
    "BodyPartExamined": "CHEST",
    "TimezoneOffsetFromUTC": "-0430",
    "PatientSize": "1.71",
    "PatientWeight": "65",
}
REQUEST = item(
    AccessionNumber="A-77", RequestedProcedureID="RP1", PlacerOrderNumberImagingServiceRequest="P1",
    FillerOrderNumberImagingServiceRequest="F1", RequestedProcedureDescription="CT chest",
)  # fmt: skip


@pytest.fixture(scope="module")
def order():
    """An order for every kind of result that there is."""
    return Order(
        installation="site-7", node_version="1.2.3", pipeline=replace(LUNG, kinds=tuple(KINDS), number=3),
        study_uid="1.2.99",
        patient_key="", revision=1, roles={}, lesion=(), models={}, clinical=Clinical(), written_at=WRITTEN_AT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def case():
    """A study that states all that a result can take over; one lesion drawn by hand, one by a model."""
    return make_case(DRAWN, FOUND, RequestAttributesSequence=[REQUEST], **STATED)


@pytest.fixture(scope="module")
def results(case, order) -> dict[ResultKind, Dataset]:
    """One object of every kind, as a receiver reads them."""
    loaded = Loaded(case.volume, tuple(case.headers))
    return {kind: reread(ds) for kind, ds in objects.evaluated(order, case.findings, loaded).items()}


@pytest.fixture(scope="module")
def every(results, case, order):
    """The same, and the report of a case that was refused."""
    findings = Findings(state="refused", reason_code="missing slices", reason="two are missing", models=(EGFR,))
    refused = objects.refused(order, findings, case.headers)
    return [*results.items(), *((kind, reread(ds)) for kind, ds in refused.items())]


def test_patient_study_and_request_are_the_sources(every):
    """What the images state, every object states: issuers, body part and zone too."""
    for kind, ds in every:
        for keyword, value in STATED.items():
            assert ds.get(keyword) == value, (kind, keyword)
        assert ds.StudyInstanceUID == "1.2.99"
        if ds.SOPClassUID.startswith(REPORTS):
            [request] = ds.ReferencedRequestSequence
            assert (request.AccessionNumber, request.RequestedProcedureID) == ("A-77", "RP1"), kind
            assert request.PlacerOrderNumberImagingServiceRequest == "P1"


def test_every_time_is_the_orders_in_the_zone_of_the_study(every):
    """12:30:15 UTC is 08:00:15 at -04:30: creation, series and content alike, so that a reader may compare them."""
    for kind, ds in every:
        for what in ("InstanceCreation", "Series", "Content"):
            told = ds.get(f"{what}Date"), ds.get(f"{what}Time")
            assert told == ("20261121", "080015.000000"), (kind, what)


def test_the_node_is_the_equipment_of_every_object(every, order):
    """Manufacturer, model, version and serial number are the node's (IHE AIR closed issue 26)."""
    for kind, ds in every:
        stated = ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions, ds.DeviceSerialNumber
        assert stated == (MANUFACTURER, MODEL_NAME, order.node_version, order.installation), kind
        assert ds.ContentQualification == "RESEARCH"
        assert ds.file_meta.ImplementationVersionName == "RADNODE_1.2.3"


def test_every_object_is_an_instance_of_a_series_of_its_own(results, case):
    """UIDs, numbers and descriptions tell the kinds apart, and the description says what they are."""
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription"):
        assert len({ds[keyword].value for ds in results.values()}) == len(results), keyword
    for kind, ds in results.items():
        assert ds.SeriesNumber == 9900 + 30 + KINDS[kind]
        assert ds.SeriesDescription.endswith("[RESEARCH]")
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.SpecificCharacterSet == "ISO_IR 192"


def contributing(ds):
    """Manufacturer, model, version and Device UID of each item of Contributing Equipment."""
    for each in ds.ContributingEquipmentSequence:
        assert each.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        yield each.Manufacturer, each.ManufacturerModelName, each.SoftwareVersions, each.DeviceUID


def algorithms(ds):
    """Name and version of each algorithm that the tree or a segment names."""
    for each in walk(ds):
        if found := named(each, "111001"):
            yield found[0].TextValue, named(each, "111003")[0].TextValue
    for segment in ds.get("SegmentSequence", []):
        for each in segment.get("SegmentationAlgorithmIdentificationSequence", []):
            yield each.AlgorithmName, each.AlgorithmVersion


def test_every_algorithm_has_the_same_four_values_wherever_it_stands(every, order):
    """IHE AIR table 6.5.3.1-1; a model's Device UID comes from the hash of its package, the node's from the site."""
    node = (MANUFACTURER, MODEL_NAME, order.node_version, Envelope.of(order).device_uid)
    models = {facts.name: (facts.manufacturer, facts.name, facts.version, device_uid(facts))
              for facts in (EGFR, KRAS, SEGMENTER)}  # fmt: skip
    for kind, ds in every:
        stated = list(contributing(ds))
        assert stated[-1] == node, kind
        assert set(stated[:-1]) <= set(models.values()), kind
        assert set(algorithms(ds)) <= {(model, version) for _, model, version, _ in stated}, kind
        for segment in ds.get("SegmentSequence", []):
            for each in segment.get("SegmentationAlgorithmIdentificationSequence", []):
                assert each.AlgorithmSource == models[each.AlgorithmName][0]
        if ds.SOPClassUID.startswith(REPORTS):
            observer = [named(ds, code)[0] for code in ("121014", "121015", "121012", "121016")]
            told = [each.get("TextValue") or each.get("UID") for each in observer]
            assert told == [node[0], node[1], node[3], order.installation], kind


def test_every_model_that_had_a_part_is_named(results):
    """Who drew and who was asked, whether it answered or not, in every kind of object."""
    for kind, ds in results.items():
        assert {model for _, model, _, _ in contributing(ds)} == {EGFR.name, KRAS.name, SEGMENTER.name, MODEL_NAME}, (
            kind
        )


def test_another_package_is_another_device():
    """A model that was trained anew has another hash, and so another Device UID (IHE AIR)."""
    assert device_uid(EGFR) != device_uid(replace(EGFR, digest="00" * 32))
    assert device_uid(EGFR) == device_uid(replace(EGFR, name="called otherwise"))


def test_reports_declare_every_coding_scheme_of_their_own(every):
    """Whatever code is not of the Standard's schemes is declared in Coding Scheme Identification (PS3.3 C.12.1)."""
    for kind, ds in every:
        used = {code.CodingSchemeDesignator for code in codes_of(ds)}
        declared = {each.CodingSchemeDesignator for each in ds.get("CodingSchemeIdentificationSequence", [])}
        assert used & PRIVATE <= declared, kind
        if kind in {"sr", "key-sr", "text-sr"}:
            assert "99RADNODE" in used


def test_a_series_that_was_drawn_on_is_named_in_every_object(case, order):
    """
    Measured on one series and drawn on another: SEG, reports, document and page name the instances of both, the
    measured one first, because viewers lay a Segmentation on the first series that it names.
    """
    ct, flair = instances(case.volume.series_uid, len(case.volume.slices)), instances("1.2.99.7", 3)
    of_two = replace(order, roles={"ct": ct, "flair": flair})
    loaded = Loaded(case.volume, tuple(case.headers))
    refusal = Findings(state="refused", reason_code="missing slices", reason="two are missing", models=(EGFR,))
    made = [*objects.evaluated(of_two, case.findings, loaded).items()]
    made += objects.refused(of_two, refusal, case.headers).items()
    drawn_on = {each.sop_uid for each in flair}
    for kind, ds in made:
        named_here = [str(e.value) for e in ds.iterall() if e.keyword == "ReferencedSOPInstanceUID"]
        assert drawn_on <= set(named_here), kind
        assert set(named_here) - drawn_on, kind
        if kind in {"seg", "labelmap"}:
            first, second = ds.ReferencedSeriesSequence
            assert (first.SeriesInstanceUID, second.SeriesInstanceUID) == (case.volume.series_uid, "1.2.99.7")


def instances(series_uid, count):
    """Instances of a series as an order names them."""
    same = {"sop_class": MR, "series_uid": series_uid, "study_uid": "1.2.99", "digest": "", "content": "", "path": ""}
    return tuple(Input(sop_uid=f"{series_uid}.{n}", **same) for n in range(1, count + 1))


def codes_of(ds):
    """Every code in an object, however deep."""
    for element in ds:
        if element.VR == "SQ":
            for each in element.value:
                if "CodeMeaning" in each:
                    yield each
                yield from codes_of(each)
