"""
What must be refused, as a table: what was given, what is said.

A case is refused as a whole (its refusal code), matches no pipeline, or goes through while the model refuses (the
model's reason). Real images are used where one is at hand; the others are a bright ball in noise, wrong in one way.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import generate_uid

from node.app.folder import run_folder
from node.config import Config
from node.domain.clinical import Clinical, Value
from node.domain.findings import Axis, Measurements
from node.inference.applicability import FILE, applies, parse
from node.inference.inputs import encode
from node.inference.package import load_package, read_manifest, shipped_models
from node.stages.judge import judge
from node.training.rows import patients, read_table
from node.training.spec import read_spec
from tests.support.series import CT, MR, PET, image_series, save
from tests.support.studies import study
from tests.support.tables import write_table
from tests.support.volumes import geometry_of, volume_of

HEAD = {
    "radius": 15.0, "shape": (20, 48, 48), "spacing": (2.0, 1.0, 1.0), "at": (10.0, 24.0, 24.0), "PatientAge": "045Y",
    "PatientBirthDate": "19811101", "BodyPartExamined": "BRAIN",
}  # fmt: skip
"""A head with a tumour such as the glioma models were made for, as far as its header goes."""

FAR = {"radius": 22.0, "shape": (40, 64, 64), "spacing": (1.5, 1.0, 1.0), "at": (20.0, 32.0, 32.0)}
"""A perfect ball of one intensity, which no tumour is."""


def pipeline(modality: str, model: str, organ: str = "", source: str = "rtstruct") -> Config:
    """One pipeline with one role and one model, which reads what somebody drew, or another one found."""
    rules = {
        "name": "p", "series": {"image": {"modality": modality}}, "models": [model], "organ": organ,
        "lesion": {"from": [source]},
    }  # fmt: skip
    return Config.model_validate({"pipelines": [rules]})


GLIOMA, LUNG = pipeline("MR", "glioma-idh"), pipeline("CT", "lung-egfr", "lung")
CT_GLIOMA = pipeline("CT", "glioma-idh")
SEARCHED = pipeline("MR", "glioma-idh", source="model:glioma-flair")


def head(**changes: Any) -> Callable[[Path, Path], Path]:
    """The head, wrong in one way."""
    return lambda _data, folder: study(folder, **{**HEAD, **changes})


def real(name: str) -> Callable[[Path, Path], Path]:
    """A folder of the real data."""
    return lambda data, _folder: data / name


def one_file(name: str) -> Callable[[Path, Path], Path]:
    """One file of the real data."""

    def make(data: Path, folder: Path) -> Path:
        folder.mkdir()
        shutil.copy(data / name, folder / "image.dcm")
        return folder

    return make


def phantom(_data: Path, folder: Path) -> Path:
    """A cylinder of water in air, as scanners are checked with."""
    index = np.indices((30, 64, 64))
    inside = np.hypot(index[1] - 32, index[2] - 32) < 25
    voxels = np.where(inside, 0.0, -1000.0) + np.random.default_rng(0).normal(0, 8, inside.shape)
    return study(folder, voxels=voxels, shape=(30, 64, 64), at=(15.0, 32.0, 32.0), spacing=(2.5, 4.0, 4.0), radius=20,
                 sop_class=CT, ContrastBolusAgent="", ScanningSequence="")  # fmt: skip


def tilted(_data: Path, folder: Path) -> Path:
    """Slices that each lie a little further back, as a tilted gantry leaves them."""
    study(folder, **HEAD)
    import pydicom

    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        if "ImagePositionPatient" in ds:
            x, y, z = (float(v) for v in ds.ImagePositionPatient)
            ds.ImagePositionPatient = [x, y + 0.3 * z, z]
            ds.save_as(path)
    return folder


T1 = {"EchoTime": 10, "RepetitionTime": 600}
DARK_FLUID = {"EchoTime": 120, "RepetitionTime": 9000, "InversionTime": 2500, "ScanningSequence": "IR"}
ROLES = Config.model_validate({"pipelines": [{
    "name": "p", "models": ["glioma-idh"], "lesion": {"from": ["model:glioma-flair"]},
    "series": {"t1c": {"modality": "MR", "sequence": "t1", "contrast": True},
               "flair": {"modality": "MR", "sequence": "flair"}},
}]})  # fmt: skip


def two(one: str, other: str, first: dict[str, Any], second: dict[str, Any]) -> Callable[[Path, Path], Path]:
    """Two series of one study, by description and sequence."""

    def make(_data: Path, folder: Path) -> Path:
        shared = {"sop_class": MR, "study_uid": generate_uid(), "frame_uid": generate_uid(), "spacing": (3.0, 2.0, 2.0)}
        voxels = np.random.default_rng(0).normal(100, 5, (12, 24, 24))
        for name, times in ((one, first), (other, second)):
            save(image_series(voxels, SeriesDescription=name, **shared, **times), folder / name.replace(" ", ""))
        return folder

    return make


def positron(_data: Path, folder: Path) -> Path:
    """A PET."""
    save(image_series(np.random.default_rng(0).normal(100, 5, (8, 16, 16)), sop_class=PET), folder)
    return folder


@dataclass(frozen=True)
class Row:
    """
    One wrong input.

    Attributes:
        given: What it is, in words.
        make: From the real data and an empty folder to the folder that is evaluated.
        asked: The pipeline.
        says: Refusal code, "no pipeline", or the model's code in `Prediction.reason_code` after "model: ".
        because: What the reason must name.
    """

    given: str
    make: Callable[[Path, Path], Path]
    asked: Config
    says: str
    because: str


TABLE = (
    Row("another organ: thigh CT to a lung pipeline", real("sarcoma-sts002/dicom"), LUNG, "wrong anatomy", "no lung"),
    Row("another organ: thigh MR to a glioma model", real("sarcoma-sts002/dicom"), GLIOMA, "model: not evaluated",
        "Body Part Examined is EXTREMITY"),
    Row("another modality: chest CT to a glioma model", real("ibsi-ct-phantom/dicom"), CT_GLIOMA,
        "model: not evaluated", "the modality is CT, not MR"),
    Row("another modality: chest CT to a pipeline for MR", real("ibsi-ct-phantom/dicom"), GLIOMA, "no pipeline", "MR"),
    Row("a PET to a pipeline for CT", positron, LUNG, "no pipeline", "CT"),
    Row("a phantom to a lung pipeline", phantom, LUNG, "wrong anatomy", "no lung"),
    Row("swapped series: FLAIR in place of T1c", head(ScanningSequence=["SE", "IR"]), GLIOMA, "model: not evaluated",
        "family IR+SE"),
    Row("T1 without contrast in place of T1c", head(ContrastBolusAgent="NONE"), GLIOMA, "model: not evaluated",
        "without contrast agent"),
    Row("extreme noise", head(noise=1500.0), GLIOMA, "noise", "neighbouring pixels"),
    Row("features far from the training", head(**FAR), GLIOMA, "model: not evaluated",
        "unlike the training patients"),
    Row("a child", head(PatientAge="009Y", PatientBirthDate="20171101"), GLIOMA, "model: not evaluated",
        "age is 9 years"),
    Row("a lesion smaller than any in the training", head(radius=4.0), GLIOMA, "model: not evaluated",
        "lesion volume is"),
    Row("slices thicker than declared", head(spacing=(5.0, 1.0, 1.0)), GLIOMA, "model: not evaluated",
        "slice thickness is 5 mm"),
    Row("a single slice", head(shape=(1, 48, 48), at=(0.0, 24.0, 24.0)), GLIOMA, "too few slices", "1 slice"),
    Row("a localizer", head(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), GLIOMA, "not an axial acquisition",
        "LOCALIZER"),
    Row("colour", head(SamplesPerPixel=3, PhotometricInterpretation="RGB"), GLIOMA, "colour image", "sample"),
    Row("a single slice (real MR)", one_file("transfer-syntaxes/MR1_UNC"), SEARCHED, "too few slices", "1 slice"),
    Row("the same where nobody drew a lesion and no model searches", one_file("transfer-syntaxes/MR1_UNC"), GLIOMA,
        "no lesion", "no source of a lesion"),
    Row("lossy in the past", head(LossyImageCompression="01"), GLIOMA, "lossy compression", "lossy"),
    Row("gantry tilt", tilted, GLIOMA, "gantry tilt", "sideways"),
    Row("missing slices", head(drop=(6, 7)), GLIOMA, "missing slices", "missing"),
    Row("a contour beside the image", head(drawn_at=(10.0, 324.0, 324.0)), GLIOMA, "contour mismatch",
        "wholly outside"),
    Row("a model that ships as a refusal: MGMT", head(), pipeline("MR", "glioma-mgmt"), "model: not evaluated",
        "no usable signal"),
    Row("T1 without contrast beside T1c, offered as FLAIR", two("T1 post Gd", "T1 pre", T1, T1), ROLES, "role missing",
        "flair"),
    Row("descriptions of FLAIR and T1c swapped", two("AX FLAIR", "T1 post Gd", T1, DARK_FLUID), ROLES, "no pipeline",
        "but it has"),
)  # fmt: skip


def outcome(row: Row, data: Path, tmp_path: Path) -> tuple[str, str]:
    """What is said, as `Row.says`, and why."""
    folder = row.make(data, tmp_path / "given")
    document = run_folder(row.asked, folder, tmp_path / "out").document()
    if not document["jobs"]:
        [unmatched] = document["unmatched"]
        return "no pipeline", "; ".join(each["why"] for each in unmatched["series"])
    [job] = document["jobs"]
    if job["state"] != "succeeded":
        return job["reason_code"], job["reason"]
    [prediction] = job["lesions"][0]["predictions"]
    assert prediction["probability"] is None
    return f"model: {prediction['state'].replace('_', ' ')}", prediction["reason"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.given)
def test_it_is_refused(row, data, tmp_path):
    """Said with its code, and with the reason in words; no probability is given."""
    said, why = outcome(row, data, tmp_path)
    assert said == row.says, why
    assert row.because in why


def test_the_right_input_is_not_refused(data, tmp_path):
    """The table's head with a lesion like those of the training gets its answer, so that the table can fail."""
    rng = np.random.default_rng(3)
    index = np.moveaxis(np.indices((50, 96, 96)), 0, -1)
    inside = np.linalg.norm((index - (25, 48, 48)) * (1.5, 1, 1) / (1.0, 0.75, 1.3), axis=-1) <= 22
    voxels = 200 + 300 * inside * rng.gamma(2.0, 0.5, inside.shape)
    row = Row("", head(voxels=voxels, shape=(50, 96, 96), spacing=(1.5, 1.0, 1.0), at=(25.0, 48.0, 48.0), radius=24.0),
              GLIOMA, "", "")  # fmt: skip
    document = run_folder(row.asked, row.make(data, tmp_path / "given"), tmp_path / "out").document()
    [prediction] = document["jobs"][0]["lesions"][0]["predictions"]
    assert prediction["probability"] is not None, prediction["reason"]


TRAINED = ("glioma-idh", "glioma-1p19q", "lung-egfr", "lung-kras")
MOST = 0.02


@pytest.mark.parametrize("name", TRAINED)
def test_the_training_population_is_not_refused(name):
    """Limits fitted on the other folds, with every declared range that the table tells: at most 2 % are refused."""
    found = read_manifest(shipped_models() / name)["applicability"]
    assert found["ranges"] == ["age", *(["lesion_volume_ml"] if name.startswith("glioma") else [])]
    assert 0 < found["refused"] <= MOST
    assert found["refused"] <= found["refused_most"]


@pytest.mark.parametrize("name", TRAINED)
def test_the_training_population_passes_everything_that_the_node_asks(name, data, tmp_path):
    """Declared ranges of age and lesion volume, levels, and distance, on the very table: at most 2 % are refused."""
    package = load_package(shipped_models() / name)
    columns, rows = read_table(write_table(tmp_path / "table.csv", prepared(package.folder)))
    known = patients(rows, read_spec(package.folder / "spec.toml", columns), at=name).quantities
    refused = sum(not accepted(package, quantities) for quantities in known)
    assert refused / len(known) <= MOST


def prepared(folder: Path) -> list[dict[str, object]]:
    """The table that a package's `train.py` prepares."""
    spec = importlib.util.spec_from_file_location(f"train_{folder.name}", folder / "train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.rows()


def accepted(package, quantities) -> bool:
    """Whether the node would let the model answer about a patient of the table, whose images are of the right kind."""
    m = package.manifest
    encoded = encode(m.inputs, quantities)
    axis = Axis(length_mm=30, start=(0, 0, 0), end=(30, 0, 0))
    volume_ml = float(quantities.get("feature:original_shape_VoxelVolume", 20_000)) / 1000
    sizes = Measurements(volume_ml=volume_ml, long_axis=axis, short_axis=axis, diameter_3d_mm=30, key_slice=0)
    ages = {"age": Value(quantities["clinical:age"], "table")} if "clinical:age" in quantities else {}
    image = volume_of(np.zeros((3, 4, 4)), geometry_of((3, 4, 4), (1.0, 1.0, 1.0)), modality=m.declared.modality)
    fit = judge(m.declared, image, sizes, Clinical(ages), in_lung=True)
    far = applies(parse(package.read(FILE), at=m.id), encoded.numbers)
    return "outside" not in {fit.outcome, far.outcome} and not encoded.outside
