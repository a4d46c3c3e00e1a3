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
from node.domain import sources
from node.domain.findings import Contour, Provenance, Segmented
from node.domain.language import joined, say, sentence, told
from node.domain.naming import Standing, excluded, is_target, standing
from node.domain.order import LesionRules, SourceKind
from node.domain.volume import Volume
from node.errors import InstanceUnreadable, ModelFailed, Refused
from node.imaging.grow import grow
from node.imaging.rasterise import rasterise
from node.imaging.regrid import changes, onto, overlap
from node.inference.model import Segmenter

SAME_LESION = 0.5  #: drawings that share more than this of the smaller one are one lesion

Found = Iterator[Contour | PassedOver]
"""What one source gives: lesions in its order of preference, and what of it is not used."""


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """One possible source of the lesion: the objects of a kind, or the package id of a segmenter."""

    kind: SourceKind
    paths: tuple[Path, ...]
    model: str = ""


def segment(
    volumes: Mapping[str, Volume],
    at_hand: Sequence[SourceFiles],
    rules: LesionRules,
    segmenters: Mapping[str, Segmenter],
) -> Segmented:
    """
    Take the lesions from the first source that shows any.

    Args:
        volumes: Role name to volume; the first one is measured, and all masks lie on its grid.
        at_hand: Sources in order of preference.
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
    for position, source in enumerate(at_hand):
        drawn = list(_draw(source, volumes, rules, segmenters))
        skipped += [each for each in drawn if isinstance(each, PassedOver)]
        lesions = _apart([each for each in drawn if isinstance(each, Contour)], skipped)
        if lesions:
            unused = [each for each in at_hand[position + 1 :] if each.kind != "model"]  # nobody drew in a model's name
            skipped += [PassedOver(sources.NAMES[each.kind], "", sources.NOT_NEEDED) for each in unused]
            return _pick(lesions, skipped, rules, volume)
    raise _nothing(skipped, volume)


def _draw(
    source: SourceFiles, volumes: Mapping[str, Volume], rules: LesionRules, segmenters: Mapping[str, Segmenter]
) -> Found:
    volume = next(iter(volumes.values()))
    if source.kind == "model":
        yield from _from_model(source.model, volumes, rules, segmenters)
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
            yield PassedOver(sources.NAMES[source.kind], "", error.found, "contour mismatch")


def _from_structure_set(path: Path, volume: Volume, rules: LesionRules) -> Found:
    """The ROIs of the best standing that can be drawn; worse ones only where none of the better can."""
    found = read_structure_set(path)
    ranked: dict[int, list[tuple[Roi, Standing]]] = {}
    for roi in found.rois:
        stands = standing(roi.name, roi.interpreted_type, rules)
        if stands.rank is None:
            yield PassedOver(sources.roi(roi.number), roi.name, stands.why)
        else:
            ranked.setdefault(stands.rank, []).append((roi, stands))
    chosen = ""
    for _, group in sorted(ranked.items()):
        if chosen:
            why = say("one {standing} is preferred", standing=chosen)
            yield from (PassedOver(sources.roi(r.number), r.name, why) for r, _ in group)
            continue
        drawn = [_from_roi(roi, found, volume) for roi, _ in group]
        yield from drawn
        chosen = group[0][1].why if any(isinstance(each, Contour) for each in drawn) else ""


def _from_roi(roi: Roi, found: StructureSet, volume: Volume) -> Contour | PassedOver:
    what = sources.roi(roi.number)
    if not roi.contours:
        return PassedOver(what, roi.name, joined(roi.skipped, "; ") or sources.NEVER_DRAWN)
    if reason := elsewhere(roi.frame_uid, roi.sop_uids or found.sop_uids, volume):
        return PassedOver(what, roi.name, reason, "contour mismatch")
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
    if roi.sop_uids and roi.sop_uids.isdisjoint(s.sop_uid for s in volume.slices):
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


def _from_segmentation(path: Path, volume: Volume, rules: LesionRules) -> Found:
    found = read_segmentation(path)
    for each in found.segments:
        what, labelled = sources.segment(each.number), re.search(rules.label_pattern, each.label) is not None
        if excluded(each.label, rules):
            yield PassedOver(what, each.label, sources.LABEL_EXCLUDED)
        elif not (is_lesion(each.type) or labelled):
            yield PassedOver(what, each.label, sources.NO_LESION)
        elif reason := elsewhere(found.frame_uid, found.sop_uids, volume):
            yield PassedOver(what, each.label, reason, "contour mismatch")
        else:
            yield _from_segment(each, found, volume)


def _from_segment(each: Segment, found: Segmentation, volume: Volume) -> Contour | PassedOver:
    what = sources.segment(each.number)
    try:
        own, geometry = found.mask(each.number)
    except InstanceUnreadable as error:
        return PassedOver(what, each.label, error.found, "contour mismatch")
    if not own.any():
        return PassedOver(what, each.label, sources.NO_VOXEL)
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


def _from_seeds(path: Path, volume: Volume, rules: LesionRules) -> Found:
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


def _from_model(
    model: str, volumes: Mapping[str, Volume], rules: LesionRules, segmenters: Mapping[str, Segmenter]
) -> Found:
    what = sources.model(model)
    if model not in segmenters:
        yield PassedOver(what, "", sources.NOT_AVAILABLE, "model unavailable")
        return
    try:
        drawing = segmenters[model](volumes)
    except Refused as refused:
        yield PassedOver(what, "", refused.found, refused.code)
        return
    shape = next(iter(volumes.values())).geometry.shape
    if not 0 <= drawing.trust <= 1 or any(m.shape != shape or m.dtype != bool or not m.any() for m in drawing.masks):
        raise ModelFailed(sources.broken(drawing.trust), at=model, do=sources.REPORT)
    if not drawing.masks:
        yield PassedOver(what, "", say("it found no lesion: {why}", why=told(drawing.why)), "no lesion")
    elif drawing.trust < rules.min_trust:
        why = say(
            "its trust of {trust:.2f} is below {least:.2f}: {why}",
            trust=float(drawing.trust), least=float(rules.min_trust), why=told(drawing.why),
        )  # fmt: skip
        yield PassedOver(what, "", why, "low trust")
    else:
        provenance = Provenance(
            kind="model", algorithm_type="AUTOMATIC", model=model, trust=drawing.trust, notes=(drawing.why,)
        )
        yield from (Contour(mask=mask, provenance=provenance) for mask in drawing.masks)


def _apart(lesions: Sequence[Contour], skipped: list[PassedOver]) -> list[Contour]:
    """Drawings of one lesion become one: the first stays, as it is the one that the source prefers."""
    kept: list[Contour] = []
    for lesion in lesions:
        twin = next((k for k in kept if overlap(k.mask, lesion.mask) > SAME_LESION), None)
        if twin is None:
            kept.append(lesion)
        else:
            why = say(
                "it overlaps {other} by more than half, so both are one lesion and the first counts",
                other=sources.drawing(twin.provenance),
            )
            skipped.append(PassedOver(sources.drawing(lesion.provenance), lesion.provenance.label, why))
    return kept


def _pick(lesions: Sequence[Contour], skipped: list[PassedOver], rules: LesionRules, volume: Volume) -> Segmented:
    ordered = sorted(lesions, key=lambda each: -int(each.mask.sum()))
    largest = rules.pick == "largest"
    rule = sources.rule(len(ordered), ordered[0].provenance.kind, largest=largest)
    if largest:
        for each in ordered[1:]:
            size = each.mask.sum() * volume.geometry.voxel_ml
            why = say("it is smaller ({size:.2f} mL) than the one that is measured", size=float(size))
            skipped.append(PassedOver(sources.drawing(each.provenance), each.provenance.label, why))
        ordered = ordered[:1]
    return Segmented(lesions=tuple(ordered), skipped=listed(skipped), rule=rule)


def _nothing(skipped: Sequence[PassedOver], volume: Volume) -> Refused:
    """What is refused where no source shows a lesion; a drawing that could not be used comes before finding none."""
    code = next((each.code for each in skipped if each.code not in ("", "no lesion")), "no lesion")
    reasons = joined([each.unnamed for each in skipped], "; ") or sources.NO_SOURCE
    return Refused(
        code, reasons, at=f"series {volume.series_uid}",
        do="draw or mark the lesion on this series if there is one")  # fmt: skip
