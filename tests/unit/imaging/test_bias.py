"""Taking the shading off an MR image."""

from __future__ import annotations

import numpy as np

from node.imaging.bias import unshaded
from tests.support.heads import head
from tests.support.volumes import volume_of


def spread(voxels: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation as a share of the mean."""
    return float(voxels[where].std() / voxels[where].mean())


def likeness(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Correlation of two images."""
    return float(np.corrcoef(one[where], other[where])[0, 1])


def test_a_shading_that_was_laid_on_is_taken_off():
    """Brain that a coil nearby made twice as bright on one side comes back nearly as even as it was."""
    even = head((6.0, 3.0, 3.0))
    x = even.geometry.point(np.moveaxis(np.indices(even.geometry.shape), 0, -1))[..., 0]
    shaded = volume_of(even.voxels * np.exp(0.6 * np.sin(x / 70)), even.geometry)
    brain = (even.voxels > 250) & (even.voxels < 600)
    found = unshaded(shaded)

    assert spread(shaded.voxels, brain) > 1.5 * spread(even.voxels, brain)
    assert spread(found.voxels, brain) < 1.15 * spread(even.voxels, brain)
    assert likeness(found.voxels, even.voxels, brain) > likeness(shaded.voxels, even.voxels, brain) + 0.2
    assert found.geometry is shaded.geometry


def test_the_answer_is_the_same_each_time():
    """Same order, same bytes."""
    volume = head((8.0, 4.0, 4.0))
    assert np.array_equal(unshaded(volume).voxels, unshaded(volume).voxels)


def test_an_image_of_one_value_comes_back_as_it_is():
    """There is nothing to correct, and nothing fails."""
    volume = volume_of(np.full((12, 20, 20), 7.0), head((8.0, 4.0, 4.0)).geometry.crop((0, 0, 0), (12, 20, 20)))
    assert unshaded(volume) is volume
