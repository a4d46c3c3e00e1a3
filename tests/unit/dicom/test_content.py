"""The same SOP Instance UID again."""

from __future__ import annotations

import copy
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from node.dicom.content import same_content
from node.errors import InstanceUnreadable
from tests.support.series import image_series


def write(ds, path):
    """Write a data set as a file."""
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


@pytest.fixture
def ct():
    """One CT slice with something on it."""
    return image_series(np.arange(80).reshape(1, 8, 10))[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_a_lossless_transcoding_is_the_same(ct, tmp_path, syntax):
    """The same pixels in another transfer syntax are the same content."""
    first = write(ct, tmp_path / "a")
    if syntax.is_compressed:
        ct.compress(syntax, generate_instance_uid=False)
    else:
        ct.file_meta.TransferSyntaxUID = syntax

    assert same_content(first, write(ct, tmp_path / "b"))


def test_a_corrected_header_is_the_same(ct, tmp_path):
    """New patient data, times, descriptions and private elements change nothing about what is shown."""
    first = write(ct, tmp_path / "a")
    ct.PatientID, ct.PatientName, ct.StudyInstanceUID, ct.SeriesDescription = "B", "New^Name", "1.2.3", "Corrected"
    ct.StudyDate, ct.ScheduledProcedureStepID = "20200101", "SPS"
    ct.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "anything")

    assert same_content(first, write(ct, tmp_path / "b"))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImagePositionPatient", [0, 0, 1]),
        ("ImageOrientationPatient", [0, 1, 0, 1, 0, 0]),
        ("PixelSpacing", [1, 2]),
        ("RescaleIntercept", -1000),
        ("RescaleSlope", 2),
        ("FrameOfReferenceUID", "1.2.3"),
        ("PixelData", b"\7" * 160),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"),
    ],
)
def test_other_pixels_or_geometry_is_a_conflict(ct, tmp_path, keyword, value):
    """Whatever moves a pixel or changes its value is other content."""
    first = write(ct, tmp_path / "a")
    setattr(ct, keyword, value)

    assert not same_content(first, write(ct, tmp_path / "b"))


def test_every_real_object_is_the_same_as_itself_and_unlike_its_neighbour(data, tmp_path):
    """
    Every kind of object equals its rewritten copy and differs from the next file, but for one pair: the same slide with
    and without an offset table.
    """
    files = sorted((data / "dcmqi-highdicom-objects").rglob("*.dcm"))
    files += sorted((data / "ibsi-ct-phantom").rglob("*RS*.dcm"))
    assert len(files) > 30
    for path, neighbour in zip(files, [*files[1:], files[0]], strict=True):
        ds = pydicom.dcmread(path)
        ds.ContentDate = "20200101"
        copied = tmp_path / "copy.dcm"
        pydicom.dcmwrite(copied, ds)

        assert same_content(path, copied), path
        assert same_content(path, neighbour) == (path.name == "sm_image_jpegls.dcm"), path


def test_a_contour_that_moved_is_a_conflict(data, tmp_path):
    """A structure set whose label changed is the same; one with a moved contour, or about another image, is not."""
    [path] = (data / "ibsi-ct-phantom").rglob("*RS*.dcm")
    ds = pydicom.dcmread(path)
    ds.StructureSetDate, ds.PatientName = "20200101", "New"
    points = ds.ROIContourSequence[0].ContourSequence[0]
    original, points.ContourData = copy.copy(points.ContourData), [0.5, *list(points.ContourData)[1:]]
    pydicom.dcmwrite(tmp_path / "moved", ds)
    points.ContourData = original

    assert not same_content(path, tmp_path / "moved")


def test_a_segmentation_with_another_pixel_is_a_conflict(data, tmp_path):
    """One flipped bit in a SEG is other content; so is another segment label."""
    path = data / "dcmqi-highdicom-objects" / "seg_image_ct_binary.dcm"
    flipped, renamed = pydicom.dcmread(path), pydicom.dcmread(path)
    flipped.PixelData = bytes([flipped.PixelData[0] ^ 1]) + flipped.PixelData[1:]
    renamed.SegmentSequence[0].SegmentLabel = "something else"
    for name, ds in (("flipped", flipped), ("renamed", renamed)):
        pydicom.dcmwrite(tmp_path / name, ds)

        assert not same_content(path, tmp_path / name)


def test_a_moved_frame_of_an_enhanced_object_is_a_conflict(data, tmp_path):
    """A frame's position counts where it is kept in functional groups."""
    [path] = (data / "dcmqi-highdicom-objects" / "dcmqi_segmentations" / "24x38x3" / "multiframe").glob("*.dcm")
    ds = pydicom.dcmread(path)
    ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 0]
    pydicom.dcmwrite(tmp_path / "moved", ds)

    assert same_content(path, path)
    assert not same_content(path, tmp_path / "moved")


def test_undecodable_pixels_are_compared_byte_for_byte(data, tmp_path):
    """What nobody can decode is the same only when its bytes are."""
    path = data / "transfer-syntaxes" / "MR1_JPLY"
    shutil.copy(path, tmp_path / "same")
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData[:-20] + bytes(20)
    pydicom.dcmwrite(tmp_path / "other", ds)

    assert same_content(path, tmp_path / "same")
    assert not same_content(path, tmp_path / "other")


def test_what_is_no_dicom_is_unreadable(ct, tmp_path):
    """A text file in the place of one version is an error of its own, not a conflict."""
    (tmp_path / "b").write_text("hello")
    assert ct.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    with pytest.raises(InstanceUnreadable):
        same_content(write(ct, tmp_path / "a"), tmp_path / "b")
