"""What a worker puts at the line's disposal: each package is checked anew, and one that is off is left out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.order import LesionSource, ModelPin
from node.inference.package import load_package, shipped_models
from node.work.task import Workplace
from node.work.worker import parts
from tests.support.results import order_of

PANEL = ("lung-egfr", "lung-kras", "lung-alk")


@pytest.fixture
def site(tmp_path):
    """A site's own copies of the panel and of the segmenter, with the order that pins them."""
    for name in (*PANEL, "lung-lesion"):
        shutil.copytree(shipped_models() / name, tmp_path / name)
    plain = order_of()
    packages = [load_package(tmp_path / name) for name in (*PANEL, "lung-lesion")]
    pinned = {p.manifest.id: ModelPin(version=p.manifest.version, digest=p.digest) for p in packages}
    order = replace(
        plain, pipeline=replace(plain.pipeline, models=PANEL), models=pinned,
        lesion=(LesionSource(kind="model", model="lung-lesion"),),
    )  # fmt: skip
    return tmp_path, order


def opened(site):
    """The parts of the site's order."""
    folder, order = site
    return parts(order, Workplace(state_dir="/", model_dirs=(str(folder),), threads=1), root=Path("/"))


def spoil(path):
    """One byte more."""
    path.write_bytes(path.read_bytes() + b"\0")


def test_whole_packages_are_opened(site):
    """Classifiers with their manifests, and the segmenter with what it declares."""
    found = opened(site)
    assert (set(found.classifiers), set(found.drawers), found.unusable) == (set(PANEL), {"lung-lesion"}, {})
    assert found.drawers["lung-lesion"].declared.slice_thickness_mm == (0.4, 5.0)


def test_an_altered_weight_file_stops_its_model_and_no_other(site):
    """Altered after the order was written: its siblings are open, and its own error names the file."""
    spoil(site[0] / "lung-kras" / "model.onnx")
    found = opened(site)
    assert set(found.classifiers) == {"lung-egfr", "lung-alk"}
    assert "model.onnx is not the file that model.toml was made for" in str(found.unusable["lung-kras"])


def test_another_version_than_the_order_names_is_not_used(site):
    """A package that is whole, but not the one that was pinned, would make another result of the same order."""
    manifest = site[0] / "lung-kras" / "model.toml"
    manifest.write_text(manifest.read_text().replace('manufacturer = "radnode"', 'manufacturer = "somebody"', 1))
    found = opened(site)
    assert set(found.classifiers) == {"lung-egfr", "lung-alk"}
    assert "its files are not those that the order names" in str(found.unusable["lung-kras"])


def test_an_altered_segmenter_is_not_available(site):
    """The classifiers are: a lesion that somebody drew is still evaluated."""
    spoil(site[0] / "lung-lesion" / "golden.json")
    found = opened(site)
    assert (set(found.classifiers), found.drawers) == (set(PANEL), {})
    assert "golden.json" in str(found.unusable["lung-lesion"])
