"""Orthanc as the PACS that sends the studies itself, and can be asked how many instances they have."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from tests.integration.test_arrivals import settled
from tests.support.orthanc import Orthanc, orthanc
from tests.support.peers import until
from tests.support.service import Service


def upload(pacs: Orthanc, folder: Path) -> None:
    """As a scanner would have stored them."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        pacs.post("/instances", path.read_bytes())


def forward(pacs: Orthanc) -> None:
    """Every study that the PACS holds, to the node, as a routing rule does."""
    assert pacs.post("/modalities/radnode/store", pacs.get("/studies"))["FailedInstancesCount"] == 0


def test_the_count_of_the_pacs_settles_a_study(data, tmp_path):
    """Long before the quiet time; for a drawing that comes later too, when the PACS holds our SEG and SR besides."""
    folder = data / "ibsi-ct-phantom" / "dicom"
    with (
        orthanc(tmp_path / "pacs", {}) as pacs,
        Service(tmp_path / "node", pacs_port=pacs.dicom_port, quiet_s=600, count=True) as node,
    ):
        pacs.knows("radnode", "RADNODE", node.port)
        upload(pacs, folder)
        forward(pacs)
        until(lambda: settled(node) and len(pacs.get("/series")) == 4, within_s=90, what="SEG and SR in Orthanc")
        upload(pacs, redrawn(folder / "mask", tmp_path / "later"))
        forward(pacs)
        until(lambda: settled(node, jobs=2), within_s=90, what="the second revision")


def redrawn(drawing: Path, folder: Path) -> Path:
    """The same structure set as a new object in a new series."""
    folder.mkdir()
    ds = pydicom.dcmread(next(p for p in drawing.rglob("*") if p.is_file()))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.save_as(folder / "rtstruct.dcm")
    return folder
