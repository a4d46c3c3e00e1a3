"""A mask keeps its place on its way to another grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.geometry import Geometry
from node.imaging.regrid import changes, onto
from tests.support.segmentations import ball

SHAPE = (9, 14, 12)


def grid(order=(0, 1, 2), signs=(1, 1, 1), spacing=(2.0, 0.8, 0.7), shape=SHAPE, origin=(5.0, -7.0, 11.0)):
    """A grid whose axes are the patient's in some order and direction."""
    axes = np.eye(3)[list(order)] * np.array(signs)[:, None]
    return Geometry.of_axes(origin=np.array(origin), spacing=spacing, axes=axes, shape=shape)


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations([0, 1, 2]),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    seed=st.integers(0, 1000),
    flips=st.tuples(*[st.booleans()] * 3),
    axes=st.permutations([0, 1, 2]),
)
def test_any_order_of_the_same_voxels_is_a_copy(order, signs, seed, flips, axes):
    """
    Where voxel centres coincide, a mask survives any flip and any change of axes, there and back.
    """
    own = grid(order, signs)
    mask = np.random.default_rng(seed).random(SHAPE) > 0.7
    corner = np.array([n - 1 if f else 0 for n, f in zip(SHAPE, flips, strict=True)], float)
    affine = np.eye(4)
    affine[:3, :3] = (own.affine[:3, :3] * np.where(flips, -1, 1))[:, list(axes)]
    affine[:3, 3] = own.point(corner)
    target = Geometry(affine, tuple(SHAPE[a] for a in axes))

    there = onto(mask, own, target)

    assert np.array_equal(there, np.flip(mask, [i for i in range(3) if flips[i]]).transpose(axes))
    assert np.array_equal(onto(there, target, own), mask)
    assert changes(mask, own, there, target) == ()


def test_a_voxel_takes_what_holds_its_centre():
    """
    On a grid turned by 30 degrees each voxel is set exactly when its centre lies in a set voxel.
    """
    own, turn = grid(), np.radians(30)
    axes = np.array([[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]])
    target = Geometry.of_axes(origin=own.affine[:3, 3] - 2.03, spacing=(1.1, 0.9, 1.3), axes=axes, shape=(25, 20, 22))
    mask = ball(SHAPE, (4, 7, 6), 3.2)

    found = onto(mask, own, target)

    assert found.any()
    for index in np.ndindex(target.shape):
        near = np.floor(own.index(target.point(np.array(index, float))) + 0.5).astype(int)
        held = bool((near >= 0).all() and (near < SHAPE).all() and mask[tuple(near)])
        assert found[index] == held


def test_what_is_lost_is_told():
    """
    A mask that reaches beyond the target says so; one that does not meet it comes out empty.
    """
    own = grid()
    mask = np.ones(SHAPE, bool)
    half = own.crop((0, 0, 0), (9, 7, 12))
    far = grid(origin=(500.0, 0.0, 0.0))

    kept = onto(mask, own, half)

    assert kept.all()
    assert changes(mask, own, kept, half) == ("50.0% of the drawing lies outside the image and was cut off.",)
    assert not onto(mask, own, far).any()
    assert not onto(np.zeros(SHAPE, bool), own, own).any()
