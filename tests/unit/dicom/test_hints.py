"""What speaks for a lesion in a drawing, without a look at its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from node.dicom.hints import codes, mark_speaks, of_segment, segmentation_speaks, structure_set_speaks
from node.dicom.segments import Segment
from node.domain.order import LesionRules
from tests.support.drawings import square, structure_set, volume
from tests.support.marks import NEOPLASM, group, report, scoord3d
from tests.support.segmentations import LIVER, ball, segmentation
from tests.support.series import image_series

SHAPE = (12, 40, 40)
ANATOMY, TISSUE = ("SCT", "123037004", "Anatomical Structure"), ("SCT", "85756007", "Tissue")
ABNORMAL = ("SCT", "49755003", "Morphologically Abnormal Structure")
NONE = ("", "", "")
RULES = LesionRules(unite_parts=True)


@pytest.mark.parametrize(
    ("label", "category", "kind", "hint"),
    [
        ("Segment_1", TISSUE, TISSUE, "neutral"),
        ("Segment_1", ("SRT", "T-D0050", "Tissue"), ("SRT", "T-D0050", "Tissue"), "neutral"),
        ("x", ABNORMAL, ("SCT", "1", "Thing"), "neutral"),
        ("", NONE, NONE, "neutral"),
        ("x", TISSUE, ("SCT", "91727004", "Skeletal tissue"), "organ"),
        ("x", ANATOMY, TISSUE, "organ"),
        ("x", ABNORMAL, ("SCT", "10200004", "Liver"), "organ"),
        ("Niere li", TISSUE, TISSUE, "organ"),
        ("Healthy part", TISSUE, TISSUE, "organ"),
        ("Lung nodule", ANATOMY, TISSUE, "lesion"),
        ("x", ABNORMAL, ("SCT", "52988006", "Lesion"), "lesion"),
        ("Necrosis", TISSUE, TISSUE, "lesion"),
        ("PTV", TISSUE, TISSUE, "lesion"),
        ("marker", TISSUE, TISSUE, "nothing"),
        ("Background", NONE, NONE, "nothing"),
    ],
)
def test_what_a_segment_says_of_itself(label, category, kind, hint):
    """By its label, its property type and its category."""
    segment = Segment(
        number=1, label=label, category=category, type=kind, algorithm=None, tracking_id="", tracking_uid=""
    )
    assert of_segment(segment, RULES) == hint


def test_among_organs_what_says_nothing_is_one_more():
    """A lesion is told beside them, and what is no region of the body never."""
    used = "drawing not used"
    assert codes({1: "neutral", 2: "nothing"}) == {1: used, 2: ""}
    assert codes({1: "neutral", 2: "organ", 3: "lesion"}) == {1: "", 2: "", 3: used}
    assert codes({}) == {}


def test_objects_speak_by_their_headers(tmp_path):
    """Of each kind one that does and one that does not."""
    ct, v = image_series(np.zeros(SHAPE)), volume(np.zeros(SHAPE))
    outline = [square(v.geometry, 3, (5, 5), (9, 9))]
    for name, heard in (("Tumeur", True), ("Lung_L", False)):
        path = segmentation(tmp_path / "s.dcm", ct, ball(SHAPE, (5, 20, 20), 4), [{"label": name, "type": LIVER}])
        assert segmentation_speaks(path, RULES) == heard
        assert (
            structure_set_speaks(structure_set(tmp_path / "r.dcm", [{"name": name, "contours": outline}]), RULES)
            == heard
        )
    for finding, heard in ((NEOPLASM, True), (LIVER, False)):
        path = report(tmp_path / "m.dcm", [group(finding, [scoord3d("POINT", [1, 2, 3], "1.2")])])
        assert mark_speaks(path, RULES, lambda *_: np.zeros(3)) == heard
