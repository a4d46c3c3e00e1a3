"""
What must be refused, as a table: what was given, what is said.

A case is refused as a whole (its refusal code), matches no pipeline, or goes through while the model refuses (the
model's reason). Real images are used where one is at hand, with noise, gaps or another header where that is what is
wrong; what no image at hand shows is a bright ball in noise, wrong in one way.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from node.training.rows import patients
from node.training.sheet import read_table
from node.training.spec import read_spec
from tests.support.real import SILENT, altered, flair, nrrd, slices
from tests.support.segmentations import ball, segmentation
from tests.support.series import CT, MR, PET, image_series, save
from tests.support.studies import study
from tests.support.tables import write_table
from tests.support.volumes import geometry_of, volume_of

HEAD = {
    "radius": 15.0, "shape": (20, 100, 100), "spacing": (2.0, 1.5, 1.5), "at": (10.0, 50.0, 50.0),
    "PatientAge": "045Y", "PatientBirthDate": "19811101", "BodyPartExamined": "BRAIN",
}  # fmt: skip
"""A head with a tumour such as the glioma models were made for, as far as its header goes."""

FAR = {"radius": 22.0, "shape": (40, 100, 100), "spacing": (1.5, 1.5, 1.5), "at": (20.0, 50.0, 50.0)}
"""A perfect ball of one intensity, which no tumour is."""


def pipeline(modality: str, model: str, organ: str = "", source: str = "") -> Config:
    """One pipeline with one role and one model, which reads what somebody drew, or another one found."""
    rules = {
        "name": "p", "series": {"image": {"modality": modality}}, "models": [model], "organ": organ,
        "lesion": {"from": [source] if source else ["rtstruct", "seg"]},
    }  # fmt: skip
    return Config.model_validate({"pipelines": [rules]})


SEARCH = Config.model_validate({"pipelines": [{
    "name": "p", "series": {"image": {"modality": "CT"}}, "models": ["lung-egfr"], "organ": "lung",
    "lesion": {"from": ["model:lung-lesion"]},
}]})  # fmt: skip
"""One that has the nodule looked for."""

GLIOMA, LUNG = pipeline("MR", "glioma-idh"), pipeline("CT", "lung-egfr", "lung")
CT_GLIOMA = pipeline("CT", "glioma-idh")
SEARCHED = pipeline("MR", "glioma-idh", source="model:glioma-flair")


def head(**changes: Any) -> Callable[[Path, Path], Path]:
    """The head, wrong in one way."""
    return lambda _data, folder: study(folder, **{**HEAD, **changes})


def real(name: str) -> Callable[[Path, Path], Path]:
    """A folder of the real data."""
    return lambda data, _folder: data / name


def thigh(data: Path, folder: Path) -> Path:
    """The thigh on MR with its contour, where nobody states the body part and all else fits."""
    at = data / "sarcoma-sts002/dicom/STS_002/MR_T1"
    header = {"BodyPartExamined": None, "ContrastBolusAgent": "Gadovist", "PatientAge": "045Y", "SliceThickness": 1.5}
    return altered(folder, sorted(at.rglob("*.dcm")), **header)


def chest(step: int = 1, drop: int = 0, **changes: Any) -> Callable[[Path, Path], Path]:
    """The chest CT, each `step`th slice of it, without the slice number `drop`, with noise or another header."""

    def make(data: Path, folder: Path) -> Path:
        files = slices(data / "lidc-0314-ct60/dicom")[::step]
        return altered(folder, [path for n, path in enumerate(files) if not drop or n != drop], **changes)

    return make


def glioma(**changes: Any) -> Callable[[Path, Path], Path]:
    """The FLAIR of a glioma with its hand mask, offered as T1c."""
    return lambda data, folder: flair(folder, data, **changes)


def brain(**header: Any) -> Callable[[Path, Path], Path]:
    """A T1 of a brain tumour after contrast agent, slices every 6.5 mm, with its mask."""
    return lambda data, folder: nrrd(folder, data, "brain1_image", "brain1_label", **header)


def prostate(data: Path, folder: Path) -> Path:
    """A scanned prostate phantom with its mask, whose header says that it is a head."""
    return nrrd(folder, data, "prostate_phantom_subvolume", "prostate_phantom_subvolume-label")


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


ROLES_DRAWN = Config.model_validate({"pipelines": [{
    "name": "p", "models": ["glioma-idh"], "lesion": {"from": ["seg"]},
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


def on_no_role(label: str) -> Callable[[Path, Path], Path]:
    """T1c, FLAIR and a T2, on which somebody drew one segment of this label and no other code than Tissue."""

    def make(_data: Path, folder: Path) -> Path:
        shared = {"sop_class": MR, "study_uid": generate_uid(), "frame_uid": generate_uid(), "spacing": (3.0, 2.0, 2.0)}
        voxels = np.random.default_rng(0).normal(100, 5, (12, 24, 24))
        for name, times in (("T1 post Gd", T1), ("AX FLAIR", DARK_FLUID), ("AX T2", {"EchoTime": 90})):
            series = image_series(voxels, SeriesDescription=name, **shared, **times)
            save(series, folder / name.replace(" ", ""))
        described = {"label": label, "type": ("85756007", "SCT", "Tissue")}
        segmentation(folder / "seg.dcm", series, ball((12, 24, 24), (6, 12, 12), 4), [described])
        return folder

    return make


def positron(_data: Path, folder: Path) -> Path:
    """A PET."""
    save(image_series(np.random.default_rng(0).normal(100, 5, (8, 16, 16)), sop_class=PET), folder)
    return folder


NOT = "model: not evaluated"


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


DARK = {"SeriesDescription": "t2_tirm_tra_dark-fluid", "ScanningSequence": ["SE", "IR"], "EchoTime": 120,
        "RepetitionTime": 9000, "InversionTime": 2500}  # fmt: skip
"""What the header of a FLAIR says."""

TABLE = (
    Row("another organ: thigh CT to a lung pipeline", real("sarcoma-sts002/dicom"), LUNG, "wrong anatomy", "no lung"),
    Row("another organ: thigh MR to a glioma model", real("sarcoma-sts002/dicom"), GLIOMA, NOT,
        "Body Part Examined is EXTREMITY"),
    Row("another organ, not stated: thigh MR to a glioma model", thigh, GLIOMA, NOT,
        "nothing in the image has the size of a head"),
    Row("a scanned phantom of the prostate, called a head", prostate, GLIOMA, NOT,
        "nothing in the image has the size of a head"),
    Row("another modality: chest CT to a glioma model", real("ibsi-ct-phantom/dicom"), CT_GLIOMA, NOT,
        "the modality is CT, not MR"),
    Row("another modality: chest CT to a pipeline for MR", real("ibsi-ct-phantom/dicom"), GLIOMA, "no pipeline", "MR"),
    Row("swapped series: FLAIR in place of T1c", glioma(**DARK), GLIOMA, NOT, "weighted as FLAIR"),
    Row("swapped series, not stated: FLAIR in place of T1c", glioma(**SILENT), GLIOMA, NOT,
        "neither the names nor the times of the series tell its weighting"),
    Row("swapped series: FLAIR that is called T1c", glioma(**{**DARK, "SeriesDescription": "t1_se_tra_KM"}), GLIOMA,
        NOT, "or they contradict each other"),
    Row("T1 without contrast in place of T1c", brain(SeriesDescription="t1_se_tra", ContrastBolusAgent="NONE"), GLIOMA,
        NOT, "without contrast agent"),
    Row("extreme noise on MR", glioma(noise=120.0), GLIOMA, "noise", "neighbouring pixels"),
    Row("extreme noise on CT", chest(step=4, noise=700.0), SEARCH, "noise", "neighbouring pixels"),
    Row("a child", brain(PatientAge="009Y", PatientBirthDate="20171101"), GLIOMA, NOT, "age is 9 years"),
    Row("thick slices", brain(), GLIOMA, NOT, "slice thickness is 6.5 mm"),
    Row("thin slices far apart", brain(SliceThickness=1.0), GLIOMA, NOT, "distance between slices is 6.5 mm"),
    Row("thin slices far apart, to a model that draws", chest(step=6), SEARCH, "unsupported image",
        "distance between slices is 6 mm"),
    Row("a chest that is covered in part, to a model that searches", chest(), SEARCH, "organ partial", "cut off"),
    Row("missing slices", chest(drop=30), SEARCH, "missing slices", "missing"),
    Row("a localizer", chest(step=4, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), SEARCH,
        "not an axial acquisition", "LOCALIZER"),
    Row("lossy in the past", chest(step=4, LossyImageCompression="01"), SEARCH, "lossy compression", "lossy"),
    Row("a single slice", one_file("transfer-syntaxes/MR1_UNC"), SEARCHED, "too few slices", "1 slice"),
    Row("a PET to a pipeline for CT", positron, LUNG, "no pipeline", "CT"),
    Row("a phantom to a lung pipeline", phantom, LUNG, "wrong anatomy", "no lung"),
    Row("features far from the training", head(**FAR), GLIOMA, NOT, "unlike the training patients"),
    Row("a lesion smaller than any in the training", head(radius=4.0), GLIOMA, NOT, "lesion volume is"),
    Row("colour", head(SamplesPerPixel=3, PhotometricInterpretation="RGB"), GLIOMA, "colour image", "sample"),
    Row("the same where nobody drew a lesion and no model searches", one_file("transfer-syntaxes/MR1_UNC"), GLIOMA,
        "no lesion", "no source of a lesion"),
    Row("gantry tilt", tilted, GLIOMA, "gantry tilt", "sideways"),
    Row("a contour beside the image", head(drawn_at=(10.0, 350.0, 350.0)), GLIOMA, "contour mismatch",
        "wholly outside"),
    Row("a model that ships as a refusal: MGMT", brain(), pipeline("MR", "glioma-mgmt"), NOT, "no usable signal"),
    Row("T1 without contrast beside T1c, offered as FLAIR", two("T1 post Gd", "T1 pre", T1, T1), ROLES, "role missing",
        "flair"),
    Row("a drawing on a T2 that is not asked for", on_no_role("Läsion"), ROLES_DRAWN, "drawing not used",
        "it was drawn on images of series"),
    Row("what nobody named, on the same T2", on_no_role("Segment_1"), ROLES_DRAWN, "drawing not used",
        "draw it on t1c"),
    Row("an organ on the same T2", on_no_role("Brain"), ROLES_DRAWN, "no lesion", "no source of a lesion"),
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
    """A head that says what it is, with a lesion like those of the training, is answered: so the table can fail."""
    rng = np.random.default_rng(3)
    index = np.moveaxis(np.indices((50, 140, 140)), 0, -1)
    inside = np.linalg.norm((index - (25, 70, 70)) * (1.5, 1, 1) / (1.0, 0.75, 1.3), axis=-1) <= 22
    skull = np.hypot(index[..., 1] - 70, index[..., 2] - 70) < 67
    voxels = 20.0 + 180 * skull + 300 * inside * rng.gamma(2.0, 0.5, inside.shape)
    right = head(voxels=voxels, shape=(50, 140, 140), spacing=(1.5, 1.0, 1.0), at=(25.0, 70.0, 70.0), radius=24.0)
    document = run_folder(GLIOMA, right(data, tmp_path / "given"), tmp_path / "out").document()
    [prediction] = document["jobs"][0]["lesions"][0]["predictions"]
    assert prediction["probability"] is not None, prediction["reason"]
    assert prediction["state"] == "predicted", prediction["reason"]


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
    plain = volume_of(np.zeros((3, 4, 4)), geometry_of((3, 4, 4), (1.0, 1.0, 1.0)), modality=m.declared.modality)
    image = replace(plain, weighting=next(iter(m.declared.weighting), ""))
    fit = judge(m.declared, image, sizes, Clinical(ages), in_lung=True, head=True)
    far = applies(parse(package.read(FILE), at=m.id), encoded.numbers)
    return "outside" not in {fit.outcome, far.outcome} and not encoded.outside
