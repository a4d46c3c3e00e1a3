"""
The golden case of a model that came from elsewhere: painted images, what the graph answered to them, what was drawn.

`golden.json` is {"probes": [{"name", "paintings": {ROLE: see `node.imaging.ellipsoids.Painting`}, "expect": {"voxels",
"centroid_mm", "trust", "mean", "samples"}}], "tolerance": {"voxels" (a share), "centroid_mm", "trust", "probability"}}.
A foreign graph may draw nothing on a painting, so its probabilities are compared too: their mean over the grid, and
`SAMPLES` of them spread over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from node.domain.findings import Drawing
from node.domain.plain import from_plain
from node.domain.volume import Volume
from node.imaging.ellipsoids import Painting, paint
from node.imaging.grid import Floats
from node.inference.prepared import Prepared

SAMPLES = 64
DIGITS = 5  #: decimals of a probability that are kept


class Answered(Protocol):
    """What the passes of a graph gave."""

    @property
    def probability(self) -> Floats:
        """Mean over all passes, on the graph's grid."""
        ...


class Probed(Protocol):
    """A segmenter whose steps can be looked at."""

    def prepare_all(self, volumes: Mapping[str, Volume]) -> Prepared:
        """The volumes on the graph's grid."""
        ...

    def answer(self, prepared: Prepared) -> Any:
        """An `Answered`."""
        ...

    def drawing(self, answer: Any, prepared: Prepared) -> Drawing:
        """What an answer draws."""
        ...


def probe(case: Mapping[str, Any], model: Probed) -> dict[str, Any]:
    """
    What a model answers to one case, in the form of its "expect".

    Raises:
        ValueError: The case describes no image.
        Refused: The image is not what the model was made for.
    """
    volumes = {role: paint(from_plain(Painting, each)) for role, each in case["paintings"].items()}
    prepared = model.prepare_all(volumes)
    answer = model.answer(prepared)
    drawing, first = model.drawing(answer, prepared), next(iter(volumes.values()))
    mask = np.logical_or.reduce(drawing.masks) if drawing.masks else np.zeros(first.voxels.shape, bool)
    centre = first.geometry.point(np.argwhere(mask).mean(axis=0)) if mask.any() else np.zeros(3)
    values = answer.probability.ravel()
    some = values[np.linspace(0, values.size - 1, SAMPLES).astype(int)]
    return {
        "voxels": int(mask.sum()),
        "centroid_mm": [round(float(value), 3) for value in centre],
        "trust": drawing.trust,
        "mean": round(float(values.mean(dtype=np.float64)), DIGITS),
        "samples": [round(float(value), DIGITS) for value in some],
    }


def probe_differences(golden: Mapping[str, Any], model: Probed) -> list[str]:
    """Every difference in words; empty when all is as it was."""
    if not golden["probes"]:
        return ["golden.json has no probes"]
    return [line for case in golden["probes"] for line in _differences(case, golden["tolerance"], model)]


def _differences(case: Mapping[str, Any], tolerance: Mapping[str, float], model: Probed) -> Iterator[str]:
    try:
        found, expected = probe(case, model), case["expect"]
    except (ValueError, KeyError) as error:
        yield f"{case.get('name', 'a probe')}: describes no image ({error})"
        return
    if abs(found["voxels"] - expected["voxels"]) > tolerance["voxels"] * expected["voxels"]:
        yield f"{case['name']}: drew {found['voxels']} voxels, not {expected['voxels']}"
    apart = float(np.linalg.norm(np.subtract(found["centroid_mm"], expected["centroid_mm"])))
    if apart > tolerance["centroid_mm"]:
        yield f"{case['name']}: centre lies {apart:.2f} mm from where it was"
    if abs(found["trust"] - expected["trust"]) > tolerance["trust"]:
        yield f"{case['name']}: trust is {found['trust']:g}, not {expected['trust']:g}"
    off = np.abs(np.subtract([found["mean"], *found["samples"]], [expected["mean"], *expected["samples"]]))
    if off.max() > tolerance["probability"]:
        yield f"{case['name']}: a probability is {off.max():.5f} from what it was"
