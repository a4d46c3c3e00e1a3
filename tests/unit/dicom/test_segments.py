"""Segmentation objects of other makers become masks in the right place."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK

from node.dicom.nature import is_lesion, is_neoplasm
from node.dicom.segments import read_segmentation
from node.domain.geometry import Geometry
from node.errors import InstanceUnreadable
from node.imaging.regrid import onto
from tests.support.segmentations import LIVER, ball, segmentation
from tests.support.series import image_series

SHAPE = (8, 32, 36)


def series(**attributes):
    """A small CT series."""
    return image_series(np.zeros(SHAPE), spacing=(3.0, 0.8, 0.7), origin=(-50, 20, -300), **attributes)


def nrrd(path):
    """Labels (slice, row, column) and geometry of an NRRD file, as SimpleITK reads it."""
    image = SimpleITK.ReadImage(str(path))
    axes = np.array(image.GetDirection()).reshape(3, 3).T[::-1]
    labels = SimpleITK.GetArrayFromImage(image)
    geometry = Geometry.of_axes(
        origin=np.array(image.GetOrigin()), spacing=image.GetSpacing()[::-1], axes=axes, shape=labels.shape
    )
    return labels, geometry


@pytest.mark.parametrize(
    ("seg", "file", "pairs"),
    [
        ("liver.dcm", "liver_seg.nrrd", {1: 1}),
        ("partial_overlaps.dcm", "partial_overlaps-1.nrrd", {1: 1, 4: 4, 5: 5}),
        ("partial_overlaps.dcm", "partial_overlaps-2.nrrd", {2: 2}),
        ("partial_overlaps.dcm", "partial_overlaps-3.nrrd", {3: 3}),
        ("sparse-labelmap-noppv.dcm", "sparse_labelmap_noppv_seg.nrrd", {1: 1}),
        ("sparse-labelmap-ppv5.dcm", "sparse_labelmap_ppv5_seg.nrrd", {1: 1}),
        ("24x38x3/seg/label.seg", "24x38x3/nrrd/label.nrrd", {1: 1}),
        ("23x38x3/seg/label.seg", "23x38x3/nrrd/label.nrrd", {1: 1}),
    ],
)
def test_dcmqi_objects_equal_their_nrrd(data, seg, file, pairs):
    """
    Binary, overlapping and LABELMAP segments made by dcmqi are voxel for voxel what their NRRD holds.
    """
    folder = data / "dcmqi-highdicom-objects/dcmqi_segmentations"
    labels, geometry = nrrd(folder / file)
    found = read_segmentation(folder / seg)

    for number, label in pairs.items():
        mask, own = found.mask(number)
        assert np.array_equal(onto(mask, own, geometry), labels == label)
        assert mask.sum() == (labels == label).sum() > 0


@pytest.mark.parametrize("name", ["binary", "binary_fractional", "true_fractional", "binary_single_frame"])
def test_highdicom_objects_equal_pydicoms_own_decoding(data, name):
    """
    Frames of highdicom's sample objects lie where their headers say, and a fraction counts from one half.
    """
    path = data / f"dcmqi-highdicom-objects/seg_image_ct_{name}.dcm"
    ds = pydicom.dcmread(path)
    frames = np.atleast_3d(ds.pixel_array.T).T.astype(float) / float(ds.get("MaximumFractionalValue", 1))

    mask, geometry = read_segmentation(path).mask(1)

    placed = 0
    for frame, groups in zip(frames, ds.PerFrameFunctionalGroupsSequence, strict=True):
        k, row, column = geometry.index(np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float))
        assert (row, column) == pytest.approx((0, 0), abs=1e-6)
        assert np.array_equal(mask[round(k)], frame >= 0.5)
        placed += (frame >= 0.5).sum()
    assert mask.sum() == placed > 0


def test_a_real_tumour_segment_tells_what_it_is(data):
    """
    A primary tumour drawn by hand on a PET (SNOMED-RT codes) is a neoplasm; the liver is no lesion.
    """
    folder = data / "dcmqi-highdicom-objects"
    [tumour] = read_segmentation(folder / "dcmqi_sr/seg.dcm").segments
    [liver] = read_segmentation(folder / "dcmqi_segmentations/liver.dcm").segments

    assert (tumour.number, tumour.label, tumour.algorithm) == (1, "Neoplasm, Primary", "MANUAL")
    assert tumour.type == ("SRT", "M-80003", "Neoplasm, Primary")
    assert is_neoplasm(tumour.type)
    assert liver.algorithm == "SEMIAUTOMATIC"
    assert not is_lesion(liver.type)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, 1, 0), (0.6, 0.8, 0, 0, 0, -1)])
@pytest.mark.parametrize("omit_empty", [True, False])
def test_any_orientation_with_and_without_empty_frames(tmp_path, orientation, omit_empty):
    """
    A segment on a flipped or oblique series comes back at the same points, whether empty frames were left out or not.
    """
    ct = series(orientation=orientation)
    mask = ball(SHAPE, (3, 9, 12), 2.4) | ball(SHAPE, (6, 5, 6), 1.2)
    path = segmentation(tmp_path / "seg.dcm", ct[::-1], mask[::-1], [{"label": "Tumour"}], omit_empty=omit_empty)

    found, own = read_segmentation(path).mask(1)

    normal = np.cross(orientation[:3], orientation[3:])
    axes = np.array([normal, orientation[3:], orientation[:3]])
    target = Geometry.of_axes(origin=np.array([-50, 20, -300.0]), spacing=(3.0, 0.8, 0.7), axes=axes, shape=SHAPE)
    assert np.array_equal(onto(found, own, target), mask)
    flipped = Geometry.of_axes(
        origin=target.point(np.array([7.0, 31, 35])), spacing=(3.0, 0.8, 0.7), axes=-axes, shape=SHAPE
    )
    assert np.array_equal(onto(found, own, flipped), mask[::-1, ::-1, ::-1])
    coarse = onto(found, own, Geometry.of_axes(origin=target.affine[:3, 3], spacing=(3.0, 1.6, 1.4), axes=axes,
                                               shape=(8, 16, 18)))  # fmt: skip
    assert np.array_equal(coarse, mask[:, ::2, ::2])


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("LABELMAP", "1.2.840.10008.1.2.1"),
        ("LABELMAP", "1.2.840.10008.1.2.5"),
        ("LABELMAP", "1.2.840.10008.1.2.4.90"),
        ("LABELMAP", "1.2.840.10008.1.2.4.80"),
        ("FRACTIONAL", "1.2.840.10008.1.2.5"),
        ("BINARY", "1.2.840.10008.1.2"),
    ],
)
def test_every_type_and_compression(tmp_path, kind, syntax):
    """
    Two segments are read alike from every segmentation type, plain and compressed.
    """
    labels = np.zeros(SHAPE, np.uint8)
    labels[ball(SHAPE, (2, 6, 7), 2)], labels[ball(SHAPE, (5, 12, 15), 3)] = 1, 2
    path = segmentation(
        tmp_path / "seg.dcm", series(), labels, [{"label": "Liver", "type": LIVER}, {"label": "Mass"}], kind=kind,
        transfer_syntax=syntax)  # fmt: skip

    found = read_segmentation(path)

    target = Geometry.of_axes(
        origin=np.array([-50, 20, -300.0]), spacing=(3.0, 0.8, 0.7), axes=np.eye(3)[::-1], shape=SHAPE
    )
    assert [s.label for s in found.segments if s.number] == ["Liver", "Mass"]
    for number in (1, 2):
        assert np.array_equal(onto(*found.mask(number), target), labels == number)


def test_one_bit_frames_that_share_bytes(tmp_path):
    """
    Frames of 7 x 9 one-bit pixels are not aligned to bytes, and come out right all the same.
    """
    shape = (5, 7, 9)
    ct = image_series(np.zeros(shape), spacing=(2.0, 1.0, 1.0))
    mask = np.random.default_rng(1).random(shape) > 0.5
    path = segmentation(tmp_path / "seg.dcm", ct, mask, [{"label": "Tumour"}])

    found, _ = read_segmentation(path).mask(1)

    assert np.array_equal(found, mask)


def test_overlapping_segments_and_frames_are_kept_apart_and_united(tmp_path):
    """
    Two segments may share voxels; two frames of one segment at one position are one drawing.
    """
    both = np.stack([ball(SHAPE, (3, 9, 10), 3), ball(SHAPE, (3, 9, 12), 3)], axis=-1)
    path = segmentation(tmp_path / "seg.dcm", series(), both, [{"label": "A"}, {"label": "B"}])
    found = read_segmentation(path)
    for number in (1, 2):
        assert found.mask(number)[0].sum() == both[..., number - 1].sum()

    ds = pydicom.dcmread(path)
    for groups in ds.PerFrameFunctionalGroupsSequence:
        groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1
    ds.save_as(path)

    assert read_segmentation(path).mask(1)[0].sum() == both.any(axis=-1).sum()
    assert read_segmentation(path).mask(2)[0].size == 0


def test_tracking_and_references_are_kept(tmp_path):
    """
    Tracking ID and UID, algorithm type and the images that the object refers to arrive.
    """
    ct = series()
    path = segmentation(
        tmp_path / "seg.dcm", ct, ball(SHAPE, (3, 9, 10), 3),
        [{"label": "T", "algorithm": "AUTOMATIC", "tracking_id": "lesion 1", "tracking_uid": "1.2.3.77"}])  # fmt: skip

    found = read_segmentation(path)

    [segment] = found.segments
    assert (segment.tracking_id, segment.tracking_uid, segment.algorithm) == ("lesion 1", "1.2.3.77", "AUTOMATIC")
    assert found.sop_uids == {ds.SOPInstanceUID for ds in ct}
    assert found.frame_uid == ct[0].FrameOfReferenceUID


@pytest.mark.parametrize("drawn", [[1, 7], [0, 3, 6], [5]])
def test_slices_left_out_stay_empty_where_no_spacing_is_stated(tmp_path, drawn):
    """
    Spacing Between Slices is optional: what was drawn on some slices of a series lies on these slices of it alone.
    """
    mask = np.zeros(SHAPE, bool)
    mask[drawn, 10:20, 10:20] = True
    path = segmentation(tmp_path / "seg.dcm", series(), mask, [{"label": "Tumour"}])
    ds = pydicom.dcmread(path)
    del ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    ds.save_as(path)
    axes = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    read_on = Geometry.of_axes(origin=np.array([-50, 20, -300.0]), spacing=(3.0, 0.8, 0.7), axes=axes, shape=SHAPE)

    found, own = read_segmentation(path).mask(1, read_on)

    assert np.array_equal(onto(found, own, read_on), mask)
    assert own.spacing[0] == pytest.approx(3.0)


def test_a_coarser_grid_that_is_stated_keeps_its_thickness(tmp_path):
    """
    Frames of 6 mm that lie on every other slice of 3 mm fill what lies between them.
    """
    coarse = image_series(np.zeros((4, 32, 36)), spacing=(6.0, 0.8, 0.7), origin=(-50, 20, -300))
    mask = np.zeros((4, 32, 36), bool)
    mask[:, 10:20, 10:20] = True
    path = segmentation(tmp_path / "seg.dcm", coarse, mask, [{"label": "Tumour"}])
    axes = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    read_on = Geometry.of_axes(origin=np.array([-50, 20, -300.0]), spacing=(3.0, 0.8, 0.7), axes=axes, shape=SHAPE)

    found, own = read_segmentation(path).mask(1, read_on)

    assert own.spacing[0] == pytest.approx(6.0)
    assert onto(found, own, read_on).any(axis=(1, 2)).sum() == 7  # the last one lies half a slice further


def test_a_wrong_spacing_between_slices_is_not_believed(tmp_path):
    """
    Where Spacing Between Slices contradicts the positions, the positions count.
    """
    mask = ball(SHAPE, (3, 9, 10), 3)
    path = segmentation(tmp_path / "seg.dcm", series(), mask, [{"label": "T"}])
    ds = pydicom.dcmread(path)
    ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 5.0
    ds.save_as(path)

    found, own = read_segmentation(path).mask(1)

    assert own.spacing[0] == pytest.approx(3.0)
    assert np.array_equal(found, mask[mask.any(axis=(1, 2))])


@pytest.mark.parametrize("fault", ["no place", "irregular", "sheared", "turned", "truncated", "no segmentation"])
def test_what_cannot_be_placed_is_told(tmp_path, data, fault):
    """
    Frames without a place, at irregular distances, beside one another or turned are refused in words.
    """
    path = tmp_path / "seg.dcm"
    if fault == "no segmentation":
        path = data / "dcmqi-highdicom-objects/ct_image.dcm"
    else:
        segmentation(path, series(), ball(SHAPE, (3, 9, 10), 3), [{"label": "T"}], PatientName="Doe^Jane")
        ds = pydicom.dcmread(path)
        groups = ds.PerFrameFunctionalGroupsSequence[2]
        position = groups.PlanePositionSequence[0]
        x, y, z = position.ImagePositionPatient
        if fault == "no place":
            del groups.PlanePositionSequence
        elif fault == "irregular":
            position.ImagePositionPatient = [x, y, z + 1]
        elif fault == "sheared":
            position.ImagePositionPatient = [x + 4, y, z]
        elif fault == "turned":
            groups.PlaneOrientationSequence = [pydicom.Dataset()]
            groups.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 1, 0, -1, 0, 0]
        else:
            ds.PixelData = ds.PixelData[:40]
        ds.save_as(path)

    with pytest.raises(InstanceUnreadable) as caught:
        read_segmentation(path).mask(1)

    assert path.name in str(caught.value)
    assert "Doe" not in str(caught.value)
