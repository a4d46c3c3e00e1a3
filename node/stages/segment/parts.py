"""Segments that are parts of one tumour (core, necrosis, enhancing rim, oedema …): together they are the lesion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.dicom.foreign import PassedOver
from node.domain import sources
from node.domain.findings import Contour, Provenance, SegmentAlgorithmType
from node.domain.geometry import Geometry
from node.domain.refusals import NOT_USED
from node.imaging.crop import bounding_box
from node.imaging.extent import Extent

ENCLOSED = 0.9  #: a drawing of which a larger one holds this much is a part of that one: core, enhancing part, …
LEAST_ML = 0.1  #: from here on parts alone are a lesion, and what is left over of a part is told
_MOST_AUTOMATIC_FIRST: tuple[SegmentAlgorithmType, ...] = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
_NEAR = np.ones((3, 3, 3), bool)

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """
    One segment of an object as it was drawn.

    Attributes:
        lesion: Its property type or its label says that it is one.
        part: Its property type or its label says that it is a part of one; it may say both: "enhancing tumour".
    """

    contour: Contour
    lesion: bool
    part: bool


def united(pieces: Sequence[Piece], place: Geometry) -> Iterator[Contour | PassedOver]:
    """
    The lesions of one object, each with the parts that touch it.

    What is called a lesion and no part of one stays a lesion of its own. Parts that are called lesions as well are one
    where they touch. Every connected region of other parts goes to the lesion that it touches; one that touches several
    is divided among them by distance; one that touches none is a lesion where it is put together from several parts
    (NCR, ED, ET), and else none.

    Args:
        pieces: Segments, masks on the grid of `place`.
        place: Where that is.
    """
    if not any(piece.part for piece in pieces):
        yield from (piece.contour for piece in pieces)
        return
    begun, loose = _begun(pieces)
    owner, divided = _owners(loose, begun, place)
    made: list[Contour | PassedOver] = []
    for number in range(1, max(len(begun), int(owner.max(initial=0))) + 1):
        first = begun[number - 1] if number <= len(begun) else []
        made += _lesion(first, _cut(loose, owner == number), place, divided=number in divided)
    yield from _told_apart(made)
    for piece, left in _cut(loose, owner == 0):
        if left.sum() == piece.contour.mask.sum():
            yield _passed_over(piece, sources.PART_ALONE, NOT_USED)
        elif (size := float(left.sum()) * place.voxel_ml) >= LEAST_ML:
            yield _passed_over(piece, sources.part_left(size))


def _told_apart(made: Sequence[Contour | PassedOver]) -> Iterator[Contour | PassedOver]:
    """A tracking identity that several lesions put together would share is none of theirs."""
    shared = Counter(each.provenance.tracking_uid for each in made if isinstance(each, Contour))
    for each in made:
        if isinstance(each, Contour) and each.provenance.number is None and shared[each.provenance.tracking_uid] > 1:
            yield replace(each, provenance=replace(each.provenance, tracking_id="", tracking_uid=""))
        else:
            yield each


def _begun(pieces: Sequence[Piece]) -> tuple[list[list[Piece]], list[Piece]]:
    """What each lesion begins with, and the parts that are still to be given to one."""
    begun = [[piece] for piece in pieces if piece.lesion and not piece.part]
    loose = [piece for piece in pieces if not piece.lesion]
    plain = [group[0] for group in begun]
    for group in _touching([piece for piece in pieces if piece.lesion and piece.part]):
        if any(_touch(piece.contour.mask, other.contour.mask) for piece in group for other in plain):
            loose += group
        else:
            begun.append(group)
    return begun, loose


def _touching(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that touch, directly or by others."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        met = [g for g in groups if any(_touch(piece.contour.mask, other.contour.mask) for other in g)]
        groups = [g for g in groups if g not in met]
        groups.append([*(other for g in met for other in g), piece])
    return groups


def _touch(one: Mask, other: Mask) -> bool:
    """Whether two masks share a voxel or have neighbouring ones, corners counted."""
    box = bounding_box(one)
    assert box is not None  # noqa: S101 - a contour has a voxel
    near = box.grown(1).clipped((one.shape[0], one.shape[1], one.shape[2])).slices
    return bool((ndimage.binary_dilation(one[near], _NEAR) & other[near]).any())


def _owners(loose: Sequence[Piece], begun: Sequence[Sequence[Piece]], place: Geometry) -> tuple[Numbers, set[int]]:
    """Number of the lesion, from 1, that each voxel of the loose parts goes to; and lesions that share a region."""
    owner, divided = np.zeros(place.shape, np.int32), set[int]()
    if not loose:
        return owner, divided
    cores = [_union(group) for group in begun]
    regions, _ = ndimage.label(_union(loose), _NEAR)
    more = len(cores)
    for number, found in enumerate(ndimage.find_objects(regions), start=1):
        near = tuple(slice(max(0, along.start - 1), along.stop + 1) for along in found)
        region = regions[near] == number
        grown = ndimage.binary_dilation(region, _NEAR)
        met = [n for n, core in enumerate(cores) if (core[near] & grown).any()]
        if len(met) > 1:
            owner[near][region] = 1 + _nearest(region, [cores[n][near] for n in met], met, place)
            divided |= {n + 1 for n in met}
        elif met:
            owner[near][region] = met[0] + 1
        elif float(region.sum()) * place.voxel_ml >= LEAST_ML and _several(loose, near, region):
            more += 1
            owner[near][region] = more
    return owner, divided


def _several(loose: Sequence[Piece], near: tuple[slice, ...], region: Mask) -> bool:
    """Whether a region is made of several parts."""
    return sum(bool((piece.contour.mask[near] & region).any()) for piece in loose) > 1


def _nearest(region: Mask, cores: Sequence[Mask], numbers: Sequence[int], place: Geometry) -> Numbers:
    """Which of the cores each voxel of a region is nearest to, in millimetres."""
    far = [ndimage.distance_transform_edt(~core, sampling=place.spacing)[region] for core in cores]
    return np.asarray(np.array(numbers, np.int32)[np.argmin(far, axis=0)])


def _union(pieces: Sequence[Piece]) -> Mask:
    return np.asarray(np.logical_or.reduce([piece.contour.mask for piece in pieces]))


def _cut(pieces: Sequence[Piece], where: Mask) -> list[tuple[Piece, Mask]]:
    """What of each piece lies there; pieces of which nothing does are left out."""
    found = [(piece, piece.contour.mask & where) for piece in pieces]
    return [(piece, mask) for piece, mask in found if mask.any()]


def _lesion(
    begun: Sequence[Piece], came: Sequence[tuple[Piece, Mask]], place: Geometry, *, divided: bool
) -> Iterator[Contour | PassedOver]:
    """A lesion of what it begins with and what came to it; parts that lie inside it add nothing."""
    given = [(piece, piece.contour.mask) for piece in begun]
    core = Extent.of(_union(begun)) if begun else None
    for piece, mask in came:
        if core and core.encloses(Extent.of(mask), ENCLOSED):
            yield _passed_over(piece, sources.inside(begun[0].contour.provenance))
        else:
            given.append((piece, mask))
    if len(given) == 1 and given[0][0] in begun:
        yield begun[0].contour
        return
    given.sort(key=lambda each: each[0].contour.provenance.number or 0)
    sizes = [(piece.contour.provenance, float(mask.sum()) * place.voxel_ml) for piece, mask in given]
    notes = [sources.united(sizes), *([sources.DIVIDED] if divided else [])]
    mask = np.asarray(np.logical_or.reduce([mask for _, mask in given]))
    yield Contour(mask=mask, provenance=_provenance(begun, [piece for piece, _ in given], notes))


def _provenance(begun: Sequence[Piece], given: Sequence[Piece], notes: Sequence[str]) -> Provenance:
    """
    What may be said of a lesion that was put together.

    One lesion with parts keeps name, number and tracking. Parts alone have none for the whole, but where they agree on
    one tracking identity.
    """
    every = [piece.contour.provenance for piece in given]
    whole = next((piece.contour.provenance for piece in begun if not piece.part), None)
    made = next(kind for kind in _MOST_AUTOMATIC_FIRST if any(p.algorithm_type == kind for p in every))
    tracked = {(p.tracking_id, p.tracking_uid) for p in every}
    tracking_id, tracking_uid = tracked.pop() if len(tracked) == 1 else ("", "")
    return replace(
        whole or replace(every[0], label="", number=None, tracking_id=tracking_id, tracking_uid=tracking_uid),
        algorithm_type=made,
        named_neoplasm=made != "AUTOMATIC" and any(p.named_neoplasm for p in every),
        notes=tuple(dict.fromkeys([*notes, *(note for p in every for note in p.notes)])),
    )


def _passed_over(piece: Piece, why: str, code: str = "") -> PassedOver:
    provenance = piece.contour.provenance
    return PassedOver(sources.drawing(provenance), provenance.label, why, code)
