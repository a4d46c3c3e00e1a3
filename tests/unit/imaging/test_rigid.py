"""Rigid registration, on a head-like phantom in two contrasts."""

from __future__ import annotations

import numpy as np
import pytest

from node.imaging.rigid import Alignment, align
from tests.support.heads import displaced, head
from tests.support.volumes import volume_of


@pytest.fixture(scope="module")
def pair():
    """A head seen twice: thick slices, and another contrast on another grid after a known motion."""
    fixed = head()
    moving, motion = displaced(fixed, angles=(0.08, -0.05, 0.12), shift=(9.0, -6.0, 4.0))
    return fixed, moving, motion


@pytest.fixture(scope="module")
def found(pair):
    fixed, moving, _ = pair
    return align(fixed.voxels, fixed.geometry, moving.voxels, moving.geometry)


def test_a_known_motion_is_found(pair, found):
    """Half a voxel of the coarser image, although the two have different contrasts and grids."""
    fixed, _, motion = pair
    points = fixed.geometry.point(np.array(fixed.geometry.shape) / 2) + 70 * np.eye(3)
    here = points @ motion[:3, :3].T + motion[:3, 3]  # where the moving image shows them
    back = here @ found.matrix[:3, :3].T + found.matrix[:3, 3]

    assert np.linalg.norm(back - points, axis=1).max() < 1.0
    assert found.failure == ""
    assert found.moved_mm == pytest.approx(np.linalg.norm(here - points, axis=1).mean(), abs=3)


def test_the_answer_is_the_same_each_time(pair, found):
    """Same order, same bytes: no sum depends on the number of threads."""
    fixed, moving, _ = pair
    again = align(fixed.voxels, fixed.geometry, moving.voxels, moving.geometry)

    assert np.array_equal(found.matrix, again.matrix)
    assert (found.moved_mm, found.return_mm, found.gain) == (again.moved_mm, again.return_mm, again.gain)


@pytest.mark.parametrize(("moved", "missed", "out"), [(12.0, 0.4, True), (2.9, 3.0, False), (2.0, 2.0, False)])
def test_a_motion_within_its_own_error_does_not_stand_out(moved, missed, out):
    """Whoever moves an image by 2 mm and may err by 3 mm corrects nothing."""
    assert Alignment(matrix=np.eye(4), moved_mm=moved, return_mm=missed, gain=0.1).stands_out is out


def test_images_with_nothing_in_common_fail_the_test(pair):
    """Noise can be laid anywhere; the answer says so itself."""
    fixed, _, _ = pair
    noise = np.random.default_rng(1).normal(100, 20, fixed.voxels.shape).astype(np.float32)
    other = volume_of(noise, fixed.geometry)

    assert align(fixed.voxels, fixed.geometry, other.voxels, other.geometry).failure != ""
