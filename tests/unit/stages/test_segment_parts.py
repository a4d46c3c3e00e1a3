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
VOXEL_ML = 0.002  # 2 x 1 x 1 mm
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
def test_parts_that_touch_are_one_lesion(tmp_path, order):
    """
    Necrosis, enhancing tumour and oedema, each a segment of its own, are the whole tumour, in whatever order.
    """
    masks, described = shells(2, 3, 5), [NECROSIS, ENHANCING, OEDEMA]

    found = lesions(tmp_path, [masks[n] for n in order], [described[n] for n in order])

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, ball(SHAPE, (6, 20, 20), 5))
    assert (lesion.provenance.number, lesion.provenance.label) == (None, "")  # no segment is the whole
    assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == ("MANUAL", True)
    [note] = lesion.provenance.notes
    sizes = {described[n]["label"]: masks[n].sum() * VOXEL_ML for n in order}  # 2 x 2 x 2 mm
    for number, n in enumerate(order, start=1):
        label = described[n]["label"]
        assert f"segment {number} '{label}' ({sizes[label]:.2f} mL)" in note
    assert found.skipped == ()


def test_the_name_and_tracking_of_a_tumour_stay_with_it_and_parts_share_theirs(tmp_path):
    """
    A tumour with its oedema is still that tumour; parts have an identity for the whole where all bear the same one.
    """
    masks, same = shells(2, 3, 5), {"tracking_id": "L1", "tracking_uid": "1.2.3.7"}
    tumour = {"label": "Tumour 1", "tracking_id": "T1", "tracking_uid": "1.2.3.9"}

    [named] = lesions(tmp_path / "a", masks[1:], [tumour, OEDEMA]).lesions
    [shared] = lesions(tmp_path / "b", masks, [{**each, **same} for each in (NECROSIS, ENHANCING, OEDEMA)]).lesions
    [own] = lesions(tmp_path / "c", masks, [NECROSIS, {**ENHANCING, **same}, OEDEMA]).lesions

    identity = [(e.provenance.label, e.provenance.tracking_id, e.provenance.tracking_uid) for e in (named, shared, own)]
    assert identity == [("Tumour 1", "T1", "1.2.3.9"), ("", "L1", "1.2.3.7"), ("", "", "")]


def test_what_a_machine_made_in_part_is_a_machine_s(tmp_path):
    """
    Oedema that an algorithm drew around a person's tumour makes the whole no person's drawing.
    """
    masks, described = shells(3, 5), [ENHANCING, {**OEDEMA, "algorithm": "AUTOMATIC"}]

    [lesion] = lesions(tmp_path, masks, described).lesions

    assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == ("AUTOMATIC", False)


def test_parts_elsewhere_are_passed_over(tmp_path):
    """
    Oedema that touches no tumour belongs to none, be it a segment or a region of one, and is told.
    """
    tumour, near = shells(3, 5)
    far = ball(SHAPE, (6, 34, 34), 3)

    alone = lesions(tmp_path / "a", [tumour, far], [ENHANCING, OEDEMA])
    some = lesions(tmp_path / "b", [tumour, near | far], [ENHANCING, OEDEMA])

    assert np.array_equal(alone.lesions[0].mask, tumour)
    assert (alone.lesions[0].provenance.label, alone.lesions[0].provenance.notes) == ("Enhancing tumour", ())
    assert alone.skipped == (
        "segment 2 'Vasogenic': it is called a part of a tumour, and touches neither a tumour nor another part of one",
    )
    assert np.array_equal(some.lesions[0].mask, tumour | near)
    size = far.sum() * VOXEL_ML
    assert some.skipped == (
        f"segment 2 'Vasogenic': {size:.2f} mL of it touch neither a tumour nor another part of one",
    )


def test_two_tumours_stay_two_and_share_what_lies_between_them(tmp_path):
    """
    Oedema that touches both is divided by distance, in as many segments as it may come; each tumour keeps its identity.
    """
    left, right, between = (np.zeros(SHAPE, bool) for _ in range(3))
    left[4:8, 15:20, 10:15], right[4:8, 15:20, 21:26], between[4:8, 15:20, 15:21] = True, True, True
    tumours = [
        {"label": "Tumour 1", "tracking_id": "T1", "tracking_uid": "1.2.3.1"},
        {"label": "Tumour 2", "tracking_id": "T2", "tracking_uid": "1.2.3.2"},
    ]

    found = lesions(tmp_path / "a", [left, right, between], [*tumours, OEDEMA])
    apart = lesions(tmp_path / "b", [left, right], tumours)

    assert {e.provenance.tracking_uid: int(e.mask.sum()) for e in found.lesions} == {"1.2.3.1": 160, "1.2.3.2": 160}
    assert not (found.lesions[0].mask & found.lesions[1].mask).any()
    assert all("divided among them by distance" in e.provenance.notes[1] for e in found.lesions)
    assert [int(e.mask.sum()) for e in apart.lesions] == [100, 100]


def test_one_oedema_in_two_places_joins_nothing(tmp_path):
    """
    One segment of oedema around each of two tumours: each takes the region that touches it.
    """
    one, other = (ball(SHAPE, (6, 20, at), 2) for at in (8, 30))
    around, beside = (ball(SHAPE, (6, 20, at), 4) for at in (8, 30))
    oedema = (around | beside) & ~one & ~other

    found = lesions(tmp_path, [one, other, oedema], [{"label": "Tumour 1"}, {"label": "Tumour 2"}, OEDEMA])

    masks = {e.provenance.label: e.mask for e in found.lesions}
    assert np.array_equal(masks["Tumour 1"], around)
    assert np.array_equal(masks["Tumour 2"], beside)


def test_a_whole_tumour_stays_as_it_was_drawn(tmp_path):
    """
    Parts inside a segment of the whole tumour add nothing to it.
    """
    whole, core = ball(SHAPE, (6, 20, 20), 5), ball(SHAPE, (6, 20, 20), 3)

    found = lesions(tmp_path, [core, whole & ~core, whole], [{"label": "Tumour core"}, OEDEMA, {"label": "Tumour"}])

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, whole)
    assert (lesion.provenance.label, lesion.provenance.notes) == ("Tumour", ())
    assert "it lies inside segment 3, which counts as the whole lesion" in found.skipped[0]
    assert all(name in found.skipped[0] for name in ("Tumour core", "Vasogenic"))


def test_a_tumour_inside_filled_oedema_is_that_tumour_with_it(tmp_path):
    """
    Oedema drawn as if it were filled encloses the tumour: the lesion is all of it.
    """
    whole = ball(SHAPE, (6, 20, 20), 5)

    [lesion] = lesions(tmp_path, [ball(SHAPE, (6, 20, 20), 3), whole], [{"label": "Tumour"}, OEDEMA]).lesions

    assert np.array_equal(lesion.mask, whole)
    assert lesion.provenance.label == "Tumour"


def test_several_parts_are_a_tumour_although_none_is_called_one(tmp_path):
    """
    NCR, ET and ED say together what none of them says alone; nobody called it a neoplasm.
    """
    described = [{"label": label, "type": LIVER} for label in ("NCR", "ET", "ED")]

    [lesion] = lesions(tmp_path, shells(2, 3, 5), described).lesions

    assert np.array_equal(lesion.mask, ball(SHAPE, (6, 20, 20), 5))
    assert not lesion.provenance.named_neoplasm


def test_two_tumours_of_the_same_parts_are_told_apart(tmp_path):
    """
    Two places, each of several parts: two lesions that share no number and no tracking identity; specks are none.
    """
    one, other = (ball(SHAPE, (6, 20, at), 4) for at in (8, 30))
    inside = ball(SHAPE, (6, 20, 8), 2) | ball(SHAPE, (6, 20, 30), 2)
    around = (one | other) & ~inside
    inside[0, 0, 0], around[0, 0, 1] = True, True
    same = {"tracking_id": "L1", "tracking_uid": "1.2.3.7", "type": LIVER}

    found = lesions(tmp_path, [inside, around], [{"label": "NCR", **same}, {"label": "ED", **same}])

    assert [int(each.mask.sum()) for each in found.lesions] == [int(one.sum()), int(other.sum())]
    assert [(e.provenance.number, e.provenance.tracking_uid) for e in found.lesions] == [(None, ""), (None, "")]


def test_one_part_alone_and_parts_of_other_pipelines_are_no_lesion(tmp_path):
    """
    Oedema without a tumour is no lesion; a pipeline that unites no parts measures what is called a lesion by itself.
    """
    masks = shells(3, 5)

    with pytest.raises(Refused) as caught:
        lesions(tmp_path / "a", masks[:1], [OEDEMA])
    [lesion] = lesions(tmp_path / "b", masks, [ENHANCING, OEDEMA], LesionRules()).lesions

    assert caught.value.code == "drawing not used"
    assert np.array_equal(lesion.mask, masks[0])


def test_what_is_no_part_of_a_tumour_is_left_alone(tmp_path):
    """
    A neighbour of another name that touches the tumour is not measured with it.
    """
    masks = shells(3, 5)

    [lesion] = lesions(tmp_path, masks, [ENHANCING, {"label": "Basal cistern", "type": LIVER}]).lesions

    assert np.array_equal(lesion.mask, masks[0])
