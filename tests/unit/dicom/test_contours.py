"""RT Structure Sets become contours in the patient."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from node.dicom.contours import read_structure_set
from node.errors import InstanceUnreadable
from tests.support.drawings import structure_set

TRIANGLE = np.array([[0, 0, 5], [10, 0, 5], [0, 10, 5.0]])


def test_a_real_structure_set_is_read_whole(data):
    """
    Name, type, algorithm, frame of reference, images and every contour of a real ROI arrive.
    """
    path = data / "sarcoma-sts002/dicom/STS_002/CT/mask/RS.dcm"

    found = read_structure_set(path)

    [roi] = found.rois
    ds = pydicom.dcmread(path)
    assert (roi.number, roi.name, roi.interpreted_type, roi.algorithm) == (1, "GTV_Mass_CT", "GTV", "MANUAL")
    assert roi.frame_uid == ds.FrameOfReferenceUID
    assert (found.sop_uid, found.series_uid, found.study_uid) == (
        ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID)  # fmt: skip
    assert not found.approved
    assert len(roi.contours) == 16
    raw = np.array(ds.ROIContourSequence[0].ContourSequence[0].ContourData, float).reshape(-1, 3)
    assert np.array_equal(roi.contours[0], raw)
    assert len(roi.sop_uids) == 16
    assert roi.sop_uids < found.sop_uids
    assert len(found.sop_uids) == 267


def test_a_repeated_last_point_is_dropped(data):
    """
    The IBSI phantom closes its contours by repeating the first point; the Standard joins them by itself.
    """
    [roi] = read_structure_set(data / "ibsi-ct-phantom/dicom/mask/DCM_RS_00060.dcm").rois

    assert len(roi.contours) == 26
    assert not any(np.array_equal(c[0], c[-1]) for c in roi.contours)
    assert roi.algorithm is None  # (3006,0036) is empty there


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", ""])
def test_contours_that_enclose_nothing_are_passed_over_with_the_reason(tmp_path, kind):
    """
    A point or an open line is no area: it is left out and named.
    """
    path = structure_set(tmp_path / "rs.dcm", [{"name": "GTV", "contours": [TRIANGLE], "geometric_type": kind}])

    [roi] = read_structure_set(path).rois

    assert roi.contours == ()
    assert roi.skipped == (f"1 contour(s) of type {kind or 'not stated'} enclose no area",)


def test_xor_contours_and_short_contours(tmp_path):
    """
    CLOSEDPLANAR_XOR (PS3.3 C.8.8.6.3) encloses area as CLOSED_PLANAR does; two points enclose none.
    """
    path = structure_set(
        tmp_path / "rs.dcm",
        [{"name": "GTV", "contours": [TRIANGLE, TRIANGLE[:2]], "geometric_type": "CLOSEDPLANAR_XOR"}],
    )

    [roi] = read_structure_set(path).rois

    assert len(roi.contours) == 1
    assert roi.skipped == ("1 contour(s) with fewer than three points enclose no area",)


def test_a_contour_that_was_exported_twice_counts_once(tmp_path):
    """
    Two equal contours are no hole that fills the whole of the first.
    """
    square = [(0.0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 0)]
    path = structure_set(tmp_path / "rs.dcm", [{"name": "GTV", "contours": [square, square]}])

    [roi] = read_structure_set(path).rois

    assert len(roi.contours) == 1


def test_an_roi_without_contours_or_observation_is_kept(tmp_path):
    """
    An ROI that was named but never drawn is still listed, so that it can be named when passed over.
    """
    path = structure_set(tmp_path / "rs.dcm", [{"name": "GTV", "type": "GTV", "contours": []}, {"name": "Heart"}])
    ds = pydicom.dcmread(path)
    del ds.ROIContourSequence
    ds.RTROIObservationsSequence = ds.RTROIObservationsSequence[:1]
    ds.save_as(path)

    first, second = read_structure_set(path).rois

    assert (first.interpreted_type, first.contours) == ("GTV", ())
    assert (second.name, second.interpreted_type, second.contours) == ("Heart", "", ())


def test_the_frame_of_reference_falls_back_to_the_objects_own(tmp_path):
    """
    An ROI that names no Frame of Reference lies in the only one that the object knows.
    """
    path = structure_set(tmp_path / "rs.dcm", [{"name": "GTV", "contours": [TRIANGLE]}], FrameOfReferenceUID="1.9")
    ds = pydicom.dcmread(path)
    del ds.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    ds.save_as(path)

    assert read_structure_set(path).rois[0].frame_uid == "1.9"


@pytest.mark.parametrize("broken", ["text", "image", "odd", "nan", "absent"])
def test_what_cannot_be_read_says_so_without_patient_data(tmp_path, data, broken):
    """
    A file that is no structure set, or holds no usable numbers, is an InstanceUnreadable that quotes no value.
    """
    path = tmp_path / "rs.dcm"
    if broken == "text":
        path.write_text("no DICOM")
    elif broken == "image":
        path = data / "ibsi-ct-phantom/dicom/image/DCM_IMG_00000.dcm"
    elif broken != "absent":
        structure_set(path, [{"name": "GTV", "contours": [TRIANGLE]}], PatientName="Doe^Jane")
        ds = pydicom.dcmread(path)
        element = ds.ROIContourSequence[0].ContourSequence[0][0x30060050]
        element._value = ["1", "2"] if broken == "odd" else ["1", "2", "nan"]
        with pydicom.config.disable_value_validation():
            ds.save_as(path)

    with pytest.raises(InstanceUnreadable) as caught:
        read_structure_set(path)

    assert path.name in str(caught.value)
    assert "Doe" not in str(caught.value)
