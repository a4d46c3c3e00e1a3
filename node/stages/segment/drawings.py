"""Lesions that a person drew or marked: out of an RT Structure Set, a Segmentation, or the marks of a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.dicom.contours import Roi, StructureSet, read_structure_set
from node.dicom.foreign import PassedOver, elsewhere
from node.dicom.hints import called_lesion, called_part, codes, of_roi, of_segment
from node.dicom.nature import is_neoplasm, names_neoplasm
from node.dicom.seeds import Seed, SeedFile, locator, read_seeds
from node.dicom.segments import Segment, Segmentation, read_segmentation
from node.domain import sources
from node.domain.findings import Contour, Provenance
from node.domain.language import joined, say, sentence
from node.domain.naming import Standing, excluded, is_target, standing
from node.domain.order import LesionRules, SourceKind
from node.domain.refusals import NOT_USED
from node.domain.volume import Volume
from node.errors import InstanceUnreadable, Refused
from node.imaging.grow import grow
from node.imaging.rasterise import rasterise
from node.imaging.regrid import changes, onto
from node.stages.segment.parts import Piece, united

Found = Iterator[Contour | PassedOver]
"""What one source gives: lesions in its order of preference, and what of it is not used."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """
    The series that a drawing is read on, placed as when it was drawn.

    Attributes:
        others: SOP Instance UIDs of the images of the pipeline's other series.
    """

    volume: Volume
    others: frozenset[str] = frozenset()


def _from_structure_set(path: Path, canvas: Canvas, rules: LesionRules) -> Found:
    """The ROIs of the best standing that can be drawn; worse ones only where none of the better can."""
    found = read_structure_set(path)
    code = codes({roi.number: of_roi(roi, rules) for roi in found.rois})
    ranked: dict[int, list[tuple[Roi, Standing]]] = {}
    for roi in found.rois:
        stands = standing(roi.name, roi.interpreted_type, rules)
        if stands.rank is None:
            yield PassedOver(sources.roi(roi.number), roi.name, stands.why, code[roi.number])
        else:
            ranked.setdefault(stands.rank, []).append((roi, stands))
    chosen = ""
    for _, group in sorted(ranked.items()):
        if chosen:
            why = say("one {standing} is preferred", standing=chosen)
            yield from (PassedOver(sources.roi(r.number), r.name, why) for r, _ in group)
            continue
        drawn = [_from_roi(roi, found, canvas) for roi, _ in group]
        yield from drawn
        chosen = group[0][1].why if any(isinstance(each, Contour) for each in drawn) else ""


def _from_roi(roi: Roi, found: StructureSet, canvas: Canvas) -> Contour | PassedOver:
    what, volume = sources.roi(roi.number), canvas.volume
    strange = bool(roi.sop_uids) and roi.sop_uids.isdisjoint(s.sop_uid for s in volume.slices)
    if not roi.contours:
        return PassedOver(what, roi.name, joined(roi.skipped, "; ") or sources.NEVER_DRAWN, NOT_USED)
    if reason := elsewhere(roi.frame_uid, roi.sop_uids or found.sop_uids, volume):
        return PassedOver(what, roi.name, reason, "contour mismatch")
    if strange and roi.sop_uids & canvas.others:  # one frame of reference is no promise that the patient lay still
        return PassedOver(what, roi.name, sources.ON_ANOTHER)
    try:
        raster = rasterise(roi.contours, volume.geometry)
    except Refused as refused:
        return PassedOver(what, roi.name, refused.found, refused.code)
    target = is_target(roi.name, roi.interpreted_type)
    said = roi.interpreted_type == "GTV" or names_neoplasm(roi.name)
    by_person = roi.algorithm != "AUTOMATIC" or found.approved
    notes = [*raster.notes, *map(sentence, roi.skipped)]
    if roi.algorithm is None:
        notes.append(sources.MAKER_UNKNOWN)
    if target:
        notes.append(sources.TARGET_VOLUME)
    if strange:
        notes.append(sources.OTHER_IMAGES)
    provenance = _provenance(
        "rtstruct",
        found,
        algorithm_type=roi.algorithm or "MANUAL",
        label=roi.name,
        number=roi.number,
        named_neoplasm=said and by_person and not target,
        notes=tuple(notes),
    )
    return Contour(mask=raster.mask, provenance=provenance)


def _provenance(kind: SourceKind, found: StructureSet | Segmentation | SeedFile, **facts: Any) -> Provenance:
    """Provenance of a lesion that comes from an object; `facts` are the other fields."""
    return Provenance(
        kind=kind,
        sop_class=found.sop_class,
        sop_uid=found.sop_uid,
        series_uid=found.series_uid,
        study_uid=found.study_uid,
        **facts,
    )


def _from_segmentation(path: Path, canvas: Canvas, rules: LesionRules) -> Found:
    found, volume = read_segmentation(path), canvas.volume
    pieces: list[Piece] = []
    code = codes({each.number: of_segment(each, rules) for each in found.segments})
    for each in found.segments:
        what, lesion, part = sources.segment(each.number), called_lesion(each, rules), called_part(each, rules)
        if excluded(each.label, rules):
            yield PassedOver(what, each.label, sources.LABEL_EXCLUDED, code[each.number])
        elif not (lesion or part):
            yield PassedOver(what, each.label, sources.NO_LESION, code[each.number])
        elif reason := elsewhere(found.frame_uid, found.sop_uids, volume):
            yield PassedOver(what, each.label, reason, "contour mismatch")
        elif isinstance(drawn := _from_segment(each, found, volume), PassedOver):
            yield drawn
        else:
            pieces.append(Piece(drawn, lesion, part))
    yield from united(pieces, volume.geometry)


def _from_segment(each: Segment, found: Segmentation, volume: Volume) -> Contour | PassedOver:
    what = sources.segment(each.number)
    try:
        own, geometry = found.mask(each.number, volume.geometry)
    except InstanceUnreadable as error:
        return PassedOver(what, each.label, error.found, "contour mismatch")
    if not own.any():
        return PassedOver(what, each.label, sources.NO_VOXEL, NOT_USED)
    mask = onto(own, geometry, volume.geometry)
    if not mask.any():
        return PassedOver(what, each.label, sources.OUTSIDE, "contour mismatch")
    notes = list(changes(own, geometry, mask, volume.geometry))
    if each.algorithm is None:
        notes.append(sources.SEGMENT_MAKER_UNKNOWN)
    provenance = _provenance(
        "seg",
        found,
        algorithm_type=each.algorithm or "AUTOMATIC",
        label=each.label,
        number=each.number,
        tracking_id=each.tracking_id,
        tracking_uid=each.tracking_uid,
        named_neoplasm=each.algorithm in ("MANUAL", "SEMIAUTOMATIC") and is_neoplasm(each.type),
        notes=tuple(notes),
    )
    return Contour(mask=mask, provenance=provenance)


def _from_seeds(path: Path, canvas: Canvas, rules: LesionRules) -> Found:
    volume = canvas.volume
    found = read_seeds(path, locator(volume), rules.seed_pattern)
    yield from found.skipped
    for each in found.seeds:
        if each.frame_uid and (reason := elsewhere(each.frame_uid, frozenset(), volume)):
            yield PassedOver(sources.mark(), each.label, reason, "contour mismatch")
        else:
            yield _from_seed(each, found, volume)


def _from_seed(each: Seed, found: SeedFile, volume: Volume) -> Contour | PassedOver:
    try:
        grown = grow(volume, each.points)
    except Refused as refused:
        return PassedOver(sources.mark(), each.label, refused.found, refused.code)
    provenance = _provenance(
        "seed",
        found,
        algorithm_type="SEMIAUTOMATIC",
        label=each.label,
        tracking_id=each.tracking_id,
        tracking_uid=each.tracking_uid,
        named_neoplasm=each.named_neoplasm,
        notes=(grown.method,),
    )
    return Contour(mask=grown.mask, provenance=provenance)


READERS: Mapping[SourceKind, Callable[[Path, Canvas, LesionRules], Found]] = {
    "rtstruct": _from_structure_set,
    "seg": _from_segmentation,
    "seed": _from_seeds,
}
"""Kind of source to what reads one object of it."""
