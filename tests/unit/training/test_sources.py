"""A model may ask for what the node knows, in the node's words, and for nothing else."""

from dataclasses import replace

import pytest

from node.domain.clinical import Clinical, Value
from node.domain.findings import Axis, GroundGlass, Measurements
from node.domain.order import Extraction
from node.inference.inputs import ModelInput, Needs
from node.stages.predict import gather
from node.training.sources import NAMES, in_words, mistakes, word

MALE = {"male": 0.0, "female": 1.0}
NOTHING = Extraction()


def found(source, levels=None, extraction=NOTHING):
    """Why an input of this source is refused."""
    return list(mistakes(ModelInput(name="x", source=source, levels=levels or {}), extraction))


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        ("clinical:age", {}),
        ("clinical:sex", MALE),
        ("clinical:histology", {"carcinoid": 1.0}),
        ("image:ground_glass", {"0%": 0.0}),
        ("measure:long_axis_mm", {}),
        ("feature:original_glcm_Contrast", {}),
    ],
)
def test_what_the_node_knows_is_taken(source, levels):
    """Clinical values, classes, measurements and features, also of filtered images."""
    assert found(source, levels) == []


@pytest.mark.parametrize(
    ("source", "levels", "why"),
    [
        ("clinical:ki67", {}, "is nothing that the node knows; clinical: age, central, effusion"),
        ("clinical:PatientID", {}, "is nothing that the node knows"),
        ("image:spiculation", {"yes": 1.0}, "is nothing that the node knows; image: ground_glass"),
        ("measure:mass_g", {}, "measure: volume_ml, long_axis_mm, short_axis_mm, diameter_3d_mm"),
        ("feature:myfeat", {}, "is no feature of pyradiomics"),
        ("feature:original_xyz_Foo", {}, "is no feature of pyradiomics"),
        ("clinical:sex", {"diverse": 1.0}, "level 'diverse' is nothing that the node says; it says male, female"),
        ("image:ground_glass", {"much": 1.0}, "it says 0%, >0-25%, 25-50%"),
        ("clinical:sex", {}, "is a word: give levels, of male, female"),
        ("clinical:age", {"old": 1.0}, "is a number: leave its levels out"),
        ("feature:original_glcm_Id", {"high": 1.0}, "is a number: leave its levels out"),
    ],
)
def test_what_would_always_be_missing_is_refused(source, levels, why):
    """With the place, and what there is instead."""
    [mistake] = found(source, levels)
    assert mistake.startswith("input x: ")
    assert why in mistake


def test_a_filter_must_be_declared():
    """The images of a model's features are those that its own extraction makes; the default one filters none."""
    assert "do not make the image" in found("feature:wavelet-LLH_glcm_Contrast", extraction=Extraction())[0]
    declared = Extraction(bin_width=5.0, filters=("log",), log_sigma_mm=(2.0,))
    assert found("feature:log-sigma-2-0-mm-3D_glcm_Id", extraction=declared) == []
    assert "do not make the image" in found("feature:log-sigma-3-0-mm-3D_glcm_Id", extraction=declared)[0]
    assert "do not make the image" in found("feature:wavelet-LLL_glcm_Id", extraction=declared)[0]
    assert found("feature:wavelet-LLL_glcm_Id", extraction=replace(declared, filters=("wavelet",))) == []


def test_every_name_is_one_that_the_node_gathers():
    """The lists are those of the stage that asks a model."""
    axis = Axis(length_mm=1.0, start=(0.0, 0.0, 0.0), end=(1.0, 0.0, 0.0))
    measured = Measurements(
        volume_ml=1.0, long_axis=axis, short_axis=axis, diameter_3d_mm=1.0, key_slice=0,
        ground_glass=GroundGlass(fraction=0.0, reader_class="0%"),
    )  # fmt: skip
    sources = [f"{kind}:{name}" for kind, names in NAMES.items() for name in names]
    clinical = Clinical({name: Value(1.0, "told") for name in NAMES["clinical"]})
    needs = Needs(inputs=tuple(ModelInput(name=source, source=source) for source in sources))
    assert list(gather(needs, clinical, measured)) == sources


def test_levels_and_cells_come_in_the_node_s_words():
    """However they are written; two spellings of one word stay as they stand, to be refused."""
    item = {"name": "f", "source": "clinical:sex", "levels": {"M": 0.0, "F": 1.0}, "meaning": "sex"}
    assert list(in_words(item).items()) == list({**item, "levels": MALE}.items())
    assert in_words({**item, "levels": {"M": 0.0, "male": 0.0}})["levels"] == {"M": 0.0, "male": 0.0}
    assert in_words("no input") == "no input"
    assert [word("clinical:sex", "F"), word("clinical:sex", "Other"), word("image:ground_glass", " 100% ")] == [
        "female", "other", "100%",
    ]  # fmt: skip
