"""Radiomic features as content items: coded by IBSI where the definition is the same, else by our own scheme."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as known
from pydicom.sr.coding import Code

from node.dicom import codes, items
from node.dicom.groups import finding, sites
from node.dicom.items import Reference
from node.domain import words
from node.domain.findings import Lesion
from node.domain.language import Language
from node.domain.radiomics import Feature

STATISTICS: Mapping[str, str] = {
    "Q4LE": "Mean intensity",
    "ECT3": "Intensity variance",
    "KE2A": "Intensity skewness",
    "IPH6": "Excess intensity kurtosis",
    "Y12H": "Median intensity",
    "1GSF": "Minimum intensity",
    "QG58": "10th intensity percentile",
    "8DWT": "90th intensity percentile",
    "84IY": "Maximum intensity",
    "SALO": "Intensity interquartile range",
    "2OJQ": "Intensity range",
    "4FUA": "Intensity-based mean absolute deviation",
    "1128": "Intensity-based robust mean absolute deviation",
    "N8CA": "Intensity-based energy",
    "5ZWQ": "Root mean square intensity",
}
"""Names that the IBSI reference manual gives to the codes that the DICOM dictionary lacks."""

_UNITS = {
    "1": "no units",
    "mm": "millimeter",
    "mm2": "square millimeter",
    "mm3": "cubic millimeter",
    "/mm": "per millimeter",
    "[hnsf'U]": "Hounsfield unit",
    "[hnsf'U]2": "square Hounsfield unit",
    "[hnsf'U]2.mm3": "square Hounsfield unit times cubic millimeter",
    "g/ml{SUVbw}": "Standardized Uptake Value body weight",
    "(g/ml{SUVbw})2": "square of Standardized Uptake Value body weight",
    "(g/ml{SUVbw})2.mm3": "square of SUV body weight times cubic millimeter",
}


def concept(feature: Feature) -> Code:
    """Concept name of a feature."""
    if not feature.ibsi:
        return Code(f"RG-F{feature.number}", codes.SCHEME, f"pyradiomics {feature.title}"[:64])
    return Code(feature.ibsi, "IBSI", _dictionary().get(feature.ibsi) or STATISTICS[feature.ibsi])


def unit(feature: Feature) -> Code:
    """Unit of a feature (UCUM)."""
    return Code(feature.unit, "UCUM", _UNITS[feature.unit])


def feature_group(
    lesion: Lesion,
    described: Sequence[tuple[Feature, str]],
    *,
    algorithm: tuple[str, str],
    segment: Reference,
    images: Sequence[Reference],
    site: tuple[str, str, str] | None,
    language: Language,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """
    The measurement group (TID 1411) with all features of one lesion.

    A feature without a finite value is there all the same: a qualitative item "not evaluated" with the empty NUM and
    its reason below it, because TID 1419 wants a value in every NUM of the group itself.

    Args:
        lesion: Measured.
        described: Every feature that was computed, and the settings that it was computed with.
        algorithm: Name and version of what computed them.
        segment: Our SEG; the lesion's number is its segment.
        images: Slices (or frames) that the lesion lies on.
        site: Finding Site.
        language: Of the sentences.
    """
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=lesion.tracking_uid, identifier=lesion.tracking_id),
        referenced_segment=items.referenced_segment(segment, lesion.number, images),
        finding_type=finding(lesion),
        finding_sites=sites(lesion, site),
    )
    content = group[0].ContentSequence
    content.extend(_item(lesion, feature, items.algorithm(*algorithm, said)) for feature, said in described)
    content.append(items.text([words.description(lesion.contour.provenance), *words.measured(lesion)], language))
    return group


def _item(lesion: Lesion, feature: Feature, children: list[Dataset]) -> Dataset:
    m, name = lesion.measurements, concept(feature)
    value = m.features.get(feature.name, m.no_value.get(feature.name, math.nan))
    if math.isfinite(value):
        item = hd.sr.NumContentItem(name=name, value=value, unit=unit(feature), relationship_type=items.CONTAINS)
        item.ContentSequence = hd.sr.ContentSequence(children)
        return item
    absent = items.num(name, value, unit(feature), relationship=items.HAS_PROPERTIES, children=children)
    return items.code(name, codes.NOT_EVALUATED, children=[absent])


@cache
def _dictionary() -> dict[str, str]:
    """Code value to meaning of what the DICOM dictionary knows of IBSI."""
    listed = (getattr(known.IBSI, name) for name in known.IBSI.dir())
    return {code.value: code.meaning for code in listed}
