"""Contours become voxels exactly as drawn."""

from __future__ import annotations

import numpy as np
import pytest

from node.dicom.contours import read_structure_set
from node.domain.geometry import Geometry
from node.errors import Refused
from node.imaging.rasterise import even_odd, rasterise
from tests.support.drawings import circle, dice, square, volume_of

X, Y, Z = np.eye(3)


def grid(shape=(12, 60, 60), spacing=(3.0, 1.0, 1.0), axes=None, origin=(-30.0, -30.0, -15.0)):
    """An axial grid unless axes say otherwise."""
    return Geometry.of_axes(
        origin=np.array(origin), spacing=spacing, axes=np.eye(3)[::-1] if axes is None else axes, shape=shape
    )


def tilted(degrees_x, degrees_z):
    """Axes of (slice, row, column) steps, turned around x and z."""
    a, b = np.radians([degrees_x, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return (about_z @ about_x @ np.eye(3)[::-1].T).T


def centres(geometry):
    """LPS of every voxel centre, shape (slice, row, column, 3)."""
    return geometry.point(np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1))


def inside(points, polygon):
    """
    Even-odd by angles: the winding of a polygon around each point, point by point; True for odd winding.

    Another method than the one under test, on purpose: it sums signed angles and knows no scan lines.
    """
    vertex = polygon[None] - points[:, None]
    angle = np.arctan2(vertex[..., 1], vertex[..., 0])
    turn = np.diff(np.concatenate([angle, angle[:, :1]], axis=1), axis=1)
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    return np.round(turn.sum(axis=1) / (2 * np.pi)).astype(int) % 2 == 1


def area(polygon):
    """Shoelace area of an (n, 2) polygon."""
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def clear_of_edges(points, polygon, margin=1e-3):
    """Points further than a margin from every edge: only there has "inside" one meaning."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    keep = np.ones(len(points), bool)
    for start, end in zip(a, b, strict=True):
        along = end - start
        t = np.clip((points - start) @ along / max(along @ along, 1e-12), 0, 1)
        keep &= np.linalg.norm(points - start - t[:, None] * along, axis=1) > margin
    return keep


def test_even_odd_counts_a_centre_on_an_edge_once():
    """
    Two squares that share an edge through voxel centres together cover each pixel exactly once.
    """
    left = np.array([[2, 2], [2, 5], [6, 5], [6, 2]], float)
    right = np.array([[2, 5], [2, 9], [6, 9], [6, 5]], float)

    first, second = even_odd([left], (10, 12)), even_odd([right], (10, 12))

    assert not (first & second).any()
    assert (first | second).sum() == 4 * 7
    assert np.array_equal(even_odd([left, right], (10, 12)), first | second)


def test_ibsi_phantom_equals_an_even_odd_test_of_voxel_centres(data):
    """
    Every voxel centre of the real CT that is clear of an edge is in the mask exactly when the contours wind around it.
    """
    volume = volume_of(sorted((data / "ibsi-ct-phantom/dicom/image").iterdir()))
    [roi] = read_structure_set(data / "ibsi-ct-phantom/dicom/mask/DCM_RS_00060.dcm").rois

    raster = rasterise(roi.contours, volume.geometry)

    assert raster.outside == 0
    assert raster.notes == ()
    assert raster.mask.any(axis=(1, 2)).sum() == 26
    checked = 0
    for contour in roi.contours:
        index = volume.geometry.index(contour)
        k, polygon = round(index[0, 0]), index[:, 1:]
        low, high = np.floor(polygon.min(axis=0)).astype(int) - 1, np.ceil(polygon.max(axis=0)).astype(int) + 2
        pixels = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
        pixels = pixels.reshape(-1, 2)
        sure = pixels[clear_of_edges(pixels.astype(float), polygon)]
        assert np.array_equal(raster.mask[k, sure[:, 0], sure[:, 1]], inside(sure.astype(float), polygon))
        checked += len(sure)
    assert checked > 20_000


@pytest.mark.parametrize("modality", ["CT", "MR_T1"])
def test_sarcoma_masks_agree_with_the_published_nifti_masks(data, modality):
    """
    The RTSTRUCT of a real CT and a real MR gives the mask that IBSI published for it.
    """
    import nibabel

    folder = data / "sarcoma-sts002"
    volume = volume_of(sorted((folder / f"dicom/STS_002/{modality}/image").iterdir()))
    [roi] = read_structure_set(folder / f"dicom/STS_002/{modality}/mask/RS.dcm").rois

    raster = rasterise(roi.contours, volume.geometry)

    published = nibabel.load(folder / f"nifti/STS_002/{modality}_mask.nii.gz")
    to_index = np.linalg.inv(published.affine) @ np.diag([-1, -1, 1, 1]) @ volume.geometry.affine  # NIfTI is RAS
    index = np.stack(np.meshgrid(*[np.arange(n) for n in volume.geometry.shape], indexing="ij"), -1)
    i, j, k = np.round(index @ to_index[:3, :3].T + to_index[:3, 3]).astype(int).reshape(-1, 3).T
    reference = np.asarray(published.dataobj)[i, j, k].reshape(volume.geometry.shape) > 0
    assert dice(raster.mask, reference) >= 0.97
    drawn = sum(area(volume.geometry.index(c)[:, 1:]) for c in roi.contours)
    assert raster.mask.sum() == pytest.approx(drawn, rel=0.02)


def test_volume_is_area_times_spacing(data):
    """
    The mask of the IBSI phantom holds what its contours enclose, within 2 %.
    """
    volume = volume_of(sorted((data / "ibsi-ct-phantom/dicom/image").iterdir()))
    [roi] = read_structure_set(data / "ibsi-ct-phantom/dicom/mask/DCM_RS_00060.dcm").rois

    raster = rasterise(roi.contours, volume.geometry)

    drawn_ml = sum(area(c[:, :2]) for c in roi.contours) * volume.geometry.spacing[0] / 1000
    assert raster.mask.sum() * volume.geometry.voxel_ml == pytest.approx(drawn_ml, rel=0.02)


def test_holes_and_components_come_out_as_drawn():
    """
    An inner contour is a hole, a contour in the hole is tissue again, a contour apart is a second component.
    """
    g = grid()
    rings = [square(g, 4, (9.5, 9.5), (39.5, 39.5)), square(g, 4, (14.5, 14.5), (34.5, 34.5)),
             square(g, 4, (19.5, 19.5), (24.5, 24.5)), square(g, 4, (9.5, 45.5), (19.5, 55.5))]  # fmt: skip

    mask = rasterise(rings, g).mask

    expected = np.zeros(g.shape, bool)
    expected[4, 10:40, 10:40] = True
    expected[4, 15:35, 15:35] = False
    expected[4, 20:25, 20:25] = True
    expected[4, 10:20, 46:56] = True
    assert np.array_equal(mask, expected)


def test_keyhole_is_a_hole():
    """
    One contour that runs in to an inner ring and back along the same line leaves the hole and loses nothing else.
    """
    g = grid()
    outer = [(9.5, 9.5), (9.5, 39.5), (39.5, 39.5), (39.5, 9.5), (9.5, 9.5)]
    inner = [(19.5, 19.5), (29.5, 19.5), (29.5, 29.5), (19.5, 29.5), (19.5, 19.5)]
    contour = g.point(np.array([(4, r, c) for r, c in outer + inner]))

    mask = rasterise([contour], g).mask

    expected = np.zeros(g.shape, bool)
    expected[4, 10:40, 10:40] = True
    expected[4, 20:30, 20:30] = False
    assert np.array_equal(mask, expected)


def test_contours_on_an_oblique_grid_are_exact():
    """
    On a grid turned about two axes the mask is what an even-odd test on its slices says.
    """
    g = grid(axes=tilted(25, -40))
    rings = [circle(g.point(np.array([k, 30.2, 29.7])), 11.3, g.axes[1], g.axes[2]) for k in range(3, 9)]

    raster = rasterise(rings, g)

    rows, columns = np.mgrid[0:60, 0:60]
    disc = np.hypot(rows - 30.2, columns - 29.7) <= 11.3
    assert raster.mask.any(axis=(1, 2)).tolist() == [False] * 3 + [True] * 6 + [False] * 3
    assert all(dice(raster.mask[k], disc) > 0.99 for k in range(3, 9))
    assert raster.notes == ()


@pytest.mark.parametrize("spacing", [0.7, 2.0, 4.0, 7.0])
def test_contour_spacing_may_differ_from_slice_spacing(spacing):
    """
    A ball drawn every 0.7, 2, 4 or 7 mm on planes of its own is a ball of the same volume on 3 mm slices.
    """
    g = grid()
    radius = 14.0
    centre = np.array([0.3, -0.2, 0.4])
    heights = np.arange(-radius + spacing / 2, radius, spacing)
    rings = [circle(centre + h * Z, np.sqrt(radius**2 - h**2), X, Y) for h in heights]

    raster = rasterise(rings, g)

    ball = np.linalg.norm(centres(g) - centre, axis=-1) <= radius
    volume = raster.mask.sum() * g.voxel_ml
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.08)
    assert dice(raster.mask, ball) > 0.92
    assert any("take the shape between" in note for note in raster.notes)


def test_every_second_slice_is_filled_between():
    """
    Contours on every second slice are joined by the shape between them; the drawing grows no further than drawn.
    """
    g = grid()
    rings = [circle(g.point(np.array([k, 30.0, 30.0])), r, X, Y) for k, r in [(2, 10.25), (4, 14.25), (6, 10.25)]]

    mask = rasterise(rings, g).mask

    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2, 3, 4, 5, 6]
    between = np.pi * 12.25**2
    assert mask[3].sum() == pytest.approx(between, rel=0.05)
    assert mask[5].sum() == pytest.approx(between, rel=0.05)


def test_parts_that_lie_apart_are_not_joined():
    """
    Two parts of a drawing with empty slices between them stay two parts, and the reader is told of the gap.
    """
    g = grid()
    rings = [square(g, k, (9.5, 9.5), (19.5, 19.5)) for k in (1, 2, 3, 8, 9)]

    raster = rasterise(rings, g)

    assert np.flatnonzero(raster.mask.any(axis=(1, 2))).tolist() == [1, 2, 3, 8, 9]
    assert any("interrupted 1 time" in note for note in raster.notes)


@pytest.mark.parametrize("axes", [(X, Z), (Y, Z), ((X + Y) / np.sqrt(2), Z)], ids=["coronal", "sagittal", "oblique"])
def test_contours_in_other_planes_are_transferred(axes):
    """
    A ball drawn on coronal, sagittal or oblique planes is the same ball on axial slices.
    """
    g = grid()
    radius, normal = 12.0, np.cross(*axes)
    rings = [circle(h * normal, np.sqrt(radius**2 - h**2), *axes) for h in np.arange(-11, 12, 2.0)]

    raster = rasterise(rings, g)

    ball = np.linalg.norm(centres(g), axis=-1) <= radius
    assert dice(raster.mask, ball) > 0.95
    assert raster.mask.sum() * g.voxel_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.05)
    assert "2.0 mm apart" in raster.notes[0]


def test_what_lies_outside_is_noted():
    """
    A drawing that reaches beyond the image is cut there, and the share that was lost is told.
    """
    g = grid()
    rings = [square(g, k, (-10.5, 9.5), (9.5, 29.5)) for k in (-2, -1, 0, 1)]

    raster = rasterise(rings, g)

    assert raster.mask.sum() == 2 * 10 * 20
    assert raster.outside == pytest.approx(0.75)
    assert "75.0% of the drawing lies outside the image" in raster.notes[0]


@pytest.mark.parametrize(
    ("contours", "what"),
    [
        ([], "no closed contour"),
        ([circle((500, 0, 0), 10, X, Y)], "wholly outside"),
        ([circle((0.5, 0.5, 0), 0.2, X, Y)], "no voxel centre"),
        ([circle((0, 0, 0), 1e7, X, Y)], "larger than any image"),
        ([circle((0, 0, 0), 10, X, Y), circle((0, 0, 0), 10, X, Z)], "different orientation"),
        ([np.array([[0, 0, 0], [10, 0, 9], [10, 10, 0], [0, 10, 9.0]])], "not planar"),
        ([np.array([[0, 0, 0], [10, 0, 9], [20, 0, 18.0]])], "no area"),
    ],
)
def test_a_drawing_that_is_not_on_the_image_is_refused(contours, what):
    """
    A drawing that does not meet the image, or is none, is refused with the reason.
    """
    with pytest.raises(Refused, match=what) as caught:
        rasterise(contours, grid())

    assert caught.value.code == "contour mismatch"
