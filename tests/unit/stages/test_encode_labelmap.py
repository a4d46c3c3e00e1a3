"""Findings to a Label Map Segmentation."""

from __future__ import annotations

from dataclasses import replace

import highdicom as hd
import numpy as np
import pytest

from node.domain.findings import Contour
from node.stages.encode_seg import encode_labelmap, encode_seg, overlap
from tests.support.findings import DRAWN, FOUND, as_bytes, make_case, reread

CASE = make_case(DRAWN, FOUND)


def encoded(case=CASE):
    """The object as it is written."""
    return encode_labelmap(case.findings, case.volume, case.headers, case.envelope)


def touching():
    """Two lesions that share voxels."""
    first, second = CASE.findings.lesions
    both = Contour(mask=first.contour.mask | second.contour.mask, provenance=second.contour.provenance)
    return replace(CASE, findings=replace(CASE.findings, lesions=(first, replace(second, contour=both))))


def test_every_voxel_has_the_number_of_its_lesion():
    """One frame for each slice with a lesion, placed by its own position; 0 where there is none."""
    seg = reread(encoded())
    labels = sum(lesion.number * lesion.contour.mask for lesion in CASE.findings.lesions)
    places = [group.PlanePositionSequence[0].ImagePositionPatient for group in seg.PerFrameFunctionalGroupsSequence]
    frames = labels[[round(CASE.volume.geometry.index(np.array(place, float))[0]) for place in places]]

    assert seg.SOPClassUID == seg.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.66.7"
    assert (seg.SegmentationType, seg.BitsAllocated, seg.NumberOfFrames) == ("LABELMAP", 8, 7)
    assert len({tuple(place) for place in places}) == 7
    assert np.array_equal(seg.pixel_array, frames)
    assert np.array_equal(hd.seg.Segmentation.from_dataset(seg, copy=False).pixel_array, frames)


def test_it_describes_the_same_segments_as_the_segmentation():
    """Label, type, tracking and colour, but in a series of its own that says what it is."""
    seg, other = (reread(ds) for ds in (encoded(), encode_seg(CASE.findings, CASE.volume, CASE.headers, CASE.envelope)))

    assert [s.SegmentNumber for s in seg.SegmentSequence] == [0, 1, 2]
    assert list(seg.SegmentSequence)[1:] == list(other.SegmentSequence)
    assert seg.SeriesInstanceUID != other.SeriesInstanceUID
    assert seg.SOPInstanceUID == CASE.envelope.sop_uid("labelmap") != other.SOPInstanceUID
    assert seg.DimensionOrganizationSequence != other.DimensionOrganizationSequence
    assert seg.SeriesDescription.endswith("lung LABELMAP SEG [RESEARCH]")
    assert seg.ReferencedSeriesSequence == other.ReferencedSeriesSequence


def test_a_hand_drawn_one_is_no_work_of_an_ai():
    """As for the Segmentation, the series is called drawn."""
    assert reread(encoded(make_case(DRAWN))).SeriesDescription == "Drawn lung LABELMAP SEG [RESEARCH]"


def test_encoding_twice_gives_the_same_bytes():
    """Nothing in it comes from the clock or from chance."""
    assert as_bytes(encoded()) == as_bytes(encoded())


def test_lesions_that_overlap_do_not_fit():
    """No voxel is given to one of two lesions without a word."""
    assert overlap(touching().findings)
    assert not overlap(CASE.findings)
    with pytest.raises(ValueError, match="overlap"):
        encoded(touching())
