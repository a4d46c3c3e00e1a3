"""A tumour of known volume: lobulated, spiculated, solid or with a ground-glass halo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from node.demo.shapes import Canvas, Floats, tube


@dataclass(frozen=True, slots=True, kw_only=True)
class Tumour:
    """
    What to paint.

    Attributes:
        centre: Millimetres (z, y, x) on the canvas.
        radius_mm: Mean radius, the halo included.
        halo_mm: Thickness of ground glass around the solid core; 0 is solid, `radius_mm` is pure ground glass.
        lobulation: Depth of the lobes, as a share of the radius.
        spicules: How many threads run into the lung.
    """

    centre: tuple[float, float, float]
    radius_mm: float = 11.0
    halo_mm: float = 0.0
    lobulation: float = 0.08
    spicules: int = 14
    solid_hu: float = 38.0
    halo_hu: float = -560.0


def paint_tumour(canvas: Canvas, tumour: Tumour, generator: np.random.Generator) -> float:
    """
    Paint it, spicules last.

    Returns:
        Its volume in millilitres, without the spicules: partial voxels counted by the share inside.
    """
    centre = np.array(tumour.centre)
    reach = tumour.radius_mm * 1.5 + 2
    part = canvas.window(centre - reach, centre + reach)
    if part is None:
        raise ValueError("the tumour lies outside the canvas")
    depth = _depth(part, tumour, generator)
    if tumour.halo_mm:
        part.paint_over(depth, tumour.halo_hu)
    if tumour.halo_mm < tumour.radius_mm:
        part.paint_over(depth - tumour.halo_mm, tumour.solid_hu)
    for _ in range(tumour.spicules):
        direction = generator.standard_normal(3)
        direction /= np.linalg.norm(direction)
        length = tumour.radius_mm + generator.uniform(4, 9)
        tube(
            canvas,
            centre + direction * (tumour.radius_mm - tumour.halo_mm - 2),
            centre + direction * length,
            (1.1, 0.4),
            0.0,
        )
    return float(np.clip(depth + 0.5, 0, 1).sum() * np.prod(canvas.spacing) / 1000)


def _depth(part: Canvas, tumour: Tumour, generator: np.random.Generator) -> Floats:
    """Depth below a sphere whose radius swells and shrinks with the direction."""
    z, y, x = (axis - c for axis, c in zip(part.axes, tumour.centre, strict=True))
    distance = np.sqrt(z**2 + y**2 + x**2) + 1e-6
    swell = np.zeros(distance.shape)
    for _ in range(5):
        direction = generator.standard_normal(3)
        direction /= np.linalg.norm(direction)
        cosine = (z * direction[0] + y * direction[1] + x * direction[2]) / distance
        swell += np.cos(generator.uniform(2, 4) * np.arccos(np.clip(cosine, -1, 1)))
    depth: Floats = (tumour.radius_mm * (1 + tumour.lobulation * swell / 2) - distance).astype(np.float32)
    return depth
