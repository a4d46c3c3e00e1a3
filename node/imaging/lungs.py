"""The lungs on a CT, by Hounsfield units: where they are, what they enclose, and whether they are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from weakref import WeakKeyDictionary

import numpy as np
from scipy import ndimage

from node.domain.volume import Volume
from node.imaging.airways import airways
from node.imaging.grid import (
    Bools,
    Box,
    Coarse,
    Floats,
    closed,
    components,
    dilate,
    distance_to,
    erode,
    fill_slices,
    in_plane,
    label_slices,
    opened,
    placed,
    shrink,
)
from node.imaging.hull import hull_slices

GRID_MM = 2.5  #: lungs are looked for on a grid of about this size
AIR_HU = -400.0  #: below: air or aerated lung
SOFT_HU = -300.0  #: above: soft tissue
LUNG_HU = (-970.0, -450.0)  #: median of aerated lung, emphysema included; air in bowel and around the patient is lower
SMALLEST_ML = 60.0  #: a smaller piece by itself is no lung
SMALLEST_SHARE = 0.04  #: nor is one smaller than this share of the largest piece
WRAPPED = 0.6  #: share of a lung's surface that must lie on body soft tissue; a mattress or a table has less
THICK_MM = 9.0  #: a lung holds a ball of this radius; clothing and mats do not
FRAGMENT_HU = -200.0  #: below, within the chest: some air is left in this block
FRAGMENT_SPREAD_MM = 8.0  #: a scrap of air stands for the slices this near
SOLID_HU = 150.0  #: above: bone, which no outline is drawn around
FRAGMENT_REACH_MM = 20.0  #: how far along the body the outline of aerated lung speaks for its neighbours
RIM_SHARE = 0.2  #: less air than this within its outline is a rim around the diaphragm, and the outline is not used
BOX_MARGIN_MM = 20.0
BONE_HU = 180.0
RIB_MM2 = 900.0  #: largest cross-section of a rib, cut along its length
RIB_REACH_MM = 15.0  #: a rib this near bounds the lung
AIRLESS_MM = 8.0  #: with no air this near, the lung at the wall is consolidated or replaced by a mass
CUT_SHARE = 0.15  #: an end slice with more lung than this share of the largest slice cuts the organ


@dataclass(frozen=True, kw_only=True, eq=False)
class Lungs:
    """
    Both lungs, or the one in view, on the grid of the volume: boolean arrays of shape (slice, row, column).

    Attributes:
        mask: Aerated lung with the vessels in it; trachea and main bronchi left out where they can be told apart.
        filled: The filled lung: `mask` and what is enclosed between it, lung by lung and slice by slice, so that a
            mass on the pleura stays inside. Heart and mediastinum stay outside; the top of the diaphragm, where lung
            surrounds it, cannot be told from a mass on CT and lies inside.
        volume_ml: Volume of `mask`.
        cut_off: Ends of the stack at which the lung goes on outside the image: "first slice", "last slice".
        each: Every filled lung by itself, on the grid of `coarse`: two, or one where the image does not tell two apart.
        coarse: The grid on which lungs are looked for.
    """

    mask: Bools
    filled: Bools
    volume_ml: float
    cut_off: tuple[str, ...]
    each: tuple[Bools, ...]
    coarse: Coarse

    @property
    def two(self) -> bool:
        """Whether two lungs are in view."""
        return len(self.each) > 1


_found: WeakKeyDictionary[Volume, Lungs | None] = WeakKeyDictionary()
"""The line and the search model both ask for the lungs of one image; it is looked at once, and forgotten with it."""


def find_lungs(volume: Volume) -> Lungs | None:
    """
    Find the lungs on an axial CT of any field of view.

    Works on blocks of about 2.5 mm: aerated tissue that lies inside the body, is denser than free air, and is thick
    enough; then each lung is closed over vessels, and over masses on the pleura by its outline on each slice.

    Args:
        volume: CT in HU, slices along the patient's long axis.

    Returns:
        The lungs, or None when the image shows none (bowel gas, table and clothing are none).
    """
    if volume not in _found:
        _found[volume] = _look(volume)
    return _found[volume]


def _look(volume: Volume) -> Lungs | None:
    hu, coarse = shrink(volume.voxels, volume.geometry.spacing, GRID_MM)
    hu = ndimage.gaussian_filter(hu, [0.4 * GRID_MM / s for s in coarse.spacing], mode="nearest", truncate=3)
    air = _aerated(hu, coarse)
    if not air.any():
        return None
    box = _box(air, coarse)
    part_hu, part_air = hu[box], air[box]
    sides = [_with_vessels(side, coarse) for side in _sides(part_air, coarse)]
    mask = np.logical_or.reduce(sides)
    each = [placed(filled, box, air.shape) for filled in _filled(sides, part_hu, coarse)]
    return Lungs(
        mask=coarse.expand(placed(mask, box, air.shape)),
        filled=coarse.expand(np.logical_or.reduce(each)),
        volume_ml=float(mask.sum()) * coarse.voxel_ml,
        cut_off=_cut_off(air),
        each=tuple(each),
        coarse=coarse,
    )


def _box(air: Bools, coarse: Coarse) -> Box:
    """Where the lungs lie, with room for the ribs around them."""
    (found,) = ndimage.find_objects(air.astype(np.uint8))
    margins = [round(BOX_MARGIN_MM / s) for s in coarse.spacing]
    z, y, x = (slice(max(0, f.start - m), f.stop + m) for f, m in zip(found, margins, strict=True))
    return z, y, x


def _aerated(hu: Floats, coarse: Coarse) -> Bools:
    """All air that is lung, without the large airways."""
    air = hu < AIR_HU
    lung = np.zeros(air.shape, bool)
    near_body = dilate(_body(hu, coarse), in_plane(coarse.spacing), 3 * GRID_MM)
    free = air & ~airways(hu, air, coarse)
    largest = 0.0
    for box, part in components(free, min_voxels=int(SMALLEST_ML / coarse.voxel_ml)):
        if part.sum() < largest * SMALLEST_SHARE:
            break
        whole = placed(part, box, air.shape)
        inner = ndimage.binary_erosion(whole, border_value=1)  # the border of the image is no surface
        if _is_lung(hu[box], part, near_body[whole & ~inner], coarse):
            largest = max(largest, float(part.sum()))
            lung[box] |= part
    return lung


def _body(hu: Floats, coarse: Coarse) -> Bools:
    """The patient's soft tissue and bone: what a ball of 5 mm can roll through, so no table shell and no blanket."""
    solid = opened(hu > SOFT_HU, in_plane(coarse.spacing), 5.0)
    body = np.zeros(solid.shape, bool)
    largest = 0
    for box, part in components(solid):
        largest = largest or int(part.sum())
        if part.sum() < largest / 20:
            break
        body[box] |= part
    return body


def _is_lung(hu: Floats, part: Bools, wrapped: Bools, coarse: Coarse) -> bool:
    """
    Whether a piece of air has the density, the thickness and the surroundings of lung.

    Args:
        hu: In the bounding box of the piece.
        part: The piece, same shape.
        wrapped: For each voxel of its surface, whether the body is near.
        coarse: The grid.
    """
    padded = np.pad(part, 1)
    depth = distance_to(~padded, coarse.spacing)[1:-1, 1:-1, 1:-1]
    core = depth > 1.5 * GRID_MM
    if not core.any() or depth.max() < THICK_MM:
        return False
    if not LUNG_HU[0] < float(np.median(hu[core])) < LUNG_HU[1]:
        return False
    return bool(wrapped.size and wrapped.mean() > WRAPPED)


def _sides(air: Bools, coarse: Coarse) -> list[Bools]:
    """Left and right lung apart, cut where they touch (at the anterior junction, or through a bronchus)."""
    depth = distance_to(~air, coarse.spacing)
    for radius in (0.0, 3.0, 6.0, 10.0, 15.0):
        parts = [placed(part, box, air.shape) for box, part in islice(components(depth > radius), 2)]
        if len(parts) == 2 and parts[1].sum() > 0.15 * parts[0].sum() and _beside(*parts):
            first, second = (distance_to(part, coarse.spacing) for part in parts)
            return [air & (first <= second), air & (first > second)]
    return [air]


def _beside(first: Bools, second: Bools) -> bool:
    """Whether two pieces lie beside each other from left to right, and not one above or before the other."""
    a, b = (np.array(ndimage.center_of_mass(part)) for part in (first, second))
    across, along = abs(a[2] - b[2]), np.abs(a - b)[:2].max()
    return bool(across > along)


def _with_vessels(side: Bools, coarse: Coarse) -> Bools:
    """Close one lung over its vessels and small bronchi."""
    padded = np.pad(side, 4, mode="edge")
    return fill_slices(closed(padded, coarse.spacing, 6.0)[4:-4, 4:-4, 4:-4] | side)


def _with_fragments(side: Bools, hu: Floats, coarse: Coarse) -> Bools:
    """Add the scraps of air that show where consolidated lung lies, within the outline of the lung nearby."""
    reach, spread = (max(1, round(mm / coarse.spacing[0])) for mm in (FRAGMENT_REACH_MM, FRAGMENT_SPREAD_MM))
    outline = ndimage.maximum_filter1d(hull_slices(side), 2 * reach + 1, axis=0)
    loose = (hu < FRAGMENT_HU) & ~ndimage.binary_dilation(side)
    scraps = loose & outline & ~airways(hu, loose, coarse)
    scraps = ndimage.maximum_filter1d(scraps, 2 * spread + 1, axis=0)
    wider: Bools = side | (scraps & (hu < SOLID_HU))
    return wider


def _filled(sides: list[Bools], hu: Floats, coarse: Coarse) -> list[Bools]:
    """Add to each lung what lies within its outline on a slice, apart from the mediastinum."""
    ribs = _ribs(hu, coarse)
    hulls = [_hull(_with_fragments(side, hu, coarse), ribs, coarse) for side in sides]
    if len(sides) > 1:
        mediastinum = _mediastinum(np.logical_or.reduce(sides), hulls, coarse)
        hulls = [hull & ~mediastinum for hull in hulls]
    return [side | hull for side, hull in zip(sides, hulls, strict=True)]


def _hull(side: Bools, ribs: Bools, coarse: Coarse) -> Bools:
    """Hull of one lung, bulging out to the ribs where no air is left at the wall; not around the dome's rim."""
    hull = hull_slices(side)
    spacing = in_plane(coarse.spacing)
    cage = hull_slices(hull | (ribs & dilate(hull, spacing, RIB_REACH_MM)))
    airless = distance_to(side, spacing) > AIRLESS_MM
    hull |= opened(hull | (cage & airless & ~dilate(ribs, spacing, GRID_MM)), spacing, 5.0)
    aerated = side.sum(axis=(1, 2)) / np.maximum(hull.sum(axis=(1, 2)), 1)
    outline: Bools = np.where((aerated > RIM_SHARE)[:, None, None], hull, side)
    return outline


def _ribs(hu: Floats, coarse: Coarse) -> Bools:
    """Cross-sections of bone small enough to be ribs: neither vertebra nor sternum."""
    labels, _ = label_slices(hu > BONE_HU)
    small = np.bincount(labels.ravel()) * coarse.spacing[1] * coarse.spacing[2] < RIB_MM2
    small[0] = False
    ribs: Bools = small[labels]
    return ribs


def _mediastinum(mask: Bools, hulls: list[Bools], coarse: Coarse) -> Bools:
    """Tissue between the lungs that a disc of 15 mm can reach from outside both hulls without crossing lung."""
    spacing = in_plane(coarse.spacing)
    between = hull_slices(mask) & ~mask
    core = erode(between, spacing, 15.0)
    outside = core & ~np.logical_or.reduce(hulls)
    reached = _reached(core, outside)
    return between & dilate(reached, spacing, 15.0)


def _reached(core: Bools, seeds: Bools) -> Bools:
    """Components of each slice that hold a seed."""
    labels, count = label_slices(core)
    hit = np.zeros(count + 1, bool)
    hit[np.unique(labels[seeds])] = True
    hit[0] = False
    return hit[labels]


def _cut_off(mask: Bools) -> tuple[str, ...]:
    areas = mask.sum(axis=(1, 2))
    ends = {"first slice": areas[0], "last slice": areas[-1]}
    return tuple(name for name, area in ends.items() if area > CUT_SHARE * areas.max())


def touches(lungs: Lungs, mask: Bools) -> bool:
    """Whether a lesion (same grid) lies in the filled lung or shares a voxel face with it."""
    box = next(iter(ndimage.find_objects(mask.astype(np.int8))), None)
    if box is None:
        return False
    wider = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
    return bool((ndimage.binary_dilation(mask[wider]) & lungs.filled[wider]).any())
