"""The network of glioma-flair and how one member of it is trained; needs torch, which the node never does."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from augment import CANVAS, NEIGHBOURS, Sampler, vary
from torch import nn
from torch.nn import functional

WIDTHS = (32, 64, 128, 160, 192)
BLOCK = 2  #: pixels along each side that the first layer takes together, and the last one tells apart again
RATE, RATE_BATCH = 3e-3, 32  #: highest step size with so many slices in a batch; it goes with the root of their number
EMA = 0.998
DECAY = 0.02
SAY, SAVE = 100, 500  #: steps between two lines of progress, and between two savings


Weights = Mapping[str, torch.Tensor]


class Block(nn.Sequential):
    """Two convolutions, each normalised over the batch."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(*self._one(before, after), *self._one(after, after))

    @staticmethod
    def _one(before: int, after: int) -> Sequence[nn.Module]:
        return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)


class UNet(nn.Module):
    """
    A U-Net (Ronneberger et al., MICCAI 2015): neighbouring slices in, the logit of the middle one out.

    Blocks of 2 x 2 pixels are its smallest unit: each is taken in, and its four logits are given, as channels (Shi et
    al., CVPR 2016). On a processor that is twice as fast as a level of full resolution.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, channels: int = NEIGHBOURS) -> None:
        super().__init__()
        self.down = nn.ModuleList(Block(b, a) for b, a in zip((channels * BLOCK**2, *widths), widths, strict=False))
        self.up = nn.ModuleList(Block(b + a, a) for a, b in pairwise(widths))
        self.out = nn.Conv2d(widths[0], BLOCK**2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 1, rows, columns) of (n, neighbours, rows, columns), both multiples of 32."""
        x, passed = functional.pixel_unshuffle(x, BLOCK), []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            passed.append(x)
        for level in reversed(range(len(self.up))):
            wider = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[level](torch.cat([wider, passed[level]], 1))
        return functional.pixel_shuffle(self.out(x), BLOCK)


class Ensemble(nn.Module):
    """The mean of the members' probabilities: what is exported."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities (n, 1, rows, columns)."""
        return torch.stack([torch.sigmoid(member(x)) for member in self.members]).mean(0)


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus Dice over the whole batch."""
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * target).sum() + 1
    dice = overlap / (probability.square().sum() + target.square().sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice


def rate(step: int, steps: int) -> float:
    """One cycle: up over the first tenth, then down along a cosine to nothing."""
    warm = max(1, steps // 10)
    return step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def fit(
    sampler: Sampler,
    *,
    steps: int,
    batch: int,
    device: torch.device,
    say: Callable[[str], None],
    save: Callable[[UNet], None],
    highest: float | None = None,
    start: Weights | None = None,
) -> UNet:
    """
    Train one member; the average of its weights over the last steps is what is returned.

    Args:
        sampler: Slices to learn from; its generator draws everything random besides the first weights and the noise.
        steps: Batches.
        batch: Slices in each.
        device: Where to train, and where the sampler's slices lie.
        say: Told about the progress.
        save: Given the averaged weights now and then.
        highest: Step size; None takes that which fits the batch.
        start: Weights to go on from; None begins anew.
    """
    draw, model = sampler.draw, UNet()
    if start is not None:
        model.load_state_dict(start)
    model = model.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    asked = _recorded(model, batch, device)
    highest = highest or RATE * math.sqrt(batch / RATE_BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=highest, weight_decay=DECAY, fused=device.type == "cuda")
    began, lately = time.monotonic(), []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = highest * rate(step, steps)
        images, masks = vary(*sampler.batch(batch), draw, CANVAS)
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            logits = asked(images.contiguous(memory_format=torch.channels_last))
        value = loss(logits.float(), masks)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        _average(average, model, min(EMA, (step + 1) / (step + 10)))
        lately.append(value.detach())
        if step % SAY == SAY - 1 or step + 1 == steps:
            mean, pace = torch.stack(lately).mean().item(), (time.monotonic() - began) / (step + 1)
            say(f"step {step + 1}/{steps} loss {mean:.4f} {1000 * pace:.1f} ms a step")
            lately.clear()
        if step % SAVE == SAVE - 1 or step + 1 == steps:
            save(average)
    return average


def _recorded(model: UNet, batch: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
    """On a GPU, its kernels as one CUDA graph each way: launching them singly takes longer than running them."""
    if device.type != "cuda":
        return model
    like = torch.rand((batch, NEIGHBOURS, *CANVAS), device=device).contiguous(memory_format=torch.channels_last)
    before = copy.deepcopy(model.state_dict())  # the recording counts as batches for the normalisation
    with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
        recorded: Callable[[torch.Tensor], torch.Tensor] = torch.cuda.make_graphed_callables(model, (like,))
    model.load_state_dict(before)
    return recorded


@torch.no_grad()
def _average(average: nn.Module, model: nn.Module, share: float) -> None:
    kept, new = ([v for v in m.state_dict().values() if v.dtype.is_floating_point] for m in (average, model))
    torch._foreach_lerp_(kept, new, 1 - share)
    for ours, theirs in zip(average.buffers(), model.buffers(), strict=True):
        if not ours.dtype.is_floating_point:  # how many batches were seen
            ours.copy_(theirs)
