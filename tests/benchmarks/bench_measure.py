"""
How long the features of one lesion take, against a stock call of pyradiomics on the whole volume, in one run.

    python -m tests.benchmarks.bench_measure [REPEATS]

Prints both times and their ratio for a 15 mm nodule in a chest CT of 300 slices: original image, 1 mm voxels and linear
interpolation on both sides; ours also measures diameters and ground glass. Checks that both computed the same set of
features. Compare ratios, never seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import SimpleITK as sitk  # noqa: N813

from node.domain.order import Extraction
from node.imaging.resample import to_image
from node.stages.measure import extractor_class, measure
from tests.support.volumes import ball, geometry_of, volume_of

SHAPE, SPACING = (300, 512, 512), (1.0, 0.7, 0.7)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(repeats: int = 3) -> float:
    """Time both ways in turn and print medians; returns the ratio stock / ours."""
    place = geometry_of(SHAPE, SPACING)
    voxels = np.random.default_rng(0).integers(-1000, 400, SHAPE, dtype=np.int16)
    volume = volume_of(voxels, place, modality="CT", unit="HU")
    mask = np.zeros(SHAPE, bool)
    part = geometry_of((30, 40, 40), SPACING)
    mask[140:170, 240:280, 240:280] = ball(part, part.point(np.array([15.0, 20.0, 20.0])), 7.5)
    image, label = to_image(voxels, place), to_image(mask.astype(np.uint8), place)
    stock = extractor_class()(binWidth=25, resampledPixelSpacing=[1, 1, 1], interpolator=sitk.sitkLinear)
    ours = measure(volume, mask, Extraction(), features=True).features
    theirs = {name for name in stock.execute(image, label) if name.startswith("original_")}
    if ours.keys() != theirs:
        raise SystemExit(f"the two ways computed different features: {sorted(ours.keys() ^ theirs)}")
    times = [
        (
            seconds(lambda: measure(volume, mask, Extraction(), features=True)),
            seconds(lambda: stock.execute(image, label)),
        )
        for _ in range(repeats)
    ]
    here, there = (median(column) for column in zip(*times, strict=True))
    print(f"measure: radnode {here:.3f} s, pyradiomics on the whole volume {there:.3f} s, ratio {there / here:.1f}")
    return there / here


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
