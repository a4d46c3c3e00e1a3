"""What a training slice goes through so that the network meets other scanners, protocols and positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

NEIGHBOURS = 5  #: slices that are seen at once; the middle one is drawn on
REACH_MM = 5.0  #: wanted distance between them
PIXEL_MM = 1.6  #: of the network's grid
CANVAS = (128, 112)  #: its rows and columns
CLIP = (-3.0, 8.0)  #: of the normalised intensity
EMPTY_SHARE = 0.4  #: slices without tumour among those that are shown


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

    def __init__(self, cases: Sequence[Case], draw: np.random.Generator) -> None:
        self.cases = cases
        self.draw = draw
        seen = [case.mask.any(axis=(1, 2)) for case in cases]
        self.tumour = [np.flatnonzero(s) for s in seen]
        self.empty = [np.flatnonzero(~s) for s in seen]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.float64]]:
        """Images (n, neighbours, row, column), masks (n, 1, row, column), and (spacing, centre row, column) of each."""
        images, masks, places = [], [], []
        for number in self.draw.integers(len(self.cases), size=size):
            case = self.cases[number]
            pool = (self.empty if self.draw.random() < EMPTY_SHARE else self.tumour)[number]
            k = int(self.draw.choice(pool))
            images.append(self._neighbours(case, k))
            masks.append(case.mask[k][None])
            places.append((case.spacing[1], *case.centre))
        stack = torch.from_numpy(np.stack(images))
        return stack, torch.from_numpy(np.stack(masks).astype(np.float32)), np.array(places)

    def _neighbours(self, case: Case, k: int) -> NDArray[np.float32]:
        """Slices about `REACH_MM` apart, sometimes nearer or further, sometimes averaged to thicker ones."""
        usual = max(1, round(REACH_MM / case.spacing[0]))
        step = max(1, usual + int(self.draw.choice([-1, 0, 0, 0, 1])))
        last = len(case.image) - 1
        offsets = (
            np.arange(-(NEIGHBOURS // 2), NEIGHBOURS // 2 + 1) * step * int(self.draw.choice([-1, 1], p=[0.1, 0.9]))
        )
        if self.draw.random() < 0.1:  # the end of a partial stack
            offsets = np.clip(offsets, *((0, 99) if self.draw.random() < 0.5 else (-99, 0)))
        at = np.clip(k + offsets, 0, last)
        if step <= 1 or self.draw.random() > 0.3:
            return case.image[at]
        return np.mean([case.image[np.clip(at + d, 0, last)] for d in (-1, 0, 1)], axis=0, dtype=np.float32)


def vary(
    images: torch.Tensor, masks: torch.Tensor, places: NDArray[np.float64], draw: np.random.Generator,
    canvas: tuple[int, int],
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Place, orientation and shape, then resolution, field, contrast, noise and field of view; each by chance."""
    grid = _grid(images.shape[-2:], places, draw, canvas)
    both = functional.grid_sample(torch.cat([images, masks], 1), grid, mode="bilinear", align_corners=True)
    images, masks = both[:, :-1], both[:, -1:]
    images = _contrast(_field(_blurred(images, draw), draw), draw)
    images = torch.clamp(_noisy(images, draw), 0, CLIP[1] - CLIP[0])
    return _partial(images, masks, draw)


def _noisy(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Noise of up to half of the head's spread in three of ten slices."""
    chosen = np.flatnonzero(draw.random(len(images)) < 0.3)
    for number in chosen:
        images[number] += float(draw.uniform(0, 0.5)) * torch.randn(images[number].shape)
    return images


def _grid(
    shape: Sequence[int], places: NDArray[np.float64], draw: np.random.Generator, canvas: tuple[int, int]
) -> torch.Tensor:
    """Where each pixel of the canvas looks on the source slice, in the coordinates of grid_sample."""
    n = len(places)
    zoom = np.exp(draw.normal(0, 0.12, n))[:, None] * np.exp(draw.normal(0, 0.03, (n, 2)))
    angle = np.deg2rad(draw.normal(0, 10, n) + 90 * draw.choice([0, 1, 2, 3], n, p=[0.94, 0.02, 0.02, 0.02]))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(n, 2, 2)
    flip = np.stack([draw.choice([1, -1], n, p=[0.95, 0.05]), draw.choice([1, -1], n)], -1)
    step = (PIXEL_MM / places[:, :1]) * zoom
    affine = turn * (step * flip)[:, None, :]
    rows, columns = (np.arange(m) - (m - 1) / 2 for m in canvas)
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
    bend = draw.normal(0, 1.5, (n, 2, 5, 5)) * (draw.random((n, 1, 1, 1)) < 0.5)
    smooth = functional.interpolate(
        torch.from_numpy(bend.astype(np.float32)), canvas, mode="bicubic", align_corners=True
    )
    at = at[None] + smooth.permute(0, 2, 3, 1).numpy()
    middle = places[:, 1:] + draw.normal(0, 6, (n, 2))
    where = np.einsum("nij,nrcj->nrci", affine, at) + middle[:, None, None, :]
    scaled = 2 * where / (np.array(shape) - 1) - 1
    return torch.from_numpy(scaled[..., ::-1].astype(np.float32).copy())


def _blurred(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """A quarter of the batch as from a scanner of coarser resolution, in one or both directions."""
    chosen = np.flatnonzero(draw.random(len(images)) < 0.25)
    if not len(chosen):
        return images
    factors = draw.uniform(0.4, 1.0, 2)
    small = [max(8, round(m * f)) for m, f in zip(images.shape[-2:], factors, strict=True)]
    part = functional.interpolate(images[chosen], small, mode="bilinear", antialias=True)
    images = images.clone()
    images[chosen] = functional.interpolate(part, images.shape[-2:], mode="bilinear")
    return images


def _field(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """A smooth sensitivity over the slice, which multiplies the true intensity (air counts as zero)."""
    n = len(images)
    coarse = draw.normal(0, 0.25, (n, 1, 4, 4)) * (draw.random((n, 1, 1, 1)) < 0.5)
    field = torch.from_numpy(np.exp(coarse).astype(np.float32))
    return images * functional.interpolate(field, images.shape[-2:], mode="bilinear", align_corners=True)


def _contrast(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Another gain, offset and gamma: what another sequence and another normalisation make of the same head."""
    n = len(images)
    gamma, gain, offset = (
        torch.from_numpy((draw.normal(0, s, n) * (draw.random(n) < 0.7)).astype(np.float32)).view(n, 1, 1, 1)
        for s in (0.2, 0.15, 0.25)
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
