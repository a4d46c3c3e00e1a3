"""Segment: the lesions, from the first source that shows any; and what was passed over on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.dicom.foreign import PassedOver, listed
from node.domain import sources
from node.domain.findings import Contour, Provenance, Segmented
from node.domain.geometry import Geometry
from node.domain.language import joined, say, told
from node.domain.order import LesionRules, SourceKind
from node.domain.volume import Volume
from node.errors import InstanceUnreadable, ModelFailed, Refused
from node.imaging.regrid import onto, overlap
from node.inference.model import Segmenter
from node.stages.segment.drawings import READERS, Found

SAME_LESION = 0.5  #: drawings that share more than this of the smaller one are one lesion


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
    for path in source.paths:
        try:
            yield from READERS[source.kind](path, volume, rules)
        except InstanceUnreadable as error:
            yield PassedOver(sources.NAMES[source.kind], "", error.found, "contour mismatch")


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
    drawn_on = volumes[drawing.role or next(iter(volumes))].geometry
    shape = drawn_on.shape
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
        yield from (
            Contour(mask=mask, provenance=provenance)
            for mask in _on_first(drawing.masks, drawn_on, volumes)
            if mask.any()
        )


def _on_first(
    masks: Sequence[NDArray[np.bool_]], place: Geometry, volumes: Mapping[str, Volume]
) -> Iterator[NDArray[np.bool_]]:
    """The masks on the grid that is measured; untouched where they were drawn on it."""
    target = next(iter(volumes.values())).geometry
    return (mask if place is target else onto(mask, place, target) for mask in masks)


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
