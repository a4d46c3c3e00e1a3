"""A lesion in three planes: windowed pixels of equal size both ways, and its outline on them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.geometry import Geometry
from node.domain.volume import Volume
from node.imaging.boundary import EIGHT_CONNECTED, boundary

PlaneName = Literal["axial", "coronal", "sagittal"]

SIDE = 420
"""Rows and columns of a view: 300 to the inch where it is printed 36 mm wide."""

LEAST_FIELD_MM = 60.0
WIDEST_MARGIN_MM = 40.0
LUNG_HU, SOFT_TISSUE_HU = (-600.0, 1500.0), (40.0, 400.0)
"""(centre, width) of the usual windows."""

AERATED_HU = -500.0
STRAIGHT = float(np.cos(np.radians(10)))
_TILTED = 0.25  #: a direction gets a second letter where that much of it points there
_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))
_SCREEN: dict[PlaneName, tuple[int, int, int, int]] = {
    "axial": (2, 0, 1, 1),
    "coronal": (1, 0, 2, -1),
    "sagittal": (0, 1, 2, -1),
}
"""Patient axis (0: to left, 1: to back, 2: to head) of normal, rightwards, downwards; sign of downwards."""


@dataclass(frozen=True, slots=True)
class Window:
    """Grey values between black and white, in the volume's unit."""

    centre: float
    width: float

    def grey(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Values to 0 (black) to 255 (white), linear in between (PS3.3 C.11.2.1.3.2, LINEAR_EXACT)."""
        share = (values - (self.centre - self.width / 2)) / self.width
        grey: NDArray[np.uint8] = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
        return grey


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """
    One picture, as radiologists hang it: patient's right and front at the left, front and head at the top.

    Attributes:
        plane: Which of the patient's planes it is, or comes nearest to.
        oblique: Whether it is tilted by more than 10 degrees against that plane.
        acquired: Whether the scanner made this very plane; else it was cut through the stack.
        pixels: Shape (row, column), square, 0 to 255.
        pixel_mm: Size of a pixel, both ways.
        outlines: The lesion's outer boundaries, each of shape (n, 2) as (x, y) in pixels from the top left corner of
            the picture, along the edges of voxels, closed.
        letters: Patient's directions at left, right, top and bottom: "R", "L", "A", "P", "H", "F", two when tilted.
        frame: (x, y, width, height) of the close view on this one, in pixels; None on a close view.
    """

    plane: PlaneName
    oblique: bool
    acquired: bool
    pixels: NDArray[np.uint8]
    pixel_mm: float
    outlines: tuple[NDArray[np.float64], ...]
    letters: tuple[str, str, str, str]
    frame: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Cut:
    """A plane through the volume: its name, the voxel axes (normal, right, down), their signs on screen, its index."""

    plane: PlaneName
    axes: tuple[int, int, int]
    signs: tuple[int, int]
    index: int

    def take(self, grid: NDArray[np.generic]) -> NDArray[np.generic]:
        """The plane of a grid, shape (along down, along right), not yet turned."""
        normal, right, down = self.axes
        flat: NDArray[np.generic] = np.take(grid, self.index, axis=normal)
        return flat if right > down else flat.T


def window_of(volume: Volume, mask: NDArray[np.bool_]) -> Window:
    """
    The window to show a lesion in.

    CT: the lung's where most of what surrounds the lesion is air, else that of soft tissue. Others have no fixed scale:
    from the 1st to the 99.5th percentile of the lesion's surroundings.

    Args:
        volume: The image.
        mask: Shape (slice, row, column), at least one voxel set.
    """
    around = _surroundings(mask, volume.geometry)
    beside = volume.voxels[around][~mask[around]]
    if volume.modality == "CT":
        aerated = beside.size > 0 and float(np.median(beside)) < AERATED_HU
        return Window(*(LUNG_HU if aerated else SOFT_TISSUE_HU))
    low, high = (float(v) for v in np.percentile(volume.voxels[around], (1, 99.5)))
    return Window((low + high) / 2, max(high - low, 1e-6))


def field_of(mask: NDArray[np.bool_], geometry: Geometry) -> float:
    """Side of the close views in millimetres: the lesion with room around it, in whole centimetres."""
    extent = max((box.stop - box.start) * s for box, s in zip(_box(mask), geometry.spacing, strict=True))
    field = max(LEAST_FIELD_MM, min(2.5 * extent, extent + 2 * WIDEST_MARGIN_MM))
    return 10.0 * float(np.ceil(field / 10 - 1e-9))


def views(volume: Volume, mask: NDArray[np.bool_], key_slice: int, window: Window) -> tuple[View, ...]:
    """
    The whole key slice with the place of the close views, then axial, coronal and sagittal close up.

    The acquired plane is the key slice; the others lie where the lesion is largest. Pixels are interpolated linearly,
    what lies outside the stack is black. The outline is that of the voxels.

    Args:
        volume: The image.
        mask: Shape (slice, row, column) on the volume's grid, at least one voxel set on the key slice.
        key_slice: Index along the first axis.
        window: Grey values to show.
    """
    field = field_of(mask, volume.geometry)
    close = [_view(volume, mask, cut, window, field) for cut in _cuts(volume.geometry, mask, key_slice)]
    acquired = next(c for c in _cuts(volume.geometry, mask, key_slice) if c.axes[0] == 0)
    return (_view(volume, mask, acquired, window, None, field), *close)


def _view(
    volume: Volume, mask: NDArray[np.bool_], cut: _Cut, window: Window, field: float | None, close: float = 0.0
) -> View:
    """A close view of `field` millimetres around the lesion; the whole plane where that is None."""
    geometry = volume.geometry
    _, right, down = cut.axes
    spacing = np.array([geometry.spacing[right], geometry.spacing[down]]) * cut.signs  # pixels of (x, y) to mm
    lesion = _middle(mask, (right, down))
    whole = np.array([geometry.shape[right], geometry.shape[down]])
    centre = lesion if field else (whole - 1) / 2
    pixel = (field or float((whole * np.abs(spacing)).max())) / SIDE

    def place(index: NDArray[np.float64]) -> NDArray[np.float64]:
        return (index - centre) * spacing / pixel + SIDE / 2

    corner = place(lesion) - close / pixel / 2
    side = close / pixel
    return View(
        plane=cut.plane,
        oblique=abs(geometry.axes[cut.axes[0], _SCREEN[cut.plane][0]]) < STRAIGHT,
        acquired=cut.axes[0] == 0,
        pixels=window.grey(_sampled(cut.take(volume.voxels), centre, spacing, pixel, window)),
        pixel_mm=pixel,
        outlines=tuple(place(corners - 0.5) for corners in _outlines(cut.take(mask))),
        letters=_letters(geometry.axes[right] * cut.signs[0], geometry.axes[down] * cut.signs[1]),
        frame=None if field else (float(corner[0]), float(corner[1]), side, side),
    )


def _cuts(geometry: Geometry, mask: NDArray[np.bool_], key_slice: int) -> list[_Cut]:
    """Axial, coronal, sagittal: each voxel axis stands for the patient's axis that it is nearest to."""
    steps = geometry.axes
    along = max(permutations(range(3)), key=lambda axes: sum(abs(steps[axes[d], d]) for d in range(3)))
    cuts = []
    for plane, (normal, right, down, downwards) in _SCREEN.items():
        axes = along[normal], along[right], along[down]
        signs = 1 if steps[axes[1], right] > 0 else -1, downwards if steps[axes[2], down] > 0 else -downwards
        others = tuple(axis for axis in range(3) if axis != axes[0])
        index = key_slice if axes[0] == 0 else int(mask.sum(axis=others).argmax())
        cuts.append(_Cut(plane, axes, signs, index))
    return cuts


def _sampled(
    plane: NDArray[np.generic], centre: NDArray[np.float64], spacing: NDArray[np.float64], pixel: float, window: Window
) -> NDArray[np.float32]:
    """The plane (down, right) on the pixels of a view."""
    steps = (np.arange(SIDE) + 0.5 - SIDE / 2) * pixel
    x, y = (centre[axis] + steps / spacing[axis] for axis in (0, 1))
    black = window.centre - window.width
    grid = np.meshgrid(y, x, indexing="ij")
    sampled: NDArray[np.float32] = ndimage.map_coordinates(plane, grid, order=1, cval=black, output=np.float32)
    return sampled


def _outlines(mask: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    """Boundaries of all parts as (column, row), pixel edges at whole numbers."""
    labels, parts = ndimage.label(mask, EIGHT_CONNECTED)
    return [boundary(labels == part).corners for part in range(1, parts + 1)]


def _middle(mask: NDArray[np.bool_], axes: tuple[int, int]) -> NDArray[np.float64]:
    box = _box(mask)
    return np.array([(box[axis].start + box[axis].stop - 1) / 2 for axis in axes])


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    found: tuple[slice, slice, slice] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return found


def _surroundings(mask: NDArray[np.bool_], geometry: Geometry) -> tuple[slice, slice, slice]:
    """The lesion's box, wider by a centimetre on all sides."""
    widths = [round(10 / s) + 1 for s in geometry.spacing]
    z, y, x = (
        slice(max(0, b.start - w), min(n, b.stop + w)) for b, w, n in zip(_box(mask), widths, mask.shape, strict=True)
    )
    return z, y, x


def _letters(right: NDArray[np.float64], down: NDArray[np.float64]) -> tuple[str, str, str, str]:
    return _direction(-right), _direction(right), _direction(-down), _direction(down)


def _direction(unit: NDArray[np.float64]) -> str:
    """The patient's direction of a unit vector in LPS, the strongest first: "A", "AR" (PS3.3 C.7.6.1.1.1)."""
    strongest = [int(axis) for axis in np.argsort(-np.abs(unit), kind="stable") if abs(unit[axis]) > _TILTED]
    return "".join(_LETTERS[axis][int(unit[axis] > 0)] for axis in strongest)
