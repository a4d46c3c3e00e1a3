"""Segment: the lesions, from the first source that shows any; and what was passed over on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.dicom.contours import Roi, StructureSet, read_structure_set
from node.dicom.foreign import PassedOver, elsewhere, listed
from node.dicom.nature import is_lesion, is_neoplasm, names_neoplasm
from node.dicom.seeds import Seed, SeedFile, locator, read_seeds
from node.dicom.segments import Segment, Segmentation, read_segmentation
from node.domain.findings import Contour, Provenance, Segmented
from node.domain.naming import Standing, excluded, is_target, standing
from node.domain.order import LesionRules, SourceKind
from node.domain.volume import Volume
from node.errors import InstanceUnreadable, Refused
from node.imaging.grow import grow
from node.imaging.rasterise import rasterise
from node.imaging.regrid import changes, onto, overlap
from node.inference.drawn import drawn_by
from node.inference.model import Segmenter

SAME_LESION = 0.5  #: drawings that share more than this of the smaller one are one lesion

Found = Iterator[Contour | PassedOver]
"""What one source gives: lesions in its order of preference, and what of it is not used."""

_NAMES = {"rtstruct": "RT Structure Set", "seg": "Segmentation", "seed": "mark of a reader", "model": "model"}


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """One possible source of the lesion: the objects of a kind, or the package id of a segmenter."""

    kind: SourceKind
    paths: tuple[Path, ...]
    model: str = ""


def segment(
    volumes: Mapping[str, Volume],
    sources: Sequence[SourceFiles],
    rules: LesionRules,
    segmenters: Mapping[str, Segmenter],
) -> Segmented:
    """
    Take the lesions from the first source that shows any.

    Args:
        volumes: Role name to volume; the first one is measured, and all masks lie on its grid.
        sources: In order of preference.
        rules: Which drawings count, and which are picked.
        segmenters: Package id to an open segmenter.

    Returns:
        The lesions by volume, largest first.

    Raises:
        Refused: No source shows a lesion. The code is that of the first drawing or model that had to be refused
            ("contour mismatch", "low trust", …), else "no lesion".
        ModelFailed: A segmenter broke its promise.
    """
    volume = next(iter(volumes.values()))
    skipped: list[PassedOver] = []
    for position, source in enumerate(sources):
        drawn = list(_draw(source, volumes, rules, segmenters))
        skipped += [each for each in drawn if isinstance(each, PassedOver)]
        lesions = _apart([each for each in drawn if isinstance(each, Contour)], skipped)
        if lesions:
            why = "not used, as a source before it shows the lesion"
            unused = [each for each in sources[position + 1 :] if each.kind != "model"]  # nobody drew in a model's name
            skipped += [PassedOver(_NAMES[each.kind], "", why) for each in unused]
            return _pick(lesions, skipped, rules, volume)
    raise _nothing(skipped, volume)


def _draw(
    source: SourceFiles, volumes: Mapping[str, Volume], rules: LesionRules, segmenters: Mapping[str, Segmenter]
) -> Found:
    volume = next(iter(volumes.values()))
    if source.kind == "model":
        yield from drawn_by(source.model, volumes, rules.min_trust, segmenters)
        return
    readers: dict[str, Callable[[Path, Volume, LesionRules], Found]] = {
        "rtstruct": _from_structure_set,
        "seg": _from_segmentation,
        "seed": _from_seeds,
    }
    for path in source.paths:
        try:
            yield from readers[source.kind](path, volume, rules)
        except InstanceUnreadable as error:
            yield PassedOver(_NAMES[source.kind], "", error.found, "contour mismatch")


def _from_structure_set(path: Path, volume: Volume, rules: LesionRules) -> Found:
    """The ROIs of the best standing that can be drawn; worse ones only where none of the better can."""
    found = read_structure_set(path)
    ranked: dict[int, list[tuple[Roi, Standing]]] = {}
    for roi in found.rois:
        stands = standing(roi.name, roi.interpreted_type, rules)
        if stands.rank is None:
            yield PassedOver(f"ROI {roi.number}", roi.name, stands.why)
        else:
            ranked.setdefault(stands.rank, []).append((roi, stands))
    chosen = ""
    for _, group in sorted(ranked.items()):
        if chosen:
            yield from (PassedOver(f"ROI {r.number}", r.name, f"one {chosen} is preferred") for r, _ in group)
            continue
        drawn = [_from_roi(roi, found, volume) for roi, _ in group]
        yield from drawn
        chosen = group[0][1].why if any(isinstance(each, Contour) for each in drawn) else ""


def _from_roi(roi: Roi, found: StructureSet, volume: Volume) -> Contour | PassedOver:
    what = f"ROI {roi.number}"
    if not roi.contours:
        return PassedOver(what, roi.name, "; ".join(roi.skipped) or "it was never drawn")
    if reason := elsewhere(roi.frame_uid, roi.sop_uids or found.sop_uids, volume):
        return PassedOver(what, roi.name, reason, "contour mismatch")
    try:
        raster = rasterise(roi.contours, volume.geometry)
    except Refused as refused:
        return PassedOver(what, roi.name, refused.found, refused.code)
    target = is_target(roi.name, roi.interpreted_type)
    said = roi.interpreted_type == "GTV" or names_neoplasm(roi.name)
    by_person = roi.algorithm != "AUTOMATIC" or found.approved
    notes = [*raster.notes, *(f"{each}." for each in roi.skipped)]
    if roi.algorithm is None:
        notes.append("The structure set does not say how the outline was made; it is taken as drawn by hand.")
    if target:
        notes.append("The outline is a target volume: it holds a margin of other tissue around the tumour.")
    if roi.sop_uids and roi.sop_uids.isdisjoint(s.sop_uid for s in volume.slices):
        notes.append("It was drawn on other images of the same frame of reference.")
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


def _from_segmentation(path: Path, volume: Volume, rules: LesionRules) -> Found:
    found = read_segmentation(path)
    for each in found.segments:
        what, labelled = f"segment {each.number}", re.search(rules.label_pattern, each.label) is not None
        if excluded(each.label, rules):
            yield PassedOver(what, each.label, "its label is excluded (node, bed, marker, former drawing, expansion …)")
        elif not (is_lesion(each.type) or labelled):
            yield PassedOver(what, each.label, "neither its property type nor its label says that it is a lesion")
        elif reason := elsewhere(found.frame_uid, found.sop_uids, volume):
            yield PassedOver(what, each.label, reason, "contour mismatch")
        else:
            yield _from_segment(each, found, volume)


def _from_segment(each: Segment, found: Segmentation, volume: Volume) -> Contour | PassedOver:
    try:
        own, geometry = found.mask(each.number)
    except InstanceUnreadable as error:
        return PassedOver(f"segment {each.number}", each.label, error.found, "contour mismatch")
    if not own.any():
        return PassedOver(f"segment {each.number}", each.label, "it has no voxel")
    mask = onto(own, geometry, volume.geometry)
    if not mask.any():
        return PassedOver(f"segment {each.number}", each.label, "it lies outside the image", "contour mismatch")
    notes = list(changes(own, geometry, mask, volume.geometry))
    if each.algorithm is None:
        notes.append("The segmentation does not say how the segment was made; it is taken as made by a machine.")
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


def _from_seeds(path: Path, volume: Volume, rules: LesionRules) -> Found:
    found = read_seeds(path, locator(volume), rules.seed_pattern)
    yield from found.skipped
    for each in found.seeds:
        if each.frame_uid and (reason := elsewhere(each.frame_uid, frozenset(), volume)):
            yield PassedOver("mark", each.label, reason, "contour mismatch")
        else:
            yield _from_seed(each, found, volume)


def _from_seed(each: Seed, found: SeedFile, volume: Volume) -> Contour | PassedOver:
    try:
        grown = grow(volume, each.points)
    except Refused as refused:
        return PassedOver("mark", each.label, refused.found, refused.code)
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


def _apart(lesions: Sequence[Contour], skipped: list[PassedOver]) -> list[Contour]:
    """Drawings of one lesion become one: the first stays, as it is the one that the source prefers."""
    kept: list[Contour] = []
    for lesion in lesions:
        twin = next((k for k in kept if overlap(k.mask, lesion.mask) > SAME_LESION), None)
        if twin is None:
            kept.append(lesion)
        else:
            why = f"it overlaps {_what(twin.provenance)} by more than half, so both are one lesion and the first counts"
            skipped.append(PassedOver(_what(lesion.provenance), lesion.provenance.label, why))
    return kept


def _what(provenance: Provenance) -> str:
    number = "" if provenance.number is None else f" {provenance.number}"
    return {"rtstruct": "ROI", "seg": "segment", "seed": "mark", "model": "lesion"}[provenance.kind] + number


def _pick(lesions: Sequence[Contour], skipped: list[PassedOver], rules: LesionRules, volume: Volume) -> Segmented:
    ordered = sorted(lesions, key=lambda each: -int(each.mask.sum()))
    source = _NAMES[ordered[0].provenance.kind]
    count = f"{len(ordered)} lesion" + ("s" if len(ordered) > 1 else "")
    if rules.pick == "largest" and len(ordered) > 1:
        for each in ordered[1:]:
            size = each.mask.sum() * volume.geometry.voxel_ml
            why = f"it is smaller ({size:.2f} mL) than the one that is measured"
            skipped.append(PassedOver(_what(each.provenance), each.provenance.label, why))
        rule = f"The largest by volume of {count} from the first usable source ({source})."
        ordered = ordered[:1]
    else:
        rule = f"All lesions ({count}) from the first usable source ({source}), largest first."
    return Segmented(lesions=tuple(ordered), skipped=listed(skipped), rule=rule)


def _nothing(skipped: Sequence[PassedOver], volume: Volume) -> Refused:
    """What is refused where no source shows a lesion; a drawing that could not be used comes before finding none."""
    code = next((each.code for each in skipped if each.code not in ("", "no lesion")), "no lesion")
    reasons = "; ".join(each.unnamed for each in skipped) or "no source of a lesion is at hand"
    return Refused(
        code, reasons, at=f"series {volume.series_uid}",
        do="draw or mark the lesion on this series if there is one")  # fmt: skip
