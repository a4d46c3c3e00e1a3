"""How far masks reach: what their boxes tell is what their voxels say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from node.imaging.crop import Box
from node.imaging.extent import Extent

sparse = hnp.arrays(bool, (4, 5, 6), elements=st.sampled_from([False] * 7 + [True]))
"""Masks few of whose boxes are the same."""


@given(first=sparse, second=sparse, share=st.sampled_from([0.25, 0.5, 0.9]))
def test_masks_are_held_against_one_another_as_by_every_voxel(first, second, share):
    """
    Shared voxels, their share of the smaller mask, and which one holds the other.
    """
    assume(first.any() and second.any())
    one, other = Extent.of(first), Extent.of(second)
    both = (first & second).sum()

    assert (one.voxels, one.shared(other)) == (first.sum(), both)
    assert one.overlap(other) == both / min(first.sum(), second.sum())
    larger = first.sum() > second.sum()
    assert one.encloses(other, share) == (larger and both / second.sum() >= share)


def test_boxes_that_only_touch_have_nothing_in_common():
    """
    The end of a box is not inside it.
    """
    first = Box((0, 0, 0), (2, 2, 2))
    assert first.common(Box((2, 0, 0), (4, 2, 2))) is None
    assert first.common(Box((1, 1, -3), (4, 4, 1))) == Box((1, 1, 0), (2, 2, 1))


def test_an_empty_mask_is_told():
    """
    It has no box, and is no share of anything.
    """
    with pytest.raises(ValueError, match="empty mask"):
        Extent.of(np.zeros((2, 2, 2), bool))
