"""Findings with radiomic features, really computed on a synthetic lesion."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from node.domain.order import Extraction
from node.stages.measure import measure
from tests.support.findings import DRAWN, FOUND, SHAPE, Case, make_case

INFINITE = "original_glcm_MCC"


def measured_case(extraction: Extraction, *, lesions: int = 2) -> Case:
    """Boxes of noise with all features; of the first lesion one feature came out infinite."""
    case = make_case(*(DRAWN, FOUND)[:lesions])
    voxels = np.random.default_rng(7).normal(0, 100, SHAPE).round().astype(np.float32)
    volume = replace(case.volume, voxels=voxels)
    found = [
        replace(lesion, measurements=measure(volume, lesion.contour.mask, extraction, features=True))
        for lesion in case.findings.lesions
    ]
    m = found[0].measurements
    finite = {name: value for name, value in m.features.items() if name != INFINITE}
    found[0] = replace(found[0], measurements=replace(m, features=finite, no_value={INFINITE: math.inf}))
    return replace(case, volume=volume, findings=replace(case.findings, lesions=tuple(found)))
