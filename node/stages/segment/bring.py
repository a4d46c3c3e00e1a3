"""A drawing on another series is carried to the one that is measured, by where registration found the two to lie."""

from __future__ import annotations

from dataclasses import replace

from node.dicom.foreign import PassedOver
from node.domain import sources
from node.domain.findings import Contour
from node.domain.language import say
from node.domain.volume import Laid, Volume
from node.imaging.regrid import carried, cut_off
from node.stages.segment.drawings import Found


def brought(drawn: Found, role: str, laid: Laid, first: str, measured: Volume) -> Found:
    """
    What was drawn on another series, on the grid of the one that is measured.

    Args:
        drawn: Masks on the grid of that series, and what of the source is not used.
        role: That series.
        laid: How it was laid on the measured one.
        first: Role of the measured one.
        measured: Its volume.
    """
    for each in drawn:
        if isinstance(each, PassedOver):
            yield replace(each, what=sources.on(each.what, role))
        else:
            yield _brought(each, role, laid, first, measured)


def _brought(drawn: Contour, role: str, laid: Laid, first: str, measured: Volume) -> Contour | PassedOver:
    own, target = laid.volume.geometry, measured.geometry
    mask, told = carried(drawn.mask, own, target, (role, first))
    provenance = drawn.provenance
    if not mask.any():
        what = sources.on(sources.drawing(provenance), role)
        why = say("carried over, it lies outside the image that is measured")
        return PassedOver(what, provenance.label, why, "contour mismatch")
    notes = (
        *provenance.notes,
        told,
        laid.note,
        *cut_off(drawn.mask, own, target),
    )
    return Contour(mask=mask, provenance=replace(provenance, notes=notes))
