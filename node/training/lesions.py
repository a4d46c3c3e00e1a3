"""Real lesions with a contour drawn by a person, to see how measurements bear another contour."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry
from node.domain.volume import Slice, Volume
from node.errors import ConfigError
from node.inference.onnx_segmenter import OnnxSegmenter
from node.inference.package import Package

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

_SET = "set RADNODE_DATA to the folder of public data that the model's card names"


def gliomas(count: int) -> Iterator[Drawn]:
    """
    Patients of `tcga-lgg-flair`: FLAIR and the whole tumour by hand, the first of at most `MOST_ML` in the order of a
    hash of their names.

    Raises:
        ConfigError: The data folder ($RADNODE_DATA, or ../shared/data) does not hold them.
    """
    folder = _folder()
    found = sorted(folder.glob("TCGA_*.npz"), key=lambda p: hashlib.sha256(p.stem.encode()).hexdigest())
    drawn = (each for each in map(_read, found) if _size_ml(each) <= MOST_ML)
    lesions = list(islice(drawn, count))
    if len(lesions) < count:
        raise ConfigError([f"holds {len(lesions)} fitting patients, not {count}"], at=str(folder), do=_SET)
    return iter(lesions)


@dataclass(frozen=True, slots=True)
class About:
    """
    What a reader must know about a group of patients.

    Attributes:
        who: They are.
        not_shown: Sentences about what cannot be seen on them.
    """

    who: str
    not_shown: tuple[str, ...]


UNSEEN = About(
    "patients of tcga-lgg-flair, for the segmenter only those of its networks that were not trained on them: low-grade "
    "gliomas, drawn by hand on FLAIR (8 bit, the spacing is assumed)",
    (
        "The image is FLAIR in place of the T1c that the model reads: what shape and size move carries over, what "
        "intensities move does so by analogy only.",
        "The spacing of the images is assumed, their intensities have 8 bits, their masks are of one reader.",
        "All are gliomas of low grade from one collection. They are few: the 90th percentile rests on the two or three "
        "that move most.",
    ),
)
"""Those of `unseen`."""


def unseen(segmenter: Path) -> tuple[str, ...]:
    """
    Names of the patients of `tcga-lgg-flair` that several of a package's networks were not trained on.

    Raises:
        ConfigError: The data folder does not hold them.
    """
    return tuple(sorted(_split(segmenter).together))


def unseeing(segmenter: Package, name: str) -> OnnxSegmenter:
    """
    The part of a segmenter of ours that was not trained on a patient.

    Raises:
        ConfigError: The data folder does not hold the patients.
    """
    manifest = segmenter.manifest
    assert manifest.segmenter is not None  # noqa: S101 - of the package that `train.py` names
    members = _split(segmenter.folder).drawers(name)
    graph = _script(segmenter.folder, "unet_graph").part(segmenter.read("model.onnx"), members)
    return OnnxSegmenter(segmenter.facts, manifest.segmenter, graph, modality=manifest.declared.modality)


def placed(segmenter: Path, name: str) -> Drawn:
    """One patient as a package's `cases.py` places it in space, which its stated Dice was measured on."""
    patient = _script(segmenter, "cases").read(_folder(), name)
    return Drawn(patient.volume(), patient.mask)


def _split(segmenter: Path) -> Any:
    """Who sees whom, as a package's `cases.py` says."""
    cases = _script(segmenter, "cases")
    names: list[str] = cases.names(_folder())
    if not names:
        raise ConfigError(["holds no TCGA_*.npz"], at=str(_folder()), do=_SET)
    return cases.split(names)


@cache
def _script(segmenter: Path, name: str) -> ModuleType:
    """A script of a package of ours; only training runs it."""
    spec = importlib.util.spec_from_file_location(f"{name}_of_{segmenter.name}", segmenter / f"{name}.py")
    assert spec is not None  # noqa: S101 - of a path that ends in .py
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def _folder() -> Path:
    root = Path(os.environ.get("RADNODE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    return root / "tcga-lgg-flair"


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
