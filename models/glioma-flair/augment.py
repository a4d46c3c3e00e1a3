"""What a training slice goes through so that the network meets other scanners, protocols and positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

NEIGHBOURS = 5  #: slices that are seen at once; the middle one is drawn on
REACH_MM = 5.0  #: wanted distance between them
PIXEL_MM = 1.3  #: of the network's grid
CANVAS = (160, 128)  #: its rows and columns
CLIP = (-3.0, 8.0)  #: of the normalised intensity
EMPTY_SHARE = 0.4  #: slices without tumour among those that are shown
CONTRAST = (0.2, 0.15, 0.25)  #: spread of the logarithms of gamma and gain, and of the offset


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """
    One patient, normalised.

    Attributes:
        image: float32 (slice, row, column), clipped to `CLIP`, less its lower end: air is about 0.
        mask: uint8, same shape.
        spacing: Assumed millimetres along (slice, row, column).
        centre: Middle of the head as (row, column).
    """

    name: str
    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    centre: tuple[float, float]


class Sampler:
    """Slices with their neighbours: every patient as often as any other, tumour as often as `EMPTY_SHARE` leaves."""

    def __init__(self, cases: Sequence[Case], draw: np.random.Generator, device: torch.device) -> None:
        self.draw = draw
        self.images = torch.from_numpy(np.concatenate([c.image for c in cases]).astype(np.float16)).to(device)
        self.masks = torch.from_numpy(np.concatenate([c.mask for c in cases])).to(device)
        ends = np.cumsum([len(c.image) for c in cases])
        self.spans = np.stack([np.concatenate([[0], ends[:-1]]), ends - 1], axis=1)  # first and last slice of each
        self.places = np.array([(c.spacing[1], *c.centre) for c in cases])
        self.usual = np.array([max(1, round(REACH_MM / c.spacing[0])) for c in cases])
        seen = [case.mask.any(axis=(1, 2)) for case in cases]
        self.pools = [(np.flatnonzero(s), np.flatnonzero(~s)) for s in seen]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.float64]]:
        """Images (n, neighbours, row, column), masks (n, 1, row, column), and (spacing, centre row, column) of each."""
        numbers, at, thick = self.chosen(size)
        masks = self.masks[on(self.masks, at[:, NEIGHBOURS // 2])][:, None].float()
        return self.stack(numbers, at, thick), masks, self.places[numbers]

    def chosen(self, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Patients (n), slices (n, neighbours), and which stacks are to be averaged to thicker slices (n)."""
        numbers = self.draw.integers(len(self.spans), size=size)
        pools = [self.pools[n][int(e)] for n, e in zip(numbers, self.draw.random(size) < EMPTY_SHARE, strict=True)]
        which = [int(len(pool) * share) for pool, share in zip(pools, self.draw.random(size), strict=True)]
        middle = self.spans[numbers, 0] + np.array([pool[w] for pool, w in zip(pools, which, strict=True)])
        return numbers, *self._neighbours(numbers, middle)

    def stack(self, numbers: NDArray[np.int64], at: NDArray[np.int64], thick: NDArray[np.bool_]) -> torch.Tensor:
        """Images (n, neighbours, row, column) of what was chosen."""
        low, high = self.spans[numbers, :1], self.spans[numbers, 1:]
        beside = [self._slices(np.clip(at + d * thick[:, None], low, high)) for d in (-1, 0, 1)]
        return torch.stack(beside).mean(0)

    def _slices(self, at: NDArray[np.int64]) -> torch.Tensor:
        return self.images[on(self.images, at)].float()

    def _neighbours(
        self, numbers: NDArray[np.int64], middle: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Slices about `REACH_MM` apart, sometimes nearer or further; and which are to be averaged to thicker ones."""
        n = len(numbers)
        step = np.maximum(1, self.usual[numbers] + self.draw.choice([-1, 0, 0, 0, 1], n))
        way = self.draw.choice([-1, 1], n, p=[0.1, 0.9])
        offsets = np.arange(-(NEIGHBOURS // 2), NEIGHBOURS // 2 + 1)[None] * (step * way)[:, None]
        ends = self.draw.choice([0, 1, 2], n, p=[0.9, 0.05, 0.05])[:, None]  # the end of a partial stack
        offsets = np.where(ends == 1, np.maximum(offsets, 0), np.where(ends == 2, np.minimum(offsets, 0), offsets))
        at = np.clip(middle[:, None] + offsets, self.spans[numbers, :1], self.spans[numbers, 1:])
        return at, (step > 1) & (self.draw.random(n) < 0.3)


def vary(
    images: torch.Tensor, masks: torch.Tensor, places: NDArray[np.float64], draw: np.random.Generator,
    canvas: tuple[int, int],
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Place, orientation and shape, then resolution, field, contrast, noise and field of view; each by chance."""
    grid = _grid(images, places, draw, canvas)
    both = functional.grid_sample(torch.cat([images, masks], 1), grid, mode="bilinear", align_corners=True)
    images, masks = both[:, :-1], both[:, -1:]
    images = _contrast(_field(_blurred(images, draw), draw), draw)
    images = torch.clamp(_noisy(images, draw), 0, CLIP[1] - CLIP[0])
    return _partial(images, masks, draw)


def on(like: torch.Tensor, values: NDArray[Any]) -> torch.Tensor:
    """What was drawn in numpy, where an image lies; nobody waits for it to arrive."""
    kept = values.astype(np.float32) if values.dtype == np.float64 else values
    return torch.from_numpy(kept).to(like.device, non_blocking=True)


def _noisy(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Noise of up to half of the head's spread in three of ten slices."""
    n = len(images)
    size = draw.uniform(0, 0.5, (n, 1, 1, 1)) * (draw.random((n, 1, 1, 1)) < 0.3)
    return images + on(images, size) * torch.randn_like(images)


def _grid(
    images: torch.Tensor, places: NDArray[np.float64], draw: np.random.Generator, canvas: tuple[int, int]
) -> torch.Tensor:
    """Where each pixel of the canvas looks on the source slice, in the coordinates of grid_sample."""
    n = len(places)
    zoom = np.exp(draw.normal(0, 0.12, n))[:, None] * np.exp(draw.normal(0, 0.03, (n, 2)))
    angle = np.deg2rad(draw.normal(0, 10, n) + 90 * draw.choice([0, 1, 2, 3], n, p=[0.94, 0.02, 0.02, 0.02]))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(n, 2, 2)
    flip = np.stack([draw.choice([1, -1], n, p=[0.95, 0.05]), draw.choice([1, -1], n)], -1)
    step = (PIXEL_MM / places[:, :1]) * zoom
    affine = on(images, turn * (step * flip)[:, None, :])
    middle = on(images, places[:, 1:] + draw.normal(0, 6, (n, 2)))
    bend = on(images, draw.normal(0, 1.5, (n, 2, 5, 5)) * (draw.random((n, 1, 1, 1)) < 0.5))
    rows, columns = (torch.arange(m, device=images.device) - (m - 1) / 2 for m in canvas)
    at = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))  # (2, row, column)
    at = at[None] + functional.interpolate(bend, canvas, mode="bicubic", align_corners=True)
    where = torch.einsum("nij,njrc->nrci", affine, at) + middle[:, None, None, :]
    last = on(images, np.array(images.shape[-2:], np.float64) - 1)
    return (2 * where / last - 1).flip(-1)


def _blurred(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """A quarter of the batch as from a scanner of coarser resolution, in one or both directions."""
    chosen = on(images, np.flatnonzero(draw.random(len(images)) < 0.25))
    factors = draw.uniform(0.4, 1.0, 2)
    if not len(chosen):
        return images
    small = [max(8, round(m * f)) for m, f in zip(images.shape[-2:], factors, strict=True)]
    part = functional.interpolate(images[chosen], small, mode="bilinear", antialias=True)
    images = images.clone()
    images[chosen] = functional.interpolate(part, images.shape[-2:], mode="bilinear")
    return images


def _field(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """A smooth sensitivity over the slice, which multiplies the true intensity (air counts as zero)."""
    n = len(images)
    coarse = draw.normal(0, 0.25, (n, 1, 4, 4)) * (draw.random((n, 1, 1, 1)) < 0.5)
    field = on(images, np.exp(coarse))
    return images * functional.interpolate(field, images.shape[-2:], mode="bilinear", align_corners=True)


def _contrast(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Another gain, offset and gamma: what another sequence and another normalisation make of the same head."""
    n = len(images)
    gamma, gain, offset = (
        on(images, draw.normal(0, s, (n, 1, 1, 1)) * (draw.random((n, 1, 1, 1)) < 0.7)) for s in CONTRAST
    )
    top = CLIP[1] - CLIP[0]
    shaped = torch.clamp(images / top, 0, 1.5) ** torch.exp(gamma)
    middle = (-CLIP[0] / top) ** (torch.exp(gamma) - 1)  # keeps the median of the head where it was
    return shaped / middle * top * torch.exp(gain) + offset * (images > 0.2)


def _partial(images: torch.Tensor, masks: torch.Tensor, draw: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """By chance only a part of the head in view; what is not seen is not drawn."""
    seen = torch.ones_like(masks)
    for number in np.flatnonzero(draw.random(len(images)) < 0.08):
        axis, share, far = int(draw.integers(2)), draw.uniform(0.1, 0.45), bool(draw.integers(2))
        size = images.shape[2 + axis]
        cut = slice(size - int(share * size), None) if far else slice(0, int(share * size))
        seen[number][(slice(None), cut) if axis == 0 else (slice(None), slice(None), cut)] = 0
    return images * seen, masks * seen
