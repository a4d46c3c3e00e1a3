"""An imported MONAI bundle draws what MONAI itself draws; `make` let it answer."""

from __future__ import annotations

import numpy as np
import pytest

from node.training.brought import Wishes
from tests.frameworks.exports import EXPECTED
from tests.frameworks.reading import drawn

CASES = [("sagittal", (), (1,)), ("channels", (), (1,)), ("many", ("b",), (2,)), ("many", ("a", "c"), (1, 3))]


@pytest.mark.parametrize(("name", "lesion", "labels"), CASES)
def test_it_draws_what_monai_draws(name, lesion, labels):
    """Orientation, spacing, scaling, windows, channels and labels are those of the framework."""
    mask = drawn(name, Wishes(lesion=lesion))
    expected = np.isin(np.load(EXPECTED / name / "answer.npz")["labels"], labels)
    assert expected.mean() > 0.05
    assert (mask != expected).mean() < 0.001
