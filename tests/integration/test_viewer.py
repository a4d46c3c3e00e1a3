"""
Segmentation and key-slice report as a radiologist sees them: in the OHIF viewer, on Orthanc's DICOMweb.

A CT whose nodule radnode found, and an oblique MR on which a tumour was drawn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from scipy import ndimage

from tests.integration.test_folder import SEARCHING, evaluate
from tests.integration.test_judges import OBLIQUE, THIGH
from tests.support.browser import Page, browser
from tests.support.orthanc import Orthanc, orthanc
from tests.support.peers import free_port, missing, tool
from tests.support.reports import groups, numbers, walk
from tests.support.turned import turn

PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = {"Enable": True, "Root": "/dicom-web/", "EnableWado": True, "WadoRoot": "/wado"}
NEAR = 12  #: voxels around the lesion in which no colour may lie; further away the viewer writes on the image
SLACK = 2  #: voxels that the viewer's outline may take beyond the lesion
REACH = 2  #: screen pixels from the edge of a voxel to the line around it

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
LINES = "[...document.querySelectorAll('svg text tspan')].map(e => e.textContent)"
CONTOURS = """cornerstoneTools.annotation.state.getAllAnnotations()
    .filter(a => a.metadata.toolName === 'DICOMSRDisplay')
    .map(a => ({uid: a.metadata.referencedImageId, points: a.data.handles.points}))"""
SHOWN = f"{VIEWPORT}.getImageIds().length > 1 && {VIEWPORT}.getCornerstoneImage() !== undefined"


@dataclass(frozen=True)
class Site:
    """A viewer's address, and what the PACS behind it has: a study and the results of radnode by kind of file."""

    address: str
    results: dict[str, Dataset]
    kept: Path  #: folder for screenshots, with the beginning of their names
    headline: str  #: how the first number beside the contour begins

    @property
    def segmentation(self) -> str:
        """How the list of series names the Segmentation."""
        return str(self.results["seg"].SeriesDescription).removesuffix(" [RESEARCH]")

    def shot(self, name: str) -> Path:
        """Where a screenshot goes."""
        return self.kept.with_name(f"{self.kept.name}-{name}.png")


def tile(series: str) -> str:
    """The entry of a series in the list."""
    return f"""[...document.querySelectorAll('[data-cy^="study-browser-thumbnail"]')]
        .find(e => e.innerText.includes("{series}"))"""


def open_series(page: Page, series: str) -> None:
    """Open a series by a double click on its entry."""
    page.value(f"""(() => {{
        const tile = {tile(series)};
        (tile.querySelector('[draggable]') || tile).dispatchEvent(new MouseEvent('dblclick', {{bubbles: true}}));
    }})()""")


def open_study(page: Page, site: Site, series: str) -> None:
    """Open the study, and wait for its image and for an entry in the list of series."""
    page.open(f"{site.address}/viewer?StudyInstanceUIDs={site.results['seg'].StudyInstanceUID}")
    page.wait(f"!!({tile(series)})", within_s=90, what="the list of series")
    page.wait(SHOWN, within_s=60, what="the image")
    page.wait(SKIP_TOUR, within_s=30, what="the tour for newcomers")


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


def look(page: Page, site: Site, at: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Colours at LPS points on the slice that shows most of the lesion, before and after the overlay is loaded."""
    _, group = largest_frame(site.results["seg"])
    sop_uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    open_study(page, site, site.segmentation)
    turn_to(page, sop_uid)
    before = colours(page.shot(site.shot("before")), on_screen(page, at))
    open_series(page, site.segmentation)
    page.wait(CONFIRM, within_s=60, what="the question whether to load the Segmentation")
    page.wait(LOADED, within_s=30, what="the Segmentation")
    page.settle()  # it turns to a slice of its own choice
    turn_to(page, sop_uid)
    return [before, colours(page.shot(site.shot("after")), on_screen(page, at))]


def hue(seg: Dataset) -> NDArray[np.float64]:
    """Unit vector from grey to the Recommended Display CIELab Value (scaled to 16 bits, PS3.3 C.10.7.1.1)."""
    lightness, a, b = (int(v) / 65535 for v in seg.SegmentSequence[0].RecommendedDisplayCIELabValue)
    rgb = np.array(hd.color.CIELabColor(lightness * 100, a * 255 - 128, b * 255 - 128).to_rgb(clip=True), float)
    away = rgb - rgb.mean()
    unit: NDArray[np.float64] = away / np.linalg.norm(away)
    return unit


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """Orthanc behind OHIF: the archive, the viewer's address, and a folder."""
    if not PLUGINS.exists():
        missing("orthanc-dicomweb is not installed: run ../shared/tools/install-peers")
    folder = tmp_path_factory.mktemp("viewer")
    with (
        orthanc(folder / "pacs", {}, Plugins=[str(PLUGINS)], DicomWeb=DICOMWEB) as archive,
        ohif(folder, archive) as address,
    ):
        yield archive, address, folder


@pytest.fixture(scope="module")
def site(request, data, pacs):
    """The nodule of LIDC-IDRI-0314, found; or the sarcoma of STS-002, drawn and turned in space."""
    archive, address, folder = pacs
    if request.param == "ct":
        source, config = data / "lidc-0314-ct60" / "dicom", SEARCHING
    else:
        config = THIGH.replace('also = ["pdf", "sc", "text-sr"]\n', "")  # of these the viewer would show the page first
        thigh = data / "sarcoma-sts002" / "dicom" / "STS_002" / "MR_T1"
        source = turn(thigh, folder / "mr", OBLIQUE, whole_bytes=True)
    [job] = evaluate(source, folder / f"{request.param}-out", config)["jobs"]
    files = [Path(each["path"]) for each in job["files"]]
    for path in [*source.glob("*.dcm"), *files]:
        archive.post("/instances", path.read_bytes())
    kept = Path(os.environ.get("RADNODE_ARTEFACTS", folder)) / f"viewer-{request.param}"
    headline = "AI-predicted probability of EGFR mutation: " if request.param == "ct" else "Volume: "
    return Site(address, {path.stem: pydicom.dcmread(path) for path in files}, kept, headline)


@pytest.mark.slow
@pytest.mark.parametrize("site", ["ct", "mr"], indirect=True)
def test_ohif_draws_the_lesion_where_it_lies_in_our_colour(site, tmp_path):
    """The overlay fills the lesion's voxels in the recommended colour, and nothing around them."""
    seg = site.results["seg"]
    mask, group = largest_frame(seg)
    index = np.argwhere(mask)
    low, high = index.min(axis=0) - NEAR, index.max(axis=0) + NEAR
    window = np.argwhere(np.ones(high - low, bool)) + low
    apart = np.abs(window[:, None] - index).max(axis=2).min(axis=1)  # in voxels, from the nearest of the lesion

    with browser(tmp_path / "profile") as page:
        before, after = look(page, site, points(window, seg, group))

    inside, outside = after[apart == 0], after[apart > SLACK]
    strength = np.linalg.norm(inside, axis=1)
    assert np.abs(before).max() < 3
    assert np.mean(strength > 20) > 0.95
    assert np.mean(inside @ hue(seg) > 0.95 * strength) > 0.95
    assert np.abs(outside).max() < 3


def frame_of(seg: Dataset, sop_uid: str) -> tuple[NDArray[np.bool_], Dataset]:
    """Mask (row, column) and functional groups of the frame that lies on an image."""
    frames = seg.pixel_array.astype(bool).reshape(-1, seg.Rows, seg.Columns)
    for mask, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        if group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID == sop_uid:
            return mask, group
    raise AssertionError(f"no frame of the Segmentation lies on {sop_uid}")


def edges_of(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractional (row, column) indices, whole at the centres of pixels, of all pixel edges around a mask: both ends."""
    padded = np.pad(mask, 1)
    upright, level = (np.argwhere(d) - 1.0 for d in (padded[:, 1:] != padded[:, :-1], padded[1:] != padded[:-1]))
    down, across = np.array([0.5, 0]), np.array([0, 0.5])
    upright, level = upright + across, level + down  # middles
    return np.concatenate([upright - down, level - across]), np.concatenate([upright + down, level + across])


@pytest.mark.slow
@pytest.mark.parametrize("site", ["ct", "mr"], indirect=True)
def test_ohif_draws_the_contour_and_writes_the_numbers_beside_it(site, tmp_path):
    """
    On the slice of the long axis, around the very pixels of the Segmentation, a predicted number first: it says
    "AI-predicted". Where no model was asked, the volume leads.
    """
    key, seg = site.results["key-sr"], site.results["seg"]
    [sop_uid] = {i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in walk(key) if i.ValueType == "IMAGE"}
    shares = [f"{n}: {value:.2f} %" for n, (value, unit) in numbers(groups(key)[0]).items() if unit == "%"]
    mask, group = frame_of(seg, sop_uid)
    start, end = edges_of(mask)
    core = np.argwhere(ndimage.binary_erosion(mask, iterations=2))
    with browser(tmp_path / "profile") as page:
        open_study(page, site, "key-slice SR")
        open_series(page, "key-slice SR")
        lines = page.wait(f"{LINES}.length > 0 && {LINES}", within_s=60, what="the numbers beside the contour")
        page.settle()
        [contour] = page.value(CONTOURS)
        shown = page.value(f"{VIEWPORT}.getCurrentImageId()")
        line, middle = (on_screen(page, points(index, seg, group)) for index in ((start + end) / 2, core))
        shot = page.shot(site.shot("key-slice"))

    around = [[dy, dx] for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]
    strength = [np.linalg.norm(colours(shot, line + step), axis=1) for step in around]
    assert sop_uid in shown
    assert sop_uid in contour["uid"]
    corners = points(np.concatenate([start, end]), seg, group)
    apart = np.array(contour["points"])[:, None] - corners
    assert np.abs(apart).max(axis=2).min(axis=1).max() < 0.01  # mm: every corner of the line is one of a pixel
    assert np.mean(np.max(strength, axis=0) > 40) > 0.95  # the line is dotted: somewhere near every edge it has colour
    assert np.abs(colours(shot, middle)).max() < 3
    assert lines[: len(shares)] == shares
    assert lines[0].startswith(site.headline)
    assert any(line.startswith("Long axis: ") for line in lines)
