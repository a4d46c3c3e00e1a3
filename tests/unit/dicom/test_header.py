"""Headers of received objects."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, generate_uid

from node.dicom.header import open_header, quiet, read_header, read_instance
from node.domain.sequence import sighting
from node.errors import InstanceUnreadable
from tests.support.series import image_series

WHEEL = Path(pydicom.__file__).parent / "data"
SAMPLES = sorted(p for f in ("test_files", "charset_files") for p in (WHEEL / f).rglob("*") if p.is_file())


def written(ds, path, **kwargs):
    """Write a data set as a file."""
    pydicom.dcmwrite(path, ds, enforce_file_format=True, **kwargs)
    return path


@pytest.fixture
def ct():
    """One CT slice."""
    return image_series(np.zeros((1, 4, 5)))[0]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_every_file_is_an_instance_or_unreadable(path):
    """Pydicom's own odd, broken and truncated files give an Instance or InstanceUnreadable, nothing else."""
    try:
        instance = read_instance(path)
    except InstanceUnreadable:
        return
    with quiet():
        assert instance.sop_uid == pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
    assert not any("\ufffd" in text for values in instance.attributes.values() for text in values)


@pytest.mark.parametrize(
    "name", ["MR_truncated.dcm", "rtplan_truncated.dcm", "no_meta.dcm", "meta_missing_tsyntax.dcm"]
)
def test_broken_files_are_unreadable(name):
    """Truncated files, and files without header or transfer syntax, are refused although pydicom takes most of them."""
    with pytest.raises(InstanceUnreadable):
        read_instance(WHEEL / "test_files" / name)


def test_an_image_tells_where_it_is(ct, tmp_path):
    """Identity, place and text attributes of an image are as written, the patient's ID without padding."""
    ct.PatientID, ct.IssuerOfPatientID = " 4711 ", "Ward"
    instance = read_instance(written(ct, tmp_path / "a"))

    assert (instance.sop_uid, instance.series_uid) == (ct.SOPInstanceUID, ct.SeriesInstanceUID)
    assert (instance.patient.id, instance.patient.issuer) == ("4711", "Ward")
    assert instance.frames[0].position == (0, 0, 0)
    assert instance.frames[0].orientation == (1, 0, 0, 0, 1, 0)
    assert instance.attributes["ImageType"] == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert instance.attributes["Rows"] == ("4",)
    assert instance.attributes["PixelSpacing"] == ("1.0", "1.0")
    assert "ReferringPhysicianName" not in instance.attributes  # empty
    assert not instance.ours


def test_long_and_binary_values_are_no_attributes(ct, tmp_path):
    """What no condition can be about is not kept."""
    ct.ImageComments, ct.StudyComments = "x" * 257, "y" * 256
    ct.ICCProfile = b"\0\0"
    attributes = read_instance(written(ct, tmp_path / "a")).attributes

    assert "ImageComments" not in attributes
    assert attributes["StudyComments"] == ("y" * 256,)
    assert not {"ICCProfile", "PixelData"} & attributes.keys()


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 999", "ISO 2022 IR 149", ""])
def test_a_value_that_cannot_be_decoded_is_left_out(ct, tmp_path, charset):
    """Bytes that are no text in the stated character set cost that value, not the object."""
    ct.SpecificCharacterSet = "ISO_IR 100"
    ct.SeriesDescription, ct.StationName = "Sch\xe4del\xff", "CT1"
    path = written(ct, tmp_path / "a")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", charset.encode().ljust(10)[:10]))
    instance = read_instance(path)

    assert instance.attributes["StationName"] == ("CT1",)
    assert "\ufffd" not in str(instance.attributes.get("SeriesDescription"))


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", ["", "../../etc/passwd", "1..2", "1.2.x", "1." + "2" * 63, None])
def test_uids_are_checked(ct, tmp_path, keyword, value):
    """A UID that is absent, too long, or could leave its folder makes the object unreadable, and is not quoted."""
    path = tmp_path / "a"
    if value is None:
        delattr(ct, keyword)
    else:
        setattr(ct, keyword, value)
    ct.preamble = b"\0" * 128
    pydicom.dcmwrite(path, ct)
    with pytest.raises(InstanceUnreadable, match=keyword) as caught:
        read_instance(path)

    assert not value or value not in str(caught.value)


def test_the_digest_is_over_the_data_set_only(ct, tmp_path):
    """The file meta information (who sent it) does not change the digest, one pixel does."""
    first = read_instance(written(ct, tmp_path / "a"))
    ct.file_meta.SourceApplicationEntityTitle = "SCANNER"
    second = read_instance(written(ct, tmp_path / "b"))
    ct.PixelData = b"\1" + ct.PixelData[1:]
    third = read_instance(written(ct, tmp_path / "c"))
    start = open_header(tmp_path / "b").start

    assert first.digest == second.digest != third.digest
    assert second.digest == hashlib.sha256((tmp_path / "b").read_bytes()[start:]).hexdigest()


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_read_the_same(ct, tmp_path, syntax):
    """A deflated and a big endian file tell what the little endian one tells."""
    plain = read_instance(written(ct, tmp_path / "a"))
    ct["PixelData"].VR = "OW"
    ct.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "b"
    big = syntax == ExplicitVRBigEndian
    pydicom.dcmwrite(path, ct, implicit_vr=False, little_endian=not big, enforce_file_format=True)
    other = read_instance(path)

    assert other.attributes == plain.attributes
    assert other.frames == plain.frames
    assert other.transfer_syntax == syntax


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_early_is_always_noticed(tmp_path, share):
    """Cut anywhere, an image is unreadable: never an object with less in it than was sent."""
    ds = image_series(np.zeros((1, 4, 5)), study_uid="1.2", series_uid="1.3", frame_uid="1.4")[0]
    path = written(ds, tmp_path / "a")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])

    with pytest.raises(InstanceUnreadable):
        read_instance(path)


def test_no_patient_data_in_messages(ct, tmp_path):
    """The error about a broken file quotes nothing of it."""
    ct.PatientName, ct.PatientID = "Geheim^Anna", "SECRET-9"
    path = written(ct, tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InstanceUnreadable) as caught:
        read_instance(path)

    assert not any(word in str(caught.value) for word in ("Geheim", "SECRET"))


@pytest.mark.parametrize("nested", [True, False])
def test_what_a_radnode_made_is_ours(ct, tmp_path, nested):
    """Contributing Equipment or the equipment itself gives a radnode's objects away."""
    maker = Dataset()
    maker.Manufacturer, maker.ManufacturerModelName = "radnode project", "radnode"
    if nested:
        ct.ContributingEquipmentSequence = [Dataset(), maker]
    else:
        ct.ManufacturerModelName = "radnode"

    assert read_instance(written(ct, tmp_path / "a")).ours


def test_references_of_a_structure_set(data):
    """An RTSTRUCT names the images, the series and the Frame of Reference that it was drawn on."""
    [path] = (data / "ibsi-ct-phantom" / "dicom").rglob("DCM_RS*.dcm")
    images = {read_header(p).SOPInstanceUID for p in (data / "ibsi-ct-phantom" / "dicom" / "image").iterdir()}
    image = read_header(next((data / "ibsi-ct-phantom" / "dicom" / "image").iterdir()))
    found = read_instance(path)

    assert set(found.references) == images
    assert found.referenced_series == (image.SeriesInstanceUID,)
    assert found.referenced_frames == (image.FrameOfReferenceUID,)


def test_references_of_segmentations_and_reports(data):
    """A SEG and an SR name the images they are about; the SEG tells where its own frames lie."""
    folder = data / "dcmqi-highdicom-objects"
    seg = read_instance(folder / "seg_image_ct_binary.dcm")
    sr = read_instance(folder / "sr_document_with_multiple_groups.dcm")

    assert len(seg.references) == 4
    assert len(seg.referenced_series) == 1
    assert len(seg.frames) == 3
    assert (len(sr.references), len(sr.referenced_series), len(sr.referenced_frames)) == (1, 1, 1)


def test_references_of_a_presentation_state(ct, tmp_path):
    """A presentation state names the series and images that it annotates."""
    image, series, annotation = Dataset(), Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = ct.SOPClassUID, ct.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedImageSequence = ct.SeriesInstanceUID, [image]
    annotation.ReferencedImageSequence = [image]
    state = Dataset()
    state.file_meta = ct.file_meta
    state.SOPClassUID, state.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", generate_uid()
    state.StudyInstanceUID, state.SeriesInstanceUID, state.Modality = ct.StudyInstanceUID, generate_uid(), "PR"
    state.ReferencedSeriesSequence, state.GraphicAnnotationSequence = [series], [annotation]
    state.file_meta.MediaStorageSOPClassUID = state.SOPClassUID
    state.file_meta.MediaStorageSOPInstanceUID = state.SOPInstanceUID
    found = read_instance(written(state, tmp_path / "a"))

    assert found.references == (ct.SOPInstanceUID,)
    assert found.referenced_series == (ct.SeriesInstanceUID,)
    assert found.frames == ()


def enhanced_mr(ct, **own):
    """An Enhanced MR image of two frames; `own` are other elements of the MR Echo macro of the second one."""
    ct.SOPClassUID, ct.Modality, ct.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.4.1", "MR", 2
    ct.EchoPulseSequence = "SPIN"
    ct.ContrastBolusAgentSequence = [item(CodeMeaning="Gadobutrol")]
    modifier = item(InversionRecovery="YES", InversionTimes=[860.0])
    timing = item(RepetitionTime=2000.0)
    ct.SharedFunctionalGroupsSequence = [
        item(MRModifierSequence=[modifier], MRTimingAndRelatedParametersSequence=[timing])
    ]
    echoes = [item(EffectiveEchoTime=9.0), item(**{"EffectiveEchoTime": 9.0, **own})]
    ct.PerFrameFunctionalGroupsSequence = [item(MREchoSequence=[echo]) for echo in echoes]
    return ct


def item(**elements):
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def test_enhanced_mr_tells_its_times_and_agent_as_a_single_frame_object_does(ct, tmp_path):
    """A T1 whose fluid is dark is no FLAIR, for all its inversion: its echo is short."""
    found = read_instance(written(enhanced_mr(ct), tmp_path / "a")).attributes
    seen = sighting(found)

    assert (found["EchoTime"], found["InversionTime"], found["RepetitionTime"]) == (("9.0",), ("860.0",), ("2000.0",))
    assert found["ScanningSequence"] == ("SE", "IR")
    assert (seen.family, seen.contrast) == ("t1", True)


def test_a_time_that_frames_do_not_share_is_not_told(ct, tmp_path):
    """Two echoes in one object have no echo time between them."""
    found = read_instance(written(enhanced_mr(ct, EffectiveEchoTime=90.0), tmp_path / "a")).attributes

    assert "EchoTime" not in found


def test_an_agent_that_was_not_administered_is_none(ct, tmp_path):
    """The frames say so where the agent of the examination is only listed."""
    made = enhanced_mr(ct)
    usage = item(ContrastBolusAgentAdministered="NO")
    made.SharedFunctionalGroupsSequence[0].ContrastBolusUsageSequence = [usage]

    assert "ContrastBolusAgent" not in read_instance(written(made, tmp_path / "a")).attributes


def test_an_enhanced_object_lifts_what_its_frames_agree_on(data):
    """A Legacy Converted CT tells spacing, slice thickness and the place of every frame."""
    [path] = (data / "dcmqi-highdicom-objects" / "dcmqi_segmentations" / "24x38x3" / "multiframe").glob("*.dcm")
    singles = [read_instance(p) for p in (path.parents[1] / "image").glob("*.dcm")]
    found = read_instance(path)

    assert {f.position for f in found.frames} == {s.frames[0].position for s in singles}
    for keyword in ("PixelSpacing", "SliceThickness", "RescaleIntercept"):
        lifted, own = (tuple(map(float, i.attributes[keyword])) for i in (found, singles[0]))
        assert lifted == own
