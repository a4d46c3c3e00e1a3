"""The shipped glioma segmenter: whole, answering as it did, described by its own numbers, and good on real heads."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from node.domain.geometry import Geometry
from node.errors import Refused
from node.imaging.ellipsoids import Painting, paint
from node.inference.belief import dice
from node.inference.onnx_segmenter import OnnxSegmenter
from node.inference.onnx_session import open_session
from node.inference.package import load_package, shipped_models
from node.training.lesions import unseeing
from tests.support.volumes import AXIAL

FOLDER = shipped_models() / "glioma-flair"
FIRST = 3  #: patients that the test draws on
SCRIPTS = ("cases", "describe", "head", "unet_graph")


@pytest.fixture(scope="module")
def model() -> OnnxSegmenter:
    """The package, opened as the node opens it."""
    opened = load_package(FOLDER).open()
    assert isinstance(opened, OnnxSegmenter)
    return opened


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The modules of the package's own folder, which only `train.py` imports otherwise."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in SCRIPTS}
    sys.path.remove(str(FOLDER))
    for name in SCRIPTS:
        del sys.modules[name]


def test_the_package_is_whole_and_answers_its_golden_case():
    """Hashes, a head with a tumour, and one without."""
    load_package(FOLDER).verify()


def test_the_graph_is_small_enough_to_ship():
    """At most 20 MB."""
    assert (FOLDER / "model.onnx").stat().st_size <= 20_000_000


def test_the_card_says_what_the_manifest_says(scripts):
    """The card is made of `model.toml` alone, and stands in the folder as it is made."""
    manifest = tomllib.loads((FOLDER / "model.toml").read_text())
    assert scripts["describe"].card(manifest) == (FOLDER / "card.md").read_text()


def test_it_draws_on_flair_and_on_mr_only(model):
    """It names its role, and refuses a CT and an image without a head."""
    assert model.role == "flair"
    head = paint(Painting(shape=(10, 60, 60), spacing=(6.0, 3.0, 3.0), bodies=(), noise=5.0))
    with pytest.raises(Refused) as refused:
        model({"flair": head})
    assert refused.value.code in ("wrong anatomy", "unsupported image")
    with pytest.raises(Refused, match="CT"):
        model({"flair": replace(head, modality="CT")})


def test_every_patient_is_drawn_by_networks_that_were_not_trained_on_it(scripts, data):
    """Those that leave it out: three for each of 18 patients, one for each of the other 71."""
    cases = scripts["cases"]
    split = cases.split(cases.names(data / cases.FOLDER))
    rows = tomllib.loads((FOLDER / "model.toml").read_text())["performance"]["each_patient"]
    assert {each["name"] for each in rows} == {name.replace("_", "-") for name in split.names}
    assert len(split.names) == 89
    for name in split.names:
        (networks,) = (each["networks"] for each in rows if each["name"] == name.replace("_", "-"))
        assert [number - 1 for number in networks] == [m for m, left in enumerate(split.unseen) if name in left]
        assert len(networks) == (3 if name in split.together else 1)
    assert [len(left) for left in split.unseen] == [30, 30, 30, 18, 17]
    assert not set(split.choice) & set(split.together)


@pytest.mark.slow
def test_patients_left_out_are_drawn_well_whatever_the_order_of_the_slices(scripts, data):
    """
    By the networks that were not trained on them, with the Dice of the card and a mean of at least 0.8; the same head
    stored with its slices and rows reversed is drawn the same.
    """
    cases, package = scripts["cases"], load_package(FOLDER)
    folder = data / cases.FOLDER
    names = cases.split(cases.names(folder)).together[:FIRST]
    stated = {each["name"]: each["dice"] for each in package.manifest.performance["each_patient"]}
    found = []
    for name in names:
        patient, model = cases.read(folder, name), unseeing(package, name)
        drawing = model({"flair": patient.volume()})
        mask = np.logical_or.reduce(drawing.masks)
        found.append(dice(mask, patient.mask))
        assert found[-1] == pytest.approx(stated[name.replace("_", "-")], abs=0.02)
    assert np.mean(found) >= 0.8
    (again,) = model({"flair": reversed_of(patient.volume())}).masks
    assert dice(again[::-1, ::-1], mask) > 0.999


def test_a_part_of_the_graph_answers_as_its_members_do(scripts):
    """The mean of those that are asked for, and nothing of the others."""
    whole = load_package(FOLDER).read("model.onnx")
    image = np.random.default_rng(0).uniform(0, 8, (1, 5, 64, 64)).astype(np.float32)
    members, everyone = answer(whole, ["members", "probability"], image)
    assert members.shape == (1, 5, 64, 64)
    assert np.ptp(members, axis=1).max() > 1e-3
    assert everyone[:, 0] == pytest.approx(members.mean(axis=1), abs=1e-6)
    for asked in ([2], [0, 4]):
        part = scripts["unet_graph"].part(whole, asked)
        (told,) = answer(part, ["probability"], image)
        assert told[:, 0] == pytest.approx(members[:, asked].mean(axis=1), abs=1e-6)
        assert len(part) < len(whole) * (len(asked) + 0.1) / 5


def answer(graph: bytes, outputs: list[str], image: np.ndarray) -> list[np.ndarray]:
    """What a graph tells of an image."""
    session = open_session(graph, threads=1, at="glioma-flair")
    return session.run(outputs, {"image": image})


def reversed_of(volume):
    """The same image, stored from the vertex to the neck and from the back to the face."""
    geometry = volume.geometry
    last = geometry.point(np.array([geometry.shape[0] - 1.0, geometry.shape[1] - 1.0, 0.0]))
    turned = Geometry.of_axes(
        origin=last, spacing=geometry.spacing, axes=AXIAL * [[-1], [-1], [1]], shape=geometry.shape
    )
    return replace(volume, voxels=np.ascontiguousarray(volume.voxels[::-1, ::-1]), geometry=turned)
