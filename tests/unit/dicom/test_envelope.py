"""What every result object shares, and what it takes over from the source."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pydicom
import pytest
import structlog
from pydicom.data import DATA_ROOT
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from node.dicom import inherit
from node.dicom.envelope import KINDS, MODEL_NAME, Envelope, device_uid, equipment, seal
from node.domain.clinical import Clinical
from node.domain.order import LesionRules, Order, Pipeline
from tests.support.findings import EGFR, KRAS, SEGMENTER, as_bytes, make_case, make_envelope

INVALID = {
    "PatientName": "A" * 65,
    "PatientID": "P" * 65,
    "PatientBirthDate": "1960-1-1",
    "PatientSex": "W",
    "StudyDate": "20260231",
    "StudyTime": "25:61",
    "AccessionNumber": "A" * 17,
    "ReferringPhysicianName": "R" * 65,
    "StudyID": "S" * 17,
    "PatientAge": "66",
    "PatientWeight": "heavy",
    "PatientSize": "nan",
    "StudyDescription": "D" * 65,
    "BodyPartExamined": "chest & neck",
    "PatientIdentityRemoved": "MAYBE",
    "AdmissionID": "a\x07b",
}
SOURCE = {"PatientWeight": "61.5", "BodyPartExamined": "CHEST", "PatientIdentityRemoved": "NO", "AdmissionID": "A1"}


def from_file(ds: Dataset) -> Dataset:
    """The data set as the reader of a file sees it, invalid values included."""
    with pydicom.config.disable_value_validation():
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def with_raw(ds: Dataset, keyword: str, value: str) -> Dataset:
    """The data set from a file in which one attribute holds these very characters."""
    with pydicom.config.disable_value_validation():
        vr = pydicom.datadict.dictionary_VR(keyword)
        ds[keyword] = pydicom.DataElement(keyword, "LO" if vr in {"DS", "IS", "DA", "TM", "AS"} else vr, value)
        tag, stream = ds[keyword].tag, from_file(ds)
    raw = stream.get_item(tag)
    stream._dict[tag] = raw._replace(VR=vr)
    return stream


def sealed(source: Dataset, envelope: Envelope | None = None) -> Dataset:
    """An empty object in an envelope."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    seal(ds, "sr", envelope or make_envelope(), source)
    return ds


@pytest.mark.parametrize("keyword", inherit.REQUIRED)
def test_a_missing_type_2_attribute_becomes_empty(keyword):
    """Each Type 2 attribute that the source lacks, or has without a value, is present and empty."""
    for change in ({keyword: None}, {keyword: ""}):
        ds = sealed(from_file(make_case(**change).headers[0]))
        assert keyword in ds
        assert not ds[keyword].value


@pytest.mark.parametrize(("keyword", "value"), INVALID.items())
def test_an_invalid_value_is_left_empty_and_named_but_never_shown(keyword, value):
    """A value that its VR does not allow is empty (Type 2) or absent (Type 3); the log has the keyword alone."""
    source = with_raw(make_case(**SOURCE).headers[0], keyword, value)

    with structlog.testing.capture_logs() as logs:
        ds = sealed(source)

    assert not ds.get(keyword)
    assert (keyword in ds) == (keyword in inherit.REQUIRED)
    assert {"event": "value.dropped", "keyword": keyword, "log_level": "warning"} in logs
    assert value not in str(logs)


def test_valid_values_are_taken_over():
    """Patient, study and body part are the source's, character by character."""
    ds = sealed(from_file(make_case(**SOURCE, IssuerOfPatientID="HOSP").headers[0]))

    assert (ds.PatientName, ds.PatientID, ds.IssuerOfPatientID) == ("Test^Patient", "TEST-1", "HOSP")
    assert (ds.StudyDate, ds.StudyTime, ds.StudyID) == ("20261101", "101500", "1")
    assert (ds.PatientWeight, ds.PatientAge, ds.BodyPartExamined) == (61.5, "066Y", "CHEST")
    assert ds.AccessionNumber == "ACC1"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 127", "قباني^لنزار"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Buc^Jérôme"),
    ],
)
def test_names_survive_in_utf_8(charset, name):
    """A name in any character set reads the same from the result, which is in ISO_IR 192."""
    source = from_file(make_case(SpecificCharacterSet=charset, PatientName=name).headers[0])
    written = sealed(source)
    result = from_file(written)

    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert str(result.PatientName) == name == str(source.PatientName)
    assert name.encode() in as_bytes(written)


def test_odd_files_are_survived():
    """Every file of pydicom's own collection of odd and broken ones gives valid attributes, without a warning."""
    seen = 0
    for path in sorted(Path(DATA_ROOT).rglob("*.dcm")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            if "StudyInstanceUID" not in source:
                continue
        ds = inherit.inherit(source)
        inherit.requests(source)
        assert set(inherit.REQUIRED) <= set(ds.dir())
        seen += 1
    assert seen > 50


def test_requests_are_carried_over():
    """Request attributes become Referenced Request items with every Type 2 attribute."""
    attributes, issuer = Dataset(), Dataset()
    attributes.RequestedProcedureID, attributes.RequestedProcedureDescription = "RP1", "CT thorax"
    issuer.LocalNamespaceEntityID = "RIS"
    attributes.IssuerOfAccessionNumberSequence = Sequence([issuer])
    source = from_file(make_case(RequestAttributesSequence=[attributes]).headers[0])

    [item] = inherit.requests(source)

    assert (item.StudyInstanceUID, item.AccessionNumber) == ("1.2.99", "ACC1")
    assert (item.RequestedProcedureID, item.RequestedProcedureDescription) == ("RP1", "CT thorax")
    assert item.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "RIS"
    assert item.PlacerOrderNumberImagingServiceRequest == ""
    assert len(item.RequestedProcedureCodeSequence) == len(item.ReferencedStudySequence) == 0


def test_all_times_are_those_of_the_order():
    """No date or time comes from the clock; where the source states its zone, ours are told in it."""
    plain = sealed(make_case().headers[0])
    zoned = sealed(make_case(TimezoneOffsetFromUTC="+0900").headers[0])
    nonsense = sealed(make_case(TimezoneOffsetFromUTC="local").headers[0])

    for what in ("InstanceCreation", "Series", "Content"):
        assert (plain[f"{what}Date"].value, plain[f"{what}Time"].value) == ("20261121", "123015.000000")
        assert (zoned[f"{what}Date"].value, zoned[f"{what}Time"].value) == ("20261121", "213015.000000")
    assert zoned.TimezoneOffsetFromUTC == "+0900"
    assert "TimezoneOffsetFromUTC" not in plain
    assert "TimezoneOffsetFromUTC" not in nonsense
    assert plain.ContributingEquipmentSequence[-1].ContributionDateTime == "20261121123015+0000"


def test_a_time_without_zone_is_refused():
    """An envelope needs to know which moment it means."""
    with pytest.raises(ValueError, match="aware"):
        make_envelope(written_at=datetime(2026, 11, 21))  # noqa: DTZ001


def test_series_numbers_leave_taken_ones_alone():
    """Base + 10 x pipeline + kind, and the next free one when the study already uses it."""
    envelope = make_envelope(number=2)

    assert (envelope.series_number("seg"), envelope.series_number("sr")) == (9921, 9922)
    taken = replace(envelope, taken_numbers=(9921, 10921, 9922))
    assert (taken.series_number("seg"), taken.series_number("sr")) == (11921, 10922)


def test_series_descriptions_fit_and_say_research():
    """At most 64 characters, no backslash; a revision names its number."""
    assert make_envelope().series_description("seg") == "AI lung SEG [RESEARCH]"
    assert make_envelope(revision=3).series_description("sr") == "AI lung SR rev 3 [RESEARCH]"
    assert make_envelope(drawn=True).series_description("seg") == "Drawn lung SEG [RESEARCH]"
    assert make_envelope(drawn=True, models=(EGFR,)).series_description("sr") == "AI lung SR [RESEARCH]"
    assert make_envelope(drawn=True).series_description("sr") == "Measured lung SR [RESEARCH]"
    assert make_envelope().series_description("key-sr") == "AI lung key-slice SR [RESEARCH]"
    long = make_envelope(pipeline="x\\" * 60, revision=12).series_description("seg")
    assert len(long) == 64
    assert long.endswith(" SEG rev 12 [RESEARCH]")
    assert "\\" not in long


def test_uids_are_the_jobs_own():
    """Every kind has its own series and instance; another job has others."""
    one, other = make_envelope(), make_envelope(job_id="other")
    uids = [e.sop_uid(k) for e in (one, other) for k in KINDS]
    uids += [e.series_uid(k) for e in (one, other) for k in KINDS]

    assert len(set(uids)) == len(uids) == 4 * len(KINDS)
    assert make_envelope().sop_uid("seg") == one.sop_uid("seg")


def test_equipment_names_every_algorithm_and_the_node():
    """One item per model, its Device UID from the package hash, and one for the node that rule 5 recognises."""
    envelope = make_envelope(models=(SEGMENTER, EGFR, KRAS))
    items = equipment(envelope)

    assert [item.ManufacturerModelName for item in items] == ["Lung lesion", "Lung EGFR", "Lung KRAS", MODEL_NAME]
    assert {item.PurposeOfReferenceCodeSequence[0].CodeValue for item in items} == {"109102"}
    assert [item.DeviceUID for item in items[:3]] == [device_uid(m) for m in envelope.models]
    assert device_uid(EGFR) != device_uid(replace(EGFR, digest="00" * 32))
    assert (items[-1].SoftwareVersions, items[-1].DeviceUID) == ("0.1.0", envelope.device_uid)


def test_general_equipment_is_the_node():
    """The packaging node stands at the top level, not a model (IHE AIR closed issue 26)."""
    ds = sealed(make_case().headers[0], make_envelope(models=(EGFR,)))

    assert (ds.Manufacturer, ds.ManufacturerModelName) == ("radnode project", "radnode")
    assert (ds.SoftwareVersions, ds.DeviceSerialNumber, ds.ContentQualification) == ("0.1.0", "site-7", "RESEARCH")


def test_the_envelope_of_an_order():
    """Everything that an envelope says comes from the order, the time with its zone included."""
    order = Order(
        installation="site-7",
        node_version="0.1.0",
        pipeline=Pipeline(name="lung", number=1, roles={}, lesion=LesionRules(), series_base=8000),
        study_uid="1.2.99",
        patient_key="00",
        revision=2,
        roles={},
        lesion=(),
        models={},
        clinical=Clinical(),
        written_at=datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=1))),
        taken_numbers=(8011,),
    )
    envelope = Envelope.of(order, models=[EGFR])

    assert envelope.job_id == order.job_id
    assert envelope.series_number("seg") == 9011
    assert envelope.series_description("seg") == "AI lung SEG rev 2 [RESEARCH]"
    assert envelope.written_at == order.written_at
    assert envelope.models == (EGFR,)
