"""Models from elsewhere: what their own files say is done to the numbers, checked against plain numpy."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from node.domain.facts import ModelFacts
from node.errors import ModelFailed, Refused
from node.inference.onnx_segmenter import OnnxSegmenter
from node.inference.package import load_package
from node.training.bring import bring
from node.training.brought import Wishes
from node.training.folder import put
from node.training.monai import read_bundle
from node.training.nnunet import read_nnunet
from tests.support.foreign import (
    BEFORE,
    DATASET,
    INFERENCE,
    METADATA,
    PLANS,
    bundle,
    changed,
    linear,
    nnunet,
    smoothing,
)
from tests.support.volumes import AXIAL, geometry_of, volume_of

FULL = "configurations/3d_fullres/"
WISH = Wishes(configuration="3d_fullres", orientation="SPL")
NN_WINDOW, MONAI_WINDOW = (8, 16, 12), (12, 16, 8)
NOTHING = Wishes()
EQUAL = ([0.0], [1.0])


def model_of(brought, graph=None):
    facts = ModelFacts(id="toy", version="1.0.0", kind="segmenter", digest="", manufacturer="", name="")
    return OnnxSegmenter(facts, brought.layout, graph or brought.graphs[0].read_bytes(), modality=brought.modality)


def from_nnunet(folder, *, plans=PLANS, dataset=DATASET, graph=None, wishes=WISH):
    graph = graph or linear(EQUAL, [0.0, 0.0], NN_WINDOW)
    return model_of(read_nnunet(nnunet(folder, graph, plans, dataset), wishes))


def from_monai(folder, *, inference=INFERENCE, metadata=METADATA, graph=None, wishes=NOTHING):
    graph = graph or linear(EQUAL, [0.0, 0.0], MONAI_WINDOW)
    return model_of(read_bundle(bundle(folder, graph, inference, metadata), wishes))


def noise(shape, low=-100.0, high=300.0, seed=3):
    return ndimage.gaussian_filter(np.random.default_rng(seed).uniform(low, high, shape), 0.7).astype(np.float32)


def volume(voxels, spacing, axes=AXIAL, modality="MR"):
    return volume_of(voxels, geometry_of(voxels.shape, spacing, axes=np.asarray(axes, float)), modality=modality)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("axes", "wanted", "turn"),
    [
        (AXIAL, "SPL", lambda v: v),
        (AXIAL * [[1], [1], [-1]], "SPL", lambda v: v[:, :, ::-1]),
        (AXIAL, "SAR", lambda v: v[:, ::-1, ::-1]),
        (AXIAL[[2, 0, 1]], "SPL", lambda v: v.transpose(1, 2, 0)),
    ],
    ids=["as it lies", "mirrored", "RAS files", "sagittal"],
)
def test_nnunet_sees_the_image_as_its_reader_would(tmp_path, axes, wanted, turn):
    """Orientation and z-score by hand: the probability of each voxel is that of its own scaled value."""
    turned = noise((11, 20, 17))
    voxels = {(0, 1, 2): turned, (1, 2, 0): turned.transpose(2, 0, 1)}[
        (1, 2, 0) if axes.tolist() == AXIAL[[2, 0, 1]].tolist() else (0, 1, 2)
    ]
    spacing = (2.0, 2.5, 1.5) if voxels is not turned else (2.5, 1.5, 2.0)
    model = from_nnunet(tmp_path, wishes=Wishes(configuration="3d_fullres", orientation=wanted))
    found = model.answer(model.prepare_all({"flair": volume(voxels, spacing, axes)})).probability
    expected = turn(voxels).astype(np.float64)
    np.testing.assert_allclose(found, sigmoid((expected - expected.mean()) / expected.std()), atol=1e-5)


def test_a_reader_that_reorients_says_the_orientation_itself(tmp_path):
    """NibabelIOWithReorient gives RAS files, whose array read as (z, y, x) runs to the head, the front, the right."""
    plans = changed(PLANS, "image_reader_writer", "NibabelIOWithReorient")
    model = from_nnunet(tmp_path, plans=plans, wishes=Wishes(configuration="3d_fullres"))
    assert model.layout.axes == "SAR"
    with pytest.raises(ModelFailed, match=r"--orientation: NibabelIOWithReorient turns images to SAR"):
        from_nnunet(tmp_path, plans=plans)


def test_transposed_axes_are_seen_in_the_networks_order(tmp_path):
    """transpose_forward (2, 0, 1): the network's first axis is x; spacing and window are already in that order."""
    voxels = noise((9, 14, 12))
    model = from_nnunet(tmp_path, plans=changed(PLANS, "transpose_forward", [2, 0, 1]))
    prepared = model.prepare_all({"flair": volume(voxels, (1.5, 2.0, 2.5))})
    scaled = (voxels - voxels.mean()) / voxels.std()
    np.testing.assert_allclose(prepared.grid, scaled.transpose(2, 0, 1), atol=1e-5)


def bordered():
    """An image in a border of zeros, with a hole of zeros inside."""
    voxels = np.zeros((14, 22, 20), np.float32)
    voxels[2:12, 3:19, 4:18] = noise((10, 16, 14), 20.0, 220.0)
    voxels[2:4, 3:6, 4:8] = 0.0  # a notch at the corner, outside
    voxels[6:8, 9:12, 9:12] = 0.0  # a hole, enclosed
    return voxels


def expected_scaled(scheme, masked):
    voxels = bordered()
    inner = voxels[2:12, 3:19, 4:18].astype(np.float64)
    if scheme == "CTNormalization":
        return (np.clip(inner, -20, 150) - 60) / 40
    if scheme == "RescaleTo01Normalization":
        return (inner - inner.min()) / (inner.max() - inner.min())
    if scheme == "NoNormalization":
        return inner
    if not masked:
        return (inner - inner.mean()) / inner.std()
    filled = ndimage.binary_fill_holes(inner != 0)
    values = inner[filled]
    return np.where(filled, (inner - values.mean()) / values.std(), 0.0)


@pytest.mark.parametrize(
    ("scheme", "masked"),
    [
        ("ZScoreNormalization", False),
        ("ZScoreNormalization", True),
        ("CTNormalization", False),
        ("RescaleTo01Normalization", False),
        ("NoNormalization", False),
    ],
)
def test_each_normalisation_of_nnunet_by_hand(tmp_path, scheme, masked):
    """Cut to what is not zero, then scaled as the scheme says; a mask leaves what lies around at zero."""
    plans = changed(PLANS, FULL + "normalization_schemes", [scheme])
    model = from_nnunet(tmp_path, plans=changed(plans, FULL + "use_mask_for_norm", [masked]))
    prepared = model.prepare_all({"flair": volume(bordered(), (2.5, 1.5, 2.0))})
    np.testing.assert_allclose(prepared.grid, expected_scaled(scheme, masked), atol=2e-5)


def test_an_image_is_brought_to_the_networks_spacing_without_smoothing(tmp_path):
    """Cubic splines about the common middle, as scipy has them, within the image's own values; nothing is blurred."""
    voxels = noise((20, 30, 24))
    plans = changed(PLANS, FULL + "normalization_schemes", ["NoNormalization"])
    prepared = from_nnunet(tmp_path, plans=plans).prepare_all({"flair": volume(voxels, (2.0, 1.0, 3.0))})
    assert prepared.grid.shape == (16, 20, 36)
    own, new = np.array([2.0, 1.0, 3.0]), np.array([2.5, 1.5, 2.0])
    at = np.moveaxis(np.indices(prepared.grid.shape), 0, -1) - (np.array(prepared.grid.shape) - 1) / 2
    index = np.moveaxis(at * new / own + (np.array(voxels.shape) - 1) / 2, -1, 0)
    expected = ndimage.map_coordinates(voxels.astype(np.float64), index, order=3, mode="nearest")
    np.testing.assert_allclose(prepared.grid, np.clip(expected, voxels.min(), voxels.max()), atol=1e-3)


def test_windows_give_what_the_whole_image_gives_for_a_local_graph(tmp_path):
    """Stitching changes nothing where a voxel's answer depends on that voxel alone, whatever the size of the image."""
    for shape in ((8, 16, 12), (5, 9, 7), (19, 33, 13)):
        voxels = noise(shape)
        model = from_nnunet(tmp_path)
        found = model.answer(model.prepare_all({"flair": volume(voxels, (2.5, 1.5, 2.0))})).probability
        np.testing.assert_allclose(found, sigmoid((voxels - voxels.mean()) / voxels.std()), atol=1e-5)


def stitched(grid, window, places, weight, above):
    """Windows at given places, answered by a mean over 3 x 3 x 3 voxels with zeros around each window, averaged."""
    total, weights = np.zeros(grid.shape), np.zeros(grid.shape)
    for corner in product(*places):
        box = tuple(slice(c, c + w) for c, w in zip(corner, window, strict=True))
        mean = ndimage.uniform_filter(grid[box].astype(np.float64), 3, mode="constant")
        total[box] += weight * 2 * (mean - above)
        weights[box] += weight
    return sigmoid(total / weights)


def gaussian(window, middles):
    axes = [np.exp(-0.5 * ((np.arange(n) - m) / (n / 8)) ** 2) for n, m in zip(window, middles, strict=True)]
    return np.einsum("i,j,k->ijk", *axes)


def test_nnunet_windows_lie_and_weigh_as_nnunet_lays_them(tmp_path):
    """Steps of at most half a window, evenly; a Gaussian about the voxel n // 2; logits averaged, then compared."""
    voxels = noise((18, 27, 20), -1.0, 3.0)
    plans = changed(PLANS, FULL + "normalization_schemes", ["NoNormalization"])
    model = from_nnunet(tmp_path, plans=plans, graph=smoothing(NN_WINDOW, above=1.0))
    found = model.answer(model.prepare_all({"flair": volume(voxels, (2.5, 1.5, 2.0))})).probability
    places = [[0, 3, 7, 10], [0, 6, 11], [0, 4, 8]]  # np.round of even steps: 10 / 3, 11 / 2, 8 / 2
    expected = stitched(voxels, NN_WINDOW, places, gaussian(NN_WINDOW, (4, 8, 6)), 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["gaussian", "constant"])
def test_monai_windows_lie_and_weigh_as_its_inferer_lays_them(tmp_path, mode):
    """Steps of int(window * (1 - overlap)), the last window moved back; a Gaussian about the middle, or none."""
    voxels = noise((20, 18, 21), -1.0, 3.0)  # (S, P, L): the network sees (R, A, S)
    inference = changed(changed(INFERENCE, "inferer/mode", mode), "inferer/overlap", 0.25)
    steps = [step for step in BEFORE if step["_target_"] != "ScaleIntensityRanged"]
    steps.append({"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 0, "a_max": 1, "b_min": 0, "b_max": 1})
    inference = changed(inference, "preprocessing/transforms", steps)
    model = from_monai(tmp_path, inference=inference, graph=smoothing(MONAI_WINDOW, above=1.0))
    found = model.answer(model.prepare_all({"ct": volume(voxels, (2.5, 1.5, 2.0), modality="CT")})).probability
    seen = voxels.transpose(2, 1, 0)[::-1, ::-1, :]
    weight = np.maximum(gaussian(MONAI_WINDOW, (5.5, 7.5, 3.5)), 1e-3) if mode == "gaussian" else np.ones(MONAI_WINDOW)
    expected = stitched(seen, MONAI_WINDOW, [[0, 9], [0, 2], [0, 6, 12]], weight, 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


RANGED = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -50, "a_max": 150, "b_min": -1, "b_max": 1}


@pytest.mark.parametrize(
    ("step", "by_hand"),
    [
        (RANGED | {"clip": True}, lambda v: np.clip((v + 50) / 100 - 1, -1, 1)),
        (RANGED, lambda v: (v + 50) / 100 - 1),
        ({"_target_": "ScaleIntensityd", "keys": "image"}, lambda v: (v - v.min()) / (v.max() - v.min())),
        ({"_target_": "monai.transforms.ScaleIntensityD", "keys": "image", "minv": -1.0, "maxv": 1.0},
         lambda v: 2 * (v - v.min()) / (v.max() - v.min()) - 1),
        ({"_target_": "NormalizeIntensityd", "keys": "image"}, lambda v: (v - v.mean()) / v.std()),
        ({"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": "True", "channel_wise": True},
         lambda v: np.where(v != 0, (v - v[v != 0].mean()) / v[v != 0].std(), 0)),
    ],
    ids=["clipped", "not clipped", "0 to 1", "-1 to 1", "normalised", "normalised where not zero"],
)  # fmt: skip
@pytest.mark.parametrize("early", [True, False], ids=["before spacing", "after spacing"])
def test_each_scaling_of_monai_by_hand(tmp_path, step, by_hand, early):
    """Orientation RAS, and the step's formula on the whole image, zeros around included."""
    steps = [s for s in BEFORE if s["_target_"] not in ("ScaleIntensityRanged", "EnsureTyped")]
    place = next(i for i, s in enumerate(steps) if s["_target_"] == "Spacingd") + (0 if early else 1)
    inference = changed(INFERENCE, "preprocessing/transforms", [*steps[:place], step, *steps[place:]])
    model = from_monai(tmp_path, inference=inference)
    prepared = model.prepare_all({"ct": volume(bordered(), (2.5, 1.5, 2.0), modality="CT")})
    expected = by_hand(bordered().transpose(2, 1, 0)[::-1, ::-1, :].astype(np.float64))
    np.testing.assert_allclose(prepared.grid, expected, atol=2e-5)


def test_statistics_are_taken_where_the_steps_stand(tmp_path):
    """After Spacingd, mean and deviation are those of the resampled image."""
    voxels = noise((16, 30, 26))
    steps = [s for s in BEFORE if s["_target_"] != "ScaleIntensityRanged"] + [
        {"_target_": "NormalizeIntensityd", "keys": "image"}
    ]
    late = from_monai(tmp_path, inference=changed(INFERENCE, "preprocessing/transforms", steps))
    grid = late.prepare_all({"ct": volume(voxels, (2.5, 1.0, 1.0), modality="CT")}).grid
    assert (grid.mean(), grid.std()) == pytest.approx((0, 1), abs=1e-4)
    early = [*steps[:3], steps[-1], *steps[3:-1]]
    grid = (
        from_monai(tmp_path, inference=changed(INFERENCE, "preprocessing/transforms", early))
        .prepare_all({"ct": volume(voxels, (2.5, 1.0, 1.0), modality="CT")})
        .grid
    )
    assert grid.std() < 0.98  # interpolation took contrast away after the scale was set


LABELS = {"background": 0, "edema": 1, "core": 2, "ignore": 3}


@pytest.mark.parametrize(("lesion", "classes"), [(("core",), [2]), (("edema",), [1]), (("edema", "core"), [1, 2])])
def test_a_label_is_drawn_where_it_is_the_likeliest(tmp_path, lesion, classes):
    """Three labels compete as numpy's argmax decides, also where no label has half of the probability."""
    graph = linear([[0.0], [1.0], [-1.5]], [0.2, 0.0, -0.3], NN_WINDOW)
    wishes = Wishes(configuration="3d_fullres", orientation="SPL", lesion=lesion)
    model = from_nnunet(tmp_path, dataset=changed(DATASET, "labels", LABELS), graph=graph, wishes=wishes)
    voxels = noise((12, 20, 16))
    image = volume(voxels, (2.5, 1.5, 2.0))
    drawing = model({"flair": image})
    scaled = (voxels - voxels.mean()) / voxels.std()
    likeliest = np.argmax(np.stack([np.full(scaled.shape, 0.2), scaled, -1.5 * scaled - 0.3]), axis=0)
    drawn = np.logical_or.reduce(drawing.masks)
    np.testing.assert_array_equal(drawn, np.isin(likeliest, classes))
    assert 0 < drawing.trust < 1


def test_a_region_is_drawn_where_its_own_output_says_so(tmp_path):
    """Labels that are lists overlap: each has an output and a sigmoid of its own, in the order of the labels."""
    labels = {"background": 0, "whole tumor": [1, 2], "core": [2]}
    dataset = changed(changed(DATASET, "labels", labels), "regions_class_order", [1, 2])
    graph = linear([[1.0], [3.0]], [0.0, -3.0], NN_WINDOW)
    voxels = noise((12, 20, 16))
    scaled = (voxels - voxels.mean()) / voxels.std()
    for lesion, expected in (("whole tumor", scaled > 0), ("core", scaled > 1)):
        wishes = Wishes(configuration="3d_fullres", orientation="SPL", lesion=(lesion,))
        model = from_nnunet(tmp_path, dataset=dataset, graph=graph, wishes=wishes)
        masks = model({"flair": volume(voxels, (2.5, 1.5, 2.0))}).masks
        np.testing.assert_array_equal(np.logical_or.reduce(masks), expected)


TWO = changed(DATASET, "channel_names", {"0": "FLAIR", "1": "T1ce"})
TWO_PLANS = changed(
    changed(PLANS, FULL + "normalization_schemes", ["ZScoreNormalization", "RescaleTo01Normalization"]),
    FULL + "use_mask_for_norm", [False, False],
)  # fmt: skip


def test_channels_are_the_roles_of_a_pipeline_on_one_grid(tmp_path):
    """FLAIR and T1ce become flair and t1c; the second is interpolated onto the first, and each scaled by itself."""
    graph = linear([[0.0, 0.0], [1.0, 2.0]], [0.0, -1.0], NN_WINDOW)
    model = from_nnunet(tmp_path, plans=TWO_PLANS, dataset=TWO, graph=graph)
    assert model.layout.channels == ("flair", "t1c")
    flair, t1c = noise((10, 18, 14), 50, 200), noise((10, 18, 14), 50, 200, seed=9)
    first = volume(flair, (2.5, 1.5, 2.0))
    finer = geometry_of((20, 18, 14), (1.25, 1.5, 2.0))
    twice = volume_of(np.repeat(t1c, 2, axis=0), finer)
    found = model.answer(model.prepare_all({"t1c": twice, "flair": first})).probability
    scaled = (flair - flair.mean()) / flair.std() + 2 * (t1c - t1c.min()) / (t1c.max() - t1c.min()) - 1
    np.testing.assert_allclose(found, sigmoid(scaled), atol=1e-5)


def test_channels_that_were_not_registered_are_refused(tmp_path):
    """Without a common frame of reference nobody knows how the series lie; without a role nothing is drawn."""
    graph = linear([[0.0, 0.0], [1.0, 2.0]], [0.0, -1.0], NN_WINDOW)
    model = from_nnunet(tmp_path, plans=TWO_PLANS, dataset=TWO, graph=graph)
    flair = volume(noise((10, 18, 14)), (2.5, 1.5, 2.0))
    with pytest.raises(Refused, match="no common frame of reference"):
        model({"flair": flair, "t1c": replace(flair, frame_uid="9.9")})
    with pytest.raises(ModelFailed, match="draws on the role t1c, and was given flair"):
        model({"flair": flair})


def test_the_slices_of_a_2d_configuration_are_seen_one_by_one(tmp_path):
    """Slices keep their own distance, and each is scaled with the whole image."""
    voxels = noise((4, 30, 40))
    wishes = Wishes(configuration="2d", orientation="SPL")
    model = from_nnunet(tmp_path, graph=linear(EQUAL, [0.0, 0.0], [16, 24], batch=1), wishes=wishes)
    prepared = model.prepare_all({"flair": volume(voxels, (7.0, 1.5, 2.0))})
    assert prepared.grid.shape == (4, 30, 40)
    scaled = (voxels - voxels.mean()) / voxels.std()
    np.testing.assert_allclose(model.answer(prepared).probability, sigmoid(scaled), atol=1e-5)


@pytest.mark.parametrize("kind", ["nnunet", "monai"])
def test_an_imported_package_opens_and_answers_its_golden_case(tmp_path, kind):
    """Written, loaded, verified; the card names origin, reading, differences, and that nobody validated it."""
    if kind == "nnunet":
        source = nnunet(tmp_path / "source", linear([[0], [1]], [1.0, -0.5], NN_WINDOW))
        imported = bring(source, "toy", WISH)
    else:
        source = bundle(tmp_path / "source", linear([[0], [1]], [0.6, 0.0], MONAI_WINDOW))
        imported = bring(source, "toy", Wishes())
    package = put(tmp_path / "toy", imported.files)
    card = (tmp_path / "toy" / "card.md").read_text()
    assert package.facts.exploratory.startswith("exploratory: imported from")
    for part in ("**Not validated here.**", "## Where from", "## What was read", "## What is done otherwise"):
        assert part in card


def test_folds_are_averaged_and_axes_mirrored_as_it_was_said(tmp_path):
    """The graph that ships answers the mean of both; the card names files and axes, and no longer that they lack."""
    folder = nnunet(tmp_path / "s", linear(EQUAL, [0.0, 1.0], NN_WINDOW))
    (folder / "fold_1.onnx").write_bytes(linear(EQUAL, [0.0, -0.4], NN_WINDOW))
    wishes = replace(WISH, graphs=("fold_0.onnx", "fold_1.onnx"), mirror=(0, 2))
    imported = bring(folder, "toy", wishes)
    assert imported.brought.layout.flips == ((0,), (2,), (0, 2))
    model = model_of(imported.brought, imported.files["model.onnx"])
    voxels = noise((8, 16, 12))
    answer = model.answer(model.prepare_all({"flair": volume(voxels, (2.5, 1.5, 2.0))}))
    scaled = (voxels - voxels.mean()) / voxels.std()
    np.testing.assert_allclose(answer.probability, sigmoid(scaled + 0.3), atol=1e-5)
    card = imported.files["card.md"].decode()
    assert "graph `fold_0.onnx, fold_1.onnx`" in card
    assert "graphs whose answers are averaged: fold_0.onnx, fold_1.onnx; axes that are mirrored: 0, 2." in card
    assert "looks once" not in card
    assert "One network answers" not in card
    flat = bring(nnunet(tmp_path / "flat", linear(EQUAL, [0.0, 0.0], [16, 24])), "toy",
                 Wishes(configuration="2d", orientation="SPL", mirror=(0, 1)))  # fmt: skip
    assert flat.brought.layout.flips == ((1,), (2,), (1, 2))


def test_the_golden_case_knows_another_graph(tmp_path):
    """A graph that answers otherwise is told by its probabilities, even where both draw nothing."""
    put(tmp_path / "toy", bring(nnunet(tmp_path / "s", linear([[0], [1]], [9.0, 0.0], NN_WINDOW)), "toy", WISH).files)
    other = linear([[0], [1]], [8.9, 0.0], NN_WINDOW)
    manifest = tmp_path / "toy" / "model.toml"
    before = hashlib.sha256((tmp_path / "toy" / "model.onnx").read_bytes()).hexdigest()
    (tmp_path / "toy" / "model.onnx").write_bytes(other)
    with pytest.raises(ModelFailed, match="SHA-256 differs"):
        load_package(tmp_path / "toy")
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(other).hexdigest()))
    with pytest.raises(ModelFailed, match="a probability is"):
        load_package(tmp_path / "toy").verify()
