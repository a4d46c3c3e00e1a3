"""Many masks in one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from node.imaging.labels import painted

mask = hnp.arrays(bool, (3, 4, 5), elements=st.sampled_from([False] * 7 + [True]))


@given(masks=st.lists(mask, min_size=1, max_size=4))
def test_each_voxel_has_the_number_of_the_last_mask_that_holds_it(masks):
    """
    An empty mask paints nothing; what belongs to several masks is told.
    """
    labels, overlapping = painted(masks)

    expected = np.zeros((3, 4, 5), int)
    for number, each in enumerate(masks, start=1):
        expected = np.where(each, number, expected)
    assert np.array_equal(labels, expected)
    assert overlapping == bool((np.sum(masks, axis=0) > 1).any())


@pytest.mark.parametrize(("count", "kind"), [(255, np.uint8), (256, np.uint16)])
def test_numbers_have_room(count, kind):
    """
    The two unsigned types that highdicom takes.
    """
    labels, _ = painted([np.full((1, 1, 1), number == count - 1) for number in range(count)])
    assert (labels.dtype, labels.item()) == (kind, count)
