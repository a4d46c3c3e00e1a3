"""Result objects before the field's own validators and readers: dciodvfy, PixelMed, DCMTK, dcmqi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from node.dicom import inherit
from node.domain.findings import Findings, Provenance
from node.domain.order import Predecessor
from node.domain.refusals import REFUSALS
from node.stages.encode_key_sr import encode_key_sr
from node.stages.encode_seg import encode_seg
from node.stages.encode_sr import encode_sr
from tests.support.findings import DRAWN, FOUND, Case, make_case, make_envelope
from tests.support.peers import program, tool
from tests.support.series import MR, save

SEED = Provenance(kind="seed", algorithm_type="SEMIAUTOMATIC", label="seed")
REFUSED = Findings(state="refused", reason_code="organ partial", reason="the apex of the left lung is cut off")
SECOND = make_envelope(
    job_id="second",
    revision=2,
    predecessor=Predecessor(
        job_id="first", objects=(("1.2.840.10008.5.1.4.1.1.88.34", "2.25.3", "2.25.4"),), change="slices arrived"
    ),
)

CASES = {
    "one drawn lesion": make_case,
    "two lesions": lambda: make_case(DRAWN, FOUND),
    "a grown seed": lambda: make_case(SEED),
    "MR": lambda: make_case(sop_class=MR),
    "Enhanced CT": lambda: make_case(enhanced=True),
    "nothing of the patient": lambda: make_case(**dict.fromkeys(inherit.REQUIRED)),
    "a Korean name": lambda: make_case(
        SpecificCharacterSet=["", "ISO 2022 IR 149"], PatientName="Hong^Gildong=洪^吉洞=홍^길동"
    ),
    "a revision": lambda: replace(make_case(), envelope=SECOND),
}


def write(case: Case, folder: Path) -> tuple[Path, Path, Path]:
    """Segmentation, report and key-slice report of a case, as files."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    sr = encode_sr(case.findings, case.volume, case.headers, seg, case.envelope)
    key_sr = encode_key_sr(case.findings, case.volume, case.headers, case.envelope)
    for name, ds in (("seg", seg), ("sr", sr), ("key-sr", key_sr)):
        pydicom.dcmwrite(folder / f"{name}.dcm", ds, enforce_file_format=True)
    return folder / "seg.dcm", folder / "sr.dcm", folder / "key-sr.dcm"


def write_refused(folder: Path, **changes) -> Path:
    """The report of a refused case."""
    case = make_case()
    sr = encode_sr(replace(REFUSED, **changes), None, case.headers, None, case.envelope)
    pydicom.dcmwrite(folder / "refused.dcm", sr, enforce_file_format=True)
    return folder / "refused.dcm"


def errors(path: Path, knows: str = "") -> list[str]:
    """Errors of dciodvfy, which must say that it knows this IOD."""
    done = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert knows in said if knows else "Segmentation" in said or "Comprehensive3DSR" in said
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("name", CASES)
def test_dciodvfy_finds_no_error(name, tmp_path):
    """Neither in the Segmentation nor in a report, for every kind of source."""
    for path in write(CASES[name](), tmp_path):
        assert errors(path) == []


@pytest.mark.parametrize("code", ["organ partial", "no patient id"])
def test_dciodvfy_finds_no_error_in_a_refusal(code, tmp_path):
    """Nor in a "not evaluated" report."""
    assert errors(write_refused(tmp_path, reason_code=code)) == []


def test_dciodvfy_would_find_one(tmp_path):
    """The check is not vacuous: without its Series Instance UID the report fails."""
    path = write_refused(tmp_path)
    ds = pydicom.dcmread(path)
    del ds.SeriesInstanceUID
    pydicom.dcmwrite(path, ds)

    assert errors(path)


def test_dsrdump_reads_every_number_and_word(tmp_path):
    """DCMTK reads the whole trees, the contour and the refusal included."""
    _, sr, key_sr = write(make_case(DRAWN, FOUND), tmp_path)
    refused = write_refused(tmp_path)
    said = [
        subprocess.run([program("dsrdump"), "+Pl", str(path)], capture_output=True, text=True, check=True).stdout
        for path in (sr, refused, key_sr)
    ]

    assert '"AI-predicted probability of EGFR mutation")="41.3" (%,UCUM,"percent")' in said[0]
    assert '"AI-predicted probability of KRAS mutation")=empty' in said[0]
    assert "Not a substitute for molecular testing." in said[0]
    assert REFUSALS["organ partial"] in said[1]
    assert '"AI-predicted probability of EGFR mutation")="41.3" (%,UCUM,"percent")' in said[2]
    assert "(POLYLINE,12/10,20/10,20/18,12/18,12/10)" in said[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sr.dcm", "key-sr.dcm", "refused.dcm"])
def test_pixelmed_finds_no_error_in_the_template(name, tmp_path):
    """TID 1500 and its children hold, as the IHE Connectathon asks; warnings name our private items only."""
    write(make_case(DRAWN, FOUND), tmp_path)
    write_refused(tmp_path)
    done = subprocess.run(
        ["sh", str(tool("pixelmed-validate")), "sr", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).splitlines()

    assert "Found Root Template TID_1500 (MeasurementReport)" in said
    assert "IOD validation complete" in said
    assert [line for line in said if line.startswith("Error")] == []
    assert all("Content Item not in template" in line for line in said if line.startswith("Warning"))


def dcmqi(name: str, *arguments: str) -> None:
    """Run a tool of dcmqi, which is installed beside this Python."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})


@pytest.mark.parametrize("sop", ["ct", "oblique"])
def test_dcmqi_reads_the_same_mask(sop, tmp_path):
    """segimage2itkimage gives each lesion where it was drawn, voxel for voxel, in patient coordinates."""
    oblique = {"orientation": (0.96, 0.28, 0.0, -0.28, 0.96, 0.0), "origin": (-100.5, 20.25, -300.125)}
    case = make_case(DRAWN, FOUND, **(oblique if sop == "oblique" else {}))
    seg, _, _ = write(case, tmp_path)
    dcmqi(
        "segimage2itkimage", "--inputDICOM", str(seg), "--outputDirectory", str(tmp_path), "--prefix", "out",
        "-t", "nii",
    )  # fmt: skip
    for lesion in case.findings.lesions:
        image = nibabel.load(tmp_path / f"out-{lesion.number}.nii.gz")
        voxels = np.argwhere(np.asanyarray(image.dataobj) > 0)
        points = nibabel.affines.apply_affine(image.affine, voxels) * [-1, -1, 1]  # RAS to LPS
        index = case.volume.geometry.index(points)
        read = np.zeros(case.volume.geometry.shape, bool)
        read[tuple(index.round().astype(int).T)] = True

        assert np.abs(index - index.round()).max() < 0.01
        assert np.array_equal(read, lesion.contour.mask)


def test_dcmqi_reads_the_same_numbers(tmp_path):
    """tid1500reader gives every measurement with its value, unit and tracking identifier."""
    _, sr, _ = write(make_case(DRAWN, FOUND), tmp_path)
    dcmqi("tid1500reader", "--inputDICOM", str(sr), "--outputMetadata", str(tmp_path / "sr.json"))
    read = json.loads((tmp_path / "sr.json").read_text())

    assert [group["TrackingIdentifier"] for group in read["Measurements"]] == ["GTV-1 (ROI 1)", "Lesion 2"]
    for group in read["Measurements"]:
        values = {item["quantity"]["CodeMeaning"]: float(item["value"]) for item in group["measurementItems"]}
        assert values["Volume"] == 0.512
        assert values["AI-predicted probability of EGFR mutation"] == 41.3


def test_dcentvfy_agrees_with_the_source(tmp_path):
    """The whole study, images and results, is consistent: no error between them."""
    case = make_case(DRAWN, FOUND)
    images = save(case.headers, tmp_path / "images")
    done = subprocess.run(
        [program("dcentvfy"), *map(str, [*images, *write(case, tmp_path)])], capture_output=True, text=True, check=False
    )

    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []
