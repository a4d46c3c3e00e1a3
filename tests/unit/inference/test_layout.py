"""`[segmenter]` of a manifest: what contradicts itself is told before anything is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.plain import from_plain
from node.errors import ModelFailed
from node.inference.belief import trust_of
from node.inference.layout import Intensity, Layout, Trust, mistakes
from node.inference.onnx_segmenter import OnnxSegmenter
from node.inference.package import load_package
from tests.support.graphs import bright
from tests.support.packages import write_package

GOOD = Layout(form="slices", window=(3, 32, 32), spacing_mm=(0.0, 2.0, 2.0))
TABLE = {
    "role": "flair", "form": "slices", "axes": "SPL", "window": [3, 32, 32], "spacing_mm": [2.0, 1.6, 1.6],
    "flips": [[2]], "lesions": "one", "intensity": {"over": "head", "after": [-3.0, 8.0]},
    "trust": {"certainty": [0.5, 0.9]},
}  # fmt: skip
PACKAGE = {
    "id": "toy", "version": "1.0.0", "name": "Toy", "manufacturer": "radnode", "kind": "segmenter", "engine": "onnx",
    "intended_use": "None.", "declared": {"modality": "MR"}, "segmenter": TABLE,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"axes": "SPX"}, "axes"),
        ({"window": (3, 0, 32)}, "below 1"),
        ({"window": (4, 32, 32)}, "even number"),
        ({"spacing_mm": (0.0, 0.0, 2.0)}, "spacing_mm"),
        ({"form": "patch"}, "spacing_mm"),
        ({"overlap": 1.0}, "overlap"),
        ({"threshold": 0.0}, "threshold"),
        ({"classes": ()}, "classes"),
        ({"flips": ((0,),)}, "flips"),
        ({"intensity": Intensity(scale="fixed", spread=0.0)}, "spread"),
        ({"trust": Trust(share=(0.5, 0.5))}, "trust.share"),
        ({"role": "flair", "channels": ("t1c", "flair"), "window": (1, 32, 32)}, "does not begin with role"),
        ({"role": "flair", "channels": ("flair", "t1c")}, "channels have no neighbours"),
        ({"intensities": (Intensity(), Intensity())}, "not one for each"),
        ({"intensity": Intensity(over="head", when="after")}, "over what is found before"),
    ],
)
def test_each_contradiction_is_told(change, told):
    """By the key that is wrong, and by that alone."""
    (text,) = mistakes(replace(GOOD, **change))
    assert told in text


def test_a_good_layout_has_no_mistake_and_is_read_from_toml():
    """What TOML gives becomes tuples and tables of ours."""
    assert list(mistakes(GOOD)) == []
    read = from_plain(Layout, TABLE)
    assert (read.window, read.flips, read.trust.certainty) == ((3, 32, 32), ((2,),), (0.5, 0.9))
    assert list(mistakes(read)) == []


def test_a_package_with_a_graph_and_a_layout_opens_as_a_segmenter(tmp_path):
    """The engine "onnx" draws where the manifest has `[segmenter]`."""
    folder = write_package(tmp_path / "toy", PACKAGE, model_onnx=bright(channels=3))
    model = load_package(folder).open()
    assert isinstance(model, OnnxSegmenter)
    assert (model.role, model.modality) == ("flair", "MR")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"segmenter": None}, r"\[segmenter\] goes with"),
        ({"kind": "classifier"}, r"\[segmenter\] goes with"),
        ({"segmenter": {**TABLE, "axes": "XYZ"}}, "segmenter.axes"),
        ({"segmenter": {**TABLE, "form": "cubes"}}, "'cubes' is none of"),
        ({"segmenter": {**TABLE, "surprise": 1}}, "Layout has no surprise"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(tmp_path, change, told):
    """A segmenter without a layout, a classifier with one, and wrong keys."""
    plain = {key: value for key, value in {**PACKAGE, **change}.items() if value is not None}
    folder = write_package(tmp_path / "toy", plain, model_onnx=bright(channels=3))
    with pytest.raises(ModelFailed, match=told):
        load_package(folder)


def test_trust_counts_only_what_is_asked_for():
    """Factors are linear between their ends, multiplied, and named where they are low, worst first."""
    found = {"certainty": 0.7, "share": 0.6, "size_ml": 1.0, "end": 0.0}
    assert trust_of(found, Trust()) == (1.0, ())
    assert trust_of(found, Trust(certainty=(0.5, 0.9))) == (0.5, ("certainty",))
    asked = Trust(certainty=(0.5, 0.9), share=(0.5, 0.9), end=(0.5, 0.1), agreement=(0.1, 0.9))
    assert trust_of(found, asked) == (0.125, ("share", "certainty"))
