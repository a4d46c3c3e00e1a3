"""What radnode draws with an imported export on the painting of the same name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.domain.facts import ModelFacts
from node.domain.geometry import Geometry
from node.imaging.ellipsoids import volume_from
from node.inference.onnx_segmenter import OnnxSegmenter
from node.training.bring import bring
from node.training.brought import Wishes
from tests.frameworks.exports import EXPECTED
from tests.frameworks.paintings import PAINTINGS

FACTS = ModelFacts(id="x", version="1.0.0", kind="segmenter", digest="", manufacturer="", name="")


def drawn(name: str, wishes: Wishes) -> NDArray[np.bool_]:
    """Everything that is drawn, on the painting's grid."""
    imported, painting = bring(EXPECTED / name, name, wishes), PAINTINGS[name]
    layout, modality = imported.brought.layout, imported.brought.modality
    geometry = Geometry.of_axes(
        origin=np.array(painting.origin), spacing=painting.spacing, axes=np.array(painting.axes, float),
        shape=painting.shape,
    )  # fmt: skip
    roles = layout.channels or (layout.role or "image",)
    volumes = {r: volume_from(painting.voxels(c), geometry, modality=modality) for c, r in enumerate(roles)}
    segmenter = OnnxSegmenter(FACTS, layout, imported.files["model.onnx"], modality=modality)
    return np.logical_or.reduce([np.zeros(painting.shape, bool), *segmenter(volumes).masks])
