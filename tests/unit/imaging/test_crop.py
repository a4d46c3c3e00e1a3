"""Boxes of voxels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from node.imaging.crop import Box, bounding_box


@given(mask=hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_bounding_box_is_the_smallest_that_holds_all(mask):
    """
    The box is that of the indices of the set voxels, and there is none without any.
    """
    box = bounding_box(mask)
    if not mask.any():
        assert box is None
        return
    where = np.argwhere(mask)

    assert box == Box(tuple(where.min(axis=0)), tuple(where.max(axis=0) + 1))
    assert mask[box.slices].sum() == mask.sum()


@given(start=st.tuples(*[st.integers(0, 5)] * 3), size=st.tuples(*[st.integers(1, 5)] * 3), margin=st.integers(0, 7))
def test_grown_and_clipped_boxes_name_the_same_voxels(start, size, margin):
    """
    A box counted from the start of a larger one finds the same voxels in it.
    """
    array = np.arange(10**3).reshape(10, 10, 10)
    box = Box(start, tuple(a + b for a, b in zip(start, size, strict=True)))
    outer = box.grown(margin).clipped(array.shape)

    assert np.array_equal(array[outer.slices][box.within(outer).slices], array[box.slices])
    assert box.grown(margin).shape == tuple(n + 2 * margin for n in size)
