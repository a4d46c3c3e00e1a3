"""Points and lines that a person set on a lesion become places in the patient."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from node.dicom.seeds import locator, read_seeds
from node.domain.order import LesionRules
from node.errors import InstanceUnreadable
from tests.support.drawings import volume
from tests.support.marks import (
    NEOPLASM,
    NODULE,
    annotation,
    content,
    group,
    image,
    presentation,
    report,
    scoord,
    scoord3d,
)

PATTERN = LesionRules().seed_pattern
OBLIQUE = np.array([[0, -0.6, 0.8], [0, 0.8, 0.6], [1.0, 0, 0]])


def ct():
    """A volume on an oblique grid: mixing up column and row, or the half pixel, moves a point."""
    return volume(np.zeros((6, 30, 20)), spacing=(3.0, 0.9, 0.7), origin=(-40, 10, -200), axes=OBLIQUE)


def read(path, v):
    """Seeds of a file on a volume."""
    return read_seeds(path, locator(v), PATTERN)


def test_a_point_of_an_sr_lies_where_the_plane_of_its_image_says(tmp_path):
    """
    Image coordinates count from the corner of the first pixel: (12.5, 7.5) is the centre of column 12, row 7.
    """
    v = ct()
    point = scoord("POINT", [12.5, 7.5], [image(v.slices[4].sop_uid)])
    path = report(tmp_path / "sr.dcm", [group(NEOPLASM, [point], "Lesion 1", "1.2.3.99")])

    found = read(path, v)

    [seed] = found.seeds
    assert np.allclose(seed.points, v.geometry.point(np.array([[4, 7, 12.0]])))
    assert (seed.label, seed.tracking_id, seed.tracking_uid) == ("Lesion 1", "Lesion 1", "1.2.3.99")
    assert seed.named_neoplasm
    assert found.sop_uid == pydicom.dcmread(path).SOPInstanceUID
    assert found.skipped == ()


def test_the_longest_line_of_a_group_is_its_seed(tmp_path):
    """
    Long and short axis, each below its measurement, are one seed: the long one.
    """
    v = ct()
    where = [image(v.slices[2].sop_uid)]
    lines = [
        content("NUM", ("103340004", "SCT", "Short axis"), children=[scoord("POLYLINE", [8, 8, 8, 12], where)]),
        content("NUM", ("103339001", "SCT", "Long axis"), children=[scoord("POLYLINE", [4, 10, 14, 10], where)]),
        scoord("POINT", [9, 9], where),
    ]

    [seed] = read(report(tmp_path / "sr.dcm", [group(NODULE, lines)]), v).seeds

    assert np.allclose(seed.points, v.geometry.point(np.array([[2, 9.5, 3.5], [2, 9.5, 13.5]])))
    assert not seed.named_neoplasm  # a nodule is no neoplasm
    assert seed.label == "Nodule"


def test_a_point_in_the_patient_is_taken_as_it_is(tmp_path):
    """
    SCOORD3D is LPS already; its frame of reference comes along.
    """
    path = report(tmp_path / "sr.dcm", [group(NEOPLASM, [scoord3d("POINT", [1.5, -2.5, 3.5], "1.2.3.4")])])

    [seed] = read(path, ct()).seeds

    assert seed.points.tolist() == [[1.5, -2.5, 3.5]]
    assert seed.frame_uid == "1.2.3.4"


def test_a_device_names_no_neoplasm(tmp_path):
    """
    Where only a device observed, the finding is not a person's word.
    """
    path = report(tmp_path / "sr.dcm", [group(NEOPLASM, [scoord3d("POINT", [1, 2, 3], "1.2")])], observer="121007")

    assert not read(path, ct()).seeds[0].named_neoplasm


def test_an_image_may_be_given_by_reference(tmp_path):
    """
    A coordinate that points to an image elsewhere in the tree is followed there.
    """
    v = ct()
    target = content("CONTAINER")
    del target.ValueType
    target.ReferencedContentItemIdentifier = [1, 2, 1, 1]  # root, measurements, first group, first item
    path = report(tmp_path / "sr.dcm", [
        content("CONTAINER", ("111028", "DCM", "Image Library"), children=[image(v.slices[1].sop_uid)]),
        group(NODULE, [scoord("POINT", [5.5, 6.5], [target])])])  # fmt: skip

    [seed] = read(path, v).seeds

    assert np.allclose(seed.points, v.geometry.point(np.array([[1, 6, 5.0]])))


def test_frames_of_a_multi_frame_image(tmp_path):
    """
    In a multi-frame image the frame number tells the slice; without it the point has no place.
    """
    v = ct()
    v = replace(v, slices=tuple(replace(s, sop_uid="1.2.8", frame=6 - k) for k, s in enumerate(v.slices)))
    path = report(tmp_path / "sr.dcm", [
        group(NODULE, [scoord("POINT", [5.5, 6.5], [image("1.2.8", 2)])]),
        group(NODULE, [scoord("POINT", [5.5, 6.5], [image("1.2.8")])])])  # fmt: skip

    found = read(path, v)

    assert np.allclose(found.seeds[0].points, v.geometry.point(np.array([[4, 6, 5.0]])))
    assert [s.code for s in found.skipped] == ["contour mismatch"]


@pytest.mark.parametrize(
    ("finding", "item", "why"),
    [
        (("15825003", "SCT", "Aorta"), ("POINT", [5, 5]), "not a lesion"),
        (None, ("POINT", [5, 5]), "not a lesion"),
        (NODULE, ("CIRCLE", [5, 5, 9, 9]), "a CIRCLE of 2 point"),
        (NODULE, ("POLYLINE", [5, 5, 9, 9, 7, 7]), "a POLYLINE of 3 point"),
        (NODULE, None, "no point or two-point line"),
        (NODULE, ("POINT", [5, 5], "9.9.9"), "not one of the measured series"),
    ],
)
def test_groups_that_are_no_seed_are_passed_over_with_the_reason(tmp_path, finding, item, why):
    """
    Another finding, a closed shape or an image of another series is named and not used.
    """
    v = ct()
    items = [scoord(*item[:2], [image(item[2] if len(item) > 2 else v.slices[0].sop_uid)])] if item else []

    found = read(report(tmp_path / "sr.dcm", [group(finding, items, "T1")]), v)

    assert found.seeds == ()
    [skipped] = found.skipped
    assert why in skipped.why
    assert skipped.named == "measurement group 'T1'"
    assert "T1" not in skipped.unnamed


def test_real_reports_of_others(data):
    """
    Reports by highdicom and dcmqi hold lesions by circle and by segmentation, no seed: each group says why.
    """
    folder = data / "dcmqi-highdicom-objects"

    first = read(folder / "sr_document_with_multiple_groups.dcm", ct())
    second = read(folder / "dcmqi_sr/sr.dcm", ct())

    assert first.seeds == second.seeds == ()
    reasons = {s.name: s.why for s in first.skipped}
    assert "CIRCLE" in reasons["LungNodule0001"]
    assert "not a lesion" in reasons["Aorta0001"]
    assert len(second.skipped) == 1


@pytest.mark.parametrize("named", [{"layer": "SEED"}, {"text": "Tumour left upper lobe"}])
def test_gsps_graphics_with_a_matching_layer_or_text(tmp_path, named):
    """
    A point and a line whose layer or text says seed are two seeds; a text that says tumour is a person's word for it.
    """
    v = ct()
    item = annotation([v.slices[3].sop_uid], graphics=[("POINT", [4.5, 5.5]), ("POLYLINE", [1, 2, 11, 2])], **named)

    point, line = read(presentation(tmp_path / "pr.dcm", [item]), v).seeds

    assert np.allclose(point.points, v.geometry.point(np.array([[3, 5, 4.0]])))
    assert np.allclose(line.points, v.geometry.point(np.array([[3, 1.5, 0.5], [3, 1.5, 10.5]])))
    assert point.named_neoplasm == ("text" in named)


def test_the_anchor_of_a_matching_text_is_a_seed(tmp_path):
    """
    An arrow with a text has no graphic of its own: its anchor marks the lesion.
    """
    v = ct()

    path = presentation(tmp_path / "pr.dcm", [annotation([v.slices[0].sop_uid], text="nodule", anchor=[3.5, 2.5])])

    [seed] = read(path, v).seeds
    assert np.allclose(seed.points, v.geometry.point(np.array([[0, 2, 3.0]])))
    assert not seed.named_neoplasm


@pytest.mark.parametrize(
    ("changes", "images", "why"),
    [
        ({"text": "thrombus"}, 1, "neither its layer nor its text"),
        ({"text": "seed", "units": "DISPLAY"}, 1, "DISPLAY units"),
        ({"text": "seed"}, 2, "which one image"),
        ({"text": "seed"}, 0, "which one image"),
        ({"text": "seed", "graphics": [("ELLIPSE", [1, 1, 2, 2, 3, 3, 4, 4])]}, 1, "an ELLIPSE of 4"),
    ],
)
def test_gsps_annotations_that_are_no_seed(tmp_path, changes, images, why):
    """
    Other labels, coordinates of the display, several images or closed shapes are passed over with the reason.
    """
    v = ct()
    item = annotation([s.sop_uid for s in v.slices[:images]], **{"graphics": [("POINT", [4.5, 5.5])], **changes})

    found = read(presentation(tmp_path / "pr.dcm", [item]), v)

    assert found.seeds == ()
    assert why.replace("an ELLIPSE", "ELLIPSE") in found.skipped[0].why


@pytest.mark.parametrize("kind", ["text", "image"])
def test_what_is_neither_report_nor_presentation(tmp_path, data, kind):
    """
    Another object in the place of a seed is unreadable as one.
    """
    path = tmp_path / "x" if kind == "text" else data / "dcmqi-highdicom-objects/ct_image.dcm"
    if kind == "text":
        path.write_text("no DICOM")

    with pytest.raises(InstanceUnreadable):
        read(path, ct())


@pytest.mark.parametrize(
    ("text", "counts"),
    [("seed", True), ("brain_tumor", True), ("Glioblastom links", True), ("my_seed", True), ("Gliosis", False),
     ("proseeded", False)],
)  # fmt: skip
def test_words_that_mark_a_seed(text, counts):
    """
    Words begin after anything but a letter, as names are often joined by underscores.
    """
    assert (re.search(PATTERN, text) is not None) == counts
