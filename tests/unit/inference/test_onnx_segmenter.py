"""The engine of ONNX segmenters, against tiny real graphs: what is bright is drawn where it lies in the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from node.domain.drawn import DOUBTS, NOTHING, TRUSTED
from node.domain.facts import ModelFacts
from node.errors import ModelFailed, Refused
from node.imaging.ellipsoids import Ellipsoid, Painting, paint
from node.inference.layout import Intensity, Layout, Trust
from node.inference.onnx_segmenter import OnnxSegmenter
from tests.support.graphs import bright, build
from tests.support.volumes import AXIAL, ball, geometry_of, rotation, volume_of

FACTS = ModelFacts(id="toy", version="1.0.0", kind="segmenter", digest="", manufacturer="", name="")
FIXED = Intensity(scale="fixed", centre=0.0, spread=100.0)
SLICES = Layout(form="slices", window=(3, 32, 32), spacing_mm=(0.0, 2.0, 2.0), intensity=FIXED)
PATCH = Layout(form="patch", window=(16, 16, 16), spacing_mm=(2.0, 2.0, 2.0), intensity=FIXED)
CENTRE = np.array([12.0, -8.0, 6.0])


def segmenter(layout=SLICES, graph=None, **given):
    return OnnxSegmenter(FACTS, layout, graph or bright(channels=layout.window[0] if layout.form == "slices" else 1,
                                                        rank=4 if layout.form == "slices" else 5), **given)  # fmt: skip


def with_ball(shape, spacing, axes=AXIAL, radius=14.0, value=100.0):
    """A volume with one bright ball, centred on the origin of LPS, and the ball's mask."""
    axes = np.asarray(axes, float)
    middle = ((np.array(shape) - 1) / 2 * np.array(spacing)) @ axes
    geometry = geometry_of(shape, spacing, origin=tuple(-middle), axes=axes)
    truth = ball(geometry, CENTRE, radius)
    return volume_of(np.where(truth, value, 10.0), geometry), truth


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


@pytest.mark.parametrize("layout", [SLICES, PATCH], ids=["slices", "patch"])
@pytest.mark.parametrize(
    ("shape", "spacing", "axes"),
    [
        ((30, 60, 60), (3.0, 1.5, 1.5), AXIAL),
        ((30, 60, 60), (3.0, 1.5, 1.5), AXIAL * [[1], [1], [-1]]),
        ((30, 60, 60), (3.0, 1.5, 1.5), -AXIAL),
        ((60, 64, 60), (1.5, 1.5, 1.5), AXIAL[[2, 0, 1]] * [[1], [-1], [1]]),
        ((60, 64, 60), (1.5, 1.5, 1.5), AXIAL[[1, 0, 2]]),
        ((24, 110, 90), (5.0, 0.8, 1.0), AXIAL @ rotation((0.3, 0.1, -0.1))),
        ((90, 40, 40), (1.0, 2.5, 2.5), AXIAL),
    ],
    ids=["axial", "right to left", "head first", "sagittal", "coronal", "oblique", "thin slices"],
)
def test_a_lesion_is_drawn_where_it_lies_whatever_the_grid(layout, shape, spacing, axes):
    """A ball is drawn on the volume's own grid, in every orientation and at every spacing."""
    volume, truth = with_ball(shape, spacing, axes)
    (mask,) = segmenter(layout)({"any": volume}).masks
    assert mask.shape == shape
    assert dice(mask, truth) > 0.9


def test_an_image_smaller_than_a_window_is_drawn_on():
    """What is missing to a whole window is filled with what lies outside images."""
    volume, truth = with_ball((9, 30, 28), (4.0, 2.0, 2.0))
    for layout in (SLICES, PATCH):
        (mask,) = segmenter(layout)({"any": volume}).masks
        assert dice(mask, truth) > 0.9


def test_neighbours_are_so_many_millimetres_apart_and_repeated_at_the_ends():
    """With slices of 2 mm and neighbours wanted at 6 mm, the first channel is the slice three before."""
    first = [
        helper.make_node("Slice", ["image", "from", "to", "axis"], ["out"]),
    ]
    graph = build(first, ["n", 3, "r", "c"], ["n", 1, "r", "c"],
                  {"from": np.array([0]), "to": np.array([1]), "axis": np.array([1])})  # fmt: skip
    voxels = np.zeros((12, 32, 32), np.float32)
    voxels[5], voxels[0, 8:20, 8:20] = 100.0, 100.0
    layout = replace(SLICES, neighbour_mm=6.0, lesions="each")
    drawing = segmenter(layout, graph)({"any": volume_of(voxels, geometry_of((12, 32, 32), (2.0, 2.0, 2.0)))})
    assert sorted(int(np.flatnonzero(m.any(axis=(1, 2)))[0]) for m in drawing.masks) == [0, 8]
    beginning = next(m for m in drawing.masks if m[0].any())
    assert list(np.flatnonzero(beginning.any(axis=(1, 2)))) == [0, 1, 2, 3]


def test_the_role_named_in_the_manifest_is_drawn_on():
    """With a role, that volume is looked at and not the first; without it the model is stopped."""
    empty, _ = with_ball((10, 40, 40), (4.0, 2.0, 2.0), value=10.0)
    volume, truth = with_ball((30, 60, 60), (3.0, 1.5, 1.5))
    model = segmenter(replace(SLICES, role="flair"))
    assert model.role == "flair"
    assert dice(model({"t1c": empty, "flair": volume}).masks[0], truth) > 0.9
    with pytest.raises(ModelFailed, match="role flair"):
        model({"t1c": empty})


def test_a_mirrored_pass_is_averaged_and_its_agreement_is_a_sign():
    """A graph that sees half of the image draws half with one pass, all of it at half the certainty with two."""
    volume, _ = with_ball((10, 40, 40), (4.0, 2.0, 2.0), radius=30.0)
    layout = replace(SLICES, window=(1, 40, 40), spacing_mm=(0.0, 2.0, 2.0), threshold=0.4)
    graph = bright(channels=1, column=True, inner=[40, 40])
    (half,) = segmenter(layout, graph)({"any": volume}).masks
    both = segmenter(replace(layout, flips=((2,),)), graph)
    (whole,) = both({"any": volume}).masks
    prepared = both.prepare(volume)
    signs = both.signs(both.answer(prepared), prepared)
    assert not half[:, :, 20:].any()
    assert whole[:, :, 21:].any()
    assert whole[:, :, :19].any()
    assert signs["agreement"] < 0.75
    assert signs["certainty"] == pytest.approx(2 / 3, abs=0.05)


def test_softmax_adds_the_classes_and_sigmoid_takes_the_highest():
    """Logits of two classes become probabilities as the manifest says."""
    volume, truth = with_ball((12, 40, 40), (4.0, 2.0, 2.0))
    graph = bright(channels=3, raw=True)
    for activation in ("softmax", "sigmoid"):
        layout = replace(SLICES, activation=activation, classes=(1,))
        assert dice(segmenter(layout, graph)({"any": volume}).masks[0], truth) > 0.9
    with pytest.raises(ModelFailed, match="no probability"):
        segmenter(replace(SLICES, classes=(1,)), graph)({"any": volume})
    with pytest.raises(ModelFailed, match="classes"):
        segmenter(replace(SLICES, classes=(2,), activation="softmax"), graph)({"any": volume})


def two_balls(second_radius):
    geometry = geometry_of((30, 60, 60), (2.0, 2.0, 2.0))
    first, second = (
        ball(geometry, np.array([35.0, 35.0, 30.0]), 14.0),
        ball(geometry, np.array([90.0, 90.0, 30.0]), second_radius),
    )
    return volume_of(np.where(first | second, 100.0, 10.0), geometry), first, second


def test_pieces_are_lesions_largest_first_or_one_together():
    """Small pieces are left out; the others are lesions of their own, or one."""
    volume, first, second = two_balls(8.0)
    each = segmenter(SLICES)({"any": volume}).masks
    assert [dice(m, t) > 0.95 for m, t in zip(each, (first, second), strict=True)] == [True, True]
    (one,) = segmenter(replace(SLICES, lesions="one"))({"any": volume}).masks
    assert (one == (each[0] | each[1])).all()
    for changes in ({"smallest_ml": 5.0}, {"smallest_share": 0.5}):
        (left,) = segmenter(replace(SLICES, **changes))({"any": volume}).masks
        assert (left == each[0]).all()


def test_trust_is_the_product_of_what_is_asked_and_says_what_is_low():
    """A sure, whole drawing is trusted fully; pieces left out and an end that cuts it are named."""
    asked = Trust(certainty=(0.5, 0.9), share=(0.3, 0.9), end=(0.5, 0.1))
    volume, _, _ = two_balls(12.0)
    sure = segmenter(replace(SLICES, trust=asked))({"any": volume})
    assert (sure.trust, sure.why) == (1.0, TRUSTED)
    left_out = segmenter(replace(SLICES, trust=asked, smallest_share=0.9))({"any": volume})
    assert 0 < left_out.trust < 0.9
    assert DOUBTS["share"] in left_out.why
    cut, _ = with_ball((6, 60, 60), (3.0, 1.5, 1.5), radius=20.0)
    drawing = segmenter(replace(SLICES, trust=asked))({"any": cut})
    assert drawing.trust == 0.0
    assert DOUBTS["end"] in drawing.why


def test_nothing_bright_gives_no_mask():
    """No voxel above the threshold: no masks, no trust, and a sentence."""
    volume, _ = with_ball((12, 40, 40), (4.0, 2.0, 2.0), value=20.0)
    model = segmenter()
    drawing, prepared = model({"any": volume}), model.prepare(volume)
    assert (drawing.masks, drawing.trust, drawing.why) == ((), 0.0, NOTHING)
    assert model.signs(model.answer(prepared), prepared) == {}


HEAD = Painting(
    shape=(30, 100, 90), spacing=(5.0, 2.2, 2.2), noise=12.0,
    bodies=(
        Ellipsoid(centre=(0, 0, 0), radii=(70, 95, 75), value=60),
        Ellipsoid(centre=(10, 10, -20), radii=(15, 15, 15), value=150),
    ),
)  # fmt: skip


def test_the_gain_of_the_scanner_does_not_matter_where_the_scale_is_taken_over_the_head():
    """Ten times the intensity gives the same drawing."""
    layout = replace(SLICES, intensity=Intensity(scale="robust", over="head", after=(-3.0, 8.0), shift=3.0))
    model = segmenter(layout, bright(channels=3, above=6.6))
    volume = paint(HEAD)
    louder = replace(volume, voxels=volume.voxels * 10)
    (mask,), (same,) = model({"any": volume}).masks, model({"any": louder}).masks
    assert dice(mask, paint(replace(HEAD, noise=0.0)).voxels > 105) > 0.9
    assert (mask != same).sum() < 0.001 * mask.sum()


@pytest.mark.parametrize(
    ("change", "given", "code"),
    [
        ({}, {"modality": "CT"}, "wrong anatomy"),
        ({"coarsest_mm": (2.0, 2.0, 2.0)}, {}, "unsupported image"),
        ({"most_tilt_deg": 5.0}, {}, "unsupported image"),
        ({"intensity": Intensity(over="head")}, {}, "wrong anatomy"),
    ],
    ids=["modality", "too coarse", "tilted", "no head"],
)
def test_an_image_that_the_model_was_not_made_for_is_refused(change, given, code):
    """Each with the code that the report prints a sentence for."""
    volume, _ = with_ball((12, 40, 40), (3.0, 2.0, 2.0), AXIAL @ rotation((0.3, 0, 0)))
    with pytest.raises(Refused) as refused:
        segmenter(replace(SLICES, **change), **given)({"any": volume})
    assert refused.value.code == code


@pytest.mark.parametrize("voxels", [np.zeros((12, 40, 40)), np.full((12, 40, 40), 7.0)], ids=["empty", "flat"])
def test_an_image_without_contrast_is_refused(voxels):
    """Nothing can be scaled by a spread of zero."""
    layout = replace(SLICES, intensity=Intensity(scale="plain", over="nonzero"))
    with pytest.raises(Refused, match=r"empty|same intensity"):
        segmenter(layout)({"any": volume_of(voxels, geometry_of((12, 40, 40), (3.0, 2.0, 2.0)))})


def test_a_graph_that_breaks_the_contract_is_stopped():
    """No graph, another number of neighbours, a fixed size that differs, another grid in the answer."""
    with pytest.raises(ModelFailed, match="cannot be loaded"):
        segmenter(graph=b"no graph")
    with pytest.raises(ModelFailed, match="windows of"):
        segmenter(graph=bright(channels=5))
    with pytest.raises(ModelFailed, match="not one float32 image of 4 axes"):
        segmenter(graph=bright(channels=1, rank=5))
    pooled = [helper.make_node("MaxPool", ["image"], ["out"], kernel_shape=[2, 2], strides=[2, 2])]
    shrunk = build(pooled, ["n", 3, "r", "c"], ["n", 3, "r2", "c2"], {})
    volume, _ = with_ball((12, 40, 40), (4.0, 2.0, 2.0))
    with pytest.raises(ModelFailed, match="not the same grid"):
        segmenter(graph=shrunk)({"any": volume})


def test_the_golden_case_tells_every_difference():
    """What was drawn is compared in voxels, place and trust; an image that is none is said to be none."""
    model = segmenter(replace(SLICES, intensity=replace(FIXED, spread=200.0)))
    case = {
        "name": "a head",
        "painting": {
            "shape": [12, 40, 40], "spacing": [4.0, 2.0, 2.0],
            "bodies": [{"centre": [0.0, 4.0, 6.0], "radii": [12.0, 12.0, 12.0], "value": 200.0}],
        },
        "expect": {"voxels": 450, "centroid_mm": [6.0, 4.0, 0.0], "trust": 1.0},
    }  # fmt: skip
    golden = {"cases": [case], "tolerance": {"voxels": 0.1, "centroid_mm": 0.5, "trust": 0.02}}
    assert model.check_golden(golden) == []
    wrong = {**case, "expect": {"voxels": 300, "centroid_mm": [0.0, 0.0, 0.0], "trust": 0.5}}
    found = model.check_golden({**golden, "cases": [wrong]})
    assert [line.split(": ")[1].split()[0] for line in found] == ["drew", "centre", "trust"]
    assert model.check_golden({**golden, "cases": []}) == ["golden.json has no cases"]
    assert "describes no image" in model.check_golden({**golden, "cases": [{"name": "x", "painting": {}}]})[0]
