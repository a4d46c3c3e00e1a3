"""Real lesions with a contour drawn by a person, to see how measurements bear another contour."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from node.errors import ConfigError

STACK_MM = 165.0
"""Assumed height of every stack of `tcga-lgg-flair`: its arrays carry no geometry."""

FIELD_MM = 240.0
"""Assumed side of every slice."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One lesion: the image, and its contour with shape (slice, row, column) of the image."""

    volume: Volume
    mask: NDArray[np.bool_]


MOST_ML = 100.0
"""Larger tumours, two in five, take minutes to measure in every way; small ones bear another contour less."""


def gliomas(count: int) -> Iterator[Drawn]:
    """
    Patients of `tcga-lgg-flair`: FLAIR and the whole tumour by hand, the first of at most `MOST_ML` in the order of a
    hash of their names.

    Raises:
        ConfigError: The data folder ($RADNODE_DATA, or ../shared/data) does not hold them.
    """
    root = Path(os.environ.get("RADNODE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    folder = root / "tcga-lgg-flair"
    found = sorted(folder.glob("TCGA_*.npz"), key=lambda p: hashlib.sha256(p.stem.encode()).hexdigest())
    drawn = (each for each in map(_read, found) if _size_ml(each) <= MOST_ML)
    lesions = list(islice(drawn, count))
    if len(lesions) < count:
        do = "set RADNODE_DATA to the folder of public data that the model's card names"
        raise ConfigError([f"holds {len(lesions)} fitting patients, not {count}"], at=str(folder), do=do)
    return iter(lesions)


def _read(path: Path) -> Drawn:
    with np.load(path) as stored:
        image = stored["flair"]
        mask = np.unpackbits(stored["mask"], axis=1).reshape(image.shape).astype(bool)
    return Drawn(_placed(image), mask)


def _size_ml(drawn: Drawn) -> float:
    return int(np.count_nonzero(drawn.mask)) * drawn.volume.geometry.voxel_ml


def _placed(image: NDArray[np.uint8]) -> Volume:
    """An axial stack around the origin, its spacing assumed."""
    slices, rows, columns = image.shape
    spacing = (STACK_MM / slices, FIELD_MM / rows, FIELD_MM / columns)
    origin = np.array([-(n - 1) / 2 * s for n, s in zip(image.shape, spacing, strict=True)])[::-1]
    return Volume(
        voxels=image.astype(np.float32),
        geometry=Geometry.of_axes(origin=origin, spacing=spacing, axes=np.eye(3)[::-1], shape=image.shape),
        modality="MR",
        unit="1",
        study_uid="",
        series_uid="",
        frame_uid="",
        slices=tuple(Slice(sop_class="", sop_uid="", frame=None, path=Path()) for _ in range(slices)),
        notes=("The spacing is assumed.",),
    )
