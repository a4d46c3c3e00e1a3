"""A weight file that was altered stops its model, and neither the node nor the models beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from node.app.folder import run_folder
from node.config import Config
from node.inference.package import shipped_models
from tests.support.clients import judged

PANEL = ["lung-egfr", "lung-kras", "lung-alk"]


@pytest.mark.slow
def test_the_panel_answers_without_the_model_whose_weights_were_altered(data, tmp_path):
    """A real chest CT with a drawn tumour: EGFR is predicted, KRAS says which file differs, ALK says its own word."""
    for name in PANEL:
        shutil.copytree(shipped_models() / name, tmp_path / "models" / name)
    weights = tmp_path / "models" / "lung-kras" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    rules = {
        "name": "lung", "organ": "lung", "models": PANEL, "partial_organ": "flag",
        "series": {"ct": {"modality": "CT"}}, "lesion": {"from": ["rtstruct"]},
    }  # fmt: skip
    config = Config.model_validate({"node": {"models_dir": str(tmp_path / "models")}, "pipelines": [rules]})

    [job] = run_folder(config, data / "ibsi-ct-phantom" / "dicom", tmp_path / "out").document()["jobs"]

    assert job["state"] == "succeeded", job["reason"]
    said = {p["model"]: p for p in job["lesions"][0]["predictions"]}
    assert set(said) == set(PANEL)
    assert said["lung-egfr"]["probability"] is not None, said["lung-egfr"]["reason"]
    assert said["lung-kras"]["probability"] is None
    assert "could not be used" in said["lung-kras"]["reason"]
    assert "findings that were supplied" in said["lung-alk"]["reason"]
    assert [Path(f["path"]).name for f in job["files"] if judged(Path(f["path"]))] == []
