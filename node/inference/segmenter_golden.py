"""
The golden case of a learned segmenter: an image of ellipsoids, and what was drawn on it when the model was made.

`golden.json` is {"cases": [{"name", "painting": see `node.imaging.ellipsoids.Painting`, "expect": {"voxels",
"centroid_mm", "trust"}}], "tolerance": {"voxels" (a share), "centroid_mm", "trust"}}. It proves that the graph and
every step around it do what they did, not that they do it well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from node.domain.findings import Drawing
from node.domain.plain import from_plain
from node.domain.volume import Volume
from node.imaging.ellipsoids import Painting, paint

Draw = Callable[[Volume], Drawing]


def answer(case: Mapping[str, Any], draw: Draw) -> dict[str, Any]:
    """
    What a model draws on one case, in the form of its "expect".

    Raises:
        ValueError: The case describes no image.
    """
    volume = paint(from_plain(Painting, case["painting"]))
    drawing = draw(volume)
    mask = np.logical_or.reduce(drawing.masks) if drawing.masks else np.zeros(volume.voxels.shape, bool)
    centroid = volume.geometry.point(np.argwhere(mask).mean(axis=0)) if mask.any() else np.zeros(3)
    return {
        "voxels": int(mask.sum()),
        "centroid_mm": [round(float(value), 3) for value in centroid],
        "trust": drawing.trust,
    }


def differences(golden: Mapping[str, Any], draw: Draw) -> list[str]:
    """Every difference in words; empty when all is as it was."""
    cases = golden.get("cases", [])
    if not cases:
        return ["golden.json has no cases"]
    return [line for case in cases for line in _differences(case, golden["tolerance"], draw)]


def _differences(case: Mapping[str, Any], tolerance: Mapping[str, float], draw: Draw) -> Iterator[str]:
    try:
        found, expected = answer(case, draw), case["expect"]
    except (ValueError, KeyError) as error:
        yield f"{case.get('name', 'a case')}: describes no image ({error})"
        return
    if abs(found["voxels"] - expected["voxels"]) > tolerance["voxels"] * expected["voxels"]:
        yield f"{case['name']}: drew {found['voxels']} voxels, not {expected['voxels']}"
    apart = float(np.linalg.norm(np.subtract(found["centroid_mm"], expected["centroid_mm"])))
    if apart > tolerance["centroid_mm"]:
        yield f"{case['name']}: centre lies {apart:.2f} mm from where it was"
    if abs(found["trust"] - expected["trust"]) > tolerance["trust"]:
        yield f"{case['name']}: trust is {found['trust']:g}, not {expected['trust']:g}"
