"""
Rigid registration of two images of one patient by mutual information (Mattes, IEEE Trans Med Imaging 22:120, 2003).

A result is only worth what its own test says: the way back is looked for as well, and must undo the way there; and the
measure must have a summit at the answer, not a slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody uses
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.imaging.resample import to_image

Matrix = NDArray[np.float64]
Levels = tuple[tuple[int, float], ...]

WORKING_MM = 2.5  #: voxel size at which images are compared
BINS = 32
SAMPLED = 0.15  #: share of the voxels that are compared
COARSE = ((4, 3.0),)  #: shrink factor and smoothing (voxels) of each level, from every start …
FINE = ((2, 1.5), (1, 0.0))  #: … and from the best of what was found
REACH_MM = 80.0  #: of the points whose displacement is measured, around the middle of the fixed image: a head's radius
PROBE_MM = 8.0  #: how far off the answer the measure must be worse, along each axis and as an arc around it
MOST_RETURN_MM = 3.0  #: how far there and back again may miss the start, on average
LEAST_GAIN = 0.01  #: by how much (nats of mutual information) the summit must stand out


@dataclass(frozen=True, eq=False)
class Alignment:
    """
    How one image must be moved to lie on another.

    Attributes:
        matrix: Shape (4, 4): LPS of the moving image to LPS of the fixed one.
        moved_mm: Mean displacement of points of a head's size around the middle of the fixed image.
        return_mm: How far, on average, there and back again misses the start.
        gain: How much mutual information (nats) is lost by the least harmful of the probed displacements.
    """

    matrix: Matrix
    moved_mm: float
    return_mm: float
    gain: float

    @property
    def failure(self) -> Literal["", "return", "summit"]:
        """Which test this answer failed, so that it must not be used; "" where it passed."""
        if self.return_mm > MOST_RETURN_MM:
            return "return"
        return "summit" if self.gain < LEAST_GAIN else ""

    @property
    def stands_out(self) -> bool:
        """Whether it moves the image further than it misses: else nobody can say that the image had moved."""
        return self.moved_mm > self.return_mm


def align(
    fixed: NDArray[np.float32], fixed_at: Geometry, moving: NDArray[np.float32], moving_at: Geometry
) -> Alignment:
    """
    Find the rigid motion that lays one image on the other. The same arguments give the same answer.

    Args:
        fixed: Shape (slice, row, column).
        fixed_at: Its place.
        moving: Shape (slice, row, column) of its own.
        moving_at: Its place, by its own header.
    """
    here, there = _prepared(fixed, fixed_at), _prepared(moving, moving_at)
    forth = _search(here, there)
    back = _search(there, here)
    points = _points(_middle(here))
    to_moving = np.array([forth.TransformPoint(p) for p in points])
    returned = np.array([back.TransformPoint(p) for p in to_moving])
    return Alignment(
        matrix=_matrix(forth.GetInverse()),
        moved_mm=_mean(to_moving - points),
        return_mm=_mean(returned - points),
        gain=_gain(here, there, forth),
    )


def _prepared(voxels: NDArray[np.float32], place: Geometry) -> Any:
    """As a SimpleITK image of about `WORKING_MM`, without the outliers of intensity that would fill a histogram."""
    low, high = np.percentile(voxels, (0.5, 99.5))
    image = to_image(np.clip(voxels, low, high), place)
    factors = [max(1, round(WORKING_MM / spacing)) for spacing in image.GetSpacing()]
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image


def _search(fixed: Any, moving: Any) -> Any:
    """Refine the better of two coarse searches: from where the headers put the images, and from middle on middle."""
    starts = [_start(fixed, np.zeros(3)), _start(fixed, _centroid(moving) - _centroid(fixed))]
    found = [_climb(fixed, moving, start, COARSE) for start in starts]
    return _climb(fixed, moving, min(found, key=lambda transform: _measure(fixed, moving, transform)), FINE)


def _start(fixed: Any, shift: Matrix) -> Any:
    transform = sitk.Euler3DTransform()
    transform.SetCenter(_middle(fixed).tolist())
    transform.SetTranslation(shift.tolist())
    return transform


def _climb(fixed: Any, moving: Any, start: Any, levels: Levels) -> Any:
    method = _method()
    method.SetInitialTransform(start, inPlace=False)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=4.0, minStep=0.005, numberOfIterations=60, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([factor for factor, _ in levels])
    method.SetSmoothingSigmasPerLevel([sigma for _, sigma in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    try:
        found = method.Execute(fixed, moving)
    except RuntimeError:  # ITK: the images came to lie beside one another
        return start
    rigid = sitk.Euler3DTransform(found.GetBackTransform() if hasattr(found, "GetBackTransform") else found)
    parameters = [round(value, 6) for value in rigid.GetParameters()]  # the last bits belong to the processor
    rigid.SetParameters(parameters)
    return rigid


def _method() -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(1)  # sums of several threads come in any order
    return method


def _measure(fixed: Any, moving: Any, transform: Any) -> float:
    """Negative mutual information in nats; zero where the images do not overlap."""
    method = _method()
    method.SetInitialTransform(transform)
    method.MetricUseMovingImageGradientFilterOff()  # a value needs no gradients, and they cost most
    method.MetricUseFixedImageGradientFilterOff()
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError:
        return 0.0


def _gain(fixed: Any, moving: Any, transform: Any) -> float:
    best = _measure(fixed, moving, transform)
    steps = [PROBE_MM / REACH_MM] * 3 + [PROBE_MM] * 3
    worse = []
    for number, step in enumerate(steps):
        for sign in (-1, 1):
            parameters = list(transform.GetParameters())
            parameters[number] += sign * step
            probe = sitk.Euler3DTransform(transform)
            probe.SetParameters(parameters)
            worse.append(_measure(fixed, moving, probe))
    return min(worse) - best


def _matrix(transform: Any) -> Matrix:
    """Any rigid transform as a 4 × 4 matrix."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([np.array(transform.TransformPoint(tuple(e))) - origin for e in np.eye(3)]).T
    matrix[:3, 3] = origin
    return matrix


def _points(middle: Matrix) -> Matrix:
    """Corners and face centres of a cube: shape (14, 3)."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3)
    return np.asarray(middle + REACH_MM * np.concatenate([corners, np.eye(3), -np.eye(3)]))


def _middle(image: Any) -> Matrix:
    half = [(size - 1) / 2 for size in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(half))


def _centroid(image: Any) -> Matrix:
    """Centre of the bright half: of the head, whatever the air around it."""
    voxels = sitk.GetArrayViewFromImage(image)
    at = np.argwhere(voxels > voxels.mean()).mean(axis=0)
    return np.array(image.TransformContinuousIndexToPhysicalPoint(at[::-1].tolist()))


def _mean(steps: Matrix) -> float:
    return float(np.linalg.norm(steps, axis=1).mean())
