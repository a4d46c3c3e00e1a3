"""Compact soft tissue in the lungs: what may be a lesion, each with the numbers by which it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.volume import Volume
from node.imaging.grid import Bools, Box, Coarse, Floats, components, distance_to, shrink
from node.imaging.lungs import Lungs

GRID_MM = 1.5  #: candidates are looked for on a grid of about this size
RADII_MM = (20.0, 14.0, 10.0, 7.0, 5.0, 3.5, 2.4)  #: of the balls that a candidate must hold, tried from the largest
EDGE_MM = 1.5  #: partial volume around soft tissue
SHELL_MM = (2.5, 5.5)  #: how far from a candidate its surroundings are judged
STALK = 0.5  #: thickness of a stalk, as a share of the candidate's own
AERATED_HU = -500.0
BELOW_MM = 6.0
MOST = 40  #: candidates at one scale that are looked at; more are vessels


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """
    One compact piece of soft tissue in the filled lung.

    Attributes:
        mask: Shape (slice, row, column) of `box`, on a grid of about 1.5 mm over the lungs.
        box: Where the mask lies on that grid.
        fine: The box on the grid of the volume.
        diameter_mm: Diameter of a ball of the same volume.
        elongation: Longest over middle principal axis; a vessel is long, a nodule is near 1.
        air: Share of its surroundings inside the filled lung that is aerated: vessels run into vessels, a nodule hangs
            in air.
        wall: Share of its surroundings that lies outside the filled lung: chest wall, mediastinum, diaphragm.
        floor: Share of its lower surface that rests on tissue outside the lung (the diaphragm).
        cut: Whether it reaches the first or last slice.
        stalk: Whether tissue at least half as thick as itself joins it to the body, as a trunk joins a hilar vessel.
    """

    mask: Bools
    box: Box
    fine: Box
    diameter_mm: float
    elongation: float
    air: float
    wall: float
    floor: float
    cut: bool
    stalk: bool


def find_candidates(volume: Volume, lungs: Lungs, soft_hu: float) -> list[Candidate]:
    """
    Look for balls of soft tissue inside the filled lung, from large to small.

    Args:
        volume: CT in HU.
        lungs: Found on the same volume.
        soft_hu: Above this, a voxel is soft tissue.

    Returns:
        Candidates in the order found (largest ball first), at most `MOST` for each radius.
    """
    box = _box(lungs.filled)
    hu, coarse = shrink(volume.voxels[box], volume.geometry.spacing, GRID_MM)
    filled = shrink(lungs.filled[box].astype(np.float32), volume.geometry.spacing, GRID_MM)[0] > 0.5
    down = -1 if volume.geometry.axes[0, 2] > 0 else 1
    field = _Field(hu, filled, hu > soft_hu, coarse, box, len(volume.voxels), down)
    depth = distance_to(~(field.soft & filled), coarse.spacing)
    anywhere = distance_to(~field.soft, coarse.spacing)
    taken = np.zeros(hu.shape, bool)
    found = []
    for radius in RADII_MM:
        rooted = _rooted(anywhere > STALK * radius, filled)
        for where, core in islice(components(depth > radius), MOST):
            if not taken[where][core].any():
                found.append(
                    field.candidate(where, core, radius=radius, taken=taken, stalk=bool(rooted[where][core].any()))
                )
    return found


def _rooted(tissue: Bools, filled: Bools) -> Bools:
    """The components that reach out of the filled lung."""
    labels, count = ndimage.label(tissue)
    outside = np.zeros(count + 1, bool)
    outside[np.unique(labels[~filled])] = True
    outside[0] = False
    rooted: Bools = outside[labels]
    return rooted


def _box(mask: Bools) -> Box:
    (found,) = ndimage.find_objects(mask.astype(np.uint8))
    return (found[0], found[1], found[2])


@dataclass(frozen=True, eq=False)
class _Field:
    """The lungs' bounding box on the coarse grid."""

    hu: Floats
    filled: Bools
    soft: Bools
    coarse: Coarse
    box: Box  #: of the lungs on the fine grid
    slices: int  #: of the whole volume
    down: int  #: step along the slices that leads to the feet

    def candidate(self, where: Box, core: Bools, *, radius: float, taken: Bools, stalk: bool) -> Candidate:
        """Grow a core back by the radius it was eroded by, and look around."""
        wide = self._widened(where, radius + EDGE_MM + SHELL_MM[1] + 2)
        seed = np.zeros(self.hu.shape, bool)
        seed[where] |= core
        away = distance_to(seed[wide], self.coarse.spacing)
        inside = self.soft[wide] & self.filled[wide]
        mask = inside & (away <= radius + EDGE_MM)
        taken[wide] |= mask
        outside = distance_to(mask, self.coarse.spacing)
        shell = (outside > SHELL_MM[0]) & (outside <= SHELL_MM[1])
        lung = shell & self.filled[wide]
        return Candidate(
            mask=mask,
            box=wide,
            fine=self._fine(wide),
            diameter_mm=float((6 * mask.sum() * np.prod(self.coarse.spacing) / np.pi) ** (1 / 3)),
            elongation=_elongation(mask, self.coarse.spacing),
            air=float((self.hu[wide][lung] < AERATED_HU).mean()) if lung.any() else 0.0,
            wall=float((shell & ~self.filled[wide]).sum() / max(1, shell.sum())),
            floor=self._floor(mask, wide),
            cut=self._cut(mask, wide),
            stalk=stalk,
        )

    def _fine(self, wide: Box) -> Box:
        """A coarse box on the fine grid of the whole volume."""
        z, y, x = (
            slice(whole.start + part.start * f, min(whole.stop, whole.start + part.stop * f))
            for whole, part, f in zip(self.box, wide, self.coarse.factors, strict=True)
        )
        return z, y, x

    def _widened(self, where: Box, margin_mm: float) -> Box:
        z, y, x = (
            slice(max(0, w.start - round(margin_mm / s)), min(n, w.stop + round(margin_mm / s)))
            for w, s, n in zip(where, self.coarse.spacing, self.hu.shape, strict=True)
        )
        return z, y, x

    def _floor(self, mask: Bools, wide: Box) -> float:
        """Of the columns through the candidate, the share below which soft tissue outside the lung follows at once."""
        steps = max(1, round(BELOW_MM / self.coarse.spacing[0]))
        body = np.pad(self.soft[wide] & ~self.filled[wide], [(steps, steps), (0, 0), (0, 0)], mode="edge")
        lowest = _lowest(mask, self.down)
        rows, columns = np.nonzero(mask.any(axis=0))
        below = lowest[rows, columns] + self.down * steps + steps
        return float(body[below, rows, columns].mean())

    def _cut(self, mask: Bools, wide: Box) -> bool:
        planes = np.flatnonzero(mask.any(axis=(1, 2))) + wide[0].start
        first = self.box[0].start + planes[0] * self.coarse.factors[0]
        last = self.box[0].start + (planes[-1] + 1) * self.coarse.factors[0]
        return bool(first == 0 or last >= self.slices)


def _lowest(mask: Bools, down: int) -> NDArray[np.intp]:
    """Index of the last slice of a mask in each column, going down."""
    lowest: NDArray[np.intp] = mask.argmax(axis=0) if down < 0 else mask.shape[0] - 1 - mask[::-1].argmax(axis=0)
    return lowest


def _elongation(mask: Bools, spacing: tuple[float, float, float]) -> float:
    points = np.argwhere(mask) * np.asarray(spacing)
    if len(points) < 4:
        return 1.0
    middle, longest = np.linalg.eigvalsh(np.cov(points.T) + np.diag(np.square(spacing)) / 12)[1:]
    return float(np.sqrt(longest / middle))
