"""Segments that are parts of one tumour are measured as one lesion."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from node import shipped
from node.config import read_config
from node.domain.order import LesionRules
from node.domain.volume import LoadRules
from node.errors import Refused
from node.stages.load import load
from node.stages.segment import SourceFiles, segment
from tests.support.segmentations import LIVER, ball, segmentation
from tests.support.series import image_series, save

SHAPE = (12, 40, 40)
OEDEMA = {"label": "Vasogenic", "type": ("79654002", "SCT", "Edema")}
NECROSIS = {"label": "NCR", "type": ("6574001", "SCT", "Necrosis")}
ENHANCING = {"label": "Enhancing tumour", "type": ("86049000", "SCT", "Neoplasm, Primary")}
GLIOMA = next(p for p in read_config(shipped.config()).pipelines if p.name == "glioma").resolved(0).lesion


def shells(*radii):
    """Balls around one point, each less the one before: parts as BraTS and its tools make them, none overlapping."""
    balls = [ball(SHAPE, (6, 20, 20), radius) for radius in radii]
    return [balls[0], *(b & ~a for a, b in itertools.pairwise(balls))]


def lesions(folder, masks, described, rules=GLIOMA):
    made = image_series(np.full(SHAPE, 100.0))
    volume = load(save(made, folder / "images"), LoadRules()).volume
    path = segmentation(folder / "seg.dcm", made, np.stack(masks, axis=-1), described)
    return segment({"ct": volume}, [SourceFiles("seg", (path,))], rules, {})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_parts_that_touch_a_tumour_are_one_lesion_with_it(tmp_path, order):
    """
    Necrosis, enhancing tumour and oedema, each a segment of its own, are the whole tumour, in whatever order.
    """
    masks, described = shells(2, 3, 5), [NECROSIS, ENHANCING, OEDEMA]

    found = lesions(tmp_path, [masks[n] for n in order], [described[n] for n in order])

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, ball(SHAPE, (6, 20, 20), 5))
    assert lesion.provenance.number == order.index(1) + 1
    assert set(lesion.provenance.label.split(" + ")) == {"NCR", "Enhancing tumour", "Vasogenic"}
    assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == ("MANUAL", True)
    assert lesion.provenance.notes == (
        "Put together from segment 1, segment 2, segment 3 of one Segmentation, which touch and are called parts of "
        "one tumour.",
    )
    assert found.skipped == ()


def test_what_a_machine_made_in_part_is_a_machine_s(tmp_path):
    """
    Oedema that an algorithm drew around a person's tumour makes the whole no person's drawing.
    """
    masks, described = shells(3, 5), [ENHANCING, {**OEDEMA, "algorithm": "AUTOMATIC"}]

    [lesion] = lesions(tmp_path, masks, described).lesions

    assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == ("AUTOMATIC", False)


def test_parts_elsewhere_are_passed_over(tmp_path):
    """
    Oedema that touches no tumour belongs to none, and is told.
    """
    masks = [ball(SHAPE, (6, 10, 10), 3), ball(SHAPE, (6, 30, 30), 3)]

    found = lesions(tmp_path, masks, [ENHANCING, OEDEMA])

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, masks[0])
    assert lesion.provenance.notes == ()
    assert found.skipped == (
        "segment 2 'Vasogenic': it is called a part of a tumour, and touches neither a tumour nor another part of one",
    )


def test_two_tumours_with_oedema_between_them_are_one_and_two_that_touch_are_two(tmp_path):
    """
    What is bright on FLAIR is one there; two segments that are called tumours and nothing else stay two.
    """
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[4:8, 15:20, 10:15], right[4:8, 15:20, 20:25] = True, True
    between = np.zeros(SHAPE, bool)
    between[4:8, 15:20, 15:20] = True
    tumours = [{"label": "Tumour 1"}, {"label": "Tumour 2"}]

    joined = lesions(tmp_path / "a", [left, right, between], [*tumours, OEDEMA])
    apart = lesions(tmp_path / "b", [left | between, right], tumours)

    assert [int(each.mask.sum()) for each in joined.lesions] == [300]
    assert sorted(int(each.mask.sum()) for each in apart.lesions) == [100, 200]


def test_a_whole_tumour_stays_as_it_was_drawn(tmp_path):
    """
    Parts inside a segment of the whole tumour add nothing to it.
    """
    whole, core = ball(SHAPE, (6, 20, 20), 5), ball(SHAPE, (6, 20, 20), 3)

    found = lesions(tmp_path, [core, whole & ~core, whole], [{"label": "Tumour core"}, OEDEMA, {"label": "Tumour"}])

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, whole)
    assert (lesion.provenance.label, lesion.provenance.notes) == ("Tumour", ())
    assert all("it lies inside segment 3, which counts as the whole lesion" in each for each in found.skipped)


def test_a_tumour_inside_filled_oedema_names_the_lesion(tmp_path):
    """
    Oedema drawn as if it were filled encloses the tumour: the lesion is all of it, and called by both.
    """
    whole = ball(SHAPE, (6, 20, 20), 5)

    [lesion] = lesions(tmp_path, [ball(SHAPE, (6, 20, 20), 3), whole], [{"label": "Tumour"}, OEDEMA]).lesions

    assert np.array_equal(lesion.mask, whole)
    assert lesion.provenance.label == "Tumour + Vasogenic"


def test_several_parts_are_a_tumour_although_none_is_called_one(tmp_path):
    """
    NCR, ET and ED say together what none of them says alone; nobody called it a neoplasm.
    """
    described = [{"label": label, "type": LIVER} for label in ("NCR", "ET", "ED")]

    [lesion] = lesions(tmp_path, shells(2, 3, 5), described).lesions

    assert np.array_equal(lesion.mask, ball(SHAPE, (6, 20, 20), 5))
    assert (lesion.provenance.label, lesion.provenance.named_neoplasm) == ("NCR + ET + ED", False)


def test_one_part_alone_and_parts_of_other_pipelines_are_no_lesion(tmp_path):
    """
    Oedema without a tumour is no lesion; a pipeline that names no parts measures what is called a lesion by itself.
    """
    masks = shells(3, 5)

    with pytest.raises(Refused) as caught:
        lesions(tmp_path / "a", masks[:1], [OEDEMA])
    [lesion] = lesions(tmp_path / "b", masks, [ENHANCING, OEDEMA], LesionRules()).lesions

    assert caught.value.code == "no lesion"
    assert np.array_equal(lesion.mask, masks[0])


@pytest.mark.parametrize(
    ("label", "part"),
    [
        ("Edema", True), ("peritumorales Ödem", True), ("Necrotic core", True), ("Nekrose", True), ("necrosis", True),
        ("Non-enhancing", True), ("ED", True), ("ET", True), ("NCR/NET", True), ("Zyste", True), ("quiste", True),
        ("Infiltrative tissue", True), ("Ventricle", False), ("Cortex", False), ("Netz", False), ("Brainstem", False),
        ("Score", False), ("Edward", False),
    ],
)  # fmt: skip
def test_what_the_shipped_pipeline_takes_for_a_part(tmp_path, label, part):
    """
    Words of several languages and the abbreviations of BraTS; no organ.
    """
    masks = shells(3, 5)
    described = [ENHANCING, {"label": label, "type": LIVER}]

    [lesion] = lesions(tmp_path, masks, described).lesions

    assert np.array_equal(lesion.mask, masks[0] | masks[1] if part else masks[0])
