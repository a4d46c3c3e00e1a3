"""`radnode models train` and `verify`: a package is made, taken, and held against its card."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli import app
from node.errors import ConfigError, ModelFailed
from node.inference.package import Package, read_manifest
from tests.support.tables import rows, write_spec, write_table


def models(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    table, spec = write_table(folder / "table.csv", rows()), write_spec(folder / "spec.toml")
    return folder, models("train", table, "--spec", spec, "--out", folder / "models" / "toy")


@pytest.fixture
def config(trained, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'[node]\nstate_dir = "{tmp_path}"\nmodels_dir = "{trained[0] / "models"}"\n')
    return path


def test_a_site_trains_its_own_model(trained):
    """Progress on the way; in the end the package, whom it was trained on, and that it is exploratory."""
    folder, done = trained
    assert done.exit_code == 0, done.output
    assert "cross-validation: round 1 of 1" in done.output
    assert "Trained on 120 patients" in done.output
    names = {path.name for path in (folder / "models" / "toy").iterdir()}
    assert {"model.toml", "model.onnx", "card.md", "golden.json", "applicability.json", "percentiles.json"} <= names


def test_a_model_is_never_overwritten(trained):
    """The folder of a model is left alone."""
    folder, _ = trained
    again = models("train", folder / "table.csv", "--spec", folder / "spec.toml", "--out", folder / "models" / "toy")
    assert isinstance(again.exception, ConfigError)
    assert "holds a model" in str(again.exception)


def test_nothing_is_trained_for_a_folder_that_cannot_be_used(trained, tmp_path):
    """Called otherwise than the id, or with something in it: told at once, and left alone."""
    folder, _ = trained
    full = tmp_path / "toy"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    for out, why in ((tmp_path / "other", "id is toy, and the folder is called other"), (full, "is not empty")):
        done = models("train", folder / "table.csv", "--spec", folder / "spec.toml", "--out", out)
        assert isinstance(done.exception, ConfigError)
        assert why in str(done.exception)
        assert "patients" not in done.output
    assert [path.name for path in tmp_path.rglob("*")] == ["toy", "notes.txt"]


def test_a_package_that_does_not_verify_is_not_put_there(trained, tmp_path, monkeypatch):
    """Neither a folder nor a part of one is left behind."""
    folder, _ = trained

    def wrong(_):
        raise ModelFailed("answers otherwise", at="toy", do="report it")

    monkeypatch.setattr(Package, "verify", wrong)
    done = models("train", folder / "table.csv", "--spec", folder / "spec.toml", "--out", tmp_path / "toy")
    assert isinstance(done.exception, ModelFailed)
    assert list(tmp_path.iterdir()) == []


def test_a_date_in_the_specification_does_not_stop_the_package(trained, tmp_path):
    """It stands in the manifest as a date of TOML, and the package, put into an empty folder, verifies."""
    table = trained[0] / "table.csv"
    spec = write_spec(tmp_path / "spec.toml", preprocessing={"day": date(2024, 5, 1)})
    (tmp_path / "models" / "toy").mkdir(parents=True)
    done = models("train", table, "--spec", spec, "--out", tmp_path / "models" / "toy")
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "models" / "toy")["preprocessing"] == {"day": date(2024, 5, 1)}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["toy"]


def test_verify_holds_the_card_against_the_manifest(trained, config):
    """As made it is true; a card with a better number is told, even where the hashes were made to fit."""
    good = models("verify", "toy", "--config", config).output
    assert "ok     toy 0.1.0" in good
    assert "(card: all of it compared)" in good
    folder = trained[0] / "models" / "toy"
    kept = {name: (folder / name).read_bytes() for name in ("card.md", "model.toml")}
    better = kept["card.md"].replace(b"| AUC | 0.", b"| AUC | 1.")
    old, new = (hashlib.sha256(content).hexdigest().encode() for content in (kept["card.md"], better))
    _write(folder, {"card.md": better, "model.toml": kept["model.toml"].replace(old, new)})
    try:
        done = models("verify", "toy", "--config", config)
    finally:
        _write(folder, kept)
    assert done.exit_code == 1
    assert "card.md is not what model.toml says" in done.output


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
