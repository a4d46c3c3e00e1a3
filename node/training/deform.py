"""
A mask drawn as another hand or program might have drawn it, as far from the first as one asks.

The border is displaced by a smooth random field, so that the mask grows here and shrinks there; how far is chosen so
that the overlap with the first mask (Dice) is the one that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.imaging.crop import bounding_box
from node.inference.belief import dice

REACH_MM = 40.0
"""How far around the mask the border may go."""

STEPS = 24
"""Halvings by which the displacement is found: to a ten-thousandth of a millimetre."""

MOST_MM = 100.0
"""Larger displacements are not tried."""

Bools = NDArray[np.bool_]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Deformed:
    """
    One mask with its border displaced.

    Attributes:
        asked: Dice that was asked for.
        dice: Dice that was reached.
        mask: Shape (slice, row, column) of the first mask.
    """

    asked: float
    dice: float
    mask: Bools


def deformed(
    mask: Bools, within: Bools, spacing: Spacing, *, levels: Sequence[float], smooth_mm: float, seed: Sequence[int]
) -> Iterator[Deformed]:
    """
    Displace the border by one random field, more and more.

    The signed distance to the border (negative inside) plus a field of mean 0, smoothed by a Gaussian, is cut at 0.

    Args:
        mask: Shape (slice, row, column), at least one voxel set.
        within: Where the mask may be: the head. What the first mask covers is allowed as well.
        spacing: Millimetres along the same axes.
        levels: Dice to reach, each by the same field.
        smooth_mm: Standard deviation of the Gaussian: small for a ragged border, large for parts that lack.
        seed: Of the field.
    """
    box = bounding_box(mask)
    if box is None:
        return
    around = box.grown(int(np.ceil(REACH_MM / min(spacing)))).clipped((mask.shape[0], mask.shape[1], mask.shape[2]))
    crop, allowed = mask[around.slices], (mask | within)[around.slices]
    signed = _signed(crop, spacing)
    field = _field(crop.shape, spacing, smooth_mm, seed)

    def drawn(millimetres: float) -> Bools:
        return np.asarray((signed + millimetres * field <= 0) & allowed)

    for level in levels:
        low, high = 0.0, MOST_MM
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if dice(drawn(middle), crop) > level else (low, middle)
        whole = np.zeros(mask.shape, bool)
        whole[around.slices] = found = drawn(low)
        yield Deformed(asked=level, dice=dice(found, crop), mask=whole)


def _signed(mask: Bools, spacing: Spacing) -> NDArray[np.float64]:
    """Millimetres to the border, halfway between the voxels of either side: negative inside."""
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    return np.asarray(np.where(mask, 0.5 * min(spacing) - inside, outside - 0.5 * min(spacing)))


def _field(shape: tuple[int, ...], spacing: Spacing, smooth_mm: float, seed: Sequence[int]) -> NDArray[np.float64]:
    """A random field of standard deviation 1."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = ndimage.gaussian_filter(noise, [smooth_mm / s for s in spacing], mode="wrap")
    return np.asarray((smooth - smooth.mean()) / smooth.std())
