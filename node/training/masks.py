"""
How far a model's answer moves under another mask: that of a segmenter, and masks displaced at random to a given Dice.

What `train.py --masks` writes as `masks.toml` becomes `[masks]` of the manifest, and a part of the card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from node.domain.findings import Drawing
from node.domain.order import Extraction
from node.domain.volume import Volume
from node.errors import ConfigError, Refused
from node.imaging.head import find_head
from node.inference.belief import dice
from node.inference.manifest import Manifest, parse
from node.inference.package import MANIFEST, Package, digest_of, load_package, read_manifest
from node.training import lesions, publish
from node.training.deform import Deformed, deformed
from node.training.judge import Progress
from node.training.lesions import Drawn
from node.training.mask_figures import Compared, Other, figures
from node.training.values import Mask, corrected, drawn_inputs, values

LEVELS = (0.95, 0.9, 0.85, 0.8, 0.7)
SMOOTH_MM = (10.0, 20.0)
"""Finer fields make a border more ragged than a segmenter's: at a Dice of 0.7 a third more surface, not a tenth."""

FIELDS = 2
"""Random fields of each smoothness, for each patient."""

SEED = 20261121
WORKERS = 2

Draw = Callable[[Volume], Drawing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a process is given: one patient of a segmenter's, and the package whose inputs are measured."""

    segmenter: Path
    model: Path
    name: str
    number: int


def shipped(folders: Sequence[Path], segmenter: Path, *, progress: Progress) -> int:
    """
    What `train.py --masks` of a shipped model ends in.

    Args:
        folders: Packages that read the same measurements, which are made once for all of them.
        segmenter: Package whose masks are compared.
        progress: Told how far the work is.

    Raises:
        ConfigError: The packages read other measurements than the first one, or the data are not there.
    """
    packages = [_opened(folder) for folder in folders]
    for package in packages:
        if _read(package.manifest) != _read(packages[0].manifest):
            unlike = f"reads other measurements than {packages[0].label}"
            raise ConfigError([unlike], at=package.label, do="measure it by itself")
    found: list[Compared] = []
    names = lesions.unseen(segmenter)
    work = [Work(segmenter=segmenter, model=folders[0], name=name, number=n) for n, name in enumerate(names)]
    with ProcessPoolExecutor(WORKERS) as pool:
        for each in pool.map(one, work):
            found.append(each)
            progress(f"{each.name}: Dice {each.dice:.3f}; {len(found)} of {len(names)}")
    facts = load_package(segmenter).facts
    for package in packages:
        publish.fold(package.folder, "masks", figures(found, package, facts, patients=lesions.UNSEEN))
    return 0


def _read(manifest: Manifest) -> tuple[object, ...]:
    return manifest.extraction, [(item.name, item.source) for item in drawn_inputs(manifest.inputs)]


def compare(name: str, lesion: Drawn, draw: Draw, manifest: Manifest, *, number: int) -> Compared:
    """
    Measure a model's inputs inside an expert's mask, a segmenter's, and displaced ones, all on the same image.

    Args:
        name: Of the patient.
        lesion: Image and mask of the expert.
        draw: The segmenter; a refused image counts as one that nothing was drawn on.
        manifest: Of the model whose inputs are measured.
        number: Of the patient, for the random fields.
    """
    items = drawn_inputs(manifest.inputs)
    drawn, trust = _drawn(lesion, draw)
    volume, extraction = corrected(lesion.volume, manifest.extraction_in(Extraction()))
    others = [
        Other(asked=each.asked, dice=each.dice, values=values(volume, each.mask, extraction, items))
        for each in _displaced(volume, lesion.mask, number)
    ]
    return Compared(
        name=name,
        dice=dice(drawn, lesion.mask),
        trust=trust,
        experts=values(volume, lesion.mask, extraction, items),
        drawn=values(volume, drawn, extraction, items),
        displaced=tuple(others),
    )


def one(work: Work) -> Compared:
    """One patient: what a process of its own does."""
    segmenter = lesions.unseeing(load_package(work.segmenter), work.name)
    lesion = lesions.placed(work.segmenter, work.name)
    name = work.name.replace("_", "-")  # as the segmenter's card has it
    return compare(name, lesion, segmenter.draw, _opened(work.model).manifest, number=work.number)


def _opened(folder: Path) -> Package:
    """A package whose scripts may have changed since it was made; every file is still checked when it is read."""
    plain = read_manifest(folder)
    return Package(folder=folder, manifest=parse(plain, at=str(folder / MANIFEST)), digest=digest_of(plain))


def _drawn(lesion: Drawn, draw: Draw) -> tuple[Mask, float]:
    try:
        drawing = draw(lesion.volume)
    except Refused:
        return np.zeros_like(lesion.mask), 0.0
    return np.logical_or.reduce([np.zeros_like(lesion.mask), *drawing.masks]), drawing.trust


def _displaced(volume: Volume, mask: Mask, number: int) -> Iterator[Deformed]:
    head = find_head(volume.voxels, volume.geometry.spacing)
    within = np.ones_like(mask) if head is None else head.mask
    for smooth in SMOOTH_MM:
        for field in range(FIELDS):
            seed = (SEED, number, int(smooth), field)
            yield from deformed(mask, within, volume.geometry.spacing, levels=LEVELS, smooth_mm=smooth, seed=seed)
