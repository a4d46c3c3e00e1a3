"""Real CT and real MR, straight and oblique, through the whole line and before every judge of what came out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from node.app.folder import run_folder
from node.config import Config
from node.dicom.contours import read_structure_set
from node.domain.volume import Volume
from node.imaging.rasterise import rasterise
from tests.support.clients import judged
from tests.support.drawings import volume_of
from tests.support.peers import program, tool
from tests.support.turned import turn

LUNG = """
[[pipelines]]
name = "lung"
organ = "lung"
finding_site = ["39607008", "SCT", "Lung"]
models = ["lung-egfr"]
also = ["pdf", "sc", "text-sr"]
[pipelines.series.ct]
modality = "CT"
"""
THIGH = """
[[pipelines]]
name = "sarcoma"
finding_site = ["68367000", "SCT", "Thigh"]
also = ["pdf", "sc", "text-sr"]
[pipelines.series.mr]
modality = "MR"
"""
OBLIQUE = (20.0, -12.0, 35.0)  #: degrees about the patient's axes

# dcentvfy's own table: in an image Accession Number (0008,0050) counts for the series, because General Series nests it
# in Request Attributes as well; in a report, which has no such module, for the study. It says so beside any report.
TABLE = ("Different information entities for attribute", "AccessionNumber")
EMPTY = (
    "Attribute present in one instance but not the other"  # source: present, without value; Type 3 needs none: absent
)
NOT_OURS = {
    "ct": {TABLE, (EMPTY, "PatientWeight")},
    # The source's Study ID has 20 characters, SH allows 16 (PS3.5 6.2): ours is empty, as Type 2 allows.
    "mr": {TABLE, (EMPTY, "PatientAge"), ("Attribute is empty (zero length) in one instance", "StudyID")},
}
"""Warnings of dcentvfy, (what, attribute), that the source images or dcentvfy itself cause: no value differs."""


@dataclass(frozen=True)
class Study:
    """A study that was evaluated: its files, the plainly read volume, the mask that was drawn, and what came out."""

    name: str
    sources: tuple[Path, ...]
    volume: Volume
    mask: np.ndarray
    job: dict[str, Any]
    text: str
    files: dict[str, Path]


def evaluated(name: str, folder: Path, out: Path, config: str) -> Study:
    """Run a folder with one image series and one structure set."""
    outcome = run_folder(Config.model_validate(tomllib.loads(config)), folder, out)
    [job] = outcome.jobs
    sources = tuple(path for path in sorted(folder.rglob("*")) if path.is_file())
    modality = {path: pydicom.dcmread(path, stop_before_pixels=True).Modality for path in sources}
    [structures] = (path for path in sources if modality[path] == "RTSTRUCT")
    volume = volume_of([path for path in sources if path != structures])
    [roi] = read_structure_set(structures).rois
    return Study(
        name=name, sources=sources, volume=volume, mask=rasterise(roi.contours, volume.geometry).mask, job=job,
        text=outcome.text(), files={Path(f["path"]).stem: Path(f["path"]) for f in job["files"]},
    )  # fmt: skip


@pytest.fixture(scope="module", params=["ct", "mr", "oblique mr"])
def study(request, data, tmp_path_factory):
    """The lung cancer of the IBSI phantom; the thigh sarcoma STS-002, as it was scanned and turned in space."""
    out = tmp_path_factory.mktemp("judges")
    if request.param == "ct":
        return evaluated("ct", data / "ibsi-ct-phantom" / "dicom", out, LUNG)
    folder = data / "sarcoma-sts002" / "dicom" / "STS_002" / "MR_T1"
    if request.param == "oblique mr":
        folder = turn(folder, out / "source", OBLIQUE)
    return evaluated("mr", folder, out / "results", THIGH)


def test_dciodvfy_finds_no_error(study):
    """In no kind of object."""
    assert set(study.files) == {"seg", "sr", "key-sr", "pdf", "sc", "text-sr"}
    for path in study.files.values():
        assert judged(path) == []


def test_dcentvfy_finds_the_whole_study_consistent(study, tmp_path):
    """Images, structure set and results together: no error, and no warning but those that the images cause."""
    listed = tmp_path / "files"
    listed.write_text("\n".join(map(str, [*study.sources, *study.files.values()])))
    done = subprocess.run([program("dcentvfy"), "-f", listed], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    warned = {
        (found[1], found[2])
        for line in said
        if (found := re.match(r"Warning - (.*?)(?: - .*)? - Element=<(\w+)>", line))
    }

    assert [line for line in said if not line.startswith("Warning")] == []
    assert warned == NOT_OURS[study.name]


def test_dcentvfy_would_find_another_patient(study, tmp_path):
    """The check is not vacuous: a result of somebody else is an error."""
    sr = pydicom.dcmread(study.files["sr"])
    sr.PatientBirthDate = "19010101"
    pydicom.dcmwrite(tmp_path / "sr.dcm", sr)
    done = subprocess.run(
        [program("dcentvfy"), str(study.files["seg"]), str(tmp_path / "sr.dcm")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "PatientBirthDate" in done.stdout + done.stderr


def test_dsrdump_reads_the_reports(study):
    """DCMTK walks every report to its end, and finds volume, axes and what is said of them."""
    for kind in ("sr", "key-sr"):
        done = subprocess.run(
            [program("dsrdump"), "+Pl", str(study.files[kind])], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert f'"Volume")="{study.job["lesions"][0]["volume_ml"]:.3f}"' in done.stdout
        assert '"Long axis")=' in done.stdout
        assert "RESEARCH." in done.stdout


def dcmqi(name: str, *arguments: str) -> None:
    """Run a tool of dcmqi, which is installed beside this Python."""
    subprocess.run([str(Path(sys.executable).parent / name), *arguments], capture_output=True, text=True, check=True)


def test_dcmqi_reads_the_same_numbers(study, tmp_path):
    """tid1500reader gives every measurement with the value that the document of the run has."""
    dcmqi("tid1500reader", "--inputDICOM", str(study.files["sr"]), "--outputMetadata", str(tmp_path / "sr.json"))
    [group] = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    [lesion] = study.job["lesions"]
    values = {item["quantity"]["CodeMeaning"]: float(item["value"]) for item in group["measurementItems"]}

    assert group["TrackingIdentifier"] == lesion["tracking_id"]
    assert values["Volume"] == pytest.approx(lesion["volume_ml"], abs=0.0005)
    assert values["Long axis"] == pytest.approx(lesion["long_axis_mm"], abs=0.05)
    for prediction in lesion["predictions"]:
        name = f"AI-predicted probability of {prediction['target']}"
        assert values[name] == pytest.approx(100 * prediction["probability"], abs=0.05)


def test_dcmqi_reads_the_same_mask_in_the_same_place(study, tmp_path):
    """segimage2itkimage: grid steps, directions and every voxel are those of the images that were drawn on."""
    dcmqi(
        "segimage2itkimage", "--inputDICOM", str(study.files["seg"]), "--outputDirectory", str(tmp_path),
        "--prefix", "out", "-t", "nii",
    )  # fmt: skip
    image = nibabel.load(tmp_path / "out-1.nii.gz")
    affine = np.diag([-1, -1, 1, 1]) @ image.affine  # RAS to LPS
    steps = np.abs(study.volume.geometry.inverse[:3, :3] @ affine[:3, :3])  # ours from theirs: a permutation
    points = nibabel.affines.apply_affine(affine, np.argwhere(np.asanyarray(image.dataobj) > 0))
    index = study.volume.geometry.index(points)
    read = np.zeros(study.mask.shape, bool)
    read[tuple(index.round().astype(int).T)] = True

    assert np.allclose(steps, np.eye(3)[::-1], atol=2e-4)
    assert np.abs(index - index.round()).max() < 0.01
    assert np.array_equal(read, study.mask)


def test_the_segmentation_has_the_geometry_of_the_images(study):
    """Orientation, spacing and the position of each frame are those of the very image it names."""
    seg = pydicom.dcmread(study.files["seg"])
    shared = seg.SharedFunctionalGroupsSequence[0]
    images = {str(ds.SOPInstanceUID): ds for ds in (pydicom.dcmread(p, stop_before_pixels=True) for p in study.sources)}
    for group in seg.PerFrameFunctionalGroupsSequence:
        [source] = group.DerivationImageSequence[0].SourceImageSequence
        image = images[source.ReferencedSOPInstanceUID]
        for stated, own in (
            (group.PlanePositionSequence[0].ImagePositionPatient, image.ImagePositionPatient),
            (shared.PlaneOrientationSequence[0].ImageOrientationPatient, image.ImageOrientationPatient),
            (shared.PixelMeasuresSequence[0].PixelSpacing, image.PixelSpacing),
        ):
            assert np.allclose(np.array(stated, float), np.array(own, float), atol=1e-5)
    assert seg.FrameOfReferenceUID == study.volume.frame_uid
    assert (seg.Rows, seg.Columns) == study.mask.shape[1:]


@pytest.mark.slow
def test_pixelmed_finds_no_error_in_the_reports_of_an_mr(data, tmp_path):
    """TID 1500 and its children hold on MR too; warnings name our private items only. Both files are read at once."""
    folder = data / "sarcoma-sts002" / "dicom" / "STS_002" / "MR_T1"
    files = evaluated("mr", folder, tmp_path, THIGH).files
    command = ["sh", str(tool("pixelmed-validate")), "sr"]
    at_work = [
        subprocess.Popen([*command, str(files[kind])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for kind in ("sr", "key-sr")
    ]
    for process in at_work:
        said = process.communicate(timeout=280)[0].splitlines()
        assert "Found Root Template TID_1500 (MeasurementReport)" in said
        assert "IOD validation complete" in said
        assert [line for line in said if line.startswith("Error")] == []
        assert all("Content Item not in template" in line for line in said if line.startswith("Warning"))
