"""What ships is what its `train.py` makes of the data: files byte for byte, weights, figures."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from node.inference.lung_lesion import LungLesion
from node.inference.package import load_package, shipped_models
from node.training import command, publish
from node.training.tabular import fit
from tests.support.tables import write_table

ROOT = Path(__file__).resolve().parents[3]
TABULAR = ("glioma-1p19q", "glioma-idh", "glioma-mgmt", "lung-egfr", "lung-kras")
WHOLE = ("lung-egfr",)
"""Made with every figure in each run, 20 s; the others take minutes, and have their weights made in each run."""

SAME = "reproduced, byte for byte"


def test_every_package_is_made_by_a_script_of_its_own():
    """None is forgotten below; `make train` runs `train.py` of each folder."""
    folders = {path.parent.name for path in shipped_models().glob("*/model.toml")}
    assert folders == {*TABULAR, "lung-alk", "lung-lesion", "glioma-flair"}
    assert all((shipped_models() / name / "train.py").is_file() for name in folders)


def test_lung_alk_is_reproduced(called):
    """`train.py --check` of the model that needs no data."""
    assert called("lung-alk", "--check") == (0, SAME, "")


@pytest.mark.parametrize("name", [name for name in TABULAR if name != "glioma-mgmt"])
def test_the_weights_are_those_that_training_finds(name, data, tmp_path, monkeypatch):
    """
    Graph with its interval, golden answers, percentiles and limits of applicability, byte for byte, from the table;
    only the cross-validation is left out.
    """
    monkeypatch.setenv("RADNODE_DATA", str(data))
    folder = shipped_models() / name
    spec, found = command.admitted(write_table(tmp_path / "table.csv", script(name).rows()), folder / "spec.toml")
    made = publish.weighed(spec, found, fit(found.table, spec.recipe), progress=print).files
    assert set(made) == {"model.onnx", "golden.json", "percentiles.json", "applicability.json"}
    assert [file for file, content in made.items() if content != (folder / file).read_bytes()] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [*TABULAR, "lung-lesion"])
def test_shipped_models_are_reproduced_from_their_data(data, name):
    """`train.py --check` makes every file of the shipped package anew from the public data, byte for byte."""
    if name not in WHOLE and not os.environ.get("RADNODE_RETRAIN"):
        pytest.skip("minutes: set RADNODE_RETRAIN=1, or use `make train-check`")
    made = subprocess.run(
        [sys.executable, str(shipped_models() / name / "train.py"), "--check"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "RADNODE_DATA": str(data)},
    )  # fmt: skip
    assert (made.stdout.strip() or made.stderr) == SAME


@pytest.mark.slow
def test_lung_lesion_draws_the_real_images_as_its_card_says(data):
    """The figures of both patients, as `train.py` measures them; only the synthetic chests are left out."""
    package, made = load_package(shipped_models() / "lung-lesion"), script("lung-lesion")
    model = package.open()
    assert isinstance(model, LungLesion)
    stated = package.manifest.performance
    assert made.lidc(model, data / "lidc-0314-ct60") == stated["lidc_0314"]
    assert made.ibsi(model, data / "ibsi-ct-phantom") == stated["ibsi_ct_phantom"]


def test_a_check_finds_what_differs_and_writes_nothing(called, tmp_path):
    """A changed specification makes other files than those that stand there, each named; the exit code is 1."""
    folder = tmp_path / "lung-alk"
    shutil.copytree(shipped_models() / "lung-alk", folder, ignore=shutil.ignore_patterns("__pycache__"))
    spec = folder / "spec.toml"
    changed = re.sub(r"odds_ratio = 2\.86", "odds_ratio = 3.86", spec.read_text())
    assert changed != spec.read_text()
    spec.write_text(changed)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, told, _ = called(folder, "--check")
    assert code == 1
    assert set(told.splitlines()) == {
        f"differs: {name}" for name in ("model.onnx", "golden.json", "card.md", "model.toml")
    }
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert called(folder)[0] == 0
    assert called(folder, "--check") == (0, SAME, "")
    assert tomllib.loads((folder / "model.toml").read_text())["performance"]["odds_ratios"]["solid"] == 3.86


@pytest.mark.parametrize("name", [*TABULAR, "lung-alk", "lung-lesion"])
def test_a_misspelt_argument_is_told_and_trains_nothing(name, called):
    """What there is is named: a wrong "--chek" must not write the package."""
    code, _, told = called(name, "--chek")
    assert code == 2
    offered = ["--check", *(["--stability", "--masks"] if name in ("glioma-idh", "glioma-1p19q") else [])]
    assert f"takes nothing or one of {', '.join(offered)}, not --chek" in told


@pytest.mark.parametrize("name", [*TABULAR, "lung-lesion"])
def test_missing_data_are_said_in_one_line(name, called, tmp_path, monkeypatch):
    """Where they were sought, and what to set."""
    monkeypatch.setenv("RADNODE_DATA", str(tmp_path))
    code, _, told = called(name, "--check")
    assert code == 1
    assert len(told.splitlines()) == 1
    assert str(tmp_path) in told
    assert "set RADNODE_DATA" in told


@pytest.fixture
def called(monkeypatch, capsys):
    """Runs `train.py` of a shipped package, or of one in a folder; gives exit code, output and errors."""

    def call(package, *arguments):
        place = shipped_models() / package if isinstance(package, str) else package
        monkeypatch.setattr(sys, "argv", [str(place / "train.py"), *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(place / "train.py"), run_name="__main__")
        said = capsys.readouterr()
        return ended.value.code, said.out.strip(), said.err

    return call


def script(name):
    """`train.py` of a shipped package as a module."""
    spec = importlib.util.spec_from_file_location(f"train_{name}", shipped_models() / name / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
