"""Encode: all radiomic features of each lesion to a Comprehensive 3D SR (TID 1500, TID 1411)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from pydicom.dataset import Dataset

from node.dicom import items
from node.dicom.envelope import MODEL_NAME, Envelope
from node.dicom.features import feature_group
from node.dicom.items import Reference
from node.dicom.tid1500 import measurement_report
from node.domain.findings import Findings, Lesion
from node.domain.order import Extraction
from node.domain.radiomics import Feature, settings
from node.domain.volume import Volume

LIBRARY = "pyradiomics"


def encode_feature_sr(
    findings: Findings,
    volume: Volume,
    headers: Sequence[Dataset],
    seg: Dataset,
    envelope: Envelope,
    extraction: Extraction,
) -> Dataset:
    """
    Make the report of features: one TID 1411 group per lesion, a NUM for each feature with its settings.

    It is a series of its own, so that nobody has to read past a thousand numbers to the findings.

    Args:
        findings: At least one lesion; those of which no feature could be computed have a group that says why.
        volume: What was measured.
        headers: Headers of the examined images, at least one; their study takes the report.
        seg: The Segmentation of the same findings.
        envelope: The job.
        extraction: How the features were computed.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes.

    Raises:
        ValueError: There is no header or no lesion.
    """
    if not headers or not findings.lesions:
        raise ValueError("a report of features needs a lesion, and the header of at least one examined image")
    envelope = envelope.naming(findings)
    segment = Reference(volume.study_uid, seg.SeriesInstanceUID, seg.SOPClassUID, seg.SOPInstanceUID)
    groups: list[Dataset] = []
    used = [segment]
    for lesion in findings.lesions:
        images = items.lesion_images(lesion.contour.mask, volume)
        groups += feature_group(
            lesion,
            _described(lesion, extraction, volume.unit),
            algorithm=(MODEL_NAME, envelope.node_version),  # as the node's item in Contributing Equipment has it
            segment=segment,
            images=images,
            site=envelope.site,
            language=envelope.language,
        )
        used += images
    return measurement_report("feature-sr", findings, groups, used, headers[0], envelope)


def _described(lesion: Lesion, extraction: Extraction, unit: str) -> list[tuple[Feature, str]]:
    m, library = lesion.measurements, f"{LIBRARY} {version(LIBRARY)}"
    features = [Feature.of(name, extraction, unit) for name in (*m.features, *m.no_value)]
    return [(feature, settings(feature, extraction, unit, library)) for feature in features]
