"""An imported nnU-Net draws what nnU-Net itself draws, voxel by voxel; `make` let it answer."""

from __future__ import annotations

import numpy as np
import pytest

from node.training.brought import Wishes
from tests.frameworks.exports import EXPECTED, MIRRORED
from tests.frameworks.reading import drawn

ASKED = {
    "thick": [({"lesion": ("core",)}, (2,)), ({"lesion": ("oedema",)}, (1,))],
    "masked": [({}, (1,))],
    "ct": [({}, (1,))],
    "ties": [({}, (1,))],
    "folds": [({"graphs": ("fold_0.onnx", "fold_1.onnx"), "mirror": MIRRORED["folds"]}, (1,))],
    "slices": [({}, (1,))],
    "regions": [({"lesion": ("core",)}, (2,)), ({"lesion": ("whole",)}, (1, 2))],
    "turned": [({"orientation": ""}, (1,))],
}
"""Name of the export to what is wished, and the labels that are then the lesion."""

OFTEN = 0.008
"""Share of voxels that may differ: nnU-Net adds up in float16, and an untrained network is nowhere sure."""

CASES = [(name, wishes, labels) for name, each in ASKED.items() for wishes, labels in each]


@pytest.mark.parametrize(("name", "wishes", "labels"), CASES)
def test_it_draws_what_nnunet_draws(name, wishes, labels):
    """Splines, thick slices, cropping, masks, channels, regions and axes are those of the framework."""
    mask = drawn(name, Wishes(**{"orientation": "SPL", **wishes}))
    expected = np.isin(np.load(EXPECTED / name / "answer.npz")["labels"], labels)
    assert expected.mean() > 0.05
    assert (mask != expected).mean() < OFTEN
