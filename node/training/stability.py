"""
How the inputs of a model bear another contour and another grid: intraclass correlation over real lesions.

What `train.py --stability` writes as `stability.toml` becomes `[stability]` of the manifest, and a table of the card.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from node.domain.geometry import Geometry
from node.domain.order import Extraction
from node.domain.volume import Volume
from node.errors import ConfigError
from node.imaging.redraw import redrawn
from node.imaging.resample import PARTIAL_VOLUME, Grid, interpolate
from node.inference.inputs import ModelInput
from node.inference.manifest import parse
from node.inference.package import MANIFEST, read_manifest
from node.training import publish, toml
from node.training.icc import icc, interval
from node.training.judge import Progress
from node.training.lesions import Drawn
from node.training.tabular import Array
from node.training.values import Mask, Values, corrected, drawn_inputs, values

ICC = (
    "ICC(2,1): two-way random effects, absolute agreement, single measurement (Shrout and Fleiss, Psychol Bull 86:420, "
    "1979), of each input on the scale that the model weighs; intervals: 95 % bootstrap over lesions"
)
CONTOUR = (
    "as drawn; 1 mm (or one pixel, where that is more) smaller; as much larger; shifted by as much to either side of "
    "the diagonal; one slice up; one slice down"
)
RESAMPLING = (
    "image and contour as they are; sampled between their voxels; on voxels 1.25 times as long along every axis; 0.8 "
    "times as long; each before the resampling that the extraction asks for"
)
FACTORS = (1.25, 0.8)

LAST_DIGIT = 0.0015
"""How far a coefficient of three decimals may lie from another processor's."""


def assess(
    inputs: Sequence[ModelInput], extraction: Extraction, lesions: Iterable[Drawn], *, data: str, progress: Progress
) -> dict[str, Any]:
    """
    Measure every lesion in every way.

    Args:
        inputs: Of the model; those that are not measured as a number inside the contour are passed over.
        extraction: How features are computed.
        lesions: Real ones; one that cannot be measured in every way is left out, and counted.
        data: What lesions they are, for the reader.
        progress: Told how far the work is.

    Returns:
        The content of `stability.toml`.
    """
    items = drawn_inputs(inputs)
    contours: list[list[Values]] = []
    grids: list[list[Values]] = []
    seen = 0
    for seen, lesion in enumerate(lesions, 1):
        volume, plain = corrected(lesion.volume, extraction)
        ways = [_measured(volume, mask, plain, items) for mask in _drawn(lesion.mask, volume.geometry)]
        samples = [ways[0], *(_measured(*other, plain, items) for other in _sampled(volume, lesion.mask))]
        if all(len(each) == len(items) for each in (*ways, *samples)):
            contours.append(ways)
            grids.append(samples)
        progress(f"lesion {seen} measured in {len(ways) + len(samples) - 1} ways")
    return {
        "data": data,
        "lesions": len(contours),
        "left_out": seen - len(contours),
        "icc": ICC,
        "contours": CONTOUR,
        "grids": RESAMPLING,
        "contour": _table(items, contours),
        "resampling": _table(items, grids),
    }


def shipped(folder: Path, lesions: Iterable[Drawn], *, data: str, progress: Progress, check: bool = False) -> int:
    """
    What `train.py --stability` of a shipped model ends in.

    Args:
        folder: The package.
        lesions: Real ones.
        data: What lesions they are, for the reader.
        progress: Told how far the work is, and what differs.
        check: Compare with what stands there instead of writing.

    Returns:
        Exit code: 0, or 1 when a check found a difference.

    Raises:
        ConfigError: There are fewer than two lesions that could be measured, or nothing to measure: the package stays.
    """
    manifest = parse(read_manifest(folder), at=str(folder / MANIFEST))
    extraction = manifest.extraction_in(Extraction())
    found = assess(manifest.inputs, extraction, lesions, data=data, progress=progress)
    if not found["contour"]:
        told = f"{found['lesions']} lesions were measured, and no coefficient can be made"
        do = "give two lesions or more, to a model whose inputs are measured inside the contour; nothing was written"
        raise ConfigError([told], at=str(folder), do=do)
    if not check:
        publish.fold(folder, "stability", found)
        return 0
    changed = list(_changed(manifest.stability, tomllib.loads(toml.dumps(found))))
    progress("\n".join(f"differs: {each}" for each in changed) or "reproduced")
    return 1 if changed else 0


def _changed(stands: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Keys of [stability] that another measurement made otherwise; figures may differ by the last digit."""
    for key in sorted({*stands, *found}):
        old, new = stands.get(key), found.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from (f"{key}.{inner}" for inner in _changed(old, new))
        elif not _alike(old, new):
            yield f"{key}: {old} stands there, {new} was measured"


def _alike(old: object, new: object) -> bool:
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(map(_alike, old, new))
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) <= LAST_DIGIT
    return old == new


def _drawn(mask: Mask, geometry: Geometry) -> Iterator[Mask]:
    yield mask
    yield from (each.mask for each in redrawn(mask, geometry.spacing, slices=True))


def _sampled(volume: Volume, mask: Mask) -> Iterator[tuple[Volume, Mask]]:
    """Image and contour as another scanner's grid would have had them."""
    source = volume.geometry
    between = tuple(max(1, n - 1) for n in source.shape)  # one voxel less around the same centre: half a voxel beside
    grids = [Grid(source, source.spacing, (between[0], between[1], between[2]))]
    for factor in FACTORS:
        z, y, x = (max(1, int(n / factor)) for n in source.shape)
        a, b, c = (s * factor for s in source.spacing)
        grids.append(Grid(source, (a, b, c), (z, y, x)))
    for grid in grids:
        voxels = interpolate(volume.voxels, grid, grid.whole).astype(np.float32)
        slices = tuple(volume.slices[min(n, len(volume.slices) - 1)] for n in range(grid.shape[0]))
        there = replace(volume, voxels=voxels, geometry=grid.geometry(grid.whole), slices=slices)
        yield there, interpolate(mask, grid, grid.whole) >= PARTIAL_VOLUME


def _measured(volume: Volume, mask: Mask, extraction: Extraction, items: Sequence[ModelInput]) -> Values:
    """Inputs that have a value here, on the scale that the model weighs."""
    known = values(volume, mask, extraction, items)
    logs = {item.name for item in items if item.scale == "log"}
    return {name: float(np.log(value)) if name in logs else value for name, value in known.items()}


def _table(items: Sequence[ModelInput], lesions: Sequence[Sequence[Values]]) -> dict[str, Any]:
    if len(lesions) < 2:
        return {}
    table: dict[str, Any] = {}
    for item in items:
        measured: Array = np.array([[way[item.name] for way in ways] for ways in lesions])
        low, high = interval(measured)
        table[item.name] = {"icc": round(icc(measured), 3), "interval": [round(low, 3), round(high, 3)]}
    return table
