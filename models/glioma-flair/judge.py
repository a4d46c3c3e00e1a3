"""How well the segmenter draws: the choice of its settings, and what is made of a patient's image to try it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from cases import Patient, placed
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.findings import Drawing
from node.domain.volume import Volume
from node.errors import Refused
from node.imaging.grid import Bools, Floats
from node.inference.belief import dice, trust_of
from node.inference.layout import Layout, Pair, Trust
from node.inference.onnx_segmenter import OnnxSegmenter

THRESHOLDS = (0.4, 0.45, 0.5, 0.55)
SHARES = (0.05, 0.25)
BELIEVED = 0.5  #: the pipelines' default for the least trust
BAD, GOOD = 0.6, 0.7  #: Dice below which a drawing should be refused, and from which it should not be
RUN = 5  #: tumour-free slices in a row that make a case without tumour
THICKEST_MM = 10.0  #: slices further apart are refused, so that they are not made
GAP = 2  #: slices between it and the tumour


@dataclass(frozen=True, slots=True)
class Chosen:
    """The layout that is shipped, and what it was chosen by."""

    layout: Layout
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawing, judged: Dice (1 where nothing is there and nothing drawn), signs, trust; refused: why not drawn."""

    name: str
    dice: float
    trust: float
    signs: Mapping[str, float]
    ml: float
    truth_ml: float
    false_slices: int
    empty_slices: int
    refused: str = ""


def judge(model: OnnxSegmenter, name: str, volume: Volume, truth: Bools) -> Drawn:
    """Draw on a volume and compare."""
    return next(iter(judge_all([model], name, volume, truth)))


def judge_all(models: Sequence[OnnxSegmenter], name: str, volume: Volume, truth: Bools) -> Iterator[Drawn]:
    """Let one graph answer once, draw with several layouts that differ only in what is made of the answer."""
    nothing = Drawing(masks=(), trust=0.0, why="")
    try:
        prepared = models[0].prepare(volume)
    except Refused as refused:
        yield from (_compared(name, nothing, {}, volume, truth, refused.found) for _ in models)
        return
    answer = models[0].answer(prepared)
    for model in models:
        drawing, signs = model.drawing(answer, prepared), model.signs(answer, prepared)
        yield _compared(name, drawing, signs, volume, truth, "")


def _compared(
    name: str, drawing: Drawing, signs: Mapping[str, float], volume: Volume, truth: Bools, refused: str
) -> Drawn:
    mask = union(drawing, truth.shape)
    empty = ~truth.any(axis=(1, 2))
    voxel_ml = volume.geometry.voxel_ml
    return Drawn(
        name=name,
        dice=dice(mask, truth),
        trust=drawing.trust,
        signs=signs,
        ml=float(mask.sum()) * voxel_ml,
        truth_ml=float(truth.sum()) * voxel_ml,
        false_slices=int(mask[empty].any(axis=(1, 2)).sum()),
        empty_slices=int(empty.sum()),
        refused=refused,
    )


def union(drawing: Drawing, shape: tuple[int, ...]) -> Bools:
    """All that was drawn."""
    return np.logical_or.reduce(drawing.masks) if drawing.masks else np.zeros(shape, bool)


def candidates(layout: Layout) -> list[Layout]:
    """Every layout that is tried."""
    return [replace(layout, threshold=t, smallest_share=s) for t, s in product(THRESHOLDS, SHARES)]


def choose(tried: Sequence[Layout], plain: Sequence[Sequence[Drawn]], bad: Sequence[Sequence[Drawn]]) -> Chosen:
    """
    Threshold and least piece by mean Dice, then the trust.

    Args:
        tried: Layouts.
        plain: For each patient of the choice a drawing with each layout.
        bad: The same on a ruined copy of each patient's image.
    """
    means = [float(np.mean([each[i].dice for each in plain])) for i in range(len(tried))]
    best = int(np.argmax(means))
    seen = [each[best] for each in (*plain, *bad)]
    trust = trust_from(seen)
    figures = {
        "patients": len(plain),
        "dice_mean": round(means[best], 3),
        "dice_mean_lowest": round(min(means), 3),
        "threshold": tried[best].threshold,
        "smallest_share": tried[best].smallest_share,
        "images_for_the_trust": len(seen),
        "of_these_with_dice_below_0_6": sum(each.dice < BAD for each in seen),
        "undisturbed_and_trusted": sum(trust_of(each[best].signs, trust)[0] >= BELIEVED for each in plain),
    }
    return Chosen(replace(tried[best], trust=trust), figures)


def trust_from(seen: Sequence[Drawn]) -> Trust:
    """The certainty and the agreement that best part bad drawings from good ones, each with a slope around it."""
    bad = [each.signs for each in seen if each.signs and each.dice < BAD]
    good = [each.signs for each in seen if each.signs and each.dice >= GOOD]
    ends: dict[str, Pair] = {}
    for name, width in (("certainty", 0.1), ("agreement", 0.2)):
        cut = _parting([s[name] for s in bad], [s[name] for s in good])
        ends[name] = (round(cut - width, 3), round(min(cut + width, 0.995), 3))
    return Trust(**ends, share=(0.2, 0.7), size_ml=(0.2, 1.5), end=(0.9, 0.4))


def _parting(bad: Sequence[float], good: Sequence[float]) -> float:
    """The value with the most bad ones below and good ones above, both counted as shares."""
    cuts = np.unique([*bad, *good])
    gain = [np.mean(np.array(bad) < cut) + np.mean(np.array(good) >= cut) for cut in cuts]
    return float(cuts[int(np.argmax(gain))])


def without_tumour(patient: Patient) -> Iterator[tuple[str, Volume]]:
    """Runs of slices away from the tumour, each as an image of its own."""
    near = ndimage.binary_dilation(patient.mask.any(axis=(1, 2)), iterations=GAP)
    labels, count = ndimage.label(~near)
    for number in range(1, count + 1):
        at = np.flatnonzero(labels == number)
        if len(at) >= RUN:
            yield f"{patient.name} {at[0]}-{at[-1]}", placed(patient.image[at].astype(np.float32), patient.spacing)


def ruined(patient: Patient, kind: int) -> tuple[Volume, Bools]:
    """An image that no drawing should be trusted on: upside down, drowned in noise, or with inverted contrast."""
    voxels, mask, spacing = patient.image.astype(np.float32), patient.mask, patient.spacing
    if kind % 3 == 0:
        return placed(voxels[::-1, ::-1].copy(), spacing), mask[::-1, ::-1].copy()
    if kind % 3 == 1:
        noise = np.random.default_rng(len(voxels)).normal(0, 50, voxels.shape)
        return placed(np.abs(voxels + noise).astype(np.float32), spacing), mask
    inverted = np.where(voxels > 15, np.maximum(170 - voxels, 0), voxels)
    return placed(inverted.astype(np.float32), spacing), mask


def spoiled(patient: Patient) -> Iterator[tuple[str, Volume, Bools]]:
    """What other scanners and protocols make of an image."""
    voxels, mask, spacing = patient.image.astype(np.float32), patient.mask, patient.spacing
    draw = np.random.default_rng(len(voxels))
    shaped = 255 * (voxels / 255) ** 0.75 * 3 + 20
    yield "gain and gamma", placed(shaped, spacing), mask
    yield "bias field", placed(voxels * _field(voxels.shape), spacing), mask
    yield "noise", placed(np.abs(voxels + draw.normal(0, 12, voxels.shape)).astype(np.float32), spacing), mask
    yield "half the resolution", placed(_blurred(voxels), spacing), mask
    if 2 * spacing[0] <= THICKEST_MM:
        even = len(voxels) // 2 * 2
        thick = voxels[:even].reshape(-1, 2, *voxels.shape[1:]).mean(axis=1)
        half = mask[:even].reshape(-1, 2, *mask.shape[1:]).mean(axis=1) >= 0.5
        yield "slices twice as thick", placed(thick, (2 * spacing[0], *spacing[1:])), half
    yield "left and right exchanged", placed(voxels[:, :, ::-1].copy(), spacing), mask[:, :, ::-1].copy()
    turned, there = (ndimage.rotate(a, 15, (1, 2), reshape=False, order=1) for a in (voxels, mask.astype(np.float32)))
    yield "turned by 15 degrees", placed(turned, spacing), there >= 0.5
    first = int(np.flatnonzero(mask.any(axis=(1, 2)))[0])
    kept = slice(max(0, first - 3), None)
    yield "neck and base not in view", placed(voxels[kept], spacing), mask[kept]


def _field(shape: tuple[int, ...]) -> Floats:
    """A coil that sees one corner twice as well as the opposite one."""
    z, y, x = (np.linspace(-1, 1, n) for n in shape)
    slope = 0.1 * z[:, None, None] + 0.12 * y[None, :, None] + 0.13 * x[None, None, :]
    return np.exp(slope).astype(np.float32)


def _blurred(voxels: Floats) -> Floats:
    small = ndimage.zoom(ndimage.gaussian_filter(voxels, (0, 0.8, 0.8)), (1, 0.5, 0.5), order=1)
    back: NDArray[np.float32] = ndimage.zoom(small, np.array(voxels.shape) / small.shape, order=1)
    return back
