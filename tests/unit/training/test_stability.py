"""How the inputs of a model bear another contour: measured, written into the package, shown in the card."""

from __future__ import annotations

import shutil
import tomllib

import numpy as np
import pytest

from node.domain.order import Extraction
from node.errors import ConfigError
from node.inference.inputs import ModelInput
from node.inference.package import load_package, shipped_models
from node.training import publish
from node.training.card_stability import stability as section
from node.training.lesions import Drawn, gliomas
from node.training.publish import fold
from node.training.stability import assess, shipped
from tests.support.volumes import ball, geometry_of, volume_of

INPUTS = (
    ModelInput(name="age", source="clinical:age"),
    ModelInput(name="size", source="measure:volume_ml", scale="log"),
    ModelInput(name="round", source="feature:original_shape_Sphericity"),
    ModelInput(name="grain", source="feature:original_firstorder_Skewness"),
)
SHAPE = (16, 40, 40)


def lesion(radius, seed, stretch=1.0):
    """An ellipsoid whose intensities have a lean of their own."""
    geometry = geometry_of(SHAPE, (2.0, 1.0, 1.0))
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    mask = np.linalg.norm((index - (8, 20, 20)) * (2.0, 1.0, 1.0 / stretch), axis=-1) <= radius
    rng = np.random.default_rng(seed)
    voxels = 100 + mask * rng.gamma(1 + seed, 40, SHAPE)
    return Drawn(volume_of(voxels, geometry), mask)


@pytest.fixture(scope="module")
def found():
    """Three lesions, and one of a single voxel."""
    geometry = geometry_of(SHAPE, (2.0, 1.0, 1.0))
    speck = Drawn(lesion(8, 0).volume, ball(geometry, geometry.point(np.array([8.0, 20.0, 20.0])), 0.1))
    lesions = [*(lesion(6 + 2 * n, n, 1 + 0.15 * n) for n in range(3)), speck]
    told = []
    table = assess(INPUTS, Extraction(), lesions, data="ellipsoids", progress=told.append)
    return table, told


def test_every_measured_input_has_both_coefficients(found):
    """Contour and resampling, each with its interval; the age is not drawn."""
    table, told = found
    assert list(table["contour"]) == list(table["resampling"]) == ["size", "round", "grain"]
    assert table["contour"]["size"]["icc"] > 0.8
    for measured in (*table["contour"].values(), *table["resampling"].values()):
        assert measured["interval"][0] <= measured["icc"] <= 1
    assert told[0] == "lesion 1 measured in 10 ways"


def test_a_lesion_that_cannot_be_measured_in_every_way_is_counted(found):
    """One voxel drawn smaller is nothing."""
    table, _ = found
    assert (table["lesions"], table["left_out"]) == (3, 1)


def test_a_package_is_told_and_stays_whole(found, tmp_path):
    """Manifest, card and file agree, the model answers as before, and a second time changes nothing."""
    table, _ = found
    folder = tmp_path / "lung-kras"
    shutil.copytree(shipped_models() / "lung-kras", folder, ignore=shutil.ignore_patterns("__pycache__"))
    fold(folder, "stability", table)
    package = load_package(folder)
    package.verify()
    assert package.manifest.stability["contour"]["size"] == table["contour"]["size"]
    assert tomllib.loads((folder / publish.MEASURED["stability"]).read_text()) == package.manifest.stability
    assert "## Stability" in (folder / "card.md").read_text()
    before = (folder / "model.toml").read_bytes()
    fold(folder, "stability", table)
    assert (folder / "model.toml").read_bytes() == before


def package_of(tmp_path):
    """The shipped model of glioma, whose inputs are features, to be told of other lesions."""
    folder = tmp_path / "glioma-1p19q"
    shutil.copytree(shipped_models() / "glioma-1p19q", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize(("name", "count"), [("glioma-1p19q", 1), ("lung-egfr", 0), ("lung-egfr", 3)])
def test_without_lesions_or_inputs_a_package_stays_as_it_is(name, count, tmp_path):
    """Nothing measured is no stability: the command is refused, and every file is untouched."""
    folder = tmp_path / name
    shutil.copytree(shipped_models() / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigError, match="no coefficient can be made"):
        shipped(folder, [lesion(6, n) for n in range(count)], data="ellipsoids", progress=print)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_check_measures_again_and_writes_nothing(tmp_path):
    """The same lesions are reproduced; another lesion is told by the inputs that it moves; the package stays."""
    folder, told = package_of(tmp_path), []
    same = [lesion(6 + 2 * n, n, 1 + 0.15 * n) for n in range(3)]
    assert shipped(folder, same, data="ellipsoids", progress=told.append) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert shipped(folder, same, data="ellipsoids", progress=told.append, check=True) == 0
    assert told[-1] == "reproduced"
    other = [*same[:2], lesion(7, 9)]
    assert shipped(folder, other, data="ellipsoids", progress=told.append, check=True) == 1
    assert "differs: contour.Elongation.icc: " in told[-1]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_card_grades_the_worse_of_the_two():
    """As Koo and Li do: its 95 % interval, not the estimate."""
    measured = {
        "contour": {"a": {"icc": 0.95, "interval": [0.9, 0.98]}, "b": {"icc": 0.3, "interval": [0.1, 0.49]}},
        "resampling": {"a": {"icc": 0.8, "interval": [0.7, 0.89]}, "b": {"icc": 1.0, "interval": [1.0, 1.0]}},
    }
    words = {"data": "d", "lesions": 9, "left_out": 0, "icc": "i", "contours": "c", "grids": "g"}
    lines = list(section({"stability": {**words, **measured}}))
    assert "| a | 0.95 | 0.90 to 0.98 | 0.80 | 0.70 to 0.89 | moderate to good |" in lines
    assert any(line.startswith("| b |") and line.endswith("| poor |") for line in lines)
    assert list(section({})) == []


def test_the_card_names_what_was_not_assessed():
    """An input that is read inside the contour and has no coefficient; of many the number; none that is no image's."""
    inputs = [{"name": "age", "source": "clinical:age"}, {"name": "glass", "source": "image:ground_glass"}]
    assert "Not assessed, though the contour may move them: glass. No ICC was measured for these inputs." in list(
        section({"inputs": inputs})
    )
    assert list(section({"inputs": inputs[:1]})) == []
    many = [{"name": f"f{n}", "source": f"feature:original_f{n}"} for n in range(11)]
    assert any("f7 and 3 more." in line for line in section({"inputs": many}))


def test_real_lesions_are_read_in_a_fixed_order(data):
    """The same ones every time; each has a contour; more than there are is refused."""
    assert any((data / "tcga-lgg-flair").iterdir())
    first, again = list(gliomas(2)), list(gliomas(2))
    assert [each.mask.sum() for each in first] == [each.mask.sum() for each in again]
    assert all(each.mask.any() and each.mask.shape == each.volume.voxels.shape for each in first)
    with pytest.raises(ConfigError, match="fitting patients, not 90"):
        gliomas(90)


@pytest.mark.parametrize("name", ["glioma-idh", "glioma-1p19q"])
def test_models_that_read_features_ship_with_their_stability(name):
    """On at least twenty real lesions, for every input that is measured inside the contour."""
    manifest = load_package(shipped_models() / name).manifest
    drawn = {item.name for item in manifest.inputs if not item.source.startswith("clinical:")}
    assert manifest.stability["lesions"] >= 20
    assert set(manifest.stability["contour"]) == set(manifest.stability["resampling"]) == drawn
