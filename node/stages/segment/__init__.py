"""Segment: the lesions, from the first source that shows any; and what was passed over on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from node.dicom.foreign import PassedOver, listed
from node.domain import sources
from node.domain.findings import Contour, Fitness, Provenance, Segmented
from node.domain.language import joined, say
from node.domain.order import LesionRules, SourceKind
from node.domain.refusals import NOT_USED
from node.domain.volume import Laid, Volume
from node.errors import InstanceUnreadable, Refused
from node.imaging.extent import Extent
from node.inference.drawn import ANY, drawn_by
from node.inference.model import Segmenter
from node.stages.segment.bring import brought
from node.stages.segment.drawings import READERS, Canvas, Found
from node.stages.segment.parts import ENCLOSED

_LIGHT = {NOT_USED: 1, "wrong anatomy": 2, "no lesion": 3}  #: refusal codes that any other outweighs
SAME_LESION = 0.5  #: drawings that share more than this of the smaller one are one lesion


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """
    One possible source of the lesion: the objects of a kind, or the package id of a segmenter.

    `role` is the series that the objects were drawn on, "" for the one that is measured.
    """

    kind: SourceKind
    paths: tuple[Path, ...]
    model: str = ""
    role: str = ""


def segment(
    volumes: Mapping[str, Volume],
    at_hand: Sequence[SourceFiles],
    rules: LesionRules,
    segmenters: Mapping[str, Segmenter],
    *,
    laid: Mapping[str, Laid] = MappingProxyType({}),
    fits: Mapping[str, Fitness] = MappingProxyType({}),
    aside: Sequence[PassedOver] = (),
) -> Segmented:
    """
    Take the lesions from the first source that shows any.

    Args:
        volumes: Role name to volume; the first one is measured, and all masks lie on its grid.
        at_hand: Sources in order of preference.
        rules: Which drawings count, and which are picked.
        segmenters: Package id to an open segmenter.
        laid: Role name of every further series to how it was laid on the first one.
        fits: Package id of a segmenter to whether this image and patient are what it declares; one that is absent
            declares nothing.
        aside: Drawings that belong to none of the volumes.

    Returns:
        The lesions by volume, largest first.

    Raises:
        Refused: No source shows a lesion. The code is that of the first drawing or model that had to be refused
            ("contour mismatch", "low trust", …), "drawing not used" where one says no more than that it may have been
            meant, else "no lesion".
        ModelFailed: A segmenter broke its promise.
    """
    volume = next(iter(volumes.values()))
    skipped: list[PassedOver] = []
    for position, source in enumerate(at_hand):
        drawn = list(_draw(source, volumes, rules, segmenters, laid, fits))
        skipped += [each for each in drawn if isinstance(each, PassedOver)]
        lesions = _apart([each for each in drawn if isinstance(each, Contour)], skipped)
        if lesions:
            skipped += _unused(source, at_hand[position + 1 :])
            return _pick(lesions, [*skipped, *aside], rules, volume)
    raise _nothing([*skipped, *aside], volume)


def _unused(used: SourceFiles, others: Sequence[SourceFiles]) -> Iterator[PassedOver]:
    """The drawings behind the one that counts; nobody drew in a model's name."""
    for each in others:
        if each.kind != "model":
            outranked = each.role and not used.role and used.kind != "model"
            why = sources.MEASURED_FIRST if outranked else sources.NOT_NEEDED
            yield PassedOver(sources.on(sources.NAMES[each.kind], each.role), "", why)


def _draw(
    source: SourceFiles,
    volumes: Mapping[str, Volume],
    rules: LesionRules,
    segmenters: Mapping[str, Segmenter],
    laid: Mapping[str, Laid],
    fits: Mapping[str, Fitness],
) -> Found:
    (first, measured), *_ = volumes.items()
    if doubt := _misplaced(source, segmenters, laid):
        return iter(
            [PassedOver(sources.on(sources.NAMES[source.kind], _role(source, segmenters)), "", doubt, "not aligned")]
        )
    if source.kind == "model":
        return drawn_by(source.model, volumes, rules.min_trust, segmenters, fits.get(source.model, ANY))
    came = {first: measured} | {role: each.came for role, each in laid.items()}
    own = came[source.role or first]
    others = frozenset(s.sop_uid for volume in came.values() if volume is not own for s in volume.slices)
    drawn = _read(source, Canvas(own, others), rules)
    return brought(drawn, source.role, laid[source.role], first, measured) if source.role else drawn


def _misplaced(source: SourceFiles, segmenters: Mapping[str, Segmenter], laid: Mapping[str, Laid]) -> str:
    """Why what a source draws cannot be placed on the measured series, "" where it can."""
    role = _role(source, segmenters)
    return laid[role].doubt if role in laid else ""


def _role(source: SourceFiles, segmenters: Mapping[str, Segmenter]) -> str:
    """The series that a source draws on, "" for the measured one."""
    return segmenters[source.model].role if source.model in segmenters else source.role


def _read(source: SourceFiles, canvas: Canvas, rules: LesionRules) -> Found:
    for path in source.paths:
        try:
            yield from READERS[source.kind](path, canvas, rules)
        except InstanceUnreadable as error:
            yield PassedOver(sources.NAMES[source.kind], "", error.found, "contour mismatch")


def _apart(lesions: Sequence[Contour], skipped: list[PassedOver]) -> list[Contour]:
    """
    Drawings of one lesion become one.

    Of drawings within one another, as tools make them of a tumour and its parts, the outermost stays, in whatever order
    they come. Of others the first stays, as it is the one that the source prefers.
    """
    kept: list[tuple[Contour, Extent]] = []
    for lesion, extent in _outermost(lesions, skipped):
        twin = next((other for other, its in kept if its.overlap(extent) > SAME_LESION), None)
        if twin is None:
            kept.append((lesion, extent))
        else:
            why = say(
                "it overlaps {other} by more than half, so both are one lesion and the first counts",
                other=sources.drawing(twin.provenance),
            )
            skipped.append(PassedOver(sources.drawing(lesion.provenance), lesion.provenance.label, why))
    return [lesion for lesion, _ in kept]


def _outermost(lesions: Sequence[Contour], skipped: list[PassedOver]) -> Iterator[tuple[Contour, Extent]]:
    every = [(lesion, Extent.of(lesion.mask)) for lesion in lesions]
    for lesion, extent in every:
        around = [
            (each, its)
            for each, its in every
            if _comparable(each.provenance, lesion.provenance) and its.encloses(extent, ENCLOSED)
        ]
        if not around:
            yield lesion, extent
            continue
        other = max(around, key=lambda found: found[1].voxels)[0].provenance
        why = sources.inside(other)
        skipped.append(PassedOver(sources.drawing(lesion.provenance), lesion.provenance.label, why))


def _comparable(one: Provenance, other: Provenance) -> bool:
    """
    Whether one object holds both drawings, so that the larger is the lesion that the smaller is a part of.

    Of two objects the later one may be a correction that took something away. Marks grow as they grow: a larger region
    is no better one.
    """
    return one.kind != "seed" and (one.kind, one.sop_uid) == (other.kind, other.sop_uid)


def _pick(lesions: Sequence[Contour], skipped: list[PassedOver], rules: LesionRules, volume: Volume) -> Segmented:
    ordered = sorted(lesions, key=lambda each: -np.count_nonzero(each.mask))
    largest = rules.pick == "largest"
    rule = sources.rule(len(ordered), ordered[0].provenance.kind, largest=largest)
    if largest:
        for each in ordered[1:]:
            size = np.count_nonzero(each.mask) * volume.geometry.voxel_ml
            why = say("it is smaller ({size:.2f} mL) than the one that is measured", size=float(size))
            skipped.append(PassedOver(sources.drawing(each.provenance), each.provenance.label, why))
        ordered = ordered[:1]
    return Segmented(lesions=tuple(ordered), skipped=listed(skipped), rule=rule)


def _nothing(skipped: Sequence[PassedOver], volume: Volume) -> Refused:
    """
    What is refused where no source shows a lesion.

    The first reason to refuse a drawing counts, the plain "not used" after the others. A machine that did not look, as
    the anatomy is not its own, must not silence a person who drew.
    """
    code = min((each.code or "no lesion" for each in skipped), key=lambda c: _LIGHT.get(c, 0), default="no lesion")
    reasons = joined([each.unnamed for each in skipped], "; ") or sources.NO_SOURCE
    return Refused(
        code, reasons, at=f"series {volume.series_uid}",
        do="draw or mark the lesion on this series if there is one")  # fmt: skip
