"""Several series for one pipeline: which fills which role, and what happens where one is lacking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from node.assemble.prepare import Prepared, change, prepare
from node.assemble.study import SEGMENTATIONS
from node.domain.order import LesionRules, Order, Pipeline
from node.domain.rules import Role
from node.domain.series import Instance
from tests.unit.assemble.test_prepare import NOW, SITE, ct, rtstruct, stored, study
from tests.unit.assemble.test_settle import Bench

GLIOMA = Pipeline(
    name="glioma",
    number=0,
    roles={"t1c": Role(modality="MR", sequence="t1", contrast=True), "flair": Role(modality="MR", sequence="flair")},
    lesion=LesionRules(sources=("model:glioma-flair",)),
)


def mr(description: str, series: str, slices: int = 12) -> list[Instance]:
    """A series of an MR study."""
    made = [ct(n, series=series, SeriesDescription=description) for n in range(slices)]
    return [replace(each, modality="MR", sop_class="1.2.840.10008.5.1.4.1.1.4") for each in made]


T1C, FLAIR = mr("t1_mprage_KM", "1.2.3"), mr("t2_tirm_dark-fluid", "1.2.4")
PLAIN, DIFFUSION = mr("t1_se_nativ", "1.2.5"), mr("ep2d_diff ADC", "1.2.6", slices=40)


def test_every_role_is_filled_and_every_choice_is_told():
    """Each series says of each role whether it fits, and on what grounds."""
    found = prepare(study([stored(i) for i in (*PLAIN, *DIFFUSION, *FLAIR, *T1C)]), GLIOMA, SITE, NOW)
    why = found.explanation["series"]

    assert found.order is not None
    assert {role: inputs[0].series_uid for role, inputs in found.order.roles.items()} == {
        "t1c": "1.2.3",
        "flair": "1.2.4",
    }
    assert why["1.2.3"]["t1c"].endswith("SeriesDescription says that contrast agent was given); chosen")
    assert why["1.2.5"]["t1c"].startswith("was not recognised as taken after contrast agent")
    assert why["1.2.6"]["flair"].startswith("is no FLAIR: SeriesDescription names it another kind")


def test_a_lacking_role_is_waited_for_then_refused_with_the_reason():
    """Half an hour after the last arrival the reader of the study learns why there is no result."""
    early = prepare(study([stored(i) for i in T1C]), GLIOMA, SITE, NOW + timedelta(seconds=1799))
    late = prepare(study([stored(i) for i in T1C]), GLIOMA, SITE, NOW + timedelta(seconds=1800))

    assert (early.state, early.order, early.lacks_until) == ("waiting", None, NOW + timedelta(seconds=1800))
    assert late.order is not None
    assert late.order.refusal == (
        "role missing", "no series fits flair (FLAIR); received: series 2 (T1 with contrast agent)",
    )  # fmt: skip
    assert list(late.order.roles) == ["t1c"]


def chosen(*series: list[Instance]) -> tuple[str, dict[str, str]]:
    """Series Instance UID of what fills the role t1c, and what is said of every series."""
    versions = [stored(each) for images in series for each in images]
    made = study(versions)
    drawn = tuple(c for c in made.objects if c.stored.instance.modality == "RTSTRUCT")
    found = prepare(replace(made, objects=drawn), DRAWN, SITE, NOW, on_request=True)
    assert found.order is not None
    return found.order.roles["t1c"][0].series_uid, {uid: why["t1c"] for uid, why in found.explanation["series"].items()}


def filled(*series: list[Instance]) -> dict[str, str]:
    """Role to the series that fills it, of those that one does."""
    made = study([stored(each) for images in series for each in images])
    order = prepare(made, GLIOMA, SITE, NOW + timedelta(hours=1)).order
    assert order is not None
    return {role: inputs[0].series_uid for role, inputs in order.roles.items()}


def stating(images: list[Instance], **attributes: str) -> list[Instance]:
    """The images with other attributes, a backslash between several values."""
    told = {keyword: tuple(value.split("\\")) for keyword, value in attributes.items()}
    return [replace(each, attributes={**each.attributes, **told}) for each in images]


def test_a_reformat_does_not_take_the_place_of_its_original():
    """However many images it has; alone it fills the role, and the case is refused with the reason."""
    reformat = stating(mr("t1_mprage_KM MPR tra", "1.2.2", slices=20), ImageType="DERIVED\\SECONDARY\\MPR")
    capture = [replace(each, sop_class="1.2.840.10008.5.1.4.1.1.7") for each in mr("T1 post Gd", "1.2.1", slices=30)]
    uid, why = chosen(reformat, capture, T1C)

    assert uid == "1.2.3"
    assert why["1.2.2"].startswith("fits with 20 slices, but Image Type says MPR (SeriesDescription names it T1;")
    assert "is no CT, MR or PET image" in why["1.2.1"]
    assert chosen(reformat, FLAIR)[0] == "1.2.2"


def test_the_phases_of_a_dynamic_series_are_no_slices():
    """Places count, not frames, and both numbers are told."""
    phases = mr("t1_vibe_KM", "1.2.2", slices=40)
    phases = [replace(each, frames=T1C[n % 8].frames) for n, each in enumerate(phases)]
    uid, why = chosen(phases, T1C)

    assert uid == "1.2.3"
    assert why["1.2.2"].startswith("fits with 8 slices in 40 images (")


def test_a_name_that_tells_of_contrast_agent_outweighs_a_tag():
    """Scanners carry the agent of one series over into the header of the next."""
    carried = stating(mr("t1_mprage_sag", "1.2.2", slices=20), ContrastBolusAgent="Gadovist")

    assert chosen(carried, T1C)[0] == "1.2.3"
    assert chosen(carried, FLAIR)[0] == "1.2.2"


@pytest.mark.parametrize("name", ["t1_mprage_o.KM", "T1 PRECONTRAST", "T1 AVANT GADO", "T1 KM SUB", "T1 pre/post Gd"])
def test_a_native_t1_does_not_take_the_place_of_one_after_contrast_agent(name):
    """Neither with more slices, nor later, nor with an agent in its header; and alone it fills no role."""
    native = stating(mr(name, "1.2.2", slices=20), ContrastBolusAgent="Gadovist", AcquisitionTime="115900")
    uid, why = chosen(native, T1C)

    assert uid == "1.2.3"
    assert not why["1.2.2"].startswith("fits")
    assert "t1c" not in filled(native, FLAIR)


@pytest.mark.parametrize("kind", ["SUBTRACT", "M\\SUB", "T1 MAP", "PHASE MAP", "P\\ND", "SEGMENTATION"])
def test_what_was_computed_fills_no_role(kind):
    """However it is named; beside the images that it was computed from, these are taken alone."""
    computed = stating(mr("T1 post Gd", "1.2.2", slices=20), ImageType=f"DERIVED\\SECONDARY\\{kind}")
    uid, why = chosen(computed, T1C)

    assert uid == "1.2.3"
    assert why["1.2.2"].startswith("is no T1: Image Type says ")
    assert "t1c" not in filled(computed, FLAIR)


def test_a_flair_that_was_subtracted_does_not_take_the_place_of_the_flair():
    """Its name says both; however many slices it has."""
    assert filled(T1C, FLAIR, mr("FLAIR subtraction", "1.2.2", slices=20))["flair"] == "1.2.4"


def test_of_series_alike_the_latest_is_taken():
    """Somebody repeated it, after a movement: by time of acquisition, else by Series Number, else by UID."""
    repeated = mr("t1_mprage_KM", "1.2.7")
    early, late = stating(T1C, AcquisitionTime="101500.25"), stating(repeated, AcquisitionTime="102900")

    assert chosen(early, late)[0] == "1.2.7"
    assert chosen(T1C, stating(repeated, SeriesNumber="11"))[0] == "1.2.7"
    assert chosen(T1C, repeated)[0] == "1.2.3"


def test_the_series_that_was_drawn_on_is_taken():
    """Whoever drew chose; the explanation says so."""
    uid, why = chosen(T1C, mr("t1_mprage_KM", "1.2.2", slices=8), [rtstruct(references=("1.2.2.3",))])

    assert uid == "1.2.2"
    assert why["1.2.2"].endswith("; a drawing or mark refers to it; chosen")


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    made = Bench(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    made.assembler = made.make(**{f: getattr(GLIOMA, f) for f in ("name", "roles", "lesion")})
    yield made
    made.ledger.close()


def test_a_refused_study_is_opened_again_by_the_series_that_was_lacking(bench):
    """No arrival is needed for the refusal; the arrival makes a revision that says what came."""
    bench.receive(*T1C)
    assert bench.after(121) == 0
    assert bench.after(1500) == 0
    assert bench.after(200) == 1
    bench.finish("refused", "role missing")
    assert bench.after(3600) == 0
    bench.receive(*FLAIR)
    assert bench.after(121) == 1
    first, second = bench.orders()

    assert first.refusal == (
        "role missing", "no series fits flair (FLAIR); received: series 2 (T1 with contrast agent)",
    )  # fmt: skip
    assert (second.revision, second.refusal) == (2, None)
    assert second.predecessor is not None
    assert change(second, first) == second.predecessor.change == "The series that fills flair arrived."


def test_a_restart_does_not_forget_what_is_awaited(bench):
    """When the study is due again stands in the ledger, with the examination that found the gap."""
    bench.receive(*T1C)
    bench.after(121)
    bench.assembler = bench.make(**{f: getattr(GLIOMA, f) for f in ("name", "roles", "lesion")})
    assert bench.after(1700) == 1


DRAWN = replace(GLIOMA, lesion=LesionRules())
FRAMES = {"1.9": frozenset({"1.2.3"}), "1.8": frozenset({"1.2.4"})}
OTHER_FLAIR = [replace(each, frame_uid="1.8") for each in FLAIR]


def seg(uid: str, *references: str, frame: str = "1.9") -> Instance:
    """A Segmentation."""
    drawn = rtstruct(references=references, frame=frame, uid=uid)
    return replace(drawn, sop_class=min(SEGMENTATIONS), modality="SEG", frame_uid=frame)


def lesions(*instances: Instance, rules: Pipeline = DRAWN) -> list[tuple[str, str]]:
    """Kind and role of the sources that an order names."""
    made = study([stored(i) for i in (*T1C, *OTHER_FLAIR, *instances)], FRAMES)
    made = replace(made, objects=tuple(c for c in made.objects if c.stored.instance.modality in {"RTSTRUCT", "SEG"}))
    order = prepare(made, rules, SITE, NOW).order
    assert order is not None
    assert order == Order.from_json(order.to_json())
    return [(source.kind, source.role) for source in order.lesion]


@pytest.mark.parametrize(
    "drawing",
    [rtstruct(references=("1.2.4.3",), frame="1.8"), rtstruct(frame="1.8"), seg("1.7.2", "1.2.4.3", frame="1.8")],
)
def test_a_drawing_on_another_role_is_a_source_too(drawing):
    """By the images it names or by its frame of reference; the order says whose images it was drawn on."""
    assert [role for _, role in lesions(drawing)] == ["flair"]


def test_outlines_on_the_measured_series_come_first_and_marks_after_all_outlines():
    """Within the order that the site configured, in which a model keeps its place."""
    drawings = (rtstruct(references=("1.2.4.3",), frame="1.8"), seg("1.7.2", "1.2.3.3"), seg("1.7.3", "1.2.4.3"))
    searched = replace(DRAWN, lesion=LesionRules(sources=("rtstruct", "model:m", "seg")))

    assert lesions(*drawings) == [("seg", ""), ("rtstruct", "flair"), ("seg", "flair")]
    assert lesions(*drawings, rules=searched) == [("rtstruct", "flair"), ("model", ""), ("seg", ""), ("seg", "flair")]


def test_a_structure_set_that_names_both_series_is_asked_for_both():
    """Which of its outlines was drawn where stands in it, contour by contour."""
    assert lesions(rtstruct(references=("1.2.3.3", "1.2.4.3"))) == [("rtstruct", ""), ("rtstruct", "flair")]


def test_a_study_that_asks_nothing_is_refused_without_a_look_at_it():
    """No drawing, and no model to search: "no lesion", which no destination gets unless it was configured to."""
    [whole, part] = [
        prepare(study([stored(i) for i in images]), DRAWN, SITE, NOW + timedelta(hours=1)).order
        for images in ((*T1C, *FLAIR), T1C)
    ]
    assert whole is not None
    assert part is not None

    assert whole.refusal == ("no lesion", "no source of a lesion is at hand")
    assert part.refusal == ("no lesion", "no series fits flair (FLAIR); no source of a lesion is at hand")
    assert part.refusal[0] in DRAWN.silent_refusals


def test_a_study_with_a_drawing_is_told_which_role_it_lacks():
    """Whoever drew it waits for an answer; the drawing may lie on any series that is there."""
    made = study([stored(i) for i in (*OTHER_FLAIR, rtstruct(references=("1.2.4.3",), frame="1.8"))], FRAMES)
    made = replace(made, objects=tuple(c for c in made.objects if c.stored.instance.modality == "RTSTRUCT"))
    found = prepare(made, DRAWN, SITE, NOW + timedelta(hours=1))

    assert found.order is not None
    assert found.order.refusal == (
        "role missing", "no series fits t1c (T1 with contrast agent); received: series 2 (FLAIR)",
    )  # fmt: skip
    assert found.order.refusal[0] not in DRAWN.silent_refusals


T2, MPR = mr("t2_tse_tra", "1.2.8"), mr("t1_mprage_KM MPR tra", "1.2.2")
OTHER_T1C = mr("t1_mprage_KM", "1.2.7")
OF_ORGANS = replace(SITE, speaks=lambda entry, _: entry.stored.instance.sop_uid != "1.7.8")
"""A site to which "1.7.8" is a set of organs."""


def judged(*instances: Instance, rules: Pipeline = DRAWN) -> Prepared:
    """T1c, FLAIR and these, an hour later."""
    made = study([stored(i) for i in (*T1C, *FLAIR, *instances)], FRAMES)
    made = replace(made, objects=tuple(c for c in made.objects if c.stored.instance.modality in {"RTSTRUCT", "SEG"}))
    return prepare(made, rules, OF_ORGANS, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("images", "drawing"),
    [
        (T2, seg("1.7.2", "1.2.8.3")),
        (PLAIN, seg("1.7.2", "1.2.5.3")),
        (stating(MPR, ImageType="DERIVED\\SECONDARY\\MPR"), seg("1.7.2", "1.2.2.3")),
        (T2, replace(seg("1.7.2", "1.5.5"), referenced_series=("1.2.8",))),
        ([replace(each, frame_uid="1.6") for each in T2], replace(seg("1.7.2", frame="1.6"), frame_uid="1.6")),
    ],
)
def test_a_drawing_on_a_series_without_a_role_gets_an_answer(images, drawing):
    """It says on which series it lies and where it belongs, and the operator sees it too."""
    found = judged(*stating(images, SeriesNumber="7"), drawing)
    assert found.order is not None
    [unused] = found.order.unused

    assert found.order.refusal == ("drawing not used", f"Segmentation: {unused.why}")
    assert unused.why == (
        "it was drawn on images of series 7, which this analysis does not use; "
        "draw it on t1c (series 2) / flair (series 2)"
    )
    assert unused.series == f"7 {images[0].attributes['SeriesDescription'][0]}"
    assert found.explanation["sources"] == [f"seg on series {images[0].series_uid} (not used: {unused.why})"]
    assert found.order.refusal[0] not in DRAWN.silent_refusals
    assert found.order == Order.from_json(found.order.to_json())


def test_organs_on_a_series_without_a_role_and_a_drawing_of_another_study_ask_nothing():
    """Nor does a kind of drawing that the pipeline does not read."""
    for drawing in (seg("1.7.8", "1.2.8.3"), seg("1.7.2", "1.99.1")):
        assert judged(*T2, drawing).order.refusal[0] == "no lesion"
    marks = replace(DRAWN, lesion=LesionRules(sources=("rtstruct",)))
    assert judged(*T2, seg("1.7.2", "1.2.8.3"), rules=marks).order.refusal[0] == "no lesion"


def test_a_drawing_beside_the_one_that_is_measured_is_told():
    """A Segmentation on the earlier T1c, when a structure set chose the later one."""
    later = rtstruct(references=("1.2.7.3",), uid="1.7.9")
    found = judged(*stating(OTHER_T1C, AcquisitionTime="115900"), seg("1.7.2", "1.2.3.3"), later)
    assert found.order is not None

    assert found.order.refusal is None
    assert [source.kind for source in found.order.lesion] == ["rtstruct"]
    assert [each.series_uid for each in found.order.unused] == ["1.2.3"]
    assert found.explanation["sources"][1].startswith("seg on series 1.2.3 (not used: ")


def test_a_drawing_that_nothing_is_measured_by_makes_no_revision_of_a_result():
    """It makes a revision only where the refusal changes, which then tells what came."""
    none, one = judged(*T2).order, judged(*T2, seg("1.7.2", "1.2.8.3")).order
    assert none is not None
    assert one is not None

    assert none.job_id != one.job_id
    assert replace(one, refusal=none.refusal).fingerprint == none.fingerprint
    assert change(one, none) == "A drawing of a lesion arrived that cannot be used."


def test_a_lacking_role_is_told_together_with_a_drawing_on_no_role():
    """Whoever drew learns both."""
    made = study([stored(i) for i in (*T1C, *T2, seg("1.7.2", "1.2.8.3"))], FRAMES)
    made = replace(made, objects=tuple(c for c in made.objects if c.stored.instance.modality == "SEG"))
    code, why = prepare(made, DRAWN, SITE, NOW + timedelta(hours=1)).order.refusal

    assert code == "role missing"
    assert why.startswith("no series fits flair (FLAIR); received: ")
    assert "; Segmentation: it was drawn on images of series 2, which" in why
