"""One lesion as a measurement group (TID 1411, TID 1410): where it is, what was measured, what the models say."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom import codes, items
from node.dicom.envelope import algorithm_name
from node.dicom.items import Reference
from node.domain import evidence, words
from node.domain.facts import ModelFacts
from node.domain.findings import Lesion, Measurements, Prediction, Provenance
from node.domain.language import Language, Said


def lesion_group(
    lesion: Lesion,
    *,
    segment: Reference,
    images: Sequence[Reference],
    site: tuple[str, str, str] | None,
    language: Language,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """
    The measurement group of one lesion.

    Args:
        lesion: Measured, and asked about by every model of the pipeline.
        segment: Our SEG; the lesion's number is its segment.
        images: Slices (or frames) that the lesion lies on.
        site: Finding Site.
        language: Of the sentences.
    """
    provenance = lesion.contour.provenance
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=lesion.tracking_uid, identifier=lesion.tracking_id),
        referenced_segment=items.referenced_segment(segment, lesion.number, images),
        finding_type=finding(lesion),
        finding_sites=sites(lesion, site),
    )
    content = group[0].ContentSequence
    if at := source_object(provenance):
        content.append(items.drawn_in(at))
    content.extend(_measurements(lesion.measurements))
    for prediction in lesion.predictions:
        content.extend(_answers(prediction))
    content.extend(_statements(lesion, language))
    return group


def key_slice_group(
    lesion: Lesion,
    *,
    corners: NDArray[np.float64],
    parts: int,
    image: Reference,
    site: tuple[str, str, str] | None,
    language: Language,
) -> hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    """
    The measurement group of one lesion with its contour on one slice (TID 1410), what the models say first.

    Viewers write all NUMs beside the contour: only those that a reader can weigh there.

    Args:
        lesion: Measured, and asked about by every model of the pipeline.
        corners: As for `items.region`.
        parts: How many separate parts of the lesion lie on the slice.
        image: The slice (or frame).
        site: Finding Site.
        language: Of the sentences.
    """
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=lesion.tracking_uid, identifier=lesion.tracking_id),
        referenced_region=items.region(corners, image),
        finding_type=finding(lesion),
        finding_sites=sites(lesion, site),
    )
    content = group[0].ContentSequence
    for prediction in lesion.predictions:
        content.extend(_answers(prediction))
    content.extend(_size(lesion.measurements))
    content.append(items.text(words.key_contour(parts), language))
    content.extend(_statements(lesion, language))
    return group


def source_object(provenance: Provenance) -> Reference | None:
    """The RT Structure Set, Segmentation, SR or GSPS that the lesion was taken from; None for a model."""
    if not (provenance.sop_uid and provenance.sop_class and provenance.series_uid and provenance.study_uid):
        return None
    return Reference(provenance.study_uid, provenance.series_uid, provenance.sop_class, provenance.sop_uid)


def finding(lesion: Lesion) -> Code:
    """What the lesion is said to be: a neoplasm only where a human source says so."""
    return codes.NEOPLASM if lesion.contour.provenance.named_neoplasm else codes.LESION


def sites(lesion: Lesion, site: tuple[str, str, str] | None) -> list[hd.sr.FindingSite] | None:
    """The Finding Site, with its Laterality where the image shows which of the two it is."""
    if site is None:
        return None
    where = Code(*site)
    return [hd.sr.FindingSite(where, laterality=codes.laterality(where, lesion.lung))]


def _size(m: Measurements) -> list[Dataset]:
    return [
        items.num(codes.VOLUME, m.volume_ml, codes.CUBIC_CENTIMETRE, digits=3),
        items.num(codes.LONG_AXIS, m.long_axis.length_mm, codes.MILLIMETRE),
        items.num(codes.SHORT_AXIS, m.short_axis.length_mm, codes.MILLIMETRE),
    ]


def _measurements(m: Measurements) -> list[Dataset]:
    measured = [*_size(m), items.num(codes.DIAMETER_3D, m.diameter_3d_mm, codes.MILLIMETRE)]
    if m.ground_glass is not None and m.ground_glass.fraction is not None:
        measured.append(items.num(codes.GROUND_GLASS, 100 * m.ground_glass.fraction, codes.PERCENT))
    return measured


def _answers(prediction: Prediction) -> list[Dataset]:
    """
    The probability with its interval as three NUMs, and the qualitative answer.

    Without an answer there is the qualitative item alone, and below it the NUM without a value that says why: directly
    in the group PixelMed's TID 1419 wants a value in every NUM.
    """
    facts, e = prediction.model, prediction.estimate
    side = words.verdict(prediction)
    if e is None or not words.is_answered(prediction):
        absent = items.num(
            codes.probability(facts), None, codes.PERCENT, relationship=items.HAS_PROPERTIES,
            why_absent=codes.why_absent(prediction), children=_about(facts),
        )  # fmt: skip
        return [items.code(codes.status(facts), codes.NOT_EVALUATED, children=[absent])]
    shares = ((codes.probability, e.probability), (codes.lower, e.lower), (codes.upper, e.upper))
    numbers = [items.num(name(facts), 100 * share, codes.PERCENT, children=_about(facts)) for name, share in shares]
    return [*numbers, *([items.code(codes.status(facts), codes.verdict(side))] if side else [])]


def _about(facts: ModelFacts) -> list[Dataset]:
    """Which gene a number is about, and which model gave it."""
    gene = codes.gene(facts)
    about = [items.code(codes.PREDICTED_GENE, gene, items.MODIFIES)] if gene else []
    return [*about, *items.algorithm(algorithm_name(facts), facts.version)]


def _statements(lesion: Lesion, language: Language) -> list[Dataset]:
    """One TEXT for the lesion, one for every prediction."""
    about = [words.description(lesion.contour.provenance), *words.measured(lesion)]
    panels = [_panel(prediction) for prediction in lesion.predictions]
    return [items.text(lines, language) for lines in (about, *panels)]


def _panel(prediction: Prediction) -> list[Said]:
    """The headline first, then what it rests on; a group stands for itself, so the model's limits are in each."""
    limits = evidence.caveats(prediction.model) if words.is_answered(prediction) else []
    return [evidence.headline(prediction), *evidence.evidence(prediction), *limits]
