"""Painted images hold what they were told to, where they were told to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.imaging.ellipsoids import Ellipsoid, Painting, paint

BODY = Ellipsoid(centre=(6.0, -10.0, 14.0), radii=(12.0, 15.0, 18.0), value=80.0)
PLAIN = Painting(shape=(20, 60, 70), spacing=(3.0, 1.5, 1.2), bodies=(BODY,))


def test_a_body_lies_at_its_place_with_its_volume():
    """Centre in LPS (z to the head, y to the back, x to the left) and volume of the ellipsoid."""
    volume = paint(PLAIN)
    inside = volume.voxels > 40
    assert volume.geometry.point(np.argwhere(inside).mean(axis=0)) == pytest.approx((14, -10, 6), abs=0.3)
    assert inside.sum() * volume.geometry.voxel_ml == pytest.approx(4 / 3 * np.pi * 12 * 15 * 18 / 1000, rel=0.05)
    assert (volume.modality, volume.unit) == ("MR", "1")


def test_later_bodies_lie_over_earlier_ones():
    """A hole is a body of its own."""
    hole = replace(BODY, radii=(5.0, 5.0, 5.0), value=0.0)
    volume = paint(replace(PLAIN, bodies=(BODY, hole)))
    index = np.round(volume.geometry.index(np.array([14.0, -10.0, 6.0]))).astype(int)
    assert volume.voxels[tuple(index)] == 0


def test_noise_is_the_same_every_time_and_never_negative():
    """One seed, one image; a magnitude has no sign."""
    noisy = replace(PLAIN, noise=10.0)
    assert (paint(noisy).voxels == paint(noisy).voxels).all()
    assert paint(noisy).voxels.min() >= 0
    assert (paint(noisy).voxels != paint(replace(noisy, seed=2)).voxels).any()
