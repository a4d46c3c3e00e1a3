"""
A lesion grown around a seed that a person placed: a point in it, or a line across it.

Two backgrounds are known. *Air*: soft tissue or ground glass in lung on CT; voxels above the level half-way between the
lesion's inside and the lung around it. *Any other*: voxels nearer to the level around the seed than to the level of a
shell around the lesion. What was found is then cut from vessels, pleura and chest wall by an opening whose radius rises
until the rest stays clear of the limit sphere (the idea of Kostis 2003 and Kuhnigk 2006). A drawing that still reaches
the sphere broadly has leaked, and is refused rather than shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.language import say
from node.domain.volume import Volume
from node.errors import Refused

AIR_HU = -700.0  #: below this is air or aerated lung
LUNG_HU = (-980.0, -700.0)  #: what may stand for the lung around a lesion
AIR_SHARE = 0.2  #: share of air around a seed from which on it is a lesion in lung
THRESHOLD_HU = (-750.0, -350.0)  #: where the level between lesion and lung may lie
SMOOTH_MM = 0.6  #: standard deviation of the filter that takes noise off before levels are compared
SEED_MM = 2.0  #: a point may be off by so much
INSIDE_MM = 3.0  #: radius of the neighbourhood that tells the lesion's level
MARGIN_MM = 8.0  #: of tissue looked at beyond the limit sphere
SHELL_MM = 1.5  #: thickness of the limit sphere's shell
RADII_MM = (6.0, 9.0, 13.0, 18.0, 25.0, 33.0, 42.0, 52.0)  #: limit spheres tried around a point
LINE_REACH = 0.65  #: radius of the limit sphere around a line, as a share of its length
LEAK = 0.02  #: largest share of the shell that a lesion may fill
LINE_LEAK = 0.2  #: likewise around a line, where nothing smaller is found: its sphere fits tightly
FEWEST = 50  #: voxels of the image that a sphere must still hold for anything to be told from it
OPENINGS_MM = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
ALIKE = 0.8  #: Dice coefficient from which on two drawings are the same lesion
CONTRAST = 2.0  #: smallest difference of lesion and surroundings, in standard deviations inside the lesion


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """
    A lesion that was grown.

    Attributes:
        mask: Shape of the volume, (slice, row, column).
        method: One sentence: how it was drawn.
    """

    mask: NDArray[np.bool_]
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class _Site:
    """
    The block of voxels around a seed.

    Attributes:
        values: Shape (slice, row, column), lightly smoothed.
        distance: Millimetres of each voxel to the centre of the seed.
        seed: Voxels of the seed.
        spacing: Millimetres along (slice, row, column).
    """

    values: NDArray[np.float32]
    distance: NDArray[np.float64]
    seed: NDArray[np.bool_]
    spacing: tuple[float, float, float]

    def around(self, reach: float) -> tuple[tuple[slice, ...], _Site]:
        """The smaller block within a distance of the seed, and where it lies in this one."""
        block = ndimage.find_objects((self.distance <= reach).astype(np.int8))[0]
        return block, _Site(self.values[block], self.distance[block], self.seed[block], self.spacing)

    def shell(self, radius: float, thickness: float) -> NDArray[np.bool_]:
        """Voxels just inside a sphere around the seed."""
        return (self.distance <= radius) & (self.distance > radius - thickness)


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """What one limit sphere and one opening gave: the lesion, its share of the shell, radius and opening (mm)."""

    mask: NDArray[np.bool_]
    leak: float
    radius: float
    opening: float


def grow(volume: Volume, points: NDArray[np.float64]) -> Grown:
    """
    Grow the lesion that a seed marks.

    Args:
        volume: Image to grow in; HU for CT.
        points: Shape (1, 3) or (2, 3), LPS millimetres: a point in the lesion, or the ends of a line across it.

    Raises:
        Refused: "contour mismatch" where the seed lies outside the image; "low trust" where the lesion does not stand
            out from its surroundings or the growth leaks.
    """
    index = volume.geometry.index(points)
    if (index < -0.5).any() or (index > np.array(volume.geometry.shape) - 0.5).any():
        raise Refused("contour mismatch", say("the seed lies outside the image"), at="grow",
                      do="check that the seed belongs to this series")  # fmt: skip
    length = float(np.linalg.norm(points[-1] - points[0]))
    radii = (max(LINE_REACH * length, 2 * max(volume.geometry.spacing[1:])),) if len(points) > 1 else RADII_MM
    block, site = _site(volume, points, max(radii) + MARGIN_MM)
    in_lung = volume.unit == "HU" and _air_around(site)
    attempt = _grow(site, radii, LINE_LEAK if len(points) > 1 else LEAK, in_lung=in_lung)
    mask = np.zeros(volume.geometry.shape, bool)
    mask[block] = ndimage.binary_fill_holes(attempt.mask)
    return Grown(mask, _method(len(points), attempt, in_lung=in_lung))


def _grow(site: _Site, radii: tuple[float, ...], most: float, *, in_lung: bool) -> _Attempt:
    """
    The smallest limit sphere, and in it the smallest opening, that the lesion stays clear of.

    Outside the lung the level depends on the sphere. A point's lesion must therefore come out alike from the next
    sphere, or a part of a mixed tumour would pass for the whole.
    """
    best: _Attempt | None = None
    last: _Attempt | None = None
    for radius in radii:
        attempts = _attempts(site, radius, in_lung=in_lung)
        clear = next((a for a in attempts if a.leak <= LEAK), None)
        if clear and (in_lung or len(radii) == 1 or (last and _alike(last.mask, clear.mask))):
            return last if last and not in_lung else clear
        last = clear
        best = min([*([best] if best else []), *attempts], key=lambda a: a.leak, default=None)
    if best is None:
        raise _untrusted(say("the lesion at the seed does not stand out from what is around it"))
    if best.leak <= LEAK:
        raise _untrusted(say("the border of what grows from the seed depends on how far one looks"))
    if best.leak > most:
        share = 100 * float(best.leak)
        found = say("growth from the seed runs into other tissue ({share:.0f}% of the limit sphere)", share=share)
        raise _untrusted(found)
    return best


def _attempts(site: _Site, radius: float, *, in_lung: bool) -> list[_Attempt]:
    """What one limit sphere gives, up to the first opening that stays clear of it."""
    block, near = site.around(radius + MARGIN_MM)
    tissue = _above_lung(near) if in_lung else _unlike_surroundings(near, radius)
    attempts: list[_Attempt] = []
    if tissue is not None:
        for attempt in _cut(near, tissue & (near.distance <= radius), radius):
            mask = np.zeros(site.values.shape, bool)
            mask[block] = attempt.mask
            attempts.append(replace(attempt, mask=mask))
            if attempt.leak <= LEAK:
                break
    return attempts


def _alike(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    return 2 * int((first & second).sum()) >= ALIKE * (int(first.sum()) + int(second.sum()))


def _site(volume: Volume, points: NDArray[np.float64], reach: float) -> tuple[tuple[slice, slice, slice], _Site]:
    geometry, centre = volume.geometry, points.mean(axis=0)
    middle, margin = geometry.index(centre), reach / np.array(geometry.spacing)
    low = np.clip(np.floor(middle - margin), 0, None).astype(int)
    high = np.minimum(np.ceil(middle + margin).astype(int) + 1, geometry.shape)
    block = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    lattice = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    place = geometry.point(lattice)
    values = ndimage.gaussian_filter(volume.voxels[block], [SMOOTH_MM / s for s in geometry.spacing])
    distance = np.linalg.norm(place - centre, axis=-1)
    seed = _to_line(place, points) <= SEED_MM
    if not seed.any():
        seed = distance == distance.min()
    return block, _Site(values, distance, seed, geometry.spacing)


def _to_line(place: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Millimetres to the point, or to the middle 70 % of the line: its ends lie on the border of the lesion."""
    start, along = points[0], points[-1] - points[0]
    if len(points) == 1 or not along.any():
        return np.asarray(np.linalg.norm(place - start, axis=-1), np.float64)
    share = np.clip((place - start) @ along / (along @ along), 0.15, 0.85)
    return np.asarray(np.linalg.norm(place - start - share[..., None] * along, axis=-1), np.float64)


def _air_around(site: _Site) -> bool:
    return bool((site.values[site.distance <= site.distance[site.seed].max() + 20] < AIR_HU).mean() >= AIR_SHARE)


def _above_lung(site: _Site) -> NDArray[np.bool_] | None:
    """Voxels above the level half-way between the lesion and the lung around it."""
    lung = site.values[(site.values > LUNG_HU[0]) & (site.values < LUNG_HU[1])]
    inside = float(np.percentile(site.values[site.seed], 75))
    level = float(np.clip((inside + np.median(lung)) / 2, *THRESHOLD_HU)) if len(lung) else THRESHOLD_HU[1]
    return site.values > level if inside > level else None


def _unlike_surroundings(site: _Site, radius: float) -> NDArray[np.bool_] | None:
    """
    Voxels nearer to the lesion's level than to that of the shell around the limit sphere, on the lesion's side of it.

    On the far side of the lesion's level the band ends at one and a half contrasts: bone beside a bright lesion, or air
    beside a dark one, is no part of it.
    """
    sample = site.values[site.seed | (site.distance <= min(INSIDE_MM, radius / 2))]
    around = site.values[site.shell(radius + MARGIN_MM / 2, MARGIN_MM / 2)]
    if around.size < FEWEST:
        return None
    inside, outside = float(np.median(sample)), float(np.median(around))
    noise = 1.4826 * float(np.median(np.abs(sample - inside)))
    contrast = inside - outside
    if abs(contrast) <= max(CONTRAST * noise, 1e-6):
        return None
    scaled = (site.values - inside) / contrast  # 0 in the lesion, -1 around it
    band: NDArray[np.bool_] = (scaled > -0.5) & (scaled < 1.5)
    return band


def _cut(site: _Site, tissue: NDArray[np.bool_], radius: float) -> Iterator[_Attempt]:
    """What stays with the seed after openings of rising radius."""
    depth = ndimage.distance_transform_edt(np.pad(tissue, 1), sampling=site.spacing)[1:-1, 1:-1, 1:-1]
    shell = site.shell(radius, SHELL_MM)
    deepest = float(depth[site.distance <= radius / 2].max(initial=0))
    for opening in (o for o in (0.0, *OPENINGS_MM) if o == 0 or o < 0.75 * deepest):
        core = _with_seed(site, depth > opening, opening)
        if core is None:
            return
        if not opening and deepest > 2 * OPENINGS_MM[0]:
            continue  # only what is too thin to be opened at all is taken as it is
        mask = tissue & (ndimage.distance_transform_edt(~core, sampling=site.spacing) <= opening + 1e-6)
        leak = float((mask & shell).sum() / shell.sum()) if shell.sum() >= FEWEST else 1.0
        yield _Attempt(mask, leak, radius, opening)


def _with_seed(site: _Site, core: NDArray[np.bool_], opening: float) -> NDArray[np.bool_] | None:
    """The part that holds most of the seed, else the part next to it; None where nothing is near."""
    labels, count = ndimage.label(core)
    if not count:
        return None
    hits = np.bincount(labels[site.seed], minlength=count + 1)[1:]
    if hits.any():
        return np.asarray(labels == int(hits.argmax()) + 1)
    away = np.where(core, site.distance, np.inf)
    nearest = np.unravel_index(int(away.argmin()), away.shape)
    return np.asarray(labels == labels[nearest]) if away[nearest] <= SEED_MM + opening + 1 else None


def _method(points: int, attempt: _Attempt, *, in_lung: bool) -> str:
    how = say("nearer to the lesion's level than around it")
    if in_lung:
        how = say("above the level half-way between lesion and lung")
    cut = say("opened by {mm:g} mm", mm=float(attempt.opening)) if attempt.opening else say("not opened")
    return say(
        "Grown by the node from {seed} that was marked: voxels {how}, within {radius:.0f} mm, {cut}; the outline is "
        "the node's, not the reader's.",
        seed=say("a line") if points > 1 else say("a point"),
        how=how,
        radius=float(attempt.radius),
        cut=cut,
    )


def _untrusted(found: str) -> Refused:
    return Refused("low trust", found, at="grow", do="draw the lesion (RTSTRUCT or SEG) instead of marking it")
