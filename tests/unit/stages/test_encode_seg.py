"""Findings to a Segmentation."""

from __future__ import annotations

from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest

from node.dicom import inherit
from node.dicom.uids import derive_uid
from node.domain.findings import Contour, Provenance
from node.stages.encode_seg import COLOURS, encode_seg
from tests.support.findings import (
    DRAWN,
    ENHANCED_CT,
    FOUND,
    SHAPE,
    Case,
    as_bytes,
    make_case,
    make_envelope,
    make_lesion,
    make_volume,
    reread,
)
from tests.support.series import CT, MR

OBLIQUE = {"orientation": (0.96, 0.28, 0.0, -0.28, 0.96, 0.0), "origin": (-100.5, 20.25, -300.125)}


def encoded(case: Case):
    """The Segmentation as a receiver reads it."""
    return reread(encode_seg(case.findings, case.volume, case.headers, case.envelope))


def masks_of(seg, case: Case):
    """Masks (lesion, slice, row, column) put together from the frames, by position in the patient."""
    masks = np.zeros((len(seg.SegmentSequence), *case.volume.geometry.shape), bool)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    shared = seg.SharedFunctionalGroupsSequence[0]
    for frame, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        identification = (group if "SegmentIdentificationSequence" in group else shared).SegmentIdentificationSequence
        position = group.PlanePositionSequence[0].ImagePositionPatient
        index = case.volume.geometry.index(np.array(position, float))
        assert np.allclose(index[1:], 0, atol=1e-6)
        masks[identification[0].ReferencedSegmentNumber - 1, round(index[0])] = frame.astype(bool)
    return masks


@pytest.mark.parametrize(
    "case",
    [
        make_case(),
        make_case(DRAWN, FOUND),
        make_case(sop_class=MR),
        make_case(enhanced=True),
        make_case(DRAWN, FOUND, **OBLIQUE),
    ],
    ids=["one lesion", "two lesions that share a slice", "MR", "Enhanced CT", "oblique"],
)
def test_masks_come_back_where_they_were(case):
    """The frames, placed by their own position, give exactly the masks that went in."""
    masks = masks_of(encoded(case), case)

    for mask, lesion in zip(masks, case.findings.lesions, strict=True):
        assert np.array_equal(mask, lesion.contour.mask)


def test_lesions_that_overlap_come_back_whole():
    """A voxel of both lesions is in the frames of both, and the Segmentation says that there are such."""
    case = make_case(DRAWN, FOUND)
    both = np.logical_or.reduce([lesion.contour.mask for lesion in case.findings.lesions])
    first, second = case.findings.lesions
    second = replace(second, contour=Contour(mask=both, provenance=FOUND))
    case = replace(case, findings=replace(case.findings, lesions=(first, second)))

    seg = encoded(case)

    assert np.array_equal(masks_of(seg, case), [first.contour.mask, both])
    assert seg.SegmentsOverlap == "YES"
    assert encoded(make_case(DRAWN, FOUND)).SegmentsOverlap == "NO"


def test_only_labelled_frames_are_written():
    """Two lesions on slices 3-6 and 6-9: eight frames of twelve slices times two segments."""
    seg = encoded(make_case(DRAWN, FOUND))

    assert seg.NumberOfFrames == 8
    assert (seg.SegmentationType, seg.BitsAllocated) == ("BINARY", 1)


def test_frames_refer_to_the_slices_they_lie_on():
    """Each frame names the one slice it was drawn on; no other slice is referenced anywhere."""
    case = make_case()
    seg = encoded(case)
    sources = [
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for group in seg.PerFrameFunctionalGroupsSequence
    ]
    [series] = seg.ReferencedSeriesSequence

    assert sources == [case.headers[index].SOPInstanceUID for index in (6, 5, 4, 3)]  # highdicom orders so
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == set(sources)
    assert series.SeriesInstanceUID == case.volume.series_uid
    assert seg.FrameOfReferenceUID == case.volume.frame_uid


def test_frames_of_an_enhanced_object_are_referenced_by_number():
    """Class, instance and frame number of the Enhanced source, which is listed once."""
    case = make_case(enhanced=True)
    seg = encoded(case)
    images = [g.DerivationImageSequence[0].SourceImageSequence[0] for g in seg.PerFrameFunctionalGroupsSequence]
    [instance] = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence

    assert sorted(int(image.ReferencedFrameNumber) for image in images) == [4, 5, 6, 7]
    assert {(i.ReferencedSOPClassUID, i.ReferencedSOPInstanceUID) for i in [*images, instance]} == {
        (ENHANCED_CT, case.headers[0].SOPInstanceUID)
    }


def test_frames_keep_the_position_of_their_slice():
    """An unevenly spaced slice (within tolerance) stays where its own header puts it."""
    case = make_case()
    case.headers[4].ImagePositionPatient = [0.0, 0.0, 8.1234]
    seg = encoded(case)
    positions = [
        float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in seg.PerFrameFunctionalGroupsSequence
    ]

    assert sorted(positions) == [6.0, 8.1234, 10.0, 12.0]
    assert float(seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices) == 2.0


def test_encoding_twice_gives_the_same_bytes():
    """Nothing is drawn at random and nothing comes from the clock; another job gives other UIDs."""
    case = make_case(DRAWN, FOUND)
    once, twice = (encode_seg(case.findings, case.volume, case.headers, case.envelope) for _ in range(2))
    other = encode_seg(case.findings, case.volume, case.headers, make_envelope(job_id="other"))

    assert as_bytes(once) == as_bytes(twice)
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert once[keyword].value != other[keyword].value
    assert (
        once.DimensionOrganizationSequence[0].DimensionOrganizationUID
        == once.DimensionIndexSequence[0].DimensionOrganizationUID
        == derive_uid("job", case.envelope.job_id, "dimension")
    )


def test_a_human_tumour_is_a_neoplasm():
    """What a human source names a tumour is one: MANUAL, no algorithm, coloured, tracked, placed in the lung."""
    case = make_case()
    [segment] = encoded(case).SegmentSequence
    lesion = case.findings.lesions[0]

    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Neoplasm"
    assert segment.SegmentAlgorithmType == "MANUAL"
    assert "SegmentAlgorithmName" not in segment
    assert (segment.TrackingID, segment.TrackingUID) == (lesion.tracking_id, lesion.tracking_uid)
    assert segment.SegmentLabel == "Lesion 1: GTV-1"
    assert "named as tumour by its source" in segment.SegmentDescription
    assert segment.AnatomicRegionSequence[0].CodeMeaning == "Lung"
    assert len(segment.RecommendedDisplayCIELabValue) == 3


@pytest.mark.parametrize(("lung", "code"), [("left", "7771000"), ("right", "24028007"), ("", None)])
def test_the_region_of_a_segment_says_which_lung(lung, code):
    """Anatomic Region Modifier within the region where the image shows the side, and no modifier where it does not."""
    case = make_case()
    lesion = replace(case.findings.lesions[0], lung=lung)
    [segment] = encoded(replace(case, findings=replace(case.findings, lesions=(lesion,)))).SegmentSequence
    modifiers = segment.AnatomicRegionSequence[0].get("AnatomicRegionModifierSequence", [])

    assert [item.CodeValue for item in modifiers] == ([code] if code else [])


def test_a_machine_found_lesion_claims_nothing():
    """(52988006, SCT, "Lesion"), AUTOMATIC, with the model's identification and "nature not established"."""
    [segment] = encoded(make_case(FOUND)).SegmentSequence
    [algorithm] = segment.SegmentationAlgorithmIdentificationSequence

    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentDescription.startswith("Found automatically, nature not established.")
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("Lung lesion", "0.3.0")
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"


def test_a_grown_seed_names_the_node():
    """A mark that the node grew is SEMIAUTOMATIC, by the node's own version."""
    seed = Provenance(kind="seed", algorithm_type="SEMIAUTOMATIC", label="seed")
    [segment] = encoded(make_case(seed)).SegmentSequence

    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentAlgorithmName == "radnode"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion"


def test_a_foreign_algorithm_is_not_made_up():
    """A segment that another program drew keeps its type, and no algorithm is invented for it."""
    foreign = replace(DRAWN, kind="seg", algorithm_type="AUTOMATIC", named_neoplasm=False)
    [segment] = encoded(make_case(foreign)).SegmentSequence

    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentAlgorithmName == "as stated by the source object"
    assert "SegmentationAlgorithmIdentificationSequence" not in segment


def test_labels_from_outside_cannot_break_the_object():
    """A ROI name with a backslash, line breaks and more than 64 characters becomes a valid label."""
    [segment] = encoded(make_case(replace(DRAWN, label="GTV\\\n" + "x" * 90))).SegmentSequence

    assert len(segment.SegmentLabel) <= 64
    assert "\\" not in segment.SegmentLabel


def test_every_lesion_has_its_own_colour():
    """Neighbouring lesions are told apart, in colours that every screen can show."""
    seg = encoded(make_case(DRAWN, FOUND))

    colours = {tuple(segment.RecommendedDisplayCIELabValue) for segment in seg.SegmentSequence}
    assert len(colours) == 2
    assert len({hd.color.CIELabColor(*colour).to_rgb() for colour in COLOURS}) == len(COLOURS)  # raises beyond sRGB


@pytest.mark.parametrize("keyword", [*inherit.REQUIRED, "PositionReferenceIndicator", "SliceThickness", "PatientAge"])
def test_sources_may_lack_any_attribute(keyword):
    """A source that lacks it is encoded all the same; highdicom alone raises AttributeError for most."""
    seg = encoded(make_case(**{keyword: None}))

    if keyword in inherit.REQUIRED:
        assert not seg[keyword].value


def test_a_lossy_source_is_stated():
    """What was drawn on lossy images says so, with the source's ratio and method."""
    case = make_case(
        LossyImageCompression="01", LossyImageCompressionRatio=10, LossyImageCompressionMethod="ISO_10918_1"
    )
    seg = encoded(replace(case, volume=replace(case.volume, lossy=True)))

    assert (seg.LossyImageCompression, seg.LossyImageCompressionRatio) == ("01", 10)
    assert encoded(make_case()).LossyImageCompression == "00"


def test_it_does_not_change_its_arguments():
    """Headers stay as they were: the next encoder needs them."""
    case = make_case()
    before = [as_bytes(header) for header in case.headers]
    encoded(case)

    assert [as_bytes(header) for header in case.headers] == before


def test_wrong_arguments_are_refused():
    """No lesion, an empty mask, a mask on another grid, gaps in the numbers, headers that do not fit."""
    case = make_case()
    [lesion] = case.findings.lesions

    def with_mask(mask):
        return replace(case.findings, lesions=(replace(lesion, contour=Contour(mask=mask, provenance=DRAWN)),))

    for findings, headers, match in (
        (replace(case.findings, lesions=()), case.headers, "needs a lesion"),
        (with_mask(np.zeros(SHAPE, bool)), case.headers, "empty"),
        (with_mask(np.ones((2, 3, 4), bool)), case.headers, "grid"),
        (replace(case.findings, lesions=(replace(lesion, number=2),)), case.headers, "numbered"),
        (case.findings, case.headers[:5], "5 headers"),
    ):
        with pytest.raises(ValueError, match=match):
            encode_seg(findings, case.volume, headers, case.envelope)


def test_a_real_ct_round_trips(data):
    """On a real lung CT every frame lies on the very position of its slice."""
    paths = sorted((data / "ibsi-ct-phantom").rglob("*.dcm"))
    images = [pydicom.dcmread(path) for path in paths]
    images = sorted((ds for ds in images if ds.SOPClassUID == CT), key=lambda ds: float(ds.ImagePositionPatient[2]))
    volume = make_volume(images)
    mask = np.zeros(volume.voxels.shape, bool)
    mask[10:14, 50:60, 70:90] = True
    lesion = replace(make_lesion(DRAWN, 1), contour=Contour(mask=mask, provenance=DRAWN))
    case = replace(make_case(), volume=volume, headers=images)
    case = replace(case, findings=replace(case.findings, lesions=(lesion,)))
    seg = encoded(case)

    assert np.array_equal(masks_of(seg, case)[0], mask)
    assert seg.PatientID == images[0].PatientID
