"""Laying the series of a study on one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from node.errors import Refused
from node.stages.register import register
from tests.support.heads import displaced, head
from tests.support.volumes import volume_of


@pytest.fixture(scope="module")
def still():
    return head()


@pytest.fixture(scope="module")
def moved(still):
    return displaced(still, angles=(0.08, -0.05, 0.12), shift=(9.0, -6.0, 4.0))


def test_a_series_that_moved_is_laid_back_without_touching_its_voxels(still, moved):
    """Its place changes, and its frame of reference becomes the first one's; what it shows does not."""
    volume, motion = moved
    found = register({"t1c": still, "flair": volume})
    corrected = found.volumes["flair"]
    points = still.geometry.point(np.array(still.geometry.shape) / 2) + 60 * np.eye(3)
    index = volume.geometry.index(points @ motion[:3, :3].T + motion[:3, 3])

    assert np.linalg.norm(corrected.geometry.point(index) - points, axis=1).max() < 1.0
    assert corrected.voxels is volume.voxels
    assert found.volumes["t1c"] is still
    assert found.notes[0].startswith("flair was moved by ")


def test_series_that_lie_on_one_another_are_left_alone(still):
    """Within one frame of reference, less than two millimetres is the registration's own error."""
    again, _ = displaced(still, angles=(0.0, 0.0, 0.0), shift=(0.3, 0.2, -0.2))
    found = register({"t1c": still, "flair": again})

    assert found.volumes["flair"] is again
    assert found.notes == ("flair and t1c lie on one another as the scanner says.",)


def test_what_cannot_be_laid_on_the_first_refuses_the_case(still):
    """A series in a frame of its own whose registration fails its own test is no guess to measure on."""
    noise = np.random.default_rng(1).normal(100, 20, still.voxels.shape).astype(np.float32)
    strange = replace(volume_of(noise, still.geometry), frame_uid="9.9")
    with pytest.raises(Refused) as refused:
        register({"t1c": still, "flair": strange})

    assert refused.value.code == "not aligned"


def test_what_cannot_be_checked_in_one_frame_stays_and_says_so(still):
    """The scanner's own word counts where the images say nothing; the reader is told."""
    noise = np.random.default_rng(1).normal(100, 20, still.voxels.shape).astype(np.float32)
    strange = volume_of(noise, still.geometry)
    found = register({"t1c": still, "flair": strange})

    assert found.volumes["flair"] is strange
    assert "could not be checked" in found.notes[0]


def test_what_lies_far_from_where_the_scanner_put_it_carries_no_drawing(still):
    """Five centimetres within one frame of reference: images and scanner contradict each other, and that is told."""
    far, _ = displaced(still, angles=(0.0, 0.0, 0.0), shift=(30.0, -20.0, 35.0))
    found = register({"t1c": still, "flair": far})

    assert found.volumes["flair"] is far
    assert found.laid["flair"].doubt in found.notes[0][0].lower() + found.notes[0][1:]
    assert "51 mm away from where the scanner put it" in found.notes[0]


def test_a_single_series_needs_no_registration(still):
    """A pipeline with one role comes back as it went in."""
    assert register({"ct": still}).notes == ()
