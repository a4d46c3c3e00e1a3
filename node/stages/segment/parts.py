"""Segments that are parts of one tumour (core, necrosis, enhancing rim, oedema …): together they are the lesion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from node.dicom.foreign import PassedOver
from node.domain import sources
from node.domain.findings import Contour, Provenance, SegmentAlgorithmType
from node.domain.language import joined
from node.imaging.crop import bounding_box
from node.imaging.regrid import overlap

ENCLOSED = 0.9  #: a drawing of which a larger one holds this much is a part of that one: core, enhancing part, …
_MOST_AUTOMATIC_FIRST: tuple[SegmentAlgorithmType, ...] = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
_NEAR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """
    One segment of an object as it was drawn.

    Attributes:
        lesion: Its property type or its label says that it is one.
        part: Its label or property type says that it is a part of one; it may say both: "enhancing tumour".
    """

    contour: Contour
    lesion: bool
    part: bool


def united(pieces: Sequence[Piece]) -> Iterator[Contour | PassedOver]:
    """
    The lesions of one object: parts that touch a lesion, or one another, are one with it.

    Several parts are a tumour although none of them is called one (NCR, ED, ET); one by itself is not.
    """
    for group in _groups(pieces):
        if len(group) > 1 or group[0].lesion:
            yield from _one(group)
        else:
            yield from (_passed_over(piece.contour.provenance) for piece in group)


def encloses(outer: Contour, inner: Contour) -> bool:
    """Whether one drawing lies within another, larger one."""
    return bool(outer.mask.sum() > inner.mask.sum()) and overlap(outer.mask, inner.mask) >= ENCLOSED


def _groups(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that touch, directly or by others, where one of each two is a part; in the order of their first."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        met = [g for g in groups if any((piece.part or other.part) and _touch(piece, other) for other in g)]
        first, *rest = [*met, [piece]]
        for group in rest:
            first.extend(group)
        groups = [g for g in groups if not any(g is each for each in rest)]
        if not met:
            groups.append(first)
    return groups


def _touch(one: Piece, other: Piece) -> bool:
    """Whether two masks share a voxel or have neighbouring ones, corners counted."""
    box = bounding_box(one.contour.mask)
    assert box is not None  # noqa: S101 - a contour has a voxel
    shape = one.contour.mask.shape
    near = box.grown(1).clipped((shape[0], shape[1], shape[2])).slices
    return bool((ndimage.binary_dilation(one.contour.mask[near], _NEAR) & other.contour.mask[near]).any())


def _one(group: Sequence[Piece]) -> Iterator[Contour]:
    """
    The lesion that a group is, and the pieces inside it, which add nothing.

    Of a whole tumour and its parts the whole one stays what it is; a tumour inside oedema that was drawn as if it were
    filled gives the lesion its name.
    """
    inner = [p for p in group if any(encloses(other.contour, p.contour) for other in group)]
    outer = [p for p in group if p not in inner]
    if not any(piece.lesion for piece in outer) and any(piece.lesion for piece in inner):
        inner, outer = [], list(group)
    yield outer[0].contour if len(outer) == 1 else _union(outer)
    yield from (piece.contour for piece in inner)


def _union(pieces: Sequence[Piece]) -> Contour:
    lead = max(pieces, key=lambda p: (p.lesion, p.contour.mask.sum())).contour.provenance
    every = [piece.contour.provenance for piece in pieces]
    made = next(kind for kind in _MOST_AUTOMATIC_FIRST if any(p.algorithm_type == kind for p in every))
    note = sources.united(joined([sources.drawing(p) for p in every], ", "))
    provenance = replace(
        lead,
        label=" + ".join(p.label for p in every if p.label),
        algorithm_type=made,
        named_neoplasm=lead.named_neoplasm and made != "AUTOMATIC",
        notes=tuple(dict.fromkeys([note, *(said for p in every for said in p.notes)])),
    )
    return Contour(mask=np.logical_or.reduce([piece.contour.mask for piece in pieces]), provenance=provenance)


def _passed_over(provenance: Provenance) -> PassedOver:
    return PassedOver(sources.drawing(provenance), provenance.label, sources.PART_ALONE)
