"""What the inputs of a model measure inside one contour, as the node's own measure stage does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from node.domain.findings import Measurements
from node.domain.order import Extraction
from node.domain.volume import Volume
from node.imaging.bias import n4
from node.inference.inputs import ModelInput
from node.stages.measure import measure

Values = dict[str, float]
Mask = NDArray[np.bool_]


def drawn_inputs(inputs: Sequence[ModelInput]) -> list[ModelInput]:
    """Those that are measured as a number inside the contour."""
    return [item for item in inputs if item.source.startswith(("feature:", "measure:"))]


def corrected(volume: Volume, extraction: Extraction) -> tuple[Volume, Extraction]:
    """The bias field belongs to the image, not to the contour: it is taken off once, and the rest is left to do."""
    plain = replace(extraction, bias_correction="", filters=())
    if extraction.bias_correction != "n4":
        return volume, plain
    return replace(volume, voxels=n4(volume)), plain


def values(volume: Volume, mask: Mask, extraction: Extraction, items: Sequence[ModelInput]) -> Values:
    """Input name to number, for those that have a value here; nothing for an empty mask."""
    if not mask.any():
        return {}
    classes = {item.quantity.split("_")[1] for item in items if item.source.startswith("feature:")}
    found = _numbers(measure(volume, mask, extraction, features=bool(classes), classes=classes))
    return {item.name: found[item.quantity] for item in items if item.quantity in found}


def _numbers(found: Measurements) -> Mapping[str, float]:
    lengths = {
        "volume_ml": found.volume_ml,
        "long_axis_mm": found.long_axis.length_mm,
        "short_axis_mm": found.short_axis.length_mm,
        "diameter_3d_mm": found.diameter_3d_mm,
    }
    return {**lengths, **found.features}
