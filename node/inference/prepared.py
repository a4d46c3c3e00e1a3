"""A volume as a graph wants to see it, and the way back to the volume's grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from node.domain.language import figure, joined, say
from node.domain.volume import Volume
from node.errors import Refused
from node.imaging.crop import Box, bounding_box
from node.imaging.grid import Bools, Floats, Spacing
from node.imaging.head import find_head
from node.imaging.intensity import plain_scale, range_scale, robust_scale
from node.imaging.reorient import Turn, turn_to
from node.imaging.reslice import Reslice
from node.imaging.splines import Way
from node.inference.layout import Intensity, Layout

_DO = "send images of the kind that the model's card names"
_SCALES = {"robust": robust_scale, "plain": plain_scale, "range": range_scale}


@dataclass(frozen=True, eq=False)
class Prepared:
    """
    A volume on the graph's grid.

    Attributes:
        grid: Shape (slice, row, column) in the model's orientation and numbers.
        others: Further channels on the same grid.
        step: Slices between neighbours.
        voxel_ml: Of the grid.
        reaches_first: Whether the grid begins where the image does, along its first axis.
        reaches_last: Whether it ends where the image does.
    """

    grid: Floats
    step: int
    voxel_ml: float
    reaches_first: bool
    reaches_last: bool
    _turn: Turn
    _shape: tuple[int, int, int]
    _box: Box
    _reslice: Reslice
    others: tuple[Floats, ...] = ()

    @property
    def channels(self) -> tuple[Floats, ...]:
        """All channels, the one that is drawn on first."""
        return self.grid, *self.others

    def back(self, values: Floats, threshold: float) -> Bools:
        """Where values on the grid reach a threshold, on the grid of the volume; some planes at a time."""
        return self.read_back(values[None], lambda planes: planes[0], threshold)

    def read_back(self, answers: Floats, reading: Callable[[Floats], Floats], threshold: float) -> Bools:
        """
        Where what is read from answers reaches a threshold, on the grid of the volume; some planes at a time.

        Args:
            answers: Shape (classes, slice, row, column), on the graph's grid.
            reading: From (classes, planes, row, column) on the volume's to (planes, row, column).
            threshold: Smallest value that counts.
        """
        mask = np.zeros(self._shape, bool)
        part = mask[self._box.slices]
        for slabs in zip(*(self._reslice.back(one) for one in answers), strict=True):
            planes = reading(np.stack([slab for _, slab in slabs]))
            start, _ = slabs[0]
            part[start : start + len(planes)] = planes >= threshold
        return np.ascontiguousarray(self._turn.undo(mask))

    def nearest(self, mask: Bools) -> Bools:
        """A mask on the grid, on that of the volume: what its voxels are the nearest to."""
        way = replace(self._reslice, returning=Way((0, 0, 0)))
        return replace(self, _reslice=way).back(mask.astype(np.float32), 0.5)


def prepare(volume: Volume, layout: Layout, *, modality: str, at: str, others: Sequence[Volume] = ()) -> Prepared:
    """
    Bring a volume into a model's form.

    Args:
        volume: Any orientation.
        layout: What the model wants.
        modality: The only one that it draws on; "" for any.
        at: The model, for the message.
        others: Those of the further channels, in their order, registered with the first.

    Raises:
        Refused: It is another modality or shows no head ("wrong anatomy"), or it is tilted too far or too coarse
            ("unsupported image").
    """
    if modality and volume.modality != modality:
        raise Refused(
            "wrong anatomy",
            say("the modality is {modality}, not {wanted}", modality=volume.modality, wanted=modality),
            at=at,
            do=_DO,
        )
    turn = turn_to(layout.axes, volume.geometry)
    if turn.tilt_deg > layout.most_tilt_deg:
        found = say(
            "the image is tilted by {tilt:.0f} degrees against {axes}", tilt=float(turn.tilt_deg), axes=layout.axes
        )
        raise Refused("unsupported image", found, at=at, do=_DO)
    spacing: Spacing = turn.sizes(volume.geometry.spacing)
    if any(s > most for s, most in zip(spacing, layout.coarsest_mm, strict=True)):
        sizes = joined((figure(float(s)) for s in spacing), " × ")
        found = say("voxels of {sizes} mm ({axes}) are too coarse", sizes=sizes, axes=layout.axes)
        raise Refused("unsupported image", found, at=at, do=_DO)
    stack = [turn.apply(volume.voxels), *(turn.apply(_beside(other, volume, at)) for other in others)]
    voxels, scales = stack[0], layout.scales
    seen = _seen_in(stack, spacing, scales, at)
    box = bounding_box(np.logical_or.reduce(seen)) if layout.crop else Box((0, 0, 0), turn.sizes(volume.voxels.shape))
    assert box is not None  # noqa: S101 - `_seen` refuses what is empty
    reslice = Reslice.to(
        box.shape, spacing, _target(spacing, layout), smooth=layout.smooth, fit=layout.fit,
        splines=layout.interpolate, back=layout.interpolate_back,
    )  # fmt: skip
    grid, *rest = (_numbers(v, s, box, reslice, i, at) for v, s, i in zip(stack, seen, scales, strict=True))
    return Prepared(
        grid=grid,
        others=tuple(rest),
        step=max(1, round(layout.neighbour_mm / reslice.new_spacing[0])),
        voxel_ml=float(np.prod(reslice.new_spacing)) / 1000,
        reaches_first=box.start[0] == 0,
        reaches_last=box.stop[0] == voxels.shape[0],
        _turn=turn,
        _shape=(voxels.shape[0], voxels.shape[1], voxels.shape[2]),
        _box=box,
        _reslice=reslice,
    )


def _target(spacing: Spacing, layout: Layout) -> Spacing:
    z, y, x = layout.spacing_mm
    return (max(z, spacing[0]) if layout.form == "slices" else z, y, x)


def _beside(other: Volume, volume: Volume, at: str) -> Floats:
    """Another volume on the grid of the one that is drawn on; 0 outside of it."""
    if other.frame_uid != volume.frame_uid:
        found = say("the series of two channels have no common frame of reference, and were not registered")
        raise Refused("unsupported image", found, at=at, do="let the pipeline register its series")
    if other.geometry.same_grid(volume.geometry):
        return other.voxels
    way = other.geometry.inverse @ volume.geometry.affine
    shape = volume.geometry.shape
    moved = ndimage.affine_transform(other.voxels, way[:3, :3], way[:3, 3], output_shape=shape, order=1)
    return np.asarray(moved, np.float32)


def _seen_in(stack: Sequence[Floats], spacing: Spacing, scales: Sequence[Intensity], at: str) -> list[Bools]:
    """What of each channel counts; what is found in all of them together is the same for each."""
    together: Bools | None = None
    if any(intensity.over in ("filled", "box") for intensity in scales):
        together = _seen(np.logical_or.reduce([v != 0 for v in stack]), spacing, Intensity(over="nonzero"), at)
    return [
        _seen(voxels, spacing, intensity, at) if together is None else _around(together, intensity)
        for voxels, intensity in zip(stack, scales, strict=True)
    ]


def _around(together: Bools, intensity: Intensity) -> Bools:
    if intensity.over == "filled":
        return np.asarray(ndimage.binary_fill_holes(together))
    box, seen = bounding_box(together), np.zeros(together.shape, bool)
    if box is not None:
        seen[box.slices] = True
    return seen


def _numbers(voxels: Floats, seen: Bools, box: Box, reslice: Reslice, intensity: Intensity, at: str) -> Floats:
    """One channel on the graph's grid, in the graph's numbers."""
    part = _clipped(voxels[box.slices], intensity)
    if intensity.when == "after":
        part = reslice.forward(part)
        counts = part != 0 if intensity.over == "nonzero" else np.ones(part.shape, bool)
        values = _scaled(part, *_scale(part[counts], intensity, at), intensity)
        return np.where(counts, values, np.float32(intensity.outside)) if intensity.masked else values
    centre, spread = _scale(voxels[seen], intensity, at)
    if not intensity.masked:
        return _scaled(reslice.forward(part), centre, spread, intensity)
    values = np.where(seen[box.slices], _scaled(part, centre, spread, intensity), np.float32(intensity.outside))
    return reslice.forward(values)


def _seen(voxels: Floats | Bools, spacing: Spacing, intensity: Intensity, at: str) -> Bools:
    """What of the image counts."""
    if intensity.over == "head":
        head = find_head(np.ascontiguousarray(voxels), spacing)
        if head is None:
            raise Refused("wrong anatomy", say("no head was found in the image"), at=at, do=_DO)
        return head.mask
    seen = np.ones(voxels.shape, bool) if intensity.over == "all" else voxels != 0
    if not seen.any():
        raise Refused("wrong anatomy", say("the image is empty"), at=at, do=_DO)
    return seen


def _scale(values: Floats, intensity: Intensity, at: str) -> tuple[float, float]:
    if intensity.scale == "fixed":
        return intensity.centre, intensity.spread
    if not values.size:
        raise Refused("wrong anatomy", say("the image is empty"), at=at, do=_DO)
    centre, spread = _SCALES[intensity.scale](_clipped(values, intensity))
    if spread <= 0:
        raise Refused("wrong anatomy", say("the image has the same intensity everywhere"), at=at, do=_DO)
    return centre, spread


def _clipped(values: Floats, intensity: Intensity) -> Floats:
    return values if intensity.before is None else np.clip(values, *intensity.before)


def _scaled(values: Floats, centre: float, spread: float, intensity: Intensity) -> Floats:
    values = (values - np.float32(centre)) / np.float32(spread) * np.float32(intensity.times)
    if intensity.after is not None:
        values = np.clip(values, *intensity.after)
    return np.asarray(values + np.float32(intensity.shift), np.float32)
