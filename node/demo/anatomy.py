"""A chest made of formulas: nobody's, with a known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.demo.shapes import Canvas, Floats, ellipsoid, hollow, tube
from node.demo.tumour import Tumour, paint_tumour

AIR, FAT, SOFT, LUNG, BLOOD, BONE = -1000.0, -100.0, 45.0, -860.0, 45.0, 420.0
MIDDLE = 150.0  #: centre of the chest along z, in mm from the lowest slice of a full-length chest
HEIGHT = 300.0
LOWEST, WIDEST, APEX = 18.0, 105.0, 282.0  #: of the lungs, along z


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What is painted.

    Attributes:
        seed: Fixes vessels, texture and noise.
        slices: How many along 300 mm.
        size: Rows and columns over a field of view of 360 mm.
        noise_hu: Standard deviation of the scanner's noise.
        tumour: None paints a healthy chest.
    """

    seed: int = 7
    slices: int = 150
    size: int = 256
    noise_hu: float = 18.0
    tumour: Tumour | None = None


def paint_chest(plan: Plan) -> tuple[Canvas, float]:
    """
    Paint a whole chest, from below the lungs to above them.

    Returns:
        The canvas in HU, and the tumour's true volume in millilitres (0 without one).
    """
    generator = np.random.default_rng(plan.seed)
    spacing = (HEIGHT / plan.slices, 360 / plan.size, 360 / plan.size)
    origin = (spacing[0] / 2, (spacing[1] - 360) / 2, (spacing[2] - 360) / 2)
    canvas = Canvas(np.full((plan.slices, plan.size, plan.size), AIR, np.float32), spacing, origin)
    _paint_wall(canvas)
    _paint_lungs(canvas, generator)
    _paint_bones(canvas)
    _paint_mediastinum(canvas)
    for side in (-1, 1):
        _paint_vessels(canvas, side, generator)
    volume = paint_tumour(canvas, plan.tumour, generator) if plan.tumour else 0.0
    _paint_airways(canvas)
    _scan(canvas, plan.noise_hu, generator)
    return canvas, volume


def _cage(canvas: Canvas) -> Floats:
    """Depth inside the rib cage at each voxel of a slice through it, in mm; it narrows to the apex."""
    z, y, x = canvas.axes
    width = np.sqrt(np.clip(1 - (np.clip(z - WIDEST, 0, None) / (APEX - WIDEST + 18)) ** 2.4, 0.05, 1))
    radius = np.sqrt((x / (132 * width)) ** 2 + ((y - 2) / (88 * width)) ** 2)
    depth: Floats = ((1 - radius) * 88 * width).astype(np.float32)
    return depth


def _paint_wall(canvas: Canvas) -> None:
    _, y, x = canvas.axes
    outline = (1 - np.sqrt((x / 165) ** 2 + (y / 118) ** 2)) * 118 + 0 * canvas.axes[0]
    canvas.paint(outline.astype(np.float32), FAT)
    canvas.paint((outline - 12).astype(np.float32), SOFT)
    table = 4 - np.abs(y - 128 + (x / 60) ** 2) + 0 * canvas.axes[0]
    canvas.paint(table.astype(np.float32), -300.0)


def lung_depth(canvas: Canvas, side: int) -> Floats:
    """Depth below the pleura of the right (-1) or left (+1) lung, in mm; negative outside."""
    z, _, x = canvas.axes
    dome = ellipsoid(canvas, (0.0 if side > 0 else 12.0, 0.0, side * 72.0), (80.0, 84.0, 70.0))
    depth = np.minimum(_cage(canvas) - 4, side * x - 17 - 0.03 * np.abs(z - MIDDLE))
    depth = np.minimum(depth, np.minimum(z - LOWEST, APEX - z))
    below: Floats = np.minimum(depth, -dome).astype(np.float32)
    return below


def _paint_lungs(canvas: Canvas, generator: np.random.Generator) -> None:
    texture = ndimage.gaussian_filter(generator.standard_normal(canvas.hu.shape, np.float32), 1.2)
    texture *= 22 / texture.std()
    for side in (-1, 1):
        canvas.paint(lung_depth(canvas, side), LUNG + texture)


def _paint_bones(canvas: Canvas) -> None:
    z, y, x = canvas.axes
    cage = _cage(canvas)
    slant = (z + 0.45 * (y - 80)) % 26.0 - 13.0
    rib = np.minimum(4.0 - np.abs(cage + 3.5), 6.0 - np.abs(slant))
    canvas.paint(np.where(np.abs(x) > 14, rib, -9).astype(np.float32), BONE)
    spine = 19 - np.hypot(x, (y - 66) * 1.1) + 0 * z
    canvas.paint(spine.astype(np.float32), BONE)
    canvas.paint((spine - 3).astype(np.float32), 190.0)
    sternum = np.minimum(16 - np.abs(x), 5 - np.abs(y + 92)) + 0 * z
    canvas.paint(np.where(z > 110, sternum, -9).astype(np.float32), 260.0)


def _paint_mediastinum(canvas: Canvas) -> None:
    canvas.paint(ellipsoid(canvas, (112.0, -22.0, 22.0), (58.0, 46.0, 56.0)), SOFT)
    for start, end, radius in (
        ((20.0, 42.0, 14.0), (205.0, 40.0, 16.0), 13.0),
        ((140.0, -20.0, 0.0), (205.0, -28.0, 4.0), 17.0),
        ((205.0, -28.0, 4.0), (205.0, 40.0, 16.0), 13.0),
    ):
        tube(canvas, np.array(start), np.array(end), (radius, radius), BLOOD)


def _paint_airways(canvas: Canvas) -> None:
    carina = np.array([185.0, 12.0, 2.0])
    for end, radius in (
        (np.array([299.0, 8.0, 0.0]), 8.5),
        (np.array([160.0, 16.0, -36.0]), 6.5),
        (np.array([155.0, 18.0, 40.0]), 6.0),
    ):
        hollow(canvas, carina, end, radius, 1.6)


def _paint_vessels(canvas: Canvas, side: int, generator: np.random.Generator) -> None:
    """Arteries and veins: a few trunks at the hilum that branch and taper to the pleura (Murray's law, cube sum)."""
    depth = lung_depth(canvas, side)
    for height, back in ((158.0, 4.0), (140.0, 18.0), (128.0, 2.0)):
        start = np.array([height, back, side * 20.0])
        for z, y in ((0.75, -0.15), (0.35, 0.5), (-0.1, -0.5), (-0.55, 0.4)):
            _branch(canvas, depth, start=start, direction=np.array([z, y, side * 0.7]), radius=4.6, generator=generator)


def _branch(
    canvas: Canvas,
    depth: Floats,
    *,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    radius: float,
    generator: np.random.Generator,
) -> None:
    if radius < 0.55:
        return
    direction = direction / np.linalg.norm(direction)
    end = start + direction * (5.0 + 3.6 * radius) * generator.uniform(0.8, 1.25)
    if _depth_at(canvas, depth, end) < 3 and radius < 4.5:
        return
    share = generator.uniform(0.35, 0.65)
    children = [radius * share ** (1 / 3), radius * (1 - share) ** (1 / 3)]
    tube(canvas, start, end, (radius, max(children)), BLOOD)
    turn = generator.standard_normal(3)
    turn -= (turn @ direction) * direction
    turn /= np.linalg.norm(turn)
    for sign, child in zip((1, -1), children, strict=True):
        heading = direction + sign * 0.55 * (radius / child - 0.55) * turn
        _branch(canvas, depth, start=end, direction=heading, radius=child * 0.97, generator=generator)


def _depth_at(canvas: Canvas, depth: Floats, point: NDArray[np.float64]) -> float:
    index = np.round((point - canvas.origin) / canvas.spacing).astype(int)
    if (index < 0).any() or (index >= depth.shape).any():
        return -1.0
    return float(depth[tuple(index)])


def _scan(canvas: Canvas, noise_hu: float, generator: np.random.Generator) -> None:
    """What a scanner adds: blur in the plane, and noise that is correlated as a soft kernel leaves it."""
    blurred = ndimage.gaussian_filter(canvas.hu, (0, 0.6 / canvas.spacing[1], 0.6 / canvas.spacing[2]))
    noise = ndimage.gaussian_filter(generator.standard_normal(blurred.shape, np.float32), (0, 0.6, 0.6))
    canvas.hu[...] = blurred + noise * (noise_hu / noise.std() if noise_hu else 0.0)
