"""An imported MONAI bundle draws what MONAI itself draws, but for the edge that Invertd moves; `make` let it answer."""

from __future__ import annotations

import numpy as np
import pytest

from node.training.brought import Wishes
from tests.frameworks.exports import EXPECTED, MONAI
from tests.frameworks.reading import drawn


@pytest.mark.parametrize("name", sorted(MONAI))
def test_it_draws_what_monai_draws(name):
    """Orientation, spacing, scaling, windows and channels are those of the framework."""
    mask = drawn(name, Wishes())
    expected = np.load(EXPECTED / name / "answer.npz")["labels"] == 1
    assert expected.mean() > 0.05
    assert (mask != expected).mean() < 0.01
