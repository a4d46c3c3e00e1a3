"""Encode: findings to a Comprehensive 3D SR with TID 1500 as its root (PS3.16, IHE AIR)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from node.dicom import items
from node.dicom.envelope import Envelope
from node.dicom.groups import lesion_group, source_object
from node.dicom.items import Reference
from node.dicom.tid1500 import measurement_report
from node.domain.findings import Findings
from node.domain.volume import Volume


def encode_sr(
    findings: Findings, volume: Volume | None, headers: Sequence[Dataset], seg: Dataset | None, envelope: Envelope
) -> Dataset:
    """
    Make the report of a case: one TID 1411 group per lesion, or why the case was not evaluated.

    Args:
        findings: What was found; a refused case has no lesions.
        volume: What was measured; None for a refused case that never became a volume.
        headers: Headers of the examined images, at least one; their study takes the report.
        seg: The Segmentation of the same findings; None for a refused case.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes.

    Raises:
        ValueError: There is no header, or there are lesions without volume or SEG.
    """
    if not headers:
        raise ValueError("a report needs the header of at least one examined image")
    envelope = envelope.naming(findings)
    groups, used = _groups(findings, volume, seg, envelope)
    used = used or [items.reference(header) for header in headers]
    return measurement_report("sr", findings, groups, used, headers[0], envelope)


def _groups(
    findings: Findings, volume: Volume | None, seg: Dataset | None, envelope: Envelope
) -> tuple[list[Dataset], list[Reference]]:
    """The measurement groups, and all that they refer to."""
    if not findings.lesions:
        return [], []
    if volume is None or seg is None:
        raise ValueError("lesions are reported together with their volume and Segmentation")
    segment = Reference(volume.study_uid, seg.SeriesInstanceUID, seg.SOPClassUID, seg.SOPInstanceUID)
    groups: list[Dataset] = []
    used = [segment]
    for lesion in findings.lesions:
        images = items.lesion_images(lesion.contour.mask, volume)
        groups += lesion_group(lesion, segment=segment, images=images, site=envelope.site, language=envelope.language)
        used += [*images, *filter(None, [source_object(lesion.contour.provenance)])]
    return groups, used
