"""From a rough candidate to the outline of a lesion on the voxels of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from node.domain.volume import Volume
from node.imaging.candidates import Candidate
from node.imaging.grid import (
    Bools,
    Box,
    Floats,
    Spacing,
    components,
    dilate,
    distance_to,
    fill_slices,
    in_plane,
    opened,
    placed,
)
from node.imaging.lungs import Lungs

MARGIN_MM = 14.0  #: room around a candidate for its halo
SMOOTH_MM = 0.7  #: Gaussian that takes the edge off the noise
EDGE_HU = (-550.0, -300.0)  #: where the edge of solid tissue may be drawn
HALO_HU = 130.0  #: denser than lung by this is ground glass
HALO_RING_MM = (1.7, 1.3)  #: beyond the blur of the solid edge: where the ring begins, and how wide it is
HALO_REACH_MM = 10.0
THREAD = 0.3  #: what is thinner than this share of the lesion's radius is a vessel or a spicule
THREAD_MM = (0.9, 3.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """
    A drawn lesion.

    Attributes:
        mask: Shape (slice, row, column) of the volume.
        solid_ml: Volume of its solid part.
    """

    mask: Bools
    solid_ml: float


def outline(volume: Volume, lungs: Lungs, candidate: Candidate) -> Outline:
    """
    Draw the whole lesion: the solid part half-way between its density and that of lung, then its ground-glass halo.

    Vessels and spicules that run into it are cut off; small cavities and bronchi inside are filled.

    Args:
        volume: CT in HU.
        lungs: Found on the same volume; nothing outside its filled lung is drawn.
        candidate: Found on both.
    """
    spacing = volume.geometry.spacing
    box = _widened(candidate.fine, spacing, volume.voxels.shape)
    hu = ndimage.gaussian_filter(volume.voxels[box], [min(SMOOTH_MM / s, 0.8) for s in spacing], truncate=3)
    seed = _seed(candidate, box, hu.shape)
    filled = lungs.filled[box]
    lung_hu = _lung_density(hu, seed, filled, spacing)
    solid_hu = float(np.clip((float(np.median(hu[seed])) + lung_hu) / 2, *EDGE_HU))
    radius = candidate.diameter_mm / 2
    solid = _one_piece((hu > solid_hu) & filled, seed, radius, spacing)
    whole = _with_halo(hu, solid, filled, lung_hu=lung_hu, radius=radius, spacing=spacing)
    return Outline(
        mask=placed(fill_slices(whole) & filled, box, volume.voxels.shape),
        solid_ml=float(solid.sum()) * volume.geometry.voxel_ml,
    )


def _widened(box: Box, spacing: Spacing, shape: tuple[int, ...]) -> Box:
    margins = [round(MARGIN_MM / s) for s in spacing]
    z, y, x = (slice(max(0, b.start - m), min(n, b.stop + m)) for b, m, n in zip(box, margins, shape, strict=True))
    return z, y, x


def _seed(candidate: Candidate, box: Box, shape: tuple[int, ...]) -> Bools:
    """The candidate on the voxels of the image."""
    where = [(f.start - b.start, f.stop - f.start) for f, b in zip(candidate.fine, box, strict=True)]
    picks = [
        np.minimum(np.arange(length) * size // length, size - 1)
        for (_, length), size in zip(where, candidate.mask.shape, strict=True)
    ]
    seed = np.zeros(shape, bool)
    z, y, x = (slice(start, start + length) for start, length in where)
    seed[z, y, x] = candidate.mask[np.ix_(*picks)]
    return seed


def _lung_density(hu: Floats, seed: Bools, filled: Bools, spacing: Spacing) -> float:
    """Median of the lung around, vessels left out by taking only what is darker than half-way to water."""
    away = distance_to(seed, spacing)
    around = hu[(away > 4) & (away < MARGIN_MM) & filled]
    aerated = around[around < -500]
    return float(np.median(aerated)) if aerated.size else -850.0


def _one_piece(tissue: Bools, seed: Bools, radius: float, spacing: Spacing) -> Bools:
    """The part of the tissue that hangs together with the seed by more than threads."""
    thread = float(np.clip(THREAD * radius, *THREAD_MM))
    body = opened(tissue, spacing, thread)
    overlap = [(int((part & seed[box]).sum()), placed(part, box, tissue.shape)) for box, part in components(body)]
    if not overlap or max(count for count, _ in overlap) == 0:
        return tissue & seed
    best = max(overlap, key=lambda item: item[0])[1]
    return tissue & dilate(best, spacing, 0.6 * thread)


def _with_halo(hu: Floats, solid: Bools, filled: Bools, *, lung_hu: float, radius: float, spacing: Spacing) -> Bools:
    """Add ground glass, where the ring beyond the solid edge is denser than lung."""
    low = max(HALO_RING_MM[0], 1.3 * max(spacing[1:]))
    beside = distance_to(solid, in_plane(spacing))  # slices may be thick: across them the solid part itself is blurred
    ring = hu[(beside > low) & (beside <= low + max(HALO_RING_MM[1], spacing[1])) & filled]
    if ring.size == 0 or float(np.median(ring)) < lung_hu + HALO_HU:
        return solid
    edge_hu = lung_hu + max(HALO_HU, 0.5 * (float(np.median(ring)) - lung_hu))
    hazy = (hu > edge_hu) & filled & dilate(solid, spacing, HALO_REACH_MM)
    return _one_piece(hazy, solid, radius + low, spacing) | solid
