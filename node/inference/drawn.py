"""The lesions that a segmenter draws, on the grid of the volume that is measured; or why none of them counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from node.dicom.foreign import PassedOver
from node.domain import sources
from node.domain.findings import Contour, Drawing, Fitness, Provenance
from node.domain.language import joined, say, sentence, told
from node.domain.volume import Volume
from node.errors import ModelFailed, Refused
from node.imaging.regrid import carried, cut_off
from node.inference.model import Segmenter

Mask = NDArray[np.bool_]

ANY = Fitness(outcome="in_domain")
"""For a segmenter that declares nothing."""


def drawn_by(
    model: str,
    volumes: Mapping[str, Volume],
    min_trust: float,
    segmenters: Mapping[str, Segmenter],
    fitness: Fitness = ANY,
) -> Iterator[Contour | PassedOver]:
    """
    Let a model draw.

    It draws on the volume of its role. Where that is not the first one, which is measured, its masks are carried over
    to the grid of that one by their places in the patient.

    Args:
        model: Package id.
        volumes: Role name to volume; the first is measured. All lie in one frame of reference.
        min_trust: A drawing with less is not used.
        segmenters: Package id to an open segmenter.
        fitness: Whether the image and the patient are what it declares; outside of that it is not asked.

    Raises:
        ModelFailed: The model broke its promise.
    """
    what = sources.model(model)
    if model not in segmenters:
        yield PassedOver(what, "", say("it is not available in this installation"), "model unavailable")
        return
    if fitness.outcome == "outside":
        code = "wrong anatomy" if fitness.code == "wrong_anatomy" else "unsupported image"
        yield PassedOver(what, "", joined(fitness.reasons, "; "), code)
        return
    first, measured = next(iter(volumes.items()))
    role = segmenters[model].role if segmenters[model].role in volumes else first
    drawn_on = volumes[role]
    try:
        drawing = segmenters[model](volumes)
    except Refused as refused:
        yield PassedOver(what, "", refused.found, refused.code)
        return
    _check(drawing, drawn_on, model)
    if not drawing.masks:
        yield PassedOver(what, "", say("it found no lesion: {why}", why=told(drawing.why)), "no lesion")
    elif drawing.trust < min_trust:
        why = say(
            "its trust of {trust:.2f} is below {least:.2f}: {why}",
            trust=float(drawing.trust), least=float(min_trust), why=told(drawing.why),
        )  # fmt: skip
        yield PassedOver(what, "", why, "low trust")
    else:
        edge = say("at the edge of what the model was made for: {reasons}", reasons=joined(fitness.reasons, "; "))
        doubts = [sentence(edge)] if fitness.reasons else []
        for own in drawing.masks:
            yield _carried(own, drawn_on, measured, (drawing.why, *doubts), model, drawing.trust, (role, first))


def _check(drawing: Drawing, drawn_on: Volume, model: str) -> None:
    shape = drawn_on.geometry.shape
    if not 0 <= drawing.trust <= 1 or any(m.shape != shape or m.dtype != bool or not m.any() for m in drawing.masks):
        raise ModelFailed(sources.broken(drawing.trust), at=model, do=sources.REPORT)


def _carried(
    own: Mask,
    drawn_on: Volume,
    measured: Volume,
    said: tuple[str, ...],
    model: str,
    trust: float,
    roles: tuple[str, str],
) -> Contour | PassedOver:
    """One mask on the grid that is measured, and how it came there."""
    mask, place, target = own, drawn_on.geometry, measured.geometry
    if not place.same_grid(target):
        mask, way = carried(own, place, target, roles)
        if not mask.any():
            why = say("its drawing lies outside the image that is measured")
            return PassedOver(sources.model(model), "", why, "no lesion")
        said += (way, *cut_off(own, place, target))
    provenance = Provenance(kind="model", algorithm_type="AUTOMATIC", model=model, trust=trust, notes=said)
    return Contour(mask=mask, provenance=provenance)
