"""Further forms of the result before validators, readers and receivers: text SR, feature SR, label map."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from node.deliver.cstore import deliver
from node.deliver.outbox import Destination, Outbox
from node.domain.findings import Findings
from node.domain.order import Extraction
from node.errors import DeliveryFailed
from node.network.scp import Peer
from node.stages.encode_feature_sr import encode_feature_sr
from node.stages.encode_seg import encode_labelmap, encode_seg
from node.stages.encode_text_sr import encode_text_sr
from node.store.ledger import Ledger
from tests.integration.test_folder import evaluate
from tests.integration.test_validators import dcmqi, errors
from tests.support.choosy import storescp
from tests.support.findings import DRAWN, FOUND, Case, make_case
from tests.support.ledgers import Clock, an_order, recorded
from tests.support.orthanc import orthanc
from tests.support.peers import program, tool
from tests.support.radiomics import measured_case
from tests.support.reports import walk
from tests.support.series import MR

SEG, LABELMAP, TEXT_SR = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("66.4", "66.7", "88.11"))
REFUSED = Findings(state="refused", reason_code="organ partial", reason="the apex of the left lung is cut off")


def written(ds: Dataset, path: Path) -> Path:
    """The object as a file."""
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def said_by(name: str, *arguments: str) -> str:
    """All that a program prints."""
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def text_report(case: Case, folder: Path) -> Path:
    """The flat report."""
    return written(encode_text_sr(case.findings, case.volume, case.headers, case.envelope), folder / "text.dcm")


def feature_report(case: Case, folder: Path) -> Path:
    """The report of all features."""
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    sr = encode_feature_sr(case.findings, case.volume, case.headers, seg, case.envelope, Extraction())
    return written(sr, folder / "features.dcm")


def label_map(case: Case, folder: Path) -> Path:
    """The label map."""
    return written(encode_labelmap(case.findings, case.volume, case.headers, case.envelope), folder / "labelmap.dcm")


@pytest.mark.parametrize("make", [lambda: make_case(DRAWN, FOUND), lambda: make_case(enhanced=True)])
def test_the_text_report_is_valid_and_read_by_dcmtk(make, tmp_path):
    """No error of dciodvfy; dsrdump prints each code with its sentence."""
    path = text_report(make(), tmp_path)
    read = said_by("dsrdump", "+Pl", "+Pc", str(path))

    assert errors(path, knows="BasicTextSR") == []
    assert '<contains TEXT:(RT1-LONG,99RADNODE,"Lesion 1: long axis")="11.3 mm">' in read
    assert '(RT1-P-EGFR,99RADNODE,"AI-predicted EGFR mutation, lesion 1")="AI-predicted probability' in read
    assert "Not a substitute for molecular testing." in read


def test_the_text_report_of_a_refusal_is_valid_and_says_why(tmp_path):
    """It needs no volume."""
    case = make_case()
    path = written(encode_text_sr(REFUSED, None, case.headers, case.envelope), tmp_path / "refused.dcm")

    assert errors(path, knows="BasicTextSR") == []
    assert '(RT-STATUS,99RADNODE,"Outcome of the evaluation")="NOT EVALUATED (organ partial).' in said_by(
        "dsrdump", "+Pl", "+Pc", str(path)
    )


def test_dcmqi_reads_the_same_features(tmp_path):
    """tid1500reader gives every feature of every lesion with its value; dciodvfy finds no error."""
    case = measured_case(Extraction())
    path = feature_report(case, tmp_path)
    dcmqi("tid1500reader", "--inputDICOM", str(path), "--outputMetadata", str(tmp_path / "sr.json"))
    read = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    sr = pydicom.dcmread(path)

    assert errors(path) == []
    assert len(sr.ContentSequence) > 0
    for group, lesion in zip(read, case.findings.lesions, strict=True):
        values = [float(item["value"]) for item in group["measurementItems"]]
        assert group["TrackingUniqueIdentifier"] == lesion.tracking_uid
        assert values == pytest.approx(list(lesion.measurements.features.values()), rel=1e-8)
        by_code = {item["quantity"]["CodeValue"]: item for item in group["measurementItems"]}
        assert by_code["YEKZ"]["units"]["CodeValue"] == "mm3"
        assert len(by_code) == len(values)


def few(case: Case, *endings: str) -> Case:
    """The same case with the features of these names only: PixelMed needs more than 4 GB for a hundred of them."""
    [lesion] = case.findings.lesions
    m = lesion.measurements
    kept = {name: value for name, value in m.features.items() if name.endswith(endings)}
    lesion = replace(lesion, measurements=replace(m, features=kept))
    return replace(case, findings=replace(case.findings, lesions=(lesion,)))


@pytest.mark.slow
def test_pixelmed_finds_no_error_in_the_features(tmp_path):
    """The template holds for IBSI, private and filtered features and for one without a value."""
    extraction = Extraction(filters=("wavelet",))
    case = few(measured_case(extraction, lesions=1), "l_shape_VoxelVolume", "_firstorder_Mean", "LLH_glcm_Contrast")
    path = feature_report(case, tmp_path)
    done = subprocess.run(
        ["sh", str(tool("pixelmed-validate")), "sr", str(path)], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).splitlines()

    assert len(case.findings.lesions[0].measurements.features) == 11
    assert "Found Root Template TID_1500 (MeasurementReport)" in said
    assert "IOD validation complete" in said
    assert [line for line in said if line.startswith("Error")] == []
    assert all("Content Item not in template" in line for line in said if line.startswith("Warning"))


def test_debians_dciodvfy_does_not_know_a_label_map(tmp_path):
    """It is of 2022, the class of 2024: it says so, and that segments begin with 1 in the classes it knows."""
    said = errors(label_map(make_case(DRAWN, FOUND), tmp_path), knows="Information Object Not found")

    assert said == [
        "Error - </SegmentSequence(0062,0002)[1]/SegmentNumber(0062,0004)> - SegmentNumber not monotonically increasing"
        " from one by one - have SegmentSequence item number 1 (from one) with SegmentNumber of 0",
        "Error - Information Object Not found",
    ]


@pytest.mark.parametrize("changes", [{}, {"sop_class": MR}])
def test_dcmqi_reads_the_same_label_map(changes, tmp_path):
    """segimage2itkimage gives every voxel the number of its lesion, where the lesion was drawn."""
    case = make_case(DRAWN, FOUND, **changes)
    path = label_map(case, tmp_path)
    dcmqi(
        "segimage2itkimage", "--inputDICOM", str(path), "--outputDirectory", str(tmp_path), "--prefix", "out",
        "-t", "nii",
    )  # fmt: skip
    image = nibabel.load(tmp_path / "out-1.nii.gz")
    labels = np.asanyarray(image.dataobj)
    read = np.zeros(case.volume.geometry.shape, int)
    points = nibabel.affines.apply_affine(image.affine, np.argwhere(labels > 0)) * [-1, -1, 1]  # RAS to LPS
    read[tuple(case.volume.geometry.index(points).round().astype(int).T)] = labels[labels > 0]
    expected = sum(lesion.number * lesion.contour.mask for lesion in case.findings.lesions)

    assert np.array_equal(read, expected)


@pytest.fixture
def site(tmp_path):
    """A ledger with a case whose Segmentation and label map wait for "pacs"; the job and how to empty the outbox."""
    clock, case, order = Clock(), make_case(DRAWN, FOUND), an_order()
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    seg = written(encode_seg(case.findings, case.volume, case.headers, case.envelope), tmp_path / "seg.dcm")
    made = {"seg": seg, "labelmap": label_map(case, tmp_path)}

    def send(peer: Peer, *kinds: str) -> dict[str, tuple[str, str]]:
        recorded(ledger, tmp_path, order, {kind: path for kind, path in made.items() if kind in kinds})
        to = Destination(name="pacs", send=partial(deliver, peer=peer, calling_ae="RADNODE"))
        Outbox(ledger, to, root=tmp_path, clock=clock, give_up_after=timedelta(hours=1)).step()
        return {row.kind: (row.state, row.reason) for row in ledger.deliveries(order.job_id)}

    yield send
    ledger.close()


def test_a_label_map_that_is_not_wanted_is_no_alarm(site, tmp_path):
    """The destination has the Segmentation: the delivery ends without being dead, and says why."""
    with storescp(tmp_path / "in", SEG) as peer:
        became = site(peer, "seg", "labelmap")

    assert became["seg"] == ("sent", "")
    state, reason = became["labelmap"]
    assert state == "superseded"
    assert reason.startswith("not wanted: ")
    assert "`seg` tells the same" in reason


def test_a_label_map_that_was_all_is_missed(site, tmp_path):
    """Where nothing else tells of the lesion, a refusal is a fault that somebody must see."""
    with storescp(tmp_path / "in", SEG) as peer:
        state, reason = site(peer, "labelmap")["labelmap"]

    assert state == "dead"
    assert "leave it out of `send`" in reason


def test_a_label_map_that_is_wanted_arrives(site, tmp_path):
    """Both forms, at a destination that takes both."""
    with storescp(tmp_path / "in", SEG, LABELMAP) as peer:
        became = site(peer, "seg", "labelmap")
        classes = sorted(str(pydicom.dcmread(path).SOPClassUID) for path in (tmp_path / "in").iterdir())

    assert {state for state, _ in became.values()} == {"sent"}
    assert classes == [SEG, LABELMAP]


def test_orthanc_takes_all_but_the_label_map(tmp_path):
    """As it comes, Orthanc 1.10 refuses the context of 66.7, which it does not know, and keeps text and feature SR."""
    case = few(measured_case(Extraction(), lesions=1), "_firstorder_Mean")
    wanted = [text_report(case, tmp_path), feature_report(case, tmp_path)]
    refused = label_map(case, tmp_path)
    with orthanc(tmp_path / "pacs", {}, UnknownSopClassAccepted=False) as pacs:
        peer = Peer(name="pacs", ae_title=pacs.ae_title, host="127.0.0.1", port=pacs.dicom_port)
        receipts = [deliver(path, peer, "RADNODE") for path in wanted]
        with pytest.raises(DeliveryFailed) as caught:
            deliver(refused, peer, "RADNODE")
        kept = pacs.get("/instances?expand")

    assert [receipt.status for receipt in receipts] == [0, 0]
    assert caught.value.unwanted
    assert {each["MainDicomTags"]["SOPInstanceUID"] for each in kept} == {receipt.sop_uid for receipt in receipts}


ALL = """
[[pipelines]]
name = "lung"
also = ["text-sr", "labelmap", "feature-sr"]
exports = ["csv"]
[pipelines.series.ct]
modality = "CT"
"""


def test_a_run_leaves_every_kind_that_is_asked_for(data, tmp_path):
    """`also` and `exports` alone make the features be computed; one CT, every new kind, all of one study."""
    job = evaluate(data / "ibsi-ct-phantom" / "dicom", tmp_path / "out", ALL)["jobs"][0]
    files = {Path(file["path"]).name: Path(file["path"]) for file in job["files"]}
    rows = list(csv.DictReader((files["sr.dcm"].parent / "features.csv").open(newline="")))
    sr = pydicom.dcmread(files["feature-sr.dcm"])
    nums = [item for item in walk(sr) if item.ValueType == "NUM"]

    assert job["state"] == "succeeded", job["reason"]
    assert list(files) == [f"{k}.dcm" for k in ("seg", "sr", "key-sr", "text-sr", "labelmap", "feature-sr")]
    assert {row["tracking_uid"] for row in rows} == {
        item.UID for item in walk(sr) if item.ConceptNameCodeSequence[0].CodeValue == "112040"
    }
    assert len(rows) == len(nums) == 107 * len(job["lesions"])
    by_code = {n.ConceptNameCodeSequence[0].CodeValue: n.MeasuredValueSequence[0].FloatingPointValue for n in nums}
    assert {row["ibsi"]: float(row["value"]) for row in rows if row["ibsi"]}.items() <= by_code.items()
    assert errors(files["text-sr.dcm"], knows="BasicTextSR") == []
    assert errors(files["feature-sr.dcm"]) == []
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in files.values()}) == 6
    assert len({pydicom.dcmread(path).SeriesNumber for path in files.values()}) == 6
