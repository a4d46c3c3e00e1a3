"""N4: a known smooth field is taken out, and what has no field is left as it is."""

import numpy as np
import pytest

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from node.imaging.bias import n4

SHAPE = (24, 40, 40)


def image(voxels):
    slices = tuple(Slice(sop_class="1", sop_uid=f"1.{n}", frame=None, path=None) for n in range(SHAPE[0]))
    return Volume(
        voxels=voxels.astype(np.float32), geometry=Geometry(np.diag([2.0, 1.5, 1.5, 1.0]), SHAPE), modality="MR",
        unit="1", study_uid="1", series_uid="2", frame_uid="3", slices=slices,
    )  # fmt: skip


@pytest.fixture(scope="module")
def head():
    """Two tissues inside a ball, none outside."""
    rng = np.random.default_rng(0)
    at = np.indices(SHAPE) / np.array(SHAPE).reshape(3, 1, 1, 1) - 0.5
    inside = (at**2).sum(axis=0) < 0.2
    tissue = np.where(stripes(), 300.0, 400.0)
    return np.where(inside, tissue + rng.normal(0, 5, SHAPE), 0.0), inside, at


def stripes():
    return np.indices(SHAPE).sum(axis=0) // 6 % 2 == 0


def test_a_known_field_is_taken_out(head):
    """Of a field that doubles the intensity from side to side, most is gone; the level of the image is kept."""
    voxels, inside, at = head
    field = np.exp(0.7 * at[2])
    before, after = voxels * field, n4(image(voxels * field))
    tissue = inside & stripes()
    spread = [v[tissue].std() / v[tissue].mean() for v in (before, after)]
    assert spread[1] < 0.5 * spread[0]
    assert after[inside].mean() == pytest.approx(before[inside].mean(), rel=0.1)


def test_an_image_of_one_value_is_told():
    """There is nothing to fit."""
    with pytest.raises(ValueError, match="one value only"):
        n4(image(np.ones(SHAPE)))
