"""A lesion drawn on FLAIR while T1c is measured and the head had moved: carried over or refused, never misplaced."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.domain.order import LesionRules
from node.domain.volume import LoadRules, Volume
from node.errors import Refused
from node.imaging.regrid import onto
from node.stages.load import load
from node.stages.register import Registered, register
from node.stages.segment import SourceFiles, segment
from tests.support.drawings import dice, structure_set
from tests.support.heads import LESION_AT, LESION_MM, displaced, head
from tests.support.marks import NEOPLASM, group, image, report, scoord, scoord3d
from tests.support.segmentations import segmentation
from tests.support.series import MR, image_series, save

ANGLES, SHIFT = (0.08, -0.05, 0.12), (9.0, -6.0, 4.0)
RULES = LesionRules()


@dataclass(frozen=True, kw_only=True, eq=False)
class Heads:
    """
    One head as T1c and, moved, as FLAIR.

    Attributes:
        motion: Shape (4, 4): LPS of a point in T1c to its LPS in FLAIR.
        flair: The FLAIR's images, by slice.
        t1c: The T1c's images, by slice.
    """

    registered: Registered
    motion: NDArray[np.float64]
    flair: list[Dataset]
    t1c: list[Dataset]

    @property
    def drawn_on(self) -> Volume:
        """The FLAIR where the scanner placed it."""
        return self.registered.laid["flair"].came

    @property
    def measured(self) -> Volume:
        """The T1c."""
        return self.registered.volumes["t1c"]

    def segment(self, *sources: SourceFiles):
        """What the segment stage makes of these sources."""
        return segment(self.registered.volumes, sources, RULES, {}, laid=self.registered.laid)


def heads_in(folder: Path, *, one_frame: bool = False) -> Heads:
    """The pair as MR series on disk, loaded and registered."""
    still = head()
    moved, motion = displaced(still, angles=ANGLES, shift=SHIFT)
    series = {}
    for role, each in (("t1c", still), ("flair", moved)):
        place = each.geometry
        series[role] = image_series(
            each.voxels, spacing=place.spacing, origin=tuple(place.point(np.zeros(3))), sop_class=MR,
            frame_uid="1.2.840.9" if one_frame else None,
        )  # fmt: skip
    volumes = {role: load(save(each, folder / role), LoadRules()).volume for role, each in series.items()}
    return Heads(registered=register(volumes), motion=motion, **series)


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> Heads:
    """Each series in a frame of reference of its own."""
    return heads_in(tmp_path_factory.mktemp("heads"))


@pytest.fixture(scope="module")
def one_frame(tmp_path_factory) -> Heads:
    """Both series in one frame of reference, although the patient moved in between."""
    return heads_in(tmp_path_factory.mktemp("heads"), one_frame=True)


def tumour(volume: Volume, motion: NDArray[np.float64] | None = None) -> NDArray[np.bool_]:
    """Voxels of a volume that lie in the lesion of the phantom after a motion."""
    points = volume.geometry.point(np.moveaxis(np.indices(volume.geometry.shape), 0, -1))
    if motion is not None:
        points = (points - motion[:3, 3]) @ motion[:3, :3]
    return np.linalg.norm((points - LESION_AT) / LESION_MM, axis=-1) < 1


def outlines(volume: Volume, motion: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The lesion's outline on every slice that cuts it: rays from a point inside meet the ellipsoid."""
    place, found = volume.geometry, []
    _, down, across = place.axes
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)[:, None]
    rays = np.cos(angle) * across + np.sin(angle) * down
    for k, plane in enumerate(tumour(volume, motion)):
        if plane.any():
            inside = place.point(np.array([k, *np.argwhere(plane).mean(axis=0)]))
            start = ((inside - motion[:3, 3]) @ motion[:3, :3] - LESION_AT) / LESION_MM
            step = rays @ motion[:3, :3] / LESION_MM
            a, b, c = (step**2).sum(1), step @ start, start @ start - 1
            found.append(inside + rays * ((np.sqrt(b**2 - a * c) - b) / a)[:, None])
    return found


def rtstruct(path: Path, heads: Heads, role: str = "flair") -> SourceFiles:
    """An RT Structure Set that was drawn on one of the two."""
    volume, motion = (heads.drawn_on, heads.motion) if role == "flair" else (heads.measured, np.eye(4))
    rois = [{"name": "GTV-1", "contours": outlines(volume, motion)}]
    uids = [volume.slices[0].sop_uid]
    made = structure_set(path, rois, frame_uid=volume.frame_uid, sop_uids=uids)
    return SourceFiles("rtstruct", (made,), role="" if role == "t1c" else role)


def seg(path: Path, heads: Heads) -> SourceFiles:
    """A Segmentation on the grid of the FLAIR."""
    made = segmentation(path, heads.flair, tumour(heads.drawn_on, heads.motion), [{"label": "Tumour"}])
    return SourceFiles("seg", (made,), role="flair")


def seed(path: Path, heads: Heads, *, in_space: bool) -> SourceFiles:
    """A point in the lesion, on an image of the FLAIR or in its frame of reference."""
    point = heads.motion[:3, :3] @ LESION_AT + heads.motion[:3, 3]
    k, row, column = heads.drawn_on.geometry.index(point)
    on_image = scoord("POINT", [column + 0.5, row + 0.5], [image(heads.drawn_on.slices[round(k)].sop_uid)])
    mark = scoord3d("POINT", list(point), heads.drawn_on.frame_uid) if in_space else on_image
    return SourceFiles("seed", (report(path, [group(NEOPLASM, [mark])]),), role="flair")


@pytest.mark.parametrize("frames", ["heads", "one_frame"])
@pytest.mark.parametrize("make", [rtstruct, seg])
def test_an_outline_on_flair_comes_to_lie_on_the_tumour_in_t1c(make, frames, request, tmp_path):
    """By the registration and not by the coordinates, whether or not the frames of reference are told apart."""
    pair = request.getfixturevalue(frames)
    [lesion] = pair.segment(make(tmp_path / "drawn.dcm", pair)).lesions
    truth, drawn = tumour(pair.measured), tumour(pair.drawn_on, pair.motion)

    assert dice(onto(drawn, pair.drawn_on.geometry, pair.measured.geometry), truth) < 0.5
    assert dice(lesion.mask, truth) > 0.85


@pytest.mark.parametrize("in_space", [True, False])
def test_what_grows_from_a_point_on_flair_is_centred_on_the_tumour_in_t1c(heads, in_space, tmp_path):
    """It grows where the reader saw it, in the FLAIR, and is carried over as an outline is."""
    [lesion] = heads.segment(seed(tmp_path / "sr.dcm", heads, in_space=in_space)).lesions
    centre = heads.measured.geometry.point(np.argwhere(lesion.mask).mean(axis=0))

    assert np.linalg.norm(centre - LESION_AT) < 1
    assert dice(lesion.mask, tumour(heads.measured)) > 0.85


def test_the_reader_is_told_how_a_drawing_came_there(heads, tmp_path):
    """Where it was drawn, its volume there and here, and what the registration misses by."""
    [lesion] = heads.segment(rtstruct(tmp_path / "rs.dcm", heads)).lesions
    first, second = lesion.provenance.notes[-2:]

    assert re.fullmatch(
        r"It was drawn on flair and carried over to t1c, .*\(1[78]\.\d\d mL there, 1[789]\.\d\d mL here\)\.", first
    )
    assert re.fullmatch(r"flair was moved by 14\.\d mm on average to lie on t1c .*trip error 0\.\d mm\)\.", second)


def test_a_drawing_on_the_measured_series_comes_first_and_that_is_said(heads, tmp_path):
    """One on FLAIR beside it is named among what was passed over."""
    own, other = rtstruct(tmp_path / "rs.dcm", heads, "t1c"), seg(tmp_path / "seg.dcm", heads)
    found = heads.segment(own, other)

    assert [each.provenance.kind for each in found.lesions] == ["rtstruct"]
    assert found.skipped == (
        "Segmentation on flair: not used, as a drawing on the series that is measured comes first",
    )


def test_an_outline_of_a_structure_set_is_placed_by_the_images_it_names(one_frame, tmp_path):
    """One set for both series, one frame of reference: what was drawn on FLAIR is not taken as drawn on T1c."""
    on_flair = rtstruct(tmp_path / "rs.dcm", one_frame)
    found = one_frame.segment(replace(on_flair, role=""), on_flair)

    assert dice(found.lesions[0].mask, tumour(one_frame.measured)) > 0.85
    assert found.skipped == ("ROI 1 'GTV-1': it was drawn on another series of this study that is used",)


def test_a_drawing_that_comes_to_lie_outside_is_refused(heads, tmp_path):
    """T1c need not cover what FLAIR shows; the reason names the drawing and its series, not its label."""
    low = heads.measured.geometry.crop((0, 0, 0), (6, *heads.measured.geometry.shape[1:]))
    measured = replace(heads.measured, voxels=heads.measured.voxels[:6], geometry=low, slices=heads.measured.slices[:6])
    laid = heads.registered.laid
    with pytest.raises(Refused) as refused:
        segment({"t1c": measured}, [rtstruct(tmp_path / "rs.dcm", heads)], RULES, {}, laid=laid)

    assert refused.value.code == "contour mismatch"
    assert refused.value.found == "ROI 1 on flair: carried over, it lies outside the image that is measured"


def test_what_of_a_drawing_lies_outside_is_cut_off_and_told(heads, tmp_path):
    """A T1c that ends in the tumour measures a part of it, and says so."""
    k = round(float(heads.measured.geometry.index(LESION_AT)[0])) + 1
    place = heads.measured.geometry.crop((0, 0, 0), (k, *heads.measured.geometry.shape[1:]))
    measured = replace(
        heads.measured, voxels=heads.measured.voxels[:k], geometry=place, slices=heads.measured.slices[:k]
    )
    [lesion] = segment(
        {"t1c": measured}, [seg(tmp_path / "seg.dcm", heads)], RULES, {}, laid=heads.registered.laid
    ).lesions

    assert re.fullmatch(
        r"[45]\d\.\d% of the drawing lies outside the image and was cut off\.", lesion.provenance.notes[-1]
    )
