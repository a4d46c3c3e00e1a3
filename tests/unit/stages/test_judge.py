"""Declarations are held: what lies outside is refused with value and range, what is declared but unknown is flagged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from node.config import parse
from node.domain.clinical import Clinical, Value
from node.domain.findings import Axis, Measurements
from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from node.inference.manifest import Declared
from node.inference.package import load_package, shipped_models
from node.stages.judge import judge

ROOT = Path(__file__).parents[3]

DECLARED = Declared(
    modality="CT",
    body_part=("CHEST", "LUNG"),
    organ="lung",
    age=(18, 120),
    age_usual=(43, 87),
    slice_thickness_mm=(0.4, 5),
    lesion_volume_ml=(0.1, 1500),
)


def volume(spacing=2.5, **changes):
    geometry = Geometry(np.diag([spacing, 1.0, 1.0, 1.0]), (2, 3, 3))
    slices = tuple(Slice(sop_class="1", sop_uid=f"1.{n}", frame=None, path=None) for n in range(2))
    plain = Volume(
        voxels=np.zeros((2, 3, 3), np.float32), geometry=geometry, modality="CT", unit="HU", study_uid="1",
        series_uid="2", frame_uid="3", slices=slices,
    )  # fmt: skip
    return replace(plain, **changes)


def lesion(volume_ml=2.2):
    axis = Axis(length_mm=15, start=(0, 0, 0), end=(15, 0, 0))
    return Measurements(volume_ml=volume_ml, long_axis=axis, short_axis=axis, diameter_3d_mm=16, key_slice=0)


def aged(years):
    return Clinical({"age": Value(years, "header")})


def test_what_lies_within_everything_is_in_domain():
    """A chest CT of an adult with a lesion in the lung."""
    fitness = judge(DECLARED, volume(body_part="CHEST"), lesion(), aged(66), in_lung=True)
    assert (fitness.outcome, fitness.reasons, fitness.code) == ("in_domain", (), "")


def test_what_is_declared_but_unknown_is_flagged():
    """Without age, Body Part Examined and a look for lungs nothing contradicts and nothing supports: said, answered."""
    fitness = judge(DECLARED, volume(), lesion(), Clinical(), in_lung=None)
    assert (fitness.outcome, fitness.code) == ("borderline", "borderline_domain")
    assert [reason.split(" is not stated")[0] for reason in fitness.reasons] == ["the body part", "the patient's age"]


def test_lung_that_was_found_says_the_body_part():
    """A lesion in lung that was found needs no Body Part Examined."""
    assert judge(DECLARED, volume(), lesion(), aged(66), in_lung=True).outcome == "in_domain"


def test_what_is_not_declared_is_not_asked_for():
    """An unknown age is nothing to a model that declares none."""
    declared = replace(DECLARED, age=None, age_usual=None, body_part=())
    assert judge(declared, volume(), lesion(), Clinical(), in_lung=None).outcome == "in_domain"


def test_without_a_lesion_the_image_is_judged():
    """A segmenter is held against its declaration before there is a volume to bound."""
    assert judge(DECLARED, volume(body_part="CHEST"), None, aged(66)).outcome == "in_domain"
    assert judge(DECLARED, volume(body_part="KNEE"), None, aged(66)).code == "wrong_anatomy"


def test_a_model_that_declares_nothing_takes_anything():
    """An empty declaration refuses nothing."""
    fitness = judge(Declared(), volume(modality="MR", body_part="KNEE"), lesion(1e6), aged(3), in_lung=False)
    assert fitness.outcome == "in_domain"


HEADS = (
    "BRAIN", "HEAD", "HEADNECK", "Schädel", "SCHAEDEL", "KOPF", "HIRN", "GEHIRN", "TÊTE", "CRANE", "CRÂNE", "CRANIUM",
    "CRANIO", "CRÁNEO", "CABEZA", "CABEÇA", "ENCEFALO", "ENCÉFALO", "ENCEPHALE", "TESTA", "CEREBRO", "NEURO",
)  # fmt: skip
CHESTS = ("CHEST", "THORAX", "TORAX", "TÓRAX", "TORACE", "PECHO", "BRUSTKORB", "POUMON", "PULMON", "CHEST_TO_PELVIS")


@pytest.mark.parametrize("word", HEADS)
def test_what_hospitals_call_a_head_fits_the_shipped_pipeline_and_its_models(word):
    """In five languages, with accents and without: what the role takes, no model then calls wrong anatomy."""
    config = parse((ROOT / "config.toml").read_text(), at="config.toml", base=ROOT)
    (roles,) = (pipeline.roles for pipeline in config.resolved() if pipeline.name == "glioma")
    assert all(role.where["BodyPartExamined"].failure((word,)) is None for role in roles.values())
    for name in ("glioma-idh", "glioma-1p19q", "glioma-flair"):
        declared = Declared(body_part=load_package(shipped_models() / name).manifest.declared.body_part)
        assert judge(declared, volume(body_part=word), lesion(), aged(66)).outcome == "in_domain", name


@pytest.mark.parametrize("word", CHESTS)
def test_what_hospitals_call_a_chest_fits_the_shipped_lung_models(word):
    """The same for the lung."""
    for name in ("lung-egfr", "lung-kras", "lung-alk", "lung-lesion"):
        declared = Declared(body_part=load_package(shipped_models() / name).manifest.declared.body_part)
        assert judge(declared, volume(body_part=word), lesion(), aged(66)).outcome == "in_domain", name


@pytest.mark.parametrize("stated", ["CHEST", "Chest", "CHEST_ABDOMEN", "CHESTABDPELVIS", "LUNGS"])
def test_body_parts_that_contain_a_declared_word_fit(stated):
    """Body Part Examined is written in many ways."""
    assert judge(DECLARED, volume(body_part=stated), lesion(), aged(66), in_lung=True).outcome == "in_domain"


@pytest.mark.parametrize(
    ("image", "in_lung", "why"),
    [
        (volume(body_part="EXTREMITY"), True, "Body Part Examined is EXTREMITY"),
        (volume(), False, "neither lies in nor touches lung"),
    ],
)
def test_wrong_anatomy_is_outside(image, in_lung, why):
    """A contradicting Body Part Examined, or a lesion away from the lung, is wrong anatomy."""
    fitness = judge(DECLARED, image, lesion(), aged(66), in_lung=in_lung)
    assert (fitness.outcome, fitness.code) == ("outside", "wrong_anatomy")
    assert why in fitness.reasons[0]


@pytest.mark.parametrize(
    ("image", "size", "age", "why"),
    [
        (volume(modality="MR"), 2, 66, "the modality is MR, not CT"),
        (volume(), 2, 17, "age is 17 years, outside what the model was made for (18 to 120 years)"),
        (
            volume(slice_thickness_mm=7.0),
            2,
            66,
            "slice thickness is 7 mm, outside what the model was made for (0.4 to 5",
        ),
        (volume(spacing=8.0), 2, 66, "distance between slices is 8 mm"),
        (volume(), 0.05, 66, "lesion volume is 0.05 mL"),
        (volume(), 2000, 66, "lesion volume is 2000 mL"),
    ],
)
def test_values_outside_a_range_are_told_with_value_and_range(image, size, age, why):
    """Every declared range is enforced, in plain words."""
    fitness = judge(DECLARED, image, lesion(size), aged(age), in_lung=True)
    assert (fitness.outcome, fitness.code) == ("outside", "outside_domain")
    assert any(why in reason for reason in fitness.reasons)


@pytest.mark.parametrize("thickness", [1.0, None])
def test_thin_slices_far_apart_leave_out_what_thick_ones_blur(thickness):
    """1 mm slices every 8 mm are refused like slices of 8 mm."""
    gaps = volume(spacing=8.0, slice_thickness_mm=thickness)
    fitness = judge(DECLARED, gaps, lesion(), aged(66), in_lung=True)
    assert (fitness.outcome, fitness.code) == ("outside", "outside_domain")
    assert fitness.reasons == ("distance between slices is 8 mm, outside what the model was made for (0.4 to 5 mm)",)


def test_gaps_beyond_the_training_data_are_flagged():
    """The usual range holds for the distance as well."""
    declared = replace(DECLARED, slice_thickness_mm_usual=(0.5, 3.0))
    fitness = judge(declared, volume(spacing=4.0, slice_thickness_mm=1.0), lesion(), aged(66), in_lung=True)
    assert (fitness.outcome, len(fitness.reasons)) == ("borderline", 1)
    assert "distance between slices is 4 mm" in fitness.reasons[0]


def test_what_a_header_rounds_is_no_gap():
    """Slices of 1.97 mm that lie 1.972 mm apart are flagged once, for their thickness."""
    declared = replace(DECLARED, slice_thickness_mm_usual=(2.0, 3.0))
    fitness = judge(declared, volume(spacing=1.972, slice_thickness_mm=1.97), lesion(), aged(66), in_lung=True)
    assert [reason.split(" is ")[0] for reason in fitness.reasons] == ["slice thickness"]


def test_slices_that_overlap_are_no_fault():
    """Slices of 2 mm every 0.3 mm lose nothing."""
    close = volume(spacing=0.3, slice_thickness_mm=2.0)
    assert judge(DECLARED, close, lesion(), aged(66), in_lung=True).outcome == "in_domain"


def test_ends_of_a_range_are_inside():
    """Ranges hold their own ends."""
    assert judge(DECLARED, volume(slice_thickness_mm=5.0), lesion(0.1), aged(87), in_lung=True).outcome == "in_domain"


def test_every_reason_is_told():
    """Two values outside are two reasons."""
    assert len(judge(DECLARED, volume(), lesion(0.01), aged(5), in_lung=True).reasons) == 2
    everything = judge(DECLARED, volume(modality="MR", body_part="KNEE"), lesion(0.01), aged(5), in_lung=False)
    assert (len(everything.reasons), everything.code) == (5, "wrong_anatomy")


def test_beyond_the_training_data_is_borderline():
    """Inside the declared range but outside what training had: flagged, not refused."""
    fitness = judge(DECLARED, volume(), lesion(), aged(30), in_lung=True)
    assert (fitness.outcome, fitness.code) == ("borderline", "borderline_domain")
    assert "outside the range of its training data (43 to 87 years)" in fitness.reasons[0]


@pytest.mark.parametrize(
    ("declared", "seen", "why"),
    [
        ({"pixel_spacing_mm": (0.2, 0.9)}, {}, "pixel spacing is 1 mm, outside what the model was made for"),
        (
            {"sequence": ("SE", "GR+IR")},
            {"sequence": "IR+SE"},
            "the MR sequence is of the family IR+SE, which is none of SE, GR+IR",
        ),
        ({"kernel": ("B30", "standard")}, {"kernel": "B70f"}, "the convolution kernel is B70f, which contains none of"),
        ({"manufacturer": ("Siemens",)}, {"manufacturer": "Philips"}, "the scanner's manufacturer is Philips"),
        ({"contrast": "required"}, {"contrast": False}, "taken without contrast agent, which the model needs"),
        ({"contrast": "forbidden"}, {"contrast": True}, "with contrast agent, which the model does not allow"),
    ],
)
def test_how_the_image_was_made_is_held_against_the_declaration(declared, seen, why):
    """Spacing, sequence, kernel, manufacturer, contrast: what contradicts is refused with what was found."""
    fitness = judge(Declared(**declared), volume(**seen), lesion(), Clinical(), in_lung=None)
    assert (fitness.outcome, fitness.code) == ("outside", "outside_domain")
    assert why in fitness.reasons[0]


def test_what_fits_is_taken():
    """A kernel in another case, a header without sequence; contrast agent is stated only where it was given."""
    declared = Declared(kernel=("STANDARD",), sequence=("SE",), manufacturer=("ge",), contrast="forbidden")
    seen = volume(kernel="Standard", manufacturer="GE MEDICAL SYSTEMS")
    assert judge(declared, seen, lesion(), Clinical(), in_lung=None).outcome == "in_domain"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ({"kernel": ("STANDARD",)}, "the convolution kernel"),
        ({"kernel": ("any",)}, "the convolution kernel"),
        ({"manufacturer": ("ge",)}, "the scanner's manufacturer"),
        ({"body_part": ("BRAIN",), "organ": "head"}, "the body part"),
    ],
)
def test_what_is_declared_of_the_image_but_not_stated_is_flagged(declared, name):
    """Predicted, and said; the size of a head alone does not make it one."""
    fitness = judge(Declared(**declared), volume(), lesion(), Clinical(), head=True)
    assert (fitness.outcome, fitness.code) == ("borderline", "borderline_domain")
    assert fitness.reasons == (f"{name} is not stated, so whether the model was made for it is not known",)


def test_any_kernel_that_is_stated_is_taken_where_the_declaration_takes_any():
    """Where the training does not tell the kernel, none is refused."""
    assert judge(Declared(kernel=("any",)), volume(kernel="B70f"), lesion(), Clinical()).outcome == "in_domain"


T1 = Declared(modality="MR", weighting=("t1",))


@pytest.mark.parametrize(
    ("weighting", "why"),
    [
        ("", "neither the names nor the times of the series tell its weighting"),
        ("flair", "the series is weighted as FLAIR, but the model reads T1 only"),
        ("other", "the series is of another kind than T1"),
    ],
)
def test_a_weighting_that_is_wrong_or_untold_is_refused(weighting, why):
    """Nothing that is measured would tell a FLAIR from a T1: no header, no answer."""
    fitness = judge(T1, volume(modality="MR", weighting=weighting), lesion(), Clinical())
    assert (fitness.outcome, fitness.code) == ("outside", "outside_domain")
    assert why in fitness.reasons[0]


def test_the_weighting_that_the_model_reads_is_taken():
    """One of those that are declared."""
    assert judge(T1, volume(modality="MR", weighting="t1"), lesion(), Clinical()).outcome == "in_domain"


def test_an_image_without_anything_of_the_size_of_a_head_is_wrong_anatomy():
    """Whatever the header says."""
    declared = Declared(body_part=("BRAIN",), organ="head")
    fitness = judge(declared, volume(body_part="BRAIN"), lesion(), Clinical(), head=False)
    assert (fitness.outcome, fitness.code) == ("outside", "wrong_anatomy")
    assert "nothing in the image has the size of a head" in fitness.reasons[0]


def test_contrast_that_is_not_stated_is_flagged_where_the_model_needs_it():
    """Many scanners leave the field empty although contrast was given: predicted, and said."""
    fitness = judge(Declared(contrast="required"), volume(), lesion(), Clinical(), in_lung=None)
    assert (fitness.outcome, fitness.code) == ("borderline", "borderline_domain")
    assert "does not say whether contrast agent was given" in fitness.reasons[0]
    given = judge(Declared(contrast="required"), volume(contrast=True), lesion(), Clinical(), in_lung=None)
    assert given.outcome == "in_domain"
