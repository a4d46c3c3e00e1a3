"""
Tumours as they were not photographed: fainter or brighter ones, and those of one patient in the head of another.

What failed was what is faint, and the networks knew their 60 to 70 patients by heart. To cut out a tumour and put it
into another head is CarveMix's idea (Zhang et al., MICCAI 2021); here it keeps its place, or that place mirrored.
"""

from __future__ import annotations

import numpy as np
import torch
from augment import CLIP, NEIGHBOURS, Sampler, on
from numpy.typing import NDArray
from torch.nn import functional

FADED_SHARE, PASTED_SHARE = 0.35, 0.3  #: of the slices that are shown
FADED = (-0.3, 0.8)  #: share of its contrast that a tumour loses
HEAD = 1.0  #: of the normalised intensity, less `CLIP`'s lower end: below is air
BLUR = 1.5  #: standard deviation of what counts as the surroundings, in blocks of `COARSE` pixels
COARSE = 4
SHIFT = 4.0  #: spread of where a pasted tumour comes to lie, in pixels
RISE = 0.05  #: spread of its height, as a share of the stack
MIDDLE = NEIGHBOURS // 2


class Mixer(Sampler):
    """Slices as `Sampler` gives them, with tumours changed."""

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.float64]]:
        """See `Sampler`."""
        numbers, at, thick = self.chosen(size)
        images, masks = self.stack(numbers, at, thick), self.masks[on(self.masks, at)].float()
        images = faded(images, masks, self.draw)
        for each in np.flatnonzero(self.draw.random(size) < PASTED_SHARE):
            images[each], masks[each] = self._pasted(images[each], masks[each], int(numbers[each]), at[each])
        return images, masks[:, MIDDLE : MIDDLE + 1], self.places[numbers]

    def _pasted(
        self, image: torch.Tensor, mask: torch.Tensor, host: int, at: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A stack of neighbours (neighbours, row, column) with what another patient has at the same height."""
        donor = int(self.draw.integers(len(self.spans)))
        rise, mirrored, shift = self.draw.normal(0, RISE), self.draw.random() < 0.5, self.draw.normal(0, SHIFT, 2)
        (first, last), (low, high) = self.spans[host], self.spans[donor]
        height = (at - first) / max(1, last - first) + rise
        there = np.clip(np.round(low + height * (high - low)), low, high).astype(np.int64)
        theirs = self.masks[on(self.masks, there)].float()
        if donor == host or not theirs.any():
            return image, mask
        seen, (row, column) = self.images[on(self.images, there)].float(), self.places[donor, 1:]
        if mirrored:
            seen, theirs, column = seen.flip(-1), theirs.flip(-1), seen.shape[-1] - 1 - column
        move = [round(float(v)) for v in self.places[host, 1:] - (row, column) + shift]
        seen, theirs = (torch.roll(v, move, (-2, -1)) for v in (seen, theirs))
        inside = (image > HEAD).float()
        share = functional.avg_pool2d(functional.max_pool2d(theirs[None], 3, 1, 1), 5, 1, 2)[0] * inside
        return image * (1 - share) + seen * share, torch.maximum(mask, theirs * inside)


def faded(images: torch.Tensor, masks: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Some tumours with less contrast to what is around them, or a little more; their texture stays."""
    chosen = np.flatnonzero(draw.random(len(images)) < FADED_SHARE)
    loss = draw.uniform(*FADED, (len(chosen), 1, 1, 1))
    if not len(chosen):
        return images
    where = on(images, chosen)
    image, mask = images[where], masks[where]
    around = (image > HEAD).float() * (1 - functional.max_pool2d(mask, 5, 1, 2))
    shares = blurred(around), blurred(mask)
    contrast = blurred(image * mask) / (shares[1] + 1e-3) - blurred(image * around) / (shares[0] + 1e-3)
    known = ((shares[0] > 0.02) & (shares[1] > 0.02)).float()
    change = on(images, loss) * functional.avg_pool2d(mask, 5, 1, 2) * known * contrast.clamp(-3, 6)
    images = images.clone()
    images[where] = (image - change).clamp(0, CLIP[1] - CLIP[0])
    return images


def blurred(values: torch.Tensor) -> torch.Tensor:
    """Means over surroundings of some 6 pixels to each side, for each slice of (n, neighbours, row, column)."""
    reach = int(2 * BLUR)
    kernel = torch.exp(-torch.arange(-reach, reach + 1, device=values.device).float().square() / (2 * BLUR**2))
    kernel = kernel / kernel.sum()
    small = functional.avg_pool2d(values, COARSE)
    one = functional.pad(small.flatten(0, 1)[:, None], (reach,) * 4, mode="replicate")
    one = functional.conv2d(functional.conv2d(one, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return functional.interpolate(one.view(small.shape), values.shape[-2:], mode="bilinear")
