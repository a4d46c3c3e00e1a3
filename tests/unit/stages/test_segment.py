"""The lesions come from the first source that shows any, and the reader is told what was passed over."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

import numpy as np
import pydicom
import pytest

from node.dicom.foreign import PassedOver
from node.domain.facts import ModelFacts
from node.domain.findings import Drawing, Fitness
from node.domain.order import LesionRules
from node.domain.volume import Laid, LoadRules
from node.errors import ModelFailed, Refused
from node.stages.load import load
from node.stages.segment import SourceFiles, segment
from tests.support.drawings import dice, square, structure_set, volume
from tests.support.marks import NEOPLASM, group, report, scoord, scoord3d
from tests.support.marks import image as image_item
from tests.support.segmentations import LIVER, ball, segmentation
from tests.support.series import image_series, save
from tests.support.volumes import geometry_of, volume_of

SHAPE = (12, 40, 40)
FACTS = ModelFacts(id="m", version="1.0.0", kind="segmenter", digest="", manufacturer="", name="m")


def image(**changes):
    """An empty CT with slices of 2 mm and pixels of 1 mm."""
    return volume(np.full(SHAPE, -800.0), **changes)


def box(v, low, high, slices=range(3, 8)):
    """Contours of a box between two (row, column) corners."""
    return [square(v.geometry, k, low, high) for k in slices]


def rtstruct(tmp_path, rois, name="rs.dcm", **attributes):
    """One RTSTRUCT source."""
    return SourceFiles("rtstruct", (structure_set(tmp_path / name, rois, **attributes),))


@dataclass
class Machine:
    """A segmenter that answers what it was told to."""

    answer: Drawing | Refused
    facts: ModelFacts = FACTS
    role: str = ""
    seen: list = field(default_factory=list)

    def __call__(self, volumes, /):
        self.seen.append(tuple(volumes))
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer


def drawing(*masks, trust=0.9):
    """What a segmenter says."""
    return Drawing(masks=masks, trust=trust, why="the test says so")


MODEL = SourceFiles("model", (), "m")


@pytest.mark.parametrize(
    "name",
    [
        "iGTV",
        "GTVp",
        "RT GTV-1",
        "GTV-1",
        "GTV_Mass",
        "GTV",
        "gtv_t",
        "GTV nodule",
        "Primary tumour",
        "lesion_2",
        "Glioma",
        "GBM",
        "Astrocytoma WHO 2",
        "Hirntumor",
        "whole_tumor",
        "brain_tumor",
        "enhancing_lesion",
        "Ring-enhancing lesion",
        "ring_enhancement lesion",
        "oligodendroglioma",
        "Läsion",
        unicodedata.normalize("NFD", "Läsion 2"),
        "Laesionen",
        "Lesión 1",
        unicodedata.normalize("NFD", "lesión"),
        "lésion",
        "Tumeur",
        "Tumore",
        "Raumforderung",
        "Rundherd_li",
        "Hirnmetastase",
        "Metástasis",
        "nódulo",
        "masa 1",
        "Masse",
        "Lesion No 1",
    ],
)
def test_names_of_tumours(tmp_path, name):
    """
    What departments call a primary tumour is taken by its name alone.
    """
    v = image()

    found = segment(
        {"ct": v}, [rtstruct(tmp_path, [{"name": name, "contours": box(v, (5, 5), (9, 9))}])], LesionRules(), {}
    )

    assert [each.provenance.label for each in found.lesions] == [name]


ASK_NOTHING = {"marker clip", "old", "lymph node", "Nodes", "Tumorbett", "Non-tumour brain", "Lung without GTV",
               "ohne Tumor", "healthy lung"}  # fmt: skip
"""Names that do not even say that a lesion was meant."""


@pytest.mark.parametrize(
    "name",
    ["GTVn", "GTV-N1", "GTV_node", "GTV LN", "tumor bed", "tumor_bed", "marker clip", "old", "GTV_old", "GTV old",
     "GTV+5mm", "GTV ring", "GTV_ring", "Tumor ring 1", "lymph node", "PTV_GTV", "CTV 1", "iTV 1", "PTV60", "Nodes",
     "Tumorbett", "GTV LK 2", "Non-tumour brain", "Lung without GTV", "ohne Tumor", "healthy lung", "Lungs-GTV",
     "Lung_L - GTV", "Brain-GTV"],
)  # fmt: skip
@pytest.mark.parametrize("interpreted", ["", "GTV"])
def test_names_of_what_is_no_primary_tumour(tmp_path, name, interpreted):
    """
    Nodes, beds, markers, former drawings, expansions and target volumes are passed over, whatever their type says.
    """
    v = image()
    rois = [{"name": name, "type": interpreted, "contours": box(v, (5, 5), (9, 9))}]

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [rtstruct(tmp_path, rois)], LesionRules(), {})

    assert caught.value.code == ("no lesion" if name in ASK_NOTHING and not interpreted else "drawing not used")
    assert "ROI 1" in caught.value.found
    assert name not in caught.value.found  # free text may hold anything, and messages are logged


def test_target_volumes_only_where_configured(tmp_path):
    """
    A PTV stands in for the tumour if the pipeline says so, and is never called a neoplasm.
    """
    v = image()
    source = rtstruct(tmp_path, [{"name": "PTV", "type": "PTV", "contours": box(v, (5, 5), (9, 9))}])

    [lesion] = segment({"ct": v}, [source], LesionRules(target_volumes=True), {}).lesions

    assert not lesion.provenance.named_neoplasm
    assert any("margin" in note for note in lesion.provenance.notes)


def test_interpreted_type_comes_before_names_and_names_in_their_order(tmp_path):
    """
    Of a typed GTV, a name like GTV and a name like nodule, the best is taken and the others are listed with the reason.
    """
    v = image()
    rois = [
        {"name": "nodule", "contours": box(v, (25, 25), (35, 35))},
        {"name": "GTV-2", "contours": box(v, (5, 25), (9, 35))},
        {"name": "Mass A", "type": "GTV", "contours": box(v, (5, 5), (9, 9))},
    ]

    first = segment({"ct": v}, [rtstruct(tmp_path, rois)], LesionRules(), {})
    second = segment({"ct": v}, [rtstruct(tmp_path, rois[:2])], LesionRules(), {})

    assert [each.provenance.label for each in first.lesions] == ["Mass A"]
    [both] = first.skipped  # one line for one reason
    assert both.startswith("ROI 2 'GTV-2', ROI 1 'nodule': ")
    assert "interpreted type GTV" in both
    assert [each.provenance.label for each in second.lesions] == ["GTV-2"]


def test_several_lesions_come_largest_first(tmp_path):
    """
    Two GTVs are two lesions, the larger one first; the rule says so, and "largest" keeps only that one.
    """
    v = image()
    rois = [
        {"name": "GTV-1", "type": "GTV", "contours": box(v, (5.5, 5.5), (9.5, 9.5))},
        {"name": "GTV-2", "type": "GTV", "contours": box(v, (15.5, 15.5), (35.5, 35.5))},
    ]
    source = rtstruct(tmp_path, rois)

    both = segment({"ct": v}, [source], LesionRules(), {})
    one = segment({"ct": v}, [source], LesionRules(pick="largest"), {})

    assert [(e.provenance.number, int(e.mask.sum())) for e in both.lesions] == [(2, 5 * 400), (1, 5 * 16)]
    assert both.rule.startswith("All lesions (2 lesions)")
    assert [e.provenance.number for e in one.lesions] == [2]
    assert one.rule.startswith("The largest by volume of 2 lesions")
    assert any("ROI 1 'GTV-1': it is smaller (0.16 mL)" in s for s in one.skipped)


@pytest.mark.parametrize(("high", "count"), [(14.5, 1), (9.5, 2)])
def test_drawings_that_overlap_by_more_than_half_are_one_lesion(tmp_path, high, count):
    """
    A second ROI that shares more than half of the smaller one is the same lesion; one that shares less is another.
    """
    v = image()
    rois = [
        {"name": "GTV-1", "contours": box(v, (5.5, 5.5), (15.5, high))},
        {"name": "GTV-2", "contours": box(v, (5.5, 7.5), (15.5, 17.5))},
    ]

    found = segment({"ct": v}, [rtstruct(tmp_path, rois)], LesionRules(), {})

    assert len(found.lesions) == count
    assert any("overlaps ROI 1" in s for s in found.skipped) == (count == 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_drawings_within_one_another_the_outermost_counts(tmp_path, order):
    """
    Enhancing part, core and whole tumour are one lesion, the whole one, in whatever order a tool wrote them.
    """
    v = image()
    rois = [
        {"number": 1, "name": "Lesion enhancing", "contours": box(v, (10.5, 10.5), (14.5, 14.5))},
        {"number": 2, "name": "Lesion core", "contours": box(v, (8.5, 8.5), (16.5, 16.5))},
        {"number": 3, "name": "Lesion whole", "contours": box(v, (6.5, 6.5), (20.5, 20.5))},
    ]

    found = segment({"ct": v}, [rtstruct(tmp_path, [rois[n] for n in order])], LesionRules(), {})

    assert [each.provenance.number for each in found.lesions] == [3]
    [why] = found.skipped
    assert why.endswith("it lies inside ROI 3, which counts as the whole lesion")
    assert "ROI 1 'Lesion enhancing'" in why


def test_a_corrected_drawing_in_an_object_of_its_own_is_not_overruled(tmp_path):
    """
    Whoever takes something away from a lesion sends a newer, smaller one: that one comes first, and stays.
    """
    made = image_series(np.full(SHAPE, -800.0))
    v = load(save(made, tmp_path / "images"), LoadRules()).volume
    newer, older = ball(SHAPE, (6, 20, 20), 4), ball(SHAPE, (6, 20, 20), 5)
    drawn = {"newer.dcm": newer, "older.dcm": older}
    files = [segmentation(tmp_path / name, made, mask, [{"label": "Tumour"}]) for name, mask in drawn.items()]
    [lesion] = segment({"ct": v}, [SourceFiles("seg", tuple(files))], LesionRules(), {}).lesions

    assert int(lesion.mask.sum()) == int(newer.sum())


def test_provenance_of_a_structure_set(tmp_path):
    """
    The lesion knows the object, the ROI, and that a person called it a neoplasm.
    """
    v = image()
    source = rtstruct(tmp_path, [{"name": "GTV", "type": "GTV", "number": 7, "contours": box(v, (5, 5), (9, 9))}])
    ds = pydicom.dcmread(source.paths[0])

    [lesion] = segment({"ct": v}, [source], LesionRules(), {}).lesions

    p = lesion.provenance
    assert (p.kind, p.algorithm_type, p.label, p.number) == ("rtstruct", "MANUAL", "GTV", 7)
    assert (p.sop_class, p.sop_uid, p.series_uid, p.study_uid) == (
        ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID)  # fmt: skip
    assert p.named_neoplasm
    assert p.trust is None


@pytest.mark.parametrize(
    ("name", "drawn", "approval", "expected"),
    [
        ("GTV", "MANUAL", "UNAPPROVED", ("MANUAL", True)),
        ("GTV", "SEMIAUTOMATIC", "UNAPPROVED", ("SEMIAUTOMATIC", True)),
        ("GTV", "AUTOMATIC", "UNAPPROVED", ("AUTOMATIC", False)),
        ("GTV", "AUTOMATIC", "APPROVED", ("AUTOMATIC", True)),
        ("GTV", "", "UNAPPROVED", ("MANUAL", True)),
        ("nodule", "MANUAL", "UNAPPROVED", ("MANUAL", False)),
        ("Lesion tumour", "MANUAL", "UNAPPROVED", ("MANUAL", True)),
    ],
)
def test_only_a_person_names_a_neoplasm(tmp_path, name, drawn, approval, expected):
    """
    The algorithm type follows the source; an outline by machine that nobody approved names no neoplasm.
    """
    v = image()
    rois = [{"name": name, "algorithm": drawn, "contours": box(v, (5, 5), (9, 9))}]

    [lesion] = segment({"ct": v}, [rtstruct(tmp_path, rois, ApprovalStatus=approval)], LesionRules(), {}).lesions

    assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == expected
    assert any("taken as drawn by hand" in n for n in lesion.provenance.notes) == (drawn == "")


@pytest.mark.parametrize("where", ["other frame", "outside", "unreadable", "no frame"])
def test_a_drawing_that_is_not_on_the_image_is_skipped_and_refused_if_alone(tmp_path, where):
    """
    A drawing elsewhere gives way to the next source; with nothing else the case is a contour mismatch.
    """
    v = image()
    shift = 500.0 if where == "outside" else 0.0
    contours = [c + shift for c in box(v, (5, 5), (9, 9))]
    frame = {"other frame": "9.9.9", "no frame": ""}.get(where, v.frame_uid)
    source = rtstruct(tmp_path, [{"name": "GTV", "contours": contours, "frame_uid": frame}])
    if where == "unreadable":
        source.paths[0].write_bytes(b"rubbish")
    mask = ball(SHAPE, (5, 20, 20), 4)

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [source], LesionRules(), {})
    found = segment({"ct": v}, [source, MODEL], LesionRules(), {"m": Machine(drawing(mask))})

    assert caught.value.code == "contour mismatch"
    assert np.array_equal(found.lesions[0].mask, mask)
    assert len(found.skipped) == 1


def test_a_drawing_without_frame_that_names_the_images_is_used(tmp_path):
    """
    Some systems leave the frame of reference out; the images that the contours name are enough.
    """
    v = image()
    rois = [{"name": "GTV", "contours": box(v, (5, 5), (9, 9)), "frame_uid": ""}]

    named = segment({"ct": v}, [rtstruct(tmp_path, rois, sop_uids=[v.slices[3].sop_uid])], LesionRules(), {})
    other = [{**rois[0], "frame_uid": v.frame_uid}]
    drawn = segment({"ct": v}, [rtstruct(tmp_path, other, sop_uids=["1.2.3.4.5"])], LesionRules(), {})

    assert len(named.lesions) == 1
    assert any("other images of the same frame" in n for n in drawn.lesions[0].provenance.notes)


def test_the_first_source_that_shows_a_lesion_wins(tmp_path):
    """
    A structure set without a tumour gives way to the SEG; the model after it is not asked.
    """
    ct = image_series(np.full(SHAPE, -800.0))
    v = load(save(ct, tmp_path / "ct"), LoadRules()).volume
    rs = rtstruct(tmp_path, [{"name": "Lung", "contours": box(v, (2, 2), (30, 30))}], frame_uid=v.frame_uid)
    mask = ball(SHAPE, (5, 20, 20), 4)
    seg = SourceFiles("seg", (segmentation(tmp_path / "seg.dcm", ct, mask, [
        {"label": "Tumour", "tracking_id": "T1", "tracking_uid": "1.2.3.55"}]),))  # fmt: skip
    machine = Machine(drawing(ball(SHAPE, (5, 10, 10), 4)))

    found = segment({"ct": v}, [rs, seg, MODEL], LesionRules(), {"m": machine})

    [lesion] = found.lesions
    assert np.array_equal(lesion.mask, mask)
    p = lesion.provenance
    assert (p.kind, p.number, p.tracking_id, p.tracking_uid, p.named_neoplasm) == ("seg", 1, "T1", "1.2.3.55", True)
    assert p.notes == ()  # the same grid: a copy
    assert machine.seen == []
    assert "ROI 1 'Lung'" in found.skipped[0]
    assert len(found.skipped) == 1  # of a model that was not asked there is nothing to say
    assert "(Segmentation)" in found.rule


@pytest.mark.parametrize(
    ("described", "algorithm", "named"),
    [
        ({"label": "x", "type": ("27925004", "SCT", "Nodule"), "algorithm": "MANUAL"}, "MANUAL", False),
        ({"label": "x", "algorithm": "SEMIAUTOMATIC"}, "SEMIAUTOMATIC", True),
        ({"label": "x", "algorithm": "AUTOMATIC"}, "AUTOMATIC", False),
        ({"label": "Tumor", "type": LIVER, "algorithm": "MANUAL"}, "MANUAL", False),
        ({"label": "x", "type": ("C3262", "NCIt", "Neoplasm"), "algorithm": "MANUAL"}, "MANUAL", True),
        ({"label": "x", "type": ("393564001", "SCT", "Glioma"), "algorithm": "MANUAL"}, "MANUAL", True),
        ({"label": "whole_tumor", "type": LIVER, "algorithm": "MANUAL"}, "MANUAL", False),
        ({"label": "Ring-enhancing lesion", "type": LIVER, "algorithm": "MANUAL"}, "MANUAL", False),
        ({"label": "GBM", "type": LIVER, "algorithm": "MANUAL"}, "MANUAL", False),
        ({"label": "Gliosis", "type": LIVER}, None, False),
        ({"label": "Liver", "type": LIVER}, None, False),
        ({"label": "tumor bed"}, None, False),
    ],
)
def test_segments_are_chosen_by_type_or_label(tmp_path, described, algorithm, named):
    """
    Neoplasm, nodule, mass, lesion or a matching label make a lesion; only a person's neoplasm is called one.
    """
    ct = image_series(np.zeros(SHAPE))
    v = load(save(ct, tmp_path / "ct"), LoadRules()).volume
    path = segmentation(tmp_path / "seg.dcm", ct, ball(SHAPE, (5, 20, 20), 4), [described])
    sources = [SourceFiles("seg", (path,))]

    if algorithm is None:
        with pytest.raises(Refused) as caught:
            segment({"ct": v}, sources, LesionRules(), {})
        assert caught.value.code == ("drawing not used" if described["label"] == "tumor bed" else "no lesion")
    else:
        [lesion] = segment({"ct": v}, sources, LesionRules(), {}).lesions
        assert (lesion.provenance.algorithm_type, lesion.provenance.named_neoplasm) == (algorithm, named)


def test_a_segment_on_another_grid_is_carried_over_and_told(tmp_path):
    """
    A SEG drawn on another series of the same frame of reference lands on the measured grid, with a note.
    """
    fine = image_series(np.zeros((24, 80, 80)), spacing=(1.0, 0.5, 0.5), frame_uid="1.2.3.4")
    mask = ball((24, 80, 80), (10, 40, 40), 12)
    path = segmentation(tmp_path / "seg.dcm", fine, mask, [{"label": "Tumour"}])
    v = image()

    [lesion] = segment({"ct": v}, [SourceFiles("seg", (path,))], LesionRules(), {}).lesions

    assert np.array_equal(lesion.mask, mask[::2, ::2, ::2])
    assert "(1.00 × 0.50 × 0.50 mm)" in lesion.provenance.notes[0]
    with pytest.raises(Refused) as caught:
        segment({"ct": image(frame_uid="9.9")}, [SourceFiles("seg", (path,))], LesionRules(), {})
    assert caught.value.code == "contour mismatch"


def test_a_model_draws_automatically_and_with_its_trust(tmp_path):
    """
    A machine's lesion is AUTOMATIC, of no established nature, and carries trust and reason.
    """
    mask = ball(SHAPE, (5, 20, 20), 4)
    machine = Machine(drawing(mask))

    [lesion] = segment({"ct": image(), "other": image()}, [MODEL], LesionRules(), {"m": machine}).lesions

    p = lesion.provenance
    assert (p.kind, p.algorithm_type, p.model, p.trust, p.named_neoplasm) == ("model", "AUTOMATIC", "m", 0.9, False)
    assert p.notes == ("the test says so",)
    assert machine.seen == [("ct", "other")]


def test_a_model_that_draws_on_another_role_is_carried_to_the_measured_grid():
    """
    The mask of the second role, on a grid of its own, lies at the same place of the first; the way there is told.
    """
    measured = image()
    half = geometry_of((12, 20, 20), (2.0, 2.0, 2.0), origin=tuple(measured.geometry.point(np.array([0, 0.5, 0.5]))))
    other = volume_of(np.zeros(half.shape), half)
    mask = ball(half.shape, (5, 10, 10), 3)
    machine = Machine(drawing(mask), role="flair")

    [lesion] = segment({"t1c": measured, "flair": other}, [MODEL], LesionRules(), {"m": machine}).lesions

    assert lesion.mask.shape == SHAPE
    assert lesion.mask.sum() == 4 * mask.sum()
    there = measured.geometry.point(np.argwhere(lesion.mask).mean(axis=0))
    assert there == pytest.approx(half.point(np.argwhere(mask).mean(axis=0)), abs=0.01)
    assert lesion.provenance.notes[0] == "the test says so"
    assert lesion.provenance.notes[1].startswith("It was drawn on flair and carried over to t1c")


def test_a_model_that_draws_outside_of_the_measured_image_has_found_no_lesion_in_it():
    """
    What lies beyond the measured image cannot be measured.
    """
    far = geometry_of(SHAPE, (2.0, 1.0, 1.0), origin=(500.0, 0.0, 0.0))
    machine = Machine(drawing(ball(SHAPE, (5, 20, 20), 4)), role="flair")

    with pytest.raises(Refused) as caught:
        segment({"t1c": image(), "flair": volume_of(np.zeros(SHAPE), far)}, [MODEL], LesionRules(), {"m": machine})

    assert caught.value.code == "no lesion"


@pytest.mark.parametrize("source", [SourceFiles("seg", (), role="flair"), MODEL])
def test_nothing_drawn_on_a_series_whose_place_is_in_doubt_is_used(source):
    """
    Where images and scanner contradict each other, neither a person's nor a model's drawing can be placed.
    """
    v = image()
    machine = Machine(drawing(ball(SHAPE, (5, 20, 20), 4)), role="flair")
    laid = {"flair": Laid(came=v, volume=v, note="", doubt="far away")}

    with pytest.raises(Refused, match="far away") as caught:
        segment({"t1c": v, "flair": v}, [source], LesionRules(), {"m": machine}, laid=laid)

    assert caught.value.code == "not aligned"
    assert machine.seen == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (drawing(ball(SHAPE, (5, 20, 20), 4), trust=0.3), "low trust"),
        (drawing(), "no lesion"),
        (Refused("organ partial", "the lungs are cut off", at="m"), "organ partial"),
        (None, "model unavailable"),
    ],
)
def test_a_model_that_should_not_be_believed_refuses_the_case(answer, code):
    """
    Low trust, no lesion, its own refusal, or no model: each ends with its own code.
    """
    with pytest.raises(Refused) as caught:
        segment({"ct": image()}, [MODEL], LesionRules(), {"m": Machine(answer)} if answer else {})

    assert caught.value.code == code


@pytest.mark.parametrize("bad", [np.zeros(SHAPE, bool), np.ones((2, 2, 2), bool), np.ones(SHAPE)])
def test_a_model_that_breaks_its_promise_fails(bad):
    """
    An empty mask, another grid or another type is no drawing.
    """
    with pytest.raises(ModelFailed, match="m: a mask"):
        segment({"ct": image()}, [MODEL], LesionRules(), {"m": Machine(drawing(bad))})


def test_a_seed_in_a_report_grows_the_nodule_of_a_real_ct(tmp_path, data):
    """
    A point that a reader set on the LIDC nodule gives 2.2 mL +- 30 %, half by machine, under the reader's tracking ids.
    """
    v = load(sorted((data / "lidc-0314-ct60/dicom").iterdir()), LoadRules()).volume
    k, row, column = v.geometry.index(np.array([-57.44, 131.23, -520.36]))
    point = scoord("POINT", [column + 0.5, row + 0.5], [image_item(v.slices[round(k)].sop_uid)])
    path = report(tmp_path / "sr.dcm", [
        group(NEOPLASM, [point], "N1", "1.2.3.9"), group(NEOPLASM, [point], "N1 again"),
        group(NEOPLASM, [scoord3d("POINT", [-57.44, 131.23, -520.36], "9.9")])])  # fmt: skip

    found = segment({"ct": v}, [SourceFiles("seed", (path,))], LesionRules(), {})

    [lesion] = found.lesions
    assert lesion.mask.sum() * v.geometry.voxel_ml == pytest.approx(2.2, rel=0.3)
    p = lesion.provenance
    assert (p.kind, p.algorithm_type, p.tracking_id, p.tracking_uid) == ("seed", "SEMIAUTOMATIC", "N1", "1.2.3.9")
    assert p.named_neoplasm
    assert "Grown by the node from a point" in p.notes[0]
    assert sum("by more than half" in s for s in found.skipped) == 1
    assert sum("another frame of reference" in s for s in found.skipped) == 1


def test_a_seed_that_leaks_is_of_low_trust(tmp_path):
    """
    A mark where nothing stands out refuses the case rather than showing a shape.
    """
    v = image(modality="MR")
    path = report(tmp_path / "sr.dcm", [group(NEOPLASM, [scoord3d("POINT", [20, 20, 10], v.frame_uid)])])

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [SourceFiles("seed", (path,))], LesionRules(), {})

    assert caught.value.code == "low trust"


TISSUE = ("85756007", "SCT", "Tissue")
OPEN = {"geometric_type": "OPEN_PLANAR"}


@pytest.mark.parametrize(
    ("rois", "code"),
    [
        ([{"name": "GTV", "type": "GTV", **OPEN}], "drawing not used"),
        ([{"name": "Tumor", "contours": ()}, {"name": "Lung_L", "type": "ORGAN"}], "drawing not used"),
        ([{"name": "CTV", "type": "CTV"}, {"name": "Heart", "type": "ORGAN"}], "drawing not used"),
        ([{"name": "Filia"}, {"name": "BODY", "type": "EXTERNAL"}], "drawing not used"),
        ([{"name": "Lung_L", "type": "ORGAN"}, {"name": "Heart", "type": "ORGAN"}, {"name": "z_help"}], "no lesion"),
        ([{"name": "Niere links"}, {"name": "Rückenmark"}, {"name": "x1"}], "no lesion"),
        ([{"name": "Clip", "type": "MARKER"}, {"name": "BODY", "type": "EXTERNAL"}], "no lesion"),
        ([{"name": "Filia", "contours": ()}], "no lesion"),
    ],
)
def test_a_structure_set_that_speaks_for_a_lesion_gets_an_answer(tmp_path, rois, code):
    """
    Whoever outlined one waits for it; a set of organs asks nothing, nor does a name without a contour.
    """
    v = image()
    drawn = [{"contours": box(v, (5, 5), (9, 9)), **roi} for roi in rois]

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [rtstruct(tmp_path, drawn)], LesionRules(), {})

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ([{"label": "Segment_1", "type": TISSUE}], "drawing not used"),
        ([{"label": "WT", "type": TISSUE}], "drawing not used"),
        ([{"label": "WT", "type": TISSUE}, {"label": "Liver", "type": LIVER}], "no lesion"),
        ([{"label": "CTV", "type": TISSUE}, {"label": "Liver", "type": LIVER}], "drawing not used"),
        ([{"label": "Non-tumour brain", "type": TISSUE}], "no lesion"),
        ([{"label": "Lunge rechts", "type": TISSUE}], "no lesion"),
    ],
)
def test_a_segmentation_that_speaks_for_a_lesion_gets_an_answer(tmp_path, segments, code):
    """
    What a viewer calls a segment when nobody named it is taken for what a person drew; organs ask nothing.
    """
    ct = image_series(np.zeros(SHAPE))
    v = load(save(ct, tmp_path / "ct"), LoadRules()).volume
    masks = np.stack([ball(SHAPE, (5, 10 + 20 * n, 20), 4) for n in range(len(segments))], axis=-1)
    path = segmentation(tmp_path / "seg.dcm", ct, masks, segments)

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [SourceFiles("seg", (path,))], LesionRules(), {})

    assert caught.value.code == code


def test_a_drawing_below_one_half_everywhere_gets_an_answer(tmp_path):
    """
    A lesion drawn as a FRACTIONAL segment of 40 % is none by the threshold, and is told.
    """
    ct = image_series(np.zeros(SHAPE))
    v = load(save(ct, tmp_path / "ct"), LoadRules()).volume
    path = segmentation(
        tmp_path / "seg.dcm", ct, 0.4 * ball(SHAPE, (5, 20, 20), 4), [{"label": "Tumour"}], kind="FRACTIONAL"
    )

    with pytest.raises(Refused, match="it has no voxel") as caught:
        segment({"ct": v}, [SourceFiles("seg", (path,))], LesionRules(), {})

    assert caught.value.code == "drawing not used"


def test_a_mark_that_is_no_seed_gets_an_answer(tmp_path):
    """
    A polygon around a neoplasm; a mark of something else asks nothing.
    """
    v = image()
    corners = [20, 20, 10, 20, 25, 10, 25, 25, 10]
    for finding, code in ((NEOPLASM, "drawing not used"), (LIVER, "no lesion")):
        path = report(tmp_path / f"{code}.dcm", [group(finding, [scoord3d("POLYGON", corners, v.frame_uid)])])
        with pytest.raises(Refused) as caught:
            segment({"ct": v}, [SourceFiles("seed", (path,))], LesionRules(), {})
        assert caught.value.code == code


def test_a_drawing_on_no_role_is_told_beside_what_is_measured_and_refuses_where_nothing_is(tmp_path):
    """
    With the name of its series for the reader, and without it where a message may be logged.
    """
    v = image()
    aside = [PassedOver("Segmentation", "7 t2_tse^MEIER", "it was drawn elsewhere", "drawing not used")]
    source = rtstruct(tmp_path, [{"name": "GTV", "contours": box(v, (5, 5), (9, 9))}])

    found = segment({"ct": v}, [source], LesionRules(), {}, aside=aside)
    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [MODEL], LesionRules(), {"m": Machine(drawing())}, aside=aside)

    assert found.skipped == ("Segmentation '7 t2_tse^MEIER': it was drawn elsewhere",)
    assert caught.value.code == "drawing not used"
    assert "MEIER" not in caught.value.found


@pytest.mark.parametrize(
    ("code", "said"), [("wrong_anatomy", "drawing not used"), ("outside_domain", "unsupported image")]
)
def test_a_machine_that_did_not_look_does_not_silence_who_drew(tmp_path, code, said):
    """
    "wrong anatomy" is not sent; any other reason of the model says more than that a drawing was not used.
    """
    v = image()
    source = rtstruct(tmp_path, [{"name": "CTV", "type": "CTV", "contours": box(v, (5, 5), (9, 9))}])
    fits = {"m": Fitness(outcome="outside", reasons=("so",), code=code)}

    with pytest.raises(Refused) as caught:
        segment({"ct": v}, [source, MODEL], LesionRules(), {"m": Machine(drawing())}, fits=fits)

    assert caught.value.code == said


def test_no_source_at_all_is_no_lesion():
    """
    A study with nothing drawn on it is refused as such.
    """
    with pytest.raises(Refused, match="no source of a lesion is at hand") as caught:
        segment({"ct": image()}, [], LesionRules(), {})

    assert caught.value.code == "no lesion"


def test_real_structure_sets_pass_the_default_rules(data):
    """
    GTV-1 of the IBSI phantom (no interpreted type) and GTV_Mass of the sarcoma become the lesion.
    """
    for folder, file, label, millilitres in (
        ("ibsi-ct-phantom/dicom/image", "ibsi-ct-phantom/dicom/mask/DCM_RS_00060.dcm", "GTV-1", 358.7),
        ("sarcoma-sts002/dicom/STS_002/CT/image", "sarcoma-sts002/dicom/STS_002/CT/mask/RS.dcm", "GTV_Mass_CT", 53.3),
    ):
        v = load(sorted((data / folder).iterdir()), LoadRules()).volume

        [lesion] = segment({"ct": v}, [SourceFiles("rtstruct", (data / file,))], LesionRules(), {}).lesions

        assert lesion.provenance.label == label
        assert lesion.provenance.named_neoplasm
        assert lesion.mask.sum() * v.geometry.voxel_ml == pytest.approx(millilitres, rel=0.02)


def test_dice_of_the_support_is_what_it_says():
    """
    The measure that these tests rely on: 1 for equal masks, 0 for disjoint ones.
    """
    first, second = ball(SHAPE, (5, 10, 10), 3), ball(SHAPE, (5, 30, 30), 3)

    assert dice(first, first) == 1
    assert dice(first, second) == 0


OUTSIDE = Fitness(
    outcome="outside", reasons=("slice thickness is 9 mm", "Body Part Examined is KNEE"), code="wrong_anatomy"
)


def test_a_segmenter_outside_what_it_declares_is_passed_over_for_the_next_source():
    """It is not even asked; the reader is told every reason, and the next model draws."""
    v = image()
    outside, other = Machine(drawing(ball(SHAPE, (5, 20, 20), 4))), Machine(drawing(ball(SHAPE, (5, 20, 20), 4)))
    sources = [MODEL, SourceFiles("model", (), "n")]
    found = segment({"ct": v}, sources, LesionRules(), {"m": outside, "n": other}, fits={"m": OUTSIDE})

    assert outside.seen == []
    assert [lesion.provenance.model for lesion in found.lesions] == ["n"]
    assert any("slice thickness is 9 mm; Body Part Examined is KNEE" in line for line in found.skipped)


@pytest.mark.parametrize(
    ("code", "said"), [("wrong_anatomy", "wrong anatomy"), ("outside_domain", "unsupported image")]
)
def test_without_another_source_the_case_is_refused_with_the_reason(code, said):
    """A drawing outside of the declaration is none."""
    fits = {"m": Fitness(outcome="outside", reasons=("slice thickness is 9 mm",), code=code)}
    v = image()
    with pytest.raises(Refused, match="slice thickness is 9 mm") as refused:
        segment({"ct": v}, [MODEL], LesionRules(), {"m": Machine(drawing(ball(SHAPE, (5, 20, 20), 4)))}, fits=fits)
    assert refused.value.code == said


def test_a_segmenter_at_the_edge_of_what_it_declares_draws_with_a_note():
    """Inside the declared range but outside the usual one: drawn, and said beside the drawing."""
    v = image()
    fits = {"m": Fitness(outcome="borderline", reasons=("slice thickness is 4 mm",), code="borderline_domain")}
    [lesion] = segment(
        {"ct": v}, [MODEL], LesionRules(), {"m": Machine(drawing(ball(SHAPE, (5, 20, 20), 4)))}, fits=fits
    ).lesions
    assert "At the edge of what the model was made for: slice thickness is 4 mm." in lesion.provenance.notes
