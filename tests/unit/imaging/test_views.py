"""Pictures of a lesion in three planes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from node.imaging.views import LUNG_HU, SIDE, SOFT_TISSUE_HU, Window, field_of, views, window_of
from tests.support.volumes import AXIAL, ball, geometry_of, rotation, volume_of

SHAPE, SPACING = (30, 120, 100), (2.5, 0.7, 0.7)
FLIPPED = AXIAL * [[-1], [1], [1]]  # slices run from head to feet
CORONAL = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], float)  # slices to the front, rows to the feet
SAGITTAL = np.array([[-1, 0, 0], [0, 0, -1], [0, 1, 0]], float)


def make(axes=AXIAL, shape=SHAPE, spacing=SPACING, modality="CT", background=-850.0):
    """A bright ball in a dark block, off its middle, and its key slice."""
    geometry = geometry_of(shape, spacing, origin=(-30.0, 40.0, -100.0), axes=axes)
    middle = geometry.point(np.array(shape) * (0.4, 0.45, 0.6))
    mask = ball(geometry, middle, 9.0)
    voxels = np.where(mask, 40.0, background)
    volume = volume_of(voxels, geometry, modality=modality, unit="HU" if modality == "CT" else "1")
    return volume, mask, int(mask.sum(axis=(1, 2)).argmax())


def filled(view):
    """Pixels of a view whose centres lie within its outline, by counting crossings to the right."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = np.zeros((SIDE, SIDE), bool)
    for outline in view.outlines:
        for (x0, y0), (_, y1) in pairwise(outline):
            if y0 != y1:  # upright: all edges are those of voxels
                inside ^= (y >= min(y0, y1)) & (y < max(y0, y1)) & (x < x0)
    return inside


@pytest.mark.parametrize("axes", [AXIAL, FLIPPED, CORONAL, SAGITTAL])
def test_the_outline_lies_where_the_lesion_is_bright(axes):
    """In every plane, however the series was acquired: bright within, dark without, but for the blur of a voxel."""
    volume, mask, key = make(axes)
    window = Window(-400, 1000)
    for view in views(volume, mask, key, window)[1:]:
        inside = filled(view)
        reach = int(np.ceil(2.5 / view.pixel_mm))
        core, outer = (
            ndimage.binary_erosion(inside, iterations=reach),
            ndimage.binary_dilation(inside, iterations=reach),
        )
        assert core.any()
        assert view.pixels[core].min() > 200
        assert view.pixels[~outer].max() < 60


def test_the_area_within_the_outline_is_that_of_the_voxels():
    """On the key slice, in square millimetres: pixels are square, and the scale is true."""
    volume, mask, key = make()
    whole, axial, *_ = views(volume, mask, key, Window(-400, 1000))
    expected = mask[key].sum() * SPACING[1] * SPACING[2]
    for view in (whole, axial):
        assert filled(view).sum() * view.pixel_mm**2 == pytest.approx(expected, rel=0.03)


def test_a_ball_is_round_in_all_planes():
    """Thick slices are stretched to their true height."""
    volume, mask, key = make()
    for view in views(volume, mask, key, Window(-400, 1000))[1:]:
        corners = np.concatenate(view.outlines) * view.pixel_mm
        wide, high = np.ptp(corners, axis=0)
        assert wide == pytest.approx(18, abs=2.6)
        assert high == pytest.approx(18, abs=2.6)


@pytest.mark.parametrize(
    ("axes", "acquired"), [(AXIAL, "axial"), (FLIPPED, "axial"), (CORONAL, "coronal"), (SAGITTAL, "sagittal")]
)
def test_pictures_hang_as_radiologists_hang_them(axes, acquired):
    """Right and front at the left, front and head at the top, whatever the order of voxels."""
    volume, mask, key = make(axes)
    whole, *close = views(volume, mask, key, Window(-400, 1000))
    assert [(v.plane, v.letters) for v in close] == [
        ("axial", ("R", "L", "A", "P")),
        ("coronal", ("R", "L", "H", "F")),
        ("sagittal", ("A", "P", "H", "F")),
    ]
    assert [v.plane for v in close if v.acquired] == [acquired] == [whole.plane]
    assert not any(v.oblique for v in close)


def test_what_lies_to_the_patients_left_is_drawn_to_the_right():
    """A second bright ball, to the left, behind and above the first, is found there on every picture."""
    volume, mask, key = make(FLIPPED)
    geometry = volume.geometry
    middle = geometry.point(np.argwhere(mask).mean(axis=0))
    marks = {"axial": (15, 15, 0), "coronal": (15, 0, 15), "sagittal": (0, 15, 15)}
    for view in views(volume, mask, key, Window(-400, 1000))[1:]:
        voxels = np.where(ball(geometry, middle + marks[view.plane], 4.0), 400.0, -850.0)
        marked = volume_of(voxels, geometry, modality="CT", unit="HU")
        [shown] = [v for v in views(marked, mask, key, Window(-400, 1000))[1:] if v.plane == view.plane]
        row, column = ndimage.center_of_mass(shown.pixels > 128)
        down = 1 if view.plane == "axial" else -1
        assert (column - SIDE / 2) * shown.pixel_mm == pytest.approx(15, abs=2)
        assert (row - SIDE / 2) * shown.pixel_mm * down == pytest.approx(15, abs=2.6)


def test_a_tilted_stack_says_so():
    """30 degrees about the left-right axis: two letters where a direction is mixed, and "oblique"."""
    axes = AXIAL @ rotation((np.radians(30), 0, 0)).T
    volume, mask, key = make(axes)
    axial = views(volume, mask, key, Window(-400, 1000))[1]
    assert axial.oblique
    assert axial.letters[:2] == ("R", "L")
    assert {len(letter) for letter in axial.letters[2:]} == {2}


def test_the_frame_on_the_whole_slice_is_the_close_view():
    """Its side is the field of the close views, its middle that of the lesion."""
    volume, mask, key = make()
    whole, axial, *_ = views(volume, mask, key, Window(-400, 1000))
    x, y, width, height = whole.frame
    assert width * whole.pixel_mm == pytest.approx(field_of(mask, volume.geometry))
    assert width == height
    corners = np.concatenate(whole.outlines)
    assert ((corners.min(axis=0) + corners.max(axis=0)) / 2).tolist() == pytest.approx([x + width / 2, y + height / 2])
    assert axial.frame is None


@pytest.mark.parametrize(("background", "expected"), [(-850.0, LUNG_HU), (30.0, SOFT_TISSUE_HU)])
def test_ct_is_shown_in_the_window_of_what_surrounds_the_lesion(background, expected):
    """Lung window in lung, soft tissue window elsewhere."""
    volume, mask, _ = make(background=background)
    assert window_of(volume, mask) == Window(*expected)


def test_mr_is_shown_from_its_darkest_to_its_brightest():
    """No fixed scale: the range around the lesion, and a flat image does no harm."""
    volume, mask, _ = make(modality="MR", background=300.0)
    window = window_of(volume, mask)
    assert (window.centre - window.width / 2, window.centre + window.width / 2) == pytest.approx((40, 300))
    flat, mask, _ = make(modality="MR", background=40.0)
    assert window_of(flat, mask).width > 0
