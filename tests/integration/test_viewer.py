"""The Segmentation as a radiologist sees it: in the OHIF viewer, on Orthanc's DICOMweb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from tests.integration.test_folder import SEARCHING, evaluate
from tests.support.browser import Page, browser
from tests.support.orthanc import Orthanc, orthanc
from tests.support.peers import free_port, missing, tool

PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = {"Enable": True, "Root": "/dicom-web/", "EnableWado": True, "WadoRoot": "/wado"}
NEAR = 20  #: voxels around the lesion in which no colour may lie
SLACK = 2  #: voxels that the viewer's outline may take beyond the lesion

TILE = """[...document.querySelectorAll('[data-cy^="study-browser-thumbnail"]')].find(e => /SEG/.test(e.innerText))"""
OPEN = f"""(() => {{
    const tile = {TILE};
    (tile.querySelector('[draggable]') || tile).dispatchEvent(new MouseEvent('dblclick', {{bubbles: true}}));
    return true;
}})()"""
CONFIRM = """(() => {
    const yes = document.querySelector('[data-cy="yes-hydrate-btn"]');
    if (yes) yes.click();
    return !!yes;
})()"""
SKIP_TOUR = """(() => {
    const all = [...document.querySelectorAll('button, a, span')];
    const skip = all.find(e => /^Skip all$/i.test((e.innerText || '').trim()));
    if (skip) skip.click();
    return !!skip;
})()"""
VIEWPORT = "cornerstone.getRenderingEngines()[0].getViewports()[0]"
LOADED = "cornerstoneTools.segmentation.state.getSegmentations().length > 0"
SHOWN = f"{VIEWPORT}.getImageIds().length > 1 && {VIEWPORT}.getCornerstoneImage() !== undefined"


@contextmanager
def ohif(folder: Path, pacs: Orthanc) -> Iterator[str]:
    """Serve the viewer for a PACS; yields its address."""
    dist = Path(os.environ.get("OHIF_HOME", "~/.cache/ohif")).expanduser() / "package" / "dist"
    if not (dist / "index.html").exists():
        missing(f"OHIF is absent at {dist}: run ../shared/tools/install-peers ohif")
    port, pages = free_port(), folder / "ohif"
    pages.mkdir(parents=True)
    for path in dist.iterdir():
        (pages / path.name).symlink_to(path)
    (pages / "app-config.js").unlink(missing_ok=True)
    (pages / "app-config.js").write_text(tool("ohif/app-config.js").read_text().replace("18080", str(port)))
    command = [sys.executable, str(tool("ohif/serve.py")), str(pages), str(port), f"http://127.0.0.1:{pacs.http_port}"]
    with (folder / "ohif.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def largest_frame(seg: Dataset) -> tuple[NDArray[np.bool_], Dataset]:
    """Mask (row, column) and functional groups of the frame that shows most of the lesion."""
    frames = seg.pixel_array.astype(bool).reshape(-1, seg.Rows, seg.Columns)
    at = int(frames.sum(axis=(1, 2)).argmax())
    return frames[at], seg.PerFrameFunctionalGroupsSequence[at]


def points(index: NDArray[np.int_], seg: Dataset, group: Dataset) -> NDArray[np.float64]:
    """LPS points, shape (n, 3), of (row, column) indices of a frame (PS3.3 equation C.7.6.2.1-1)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    origin = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
    steps = np.stack([cosines[1] * rows, cosines[0] * columns])
    return origin + index @ steps


def on_screen(page: Page, lps: NDArray[np.float64]) -> NDArray[np.int_]:
    """Where the viewport draws points of the patient: (row, column) pixels of a screenshot, shape (n, 2)."""
    script = f"""(() => {{
        const viewport = {VIEWPORT}, box = viewport.element.getBoundingClientRect();
        return {json.dumps(lps.tolist())}.map(p => viewport.worldToCanvas(p)).map(([x, y]) => [y + box.y, x + box.x]);
    }})()"""
    return np.array(page.value(script)).round().astype(int)


def colours(shot: Path, at: NDArray[np.int_]) -> NDArray[np.float64]:
    """Colour of the pixels, shape (n, 3), as the distance from grey: 0 where there is no overlay."""
    pixels = np.asarray(Image.open(shot).convert("RGB"), float)[at[:, 0], at[:, 1]]
    return pixels - pixels.mean(axis=1, keepdims=True)


def turn_to(page: Page, sop_uid: str) -> None:
    """Show one slice, and wait until nothing moves."""
    script = f"""(async () => {{
        const at = {VIEWPORT}.getImageIds().findIndex(id => id.includes("{sop_uid}"));
        await {VIEWPORT}.setImageIdIndex(at);
        return at >= 0 && {VIEWPORT}.getCurrentImageIdIndex() === at;
    }})()"""
    page.wait(script, within_s=30, what="the slice of the lesion")
    page.settle()


def look(page: Page, address: str, seg: Dataset, at: NDArray[np.float64], folder: Path) -> list[NDArray[np.float64]]:
    """Colours at LPS points on the slice that shows most of the lesion, before and after the overlay is loaded."""
    _, group = largest_frame(seg)
    sop_uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    page.open(f"{address}/viewer?StudyInstanceUIDs={seg.StudyInstanceUID}")
    page.wait(f"!!({TILE})", within_s=90, what="the list of series")
    page.wait(SHOWN, within_s=60, what="the image")
    page.wait(SKIP_TOUR, within_s=30, what="the tour for newcomers")
    turn_to(page, sop_uid)
    before = colours(page.shot(folder / "viewer-before.png"), on_screen(page, at))
    page.value(OPEN)
    page.wait(CONFIRM, within_s=60, what="the question whether to load the Segmentation")
    page.wait(LOADED, within_s=30, what="the Segmentation")
    page.settle()  # it turns to a slice of its own choice
    turn_to(page, sop_uid)
    return [before, colours(page.shot(folder / "viewer-after.png"), on_screen(page, at))]


def hue(seg: Dataset) -> NDArray[np.float64]:
    """Unit vector from grey to the Recommended Display CIELab Value (scaled to 16 bits, PS3.3 C.10.7.1.1)."""
    lightness, a, b = (int(v) / 65535 for v in seg.SegmentSequence[0].RecommendedDisplayCIELabValue)
    rgb = np.array(hd.color.CIELabColor(lightness * 100, a * 255 - 128, b * 255 - 128).to_rgb(clip=True), float)
    away = rgb - rgb.mean()
    unit: NDArray[np.float64] = away / np.linalg.norm(away)
    return unit


@pytest.mark.slow
def test_ohif_draws_the_lesion_where_it_lies_in_our_colour(data, tmp_path):
    """The overlay fills the lesion's voxels in the recommended colour, and nothing around them."""
    if not PLUGINS.exists():
        missing("orthanc-dicomweb is not installed: run ../shared/tools/install-peers")
    source = data / "lidc-0314-ct60" / "dicom"
    [job] = evaluate(source, tmp_path / "out", SEARCHING)["jobs"]
    files = [Path(each["path"]) for each in job["files"]]
    seg = pydicom.dcmread(files[0])
    mask, group = largest_frame(seg)
    index = np.argwhere(mask)
    low, high = index.min(axis=0) - NEAR, index.max(axis=0) + NEAR
    window = np.argwhere(np.ones(high - low, bool)) + low
    apart = np.abs(window[:, None] - index).max(axis=2).min(axis=1)  # in voxels, from the nearest of the lesion

    with (
        orthanc(tmp_path / "pacs", {}, Plugins=[str(PLUGINS)], DicomWeb=DICOMWEB) as pacs,
        ohif(tmp_path, pacs) as address,
        browser(tmp_path / "profile") as page,
    ):
        for path in [*source.glob("*.dcm"), *files]:
            pacs.post("/instances", path.read_bytes())
        kept = Path(os.environ.get("RADNODE_ARTEFACTS", tmp_path))
        before, after = look(page, address, seg, points(window, seg, group), kept)

    inside, outside = after[apart == 0], after[apart > SLACK]
    strength = np.linalg.norm(inside, axis=1)
    assert np.abs(before).max() < 3
    assert np.mean(strength > 20) > 0.95
    assert np.mean(inside @ hue(seg) > 0.95 * strength) > 0.95
    assert np.abs(outside).max() < 3
