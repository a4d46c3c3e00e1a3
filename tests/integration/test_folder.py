"""`radnode run`: the same line on a folder, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pydicom.data
import pytest

from node.dicom.header import read_instance

NODULE = np.array([-57.44, 131.23, -520.36])  # LPS millimetres, LUNA16 annotation of LIDC-IDRI-0314

SEARCHING = """
[[pipelines]]
name = "lung"
organ = "lung"
models = ["lung-egfr"]
partial_organ = "flag"
[pipelines.series.ct]
modality = "CT"
[pipelines.lesion]
from = ["rtstruct", "seg", "seed", "model:lung-lesion"]
"""


def radnode(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "node", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=cwd,
        check=False,
    )


def evaluate(folder: Path, out: Path, config: str = SEARCHING, *options: str | Path) -> dict:
    """The JSON document of a run that succeeded."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.toml").write_text(config)
    done = radnode("run", folder, "--out", out, "--json", "--config", out / "config.toml", *options)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def lidc(data, tmp_path_factory):
    """lidc-0314-ct60, found by the search model."""
    out = tmp_path_factory.mktemp("lidc")
    return evaluate(data / "lidc-0314-ct60" / "dicom", out)


def test_the_search_model_finds_the_nodule(lidc):
    """2.2 mL within 30 %, and the annotated centre lies in the SEG."""
    [job] = lidc["jobs"]
    assert job["state"] == "succeeded", job["reason"]
    [lesion] = job["lesions"]
    assert lesion["source"] == "model:lung-lesion"
    assert 2.2 * 0.7 <= lesion["volume_ml"] <= 2.2 * 1.3
    seg = pydicom.dcmread(next(f["path"] for f in job["files"] if f["path"].endswith("seg.dcm")))
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"
    assert contains(seg, NODULE)


def test_every_result_is_left_in_the_order_of_delivery(lidc):
    """Segmentation, report and key-slice report, each a series of its own, all known to be ours."""
    files = lidc["jobs"][0]["files"]
    assert [Path(f["path"]).name for f in files] == ["seg.dcm", "sr.dcm", "key-sr.dcm"]
    assert [f["series_description"] for f in files] == [
        "AI lung SEG [RESEARCH]", "AI lung SR [RESEARCH]", "AI lung key-slice SR [RESEARCH]",
    ]  # fmt: skip
    assert len({f["series_instance_uid"] for f in files}) == 3
    assert all(read_instance(Path(f["path"])).ours for f in files)


def contains(seg: pydicom.Dataset, point: np.ndarray) -> bool:
    """Whether a BINARY SEG with one segment holds a point (LPS millimetres)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    frames = np.atleast_3d(seg.pixel_array) if seg.NumberOfFrames > 1 else seg.pixel_array[None]
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        offset = point - np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        if abs(offset @ np.cross(*axes)) <= 0.51:
            column, row = round(offset @ axes[0] / spacing[1]), round(offset @ axes[1] / spacing[0])
            if frame[row, column]:
                return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.70"]
)
def test_recompressed_without_loss_it_is_the_same_seg(data, lidc, tmp_path, syntax):
    """RLE, JPEG 2000 lossless, JPEG-LS lossless, JPEG lossless: the frames are equal to the last bit."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    for path in (data / "lidc-0314-ct60" / "dicom").iterdir():
        recompress(path, folder / path.name, syntax)
    [job] = evaluate(folder, tmp_path / "out")["jobs"]
    plain = pydicom.dcmread(next(f["path"] for f in lidc["jobs"][0]["files"] if f["path"].endswith("seg.dcm")))
    again = pydicom.dcmread(next(f["path"] for f in job["files"] if f["path"].endswith("seg.dcm")))
    assert again.PixelData == plain.PixelData
    assert again.PerFrameFunctionalGroupsSequence == plain.PerFrameFunctionalGroupsSequence


def recompress(path: Path, target: Path, syntax: str) -> None:
    """Write a file in another lossless transfer syntax; JPEG lossless by DCMTK, the others by pydicom."""
    if syntax.endswith(".70"):
        from tests.support.peers import program

        subprocess.run([program("dcmcjpeg"), "+e1", str(path), str(target)], check=True, timeout=180)
        return
    ds = pydicom.dcmread(path)
    ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(target)


def test_a_drawn_lesion_with_clinical_values_from_a_file(data, tmp_path):
    """The file's values win, their origin is told, and all keys of the document are there."""
    folder = data / "ibsi-ct-phantom" / "dicom"
    patient = pydicom.dcmread(next((folder / "image").iterdir()), stop_before_pixels=True).PatientID
    table = tmp_path / "clinical.csv"
    table.write_text(f"PatientID,age,sex,smoking,pack_years,histology\n{patient},61,female,never,0,adenocarcinoma\n")
    document = evaluate(folder, tmp_path / "out", SEARCHING, "--clinical", table)
    [job] = document["jobs"]
    [prediction] = job["lesions"][0]["predictions"]
    assert document["schema"] == 1
    assert prediction["state"] in {"predicted", "borderline"}
    assert prediction["lower"] <= prediction["probability"] <= prediction["upper"]
    assert prediction["inputs"]["age"] == {"value": 61, "source": "clinical file, line 2"}
    assert not prediction["missing_inputs"] or prediction["missing_inputs"] == ["ground_glass"]


def test_a_folder_that_matches_nothing_is_no_failure(data, tmp_path):
    """An MR study: status 0, and every series is explained."""
    document = evaluate(data / "sarcoma-sts002" / "dicom" / "STS_002" / "MR_T1", tmp_path / "out")
    assert document["jobs"] == []
    assert all("Modality is" in series["why"] for study in document["unmatched"] for series in study["series"])


def test_a_drawn_sarcoma_in_mr_is_measured_and_no_lung_model_answers(data, tmp_path):
    """Its structure set names the series, but instances that were renumbered since; the volume is that of the NIfTI."""
    config = SEARCHING.replace('modality = "CT"', 'modality = "MR"').replace('organ = "lung"\n', "")
    folder = data / "sarcoma-sts002"
    [job] = evaluate(folder / "dicom" / "STS_002" / "MR_T1", tmp_path / "out", config)["jobs"]
    [lesion] = job["lesions"]
    mask = nibabel.load(next((folder / "nifti" / "STS_002").glob("MR_T1_mask*")))
    drawn_ml = np.asarray(mask.dataobj).sum() * np.prod(mask.header.get_zooms()) / 1000
    assert lesion["source"] == "rtstruct"
    assert lesion["volume_ml"] == pytest.approx(drawn_ml, rel=0.03)
    assert lesion["predictions"][0]["state"] == "not_evaluated"
    assert "EXTREMITY" in lesion["predictions"][0]["reason"]


@pytest.mark.slow
def test_pydicoms_broken_and_odd_files_come_to_a_clear_end(tmp_path):
    """Every file of pydicom's own test set, in one folder: skipped by name, unmatched, or refused with a reason."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    for path in Path(pydicom.data.__file__).parent.rglob("*"):  # what lies in the wheel; the rest would be downloaded
        if path.is_file() and path.suffix != ".py" and path.stat().st_size < 2_000_000:
            shutil.copy(path, folder / path.name)
    document = evaluate(folder, tmp_path / "out")
    assert document["jobs"]
    for job in document["jobs"]:
        assert job["state"] in {"succeeded", "refused"}
        assert job["state"] == "succeeded" or (job["reason_code"] and job["reason"])


def test_a_result_that_cannot_be_written_is_a_failed_job(data, tmp_path):
    """Status 1, the job is told as failed with the reason: here the disk is full."""
    config = tmp_path / "config.toml"
    config.write_text(SEARCHING)
    arguments = ("run", data / "ibsi-ct-phantom" / "dicom", "--json", "--config", config, "--out")
    out = tmp_path / "small"
    out.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(out)], check=True)
    try:
        done = radnode(*arguments, out)
    finally:
        subprocess.run(["umount", str(out)], check=True)
    assert done.returncode == 1
    [job] = json.loads(done.stdout)["jobs"]
    assert (job["state"], job["lesions"]) == ("failed", [])
    assert "No space left" in job["reason"]


def test_wrong_usage_ends_with_status_2(tmp_path):
    """An unknown pipeline, a folder that is none, a configuration with a mistake."""
    bad = tmp_path / "config.toml"
    bad.write_text("[receive]\nport = 0.5\n")
    assert radnode("run", tmp_path, "--out", tmp_path / "o", "--pipeline", "liver").returncode == 2
    assert radnode("run", tmp_path / "absent", "--out", tmp_path / "o").returncode == 2
    assert radnode("run", tmp_path, "--out", bad).returncode == 2
    done = radnode("run", tmp_path, "--out", tmp_path / "o", "--config", bad)
    assert done.returncode == 2
    assert "receive.port" in done.stderr
    checked = radnode("check", "--config", bad)
    assert checked.returncode == 1
    assert checked.stdout.startswith("WRONG")
    assert "receive.port" in checked.stdout
