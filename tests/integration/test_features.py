"""`radnode features`: from a folder of studies to a table, and from the table to a model."""

from __future__ import annotations

import csv
import shutil
import tomllib

import numpy as np
import pytest

from node.app.features import key_of, measure_folder, write
from node.config import Config
from node.domain.order import Extraction
from node.errors import ConfigError
from node.inference.package import load_package
from node.training import command, publish
from tests.integration.test_folder import radnode
from tests.support.studies import study
from tests.support.tables import write_spec, write_table

CONFIG = """
[[pipelines]]
name = "brain"
features = false
[pipelines.series.t1c]
modality = "MR"
[pipelines.lesion]
from = ["rtstruct"]
"""
PATIENTS = 14


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fourteen patients, one of them seen twice, one series with a hole, and one CT that no pipeline takes."""
    root = tmp_path_factory.mktemp("studies")
    for number in range(PATIENTS):
        study(root / f"p{number}", radius=5 + 0.5 * number, seed=number, patient=f"SECRET-{number}",
              PatientBirthDate=f"{1990 - 3 * number}0101", PatientAge=None)  # fmt: skip
    study(root / "again", radius=8, seed=99, patient="SECRET-3")
    study(root / "holed", drop=(6,), patient="SECRET-20")
    study(root / "ct", patient="SECRET-21", Modality="CT", sop_class="1.2.840.10008.5.1.4.1.1.2")
    (root / "notes.txt").write_text("no DICOM")
    return root


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """One pipeline for MR."""
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def run(folder, config, tmp_path_factory):
    """The command: what it printed, and the two files."""
    out = tmp_path_factory.mktemp("out") / "features.csv"
    done = radnode("features", folder, "--out", out, "--config", config)
    assert done.returncode == 0, done.stderr[-2000:]
    with out.open(encoding="utf-8", newline="") as file:
        return done, list(csv.DictReader(file)), tomllib.loads(out.with_suffix(".toml").read_text()), out


def test_every_lesion_is_a_row(run):
    """With its measurements, what is known of the patient, and every feature of the extraction."""
    _, rows, about, _ = run
    assert len(rows) == about["lesions"] == PATIENTS + 1
    volumes = sorted(float(row["volume_ml"]) for row in rows)
    assert volumes[0] == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.15)
    first = rows[0]
    assert (first["sex"], first["source"], first["lesion"]) == ("female", "rtstruct", "1")
    assert {f"{36 + 3 * n}.0" for n in range(PATIENTS)} <= {row["age"] for row in rows}
    assert sum(name.startswith("original_") for name in first) == 107
    assert all(row["original_shape_Sphericity"] for row in rows)


def test_rows_of_one_patient_have_the_same_number(run):
    """So that folds can keep them together; the number says nothing else."""
    _, rows, _, _ = run
    counts = sorted(sum(row["patient"] == each for row in rows) for each in {row["patient"] for row in rows})
    assert counts == [1] * (PATIENTS - 1) + [2]


def test_what_is_left_out_is_told_with_the_reason(run):
    """On the screen and beside the table: a hole in the series, and a study that no pipeline takes."""
    done, _, about, _ = run
    assert {each["code"] for each in about["left_out"]} == {"missing slices", "no pipeline"}
    for each in about["left_out"]:
        assert f"left out: study {each['study']}: {each['code']}: {each['reason']}" in done.stdout
    assert "skipped, no readable DICOM objects: 1 files" in done.stdout


def test_progress_is_shown(run):
    """A line for each study."""
    done, _, _, _ = run
    assert f"{PATIENTS + 2}/{PATIENTS + 2}  study " in done.stderr


def test_nobody_is_named_unless_that_is_asked_for(run, folder, config, tmp_path):
    """Neither in the two files nor on the screen; with --ids a warning, and two columns more."""
    done, _, _, out = run
    for text in (done.stdout, done.stderr, out.read_text(), out.with_suffix(".toml").read_text()):
        assert "SECRET" not in text
        assert "Test^Patient" not in text
    only = tmp_path / "studies"
    shutil.copytree(folder / "p0", only / "p0")
    named = radnode("features", only, "--out", tmp_path / "f.csv", "--config", config, "--ids")
    assert "WARNING" in named.stderr
    with (tmp_path / "f.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["patient_id"] == "SECRET-0"
    assert row["study"] == key_of(row["study_uid"])


def test_the_extraction_is_written_beside_the_table(run):
    """What somebody needs who computes the same features elsewhere."""
    _, _, about, _ = run
    told = about["extraction"]
    assert (told["spacing_mm"], told["bin_width"]) == (Extraction().spacing_mm, Extraction().bin_width)
    assert about["pipeline"] == "brain"


def test_a_table_trains_a_model(run, tmp_path):
    """With a column of labels added, and nothing else changed, `models train` makes a package that verifies."""
    _, rows, _, _ = run
    ranked = sorted(rows, key=lambda row: float(row["volume_ml"]))
    larger = [(n >= len(rows) // 2) != (n in {5, 9}) for n in range(len(rows))]  # two of them are exceptions
    labelled = [{**row, "label": "yes" if yes else "no"} for row, yes in zip(ranked, larger, strict=True)]
    table = write_table(tmp_path / "labelled.csv", labelled)
    spec = write_spec(
        tmp_path / "spec.toml",
        inputs=[
            {"name": "age", "source": "clinical:age", "unit": "a"},
            {"name": "size", "source": "measure:volume_ml", "unit": "mL", "scale": "log"},
            {"name": "round", "source": "feature:original_shape_Sphericity"},
        ],
        extraction={"spacing_mm": 1.0, "bin_width": 25.0},
        declared={"modality": "MR"},
        table={"patient": "patient", "target": "label", "positive": ["yes"], "negative": ["no"], "repeated": True},
        views=[],
        baselines=[],
        subgroups=[],
        golden=[],
    )
    package = tmp_path / "toy"
    publish.write(package, command.train(table, spec, exploratory=True))
    loaded = load_package(package)
    loaded.verify()
    assert (loaded.manifest.training.n, loaded.manifest.training.rows) == (PATIENTS, PATIENTS + 1)


def test_several_pipelines_must_be_told_apart(folder, tmp_path):
    """One table is measured in one way; an unknown name is told what there is."""
    config = Config.model_validate(
        {
            "pipelines": [
                {"name": n, "series": {"t1c": {"modality": "MR"}}, "lesion": {"from": ["rtstruct"]}} for n in "ab"
            ]
        }
    )
    with pytest.raises(ConfigError, match="several pipelines are configured; there are: a, b"):
        measure_folder(config, folder)
    with pytest.raises(ConfigError, match="no pipeline 'c'"):
        measure_folder(config, folder, pipeline="c")


def test_a_table_that_cannot_be_written_is_told(folder, config, tmp_path):
    """The path of the table is a folder."""
    from node.cli.options import configuration

    only = tmp_path / "studies"
    shutil.copytree(folder / "p0", only / "p0")
    table = measure_folder(configuration(config), only)
    with pytest.raises(ConfigError, match="cannot be written"):
        write(table, tmp_path)
