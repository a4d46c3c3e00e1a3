"""How far an answer moves under another mask: measured, counted, written into the package, shown in the card."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from node.domain.findings import Drawing
from node.errors import ConfigError, Refused
from node.inference.belief import dice
from node.inference.package import load_package, shipped_models
from node.training import masks
from node.training.card_masks import masks as section
from node.training.lesions import About, Drawn, unseen
from node.training.mask_figures import Asked, Compared, Other, figures
from node.training.publish import MEASURED, fold
from tests.support.volumes import ball, geometry_of, volume_of

MODELS = ("glioma-idh", "glioma-1p19q")
FLAIR = shipped_models() / "glioma-flair"
SPACING = (3.0, 1.5, 1.5)
PLACE = geometry_of((24, 48, 48), SPACING)
MIDDLE = PLACE.point(np.array([12.0, 24.0, 24.0]))
ABOUT = About("balls", ("Balls are no gliomas.",))


@pytest.fixture(scope="module")
def idh():
    return load_package(shipped_models() / "glioma-idh")


@pytest.fixture(scope="module")
def medians(idh):
    """Inputs, without age, of the golden cases: medians of the wildtype and of the mutated patients."""
    _, wildtype, mutated = json.loads(idh.read("golden.json"))["cases"]
    return [{k: v for k, v in case["inputs"].items() if k != "age"} for case in (wildtype, mutated)]


@pytest.fixture(scope="module")
def lesion():
    """A ball that is brighter than its surroundings, its one half more so."""
    mask = ball(PLACE, MIDDLE, 15.0)
    rng = np.random.default_rng(0)
    voxels = 60 + 40 * mask + 60 * (mask & (np.arange(48) > 26)) + rng.normal(0, 5, PLACE.shape)
    return Drawn(volume_of(voxels, PLACE), mask)


def comparison(before, after, found=0.9, name="a"):
    """One patient, whose displaced masks measure what the drawn one does."""
    others = (Other(asked=0.9, dice=0.905, values=after), Other(asked=0.8, dice=0.8, values=after))
    return Compared(name=name, dice=found, trust=0.8, experts=before, drawn=after, displaced=others)


def told(package, *found):
    return figures(found, package, package.facts, patients=ABOUT)


def test_every_mask_is_measured_on_the_same_image(idh, lesion):
    """The segmenter's own smaller ball, and a displaced mask for each Dice and field, have their own numbers."""
    smaller = ball(PLACE, MIDDLE, 13.0)
    found = masks.compare("a", lesion, lambda _: Drawing(masks=(smaller,), trust=0.7, why=""), idh.manifest, number=0)
    drawn_names = {item.name for item in idh.manifest.inputs} - {"age"}
    assert set(found.experts) == set(found.drawn) == drawn_names
    assert (found.dice, found.trust) == (dice(smaller, lesion.mask), 0.7)
    assert found.drawn["VoxelVolume"] < found.experts["VoxelVolume"]
    assert len(found.displaced) == len(masks.LEVELS) * len(masks.SMOOTH_MM) * masks.FIELDS
    assert len({each.values["Skewness"] for each in found.displaced}) == len(found.displaced)
    assert all(abs(each.asked - each.dice) < 0.02 for each in found.displaced)


def test_an_image_that_the_segmenter_refuses_counts_as_not_drawn(idh, lesion):
    """So does one on which it draws nothing."""

    def refuse(_):
        raise Refused("wrong anatomy", "shows no head", at="segmenter")

    for draw in (refuse, lambda _: Drawing(masks=(), trust=0.0, why="nothing")):
        found = masks.compare("a", lesion, draw, idh.manifest, number=0)
        assert (found.dice, found.trust, found.drawn) == (0.0, 0.0, {})
        assert found.experts
        assert told(idh, found)["not_drawn"] == 1


def test_a_mask_that_measures_the_same_moves_nothing(idh, medians):
    """All changes are zero, none changes sides or leaves its interval."""
    same = told(idh, comparison(medians[0], medians[0]))
    for row in (same["drawn"][0], *same["displaced"], *same["by_age"]):
        assert row["log_odds"] == row["probability"] == row["at_most"] == [0, 0]
        assert row["crossed"] == row["left_interval"] == 0


def test_changes_are_those_of_the_models_own_answers(idh, medians):
    """Log-odds and probability as the model gives them, in parts; medians and 90th percentiles over the patients."""
    wildtype, mutated = medians
    ask, model = Asked(idh), idh.open()
    found = told(idh, comparison(wildtype, wildtype), comparison(wildtype, mutated, 0.75, "b"))
    before, after = (model({**values, "age": 59.0}).probability for values in medians)
    change = math.log(after / (1 - after)) - math.log(before / (1 - before))
    everyone, trusted, best, *_ = found["drawn"]
    assert everyone["log_odds"] == pytest.approx([change / 2, 0.9 * change], abs=2e-3)
    assert everyone["probability"] == pytest.approx([(after - before) / 2, 0.9 * (after - before)], abs=2e-3)
    assert everyone["crossed"] == int(before < idh.manifest.operating_point.threshold <= after) == 1
    assert everyone["left_interval"] == int(after > ask(wildtype, 59.0).upper) == 1
    assert (trusted["n"], best["n"], best["log_odds"]) == (2, 1, [0, 0])
    parts = np.array([ask(mutated, 59.0).shape - ask(wildtype, 59.0).shape])
    assert everyone["shape"] == pytest.approx([abs(parts[0]) / 2, 0.9 * abs(parts[0])], abs=2e-3)


def test_the_change_of_the_log_odds_is_the_same_at_every_age_and_bounds_that_of_the_probability(idh, medians):
    """At no age between 18 and 100 does the probability move more than is stated."""
    found = told(idh, comparison(*medians))
    rows, most = found["by_age"], found["drawn"][0]["at_most"][0]
    assert len({row["age"] for row in rows}) == 3
    assert len({tuple(row["log_odds"]) for row in rows}) == 1
    assert len({tuple(row["probability"]) for row in rows}) == 3
    ask = Asked(idh)
    moved = [ask(medians[1], age).probability - ask(medians[0], age).probability for age in np.arange(18.0, 100.0)]
    assert max(moved) <= most + 1e-3
    assert max(moved) == pytest.approx(most, abs=0.02)


def test_bands_and_levels_hold_each_mask_once(idh, medians):
    """By its Dice, the lower limit included."""
    found = told(idh, *(comparison(*medians, each) for each in (0.95, 0.9, 0.85, 0.79, 0.3)))
    everyone, trusted, *bands = found["drawn"]
    assert (everyone["n"], trusted["n"]) == (5, 5)
    assert {band["masks"]: band["n"] for band in bands} == {
        "0.9 and more": 2, "0.85 to 0.9": 1, "0.8 to 0.85": 0, "0.7 to 0.8": 1, "below 0.7": 1,
    }  # fmt: skip
    assert {row["masks"]: row["n"] for row in found["displaced"]} == {"0.9": 5, "0.8": 5}
    assert found["reached_within"] == 0.005


def test_a_package_is_told_and_stays_whole(idh, medians, tmp_path):
    """Manifest, card and file agree; what is not drawn is said; stability is kept; a second time changes nothing."""
    folder = tmp_path / "glioma-idh"
    shutil.copytree(idh.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    nothing = replace(comparison(*medians, 0.0, "b"), drawn={})
    fold(folder, "masks", told(idh, comparison(*medians), nothing))
    package = load_package(folder)
    package.verify()
    assert tomllib.loads((folder / MEASURED["masks"]).read_text()) == package.manifest.masks
    assert package.manifest.stability == idh.manifest.stability
    card = (folder / "card.md").read_text()
    assert "Balls are no gliomas." in card
    assert "| b | 0.000 | 0.80 | 0.035 | 0.016 to 0.052 | nothing drawn |" in card
    assert "| Dice 0.8 to 0.85 | 0 |" in card
    before = (folder / "model.toml").read_bytes()
    fold(folder, "masks", package.manifest.masks)
    assert (folder / "model.toml").read_bytes() == before


def test_packages_that_read_other_measurements_are_not_told(tmp_path):
    """They must be measured by themselves."""
    folders = [shipped_models() / name for name in ("glioma-idh", "lung-kras")]
    with pytest.raises(ConfigError, match="reads other measurements than glioma-idh"):
        masks.shipped(folders, FLAIR, progress=print)


@pytest.mark.parametrize("name", MODELS)
def test_the_masks_are_those_of_the_segmenter_that_ships(name):
    """Its package hash: after a new glioma-flair, `python models/glioma-idh/train.py --masks` measures both again."""
    segmenter = load_package(FLAIR)
    stored = load_package(shipped_models() / name).manifest.masks["segmenter"]
    assert stored == {"id": "glioma-flair", "version": segmenter.manifest.version, "digest": segmenter.digest}


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_figures_are_of_every_patient_that_several_networks_left_out(name):
    """Those three drew together, to the Dice of the segmenter's own card; every displaced mask counts."""
    found = load_package(shipped_models() / name).manifest.masks
    rows = load_package(FLAIR).manifest.performance["each_patient"]
    stated = {each["name"]: each["dice"] for each in rows if len(each["networks"]) > 1}
    assert {each["name"]: each["dice"] for each in found["each_patient"]} == pytest.approx(stated, abs=0.005)
    assert found["drawn"][0]["n"] + found["not_drawn"] == found["patients"] == len(stated)
    assert sum(band["n"] for band in found["drawn"][2:]) == found["drawn"][0]["n"]
    each = len(stated) * len(masks.SMOOTH_MM) * masks.FIELDS
    assert [row["n"] for row in found["displaced"]] == [each] * len(masks.LEVELS)
    lines = list(section({"masks": found}))
    assert sum(line.startswith("| TCGA-") for line in lines) == found["patients"]
    assert list(section({})) == []


@pytest.mark.slow
def test_a_patient_measured_again_is_answered_as_stored(data, idh, monkeypatch):
    """Segmenter, measure stage and model together, on the first of these patients."""
    monkeypatch.setenv("RADNODE_DATA", str(data))
    name = unseen(FLAIR)[0]
    found = masks.one(masks.Work(segmenter=FLAIR, model=idh.folder, name=name, number=0))
    again = told(idh, found)["each_patient"][0]
    stored = next(each for each in idh.manifest.masks["each_patient"] if each["name"] == again["name"])
    assert again["name"] == name.replace("_", "-")
    for key in ("dice", "experts", "segmenter"):
        assert again[key] == pytest.approx(stored[key], abs=0.01)
