"""Encode: findings to a Comprehensive 3D SR with the contour of each lesion on its key slice (TID 1500, TID 1410)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from node.dicom.envelope import Envelope
from node.dicom.groups import key_slice_group
from node.dicom.items import Reference
from node.dicom.tid1500 import measurement_report
from node.domain.findings import Findings, Lesion
from node.domain.volume import Volume
from node.imaging.boundary import boundary


def encode_key_sr(findings: Findings, volume: Volume, headers: Sequence[Dataset], envelope: Envelope) -> Dataset:
    """
    Make the key-slice report of a case: one TID 1410 group per lesion, its contour an SCOORD POLYLINE.

    It is a document of its own because viewers that draw contours (OHIF) draw none of a report that also has groups
    with segments, and PixelMed takes such a mixture for an error.

    Args:
        findings: At least one lesion, each mask of shape (slice, row, column) on the grid of `volume`.
        volume: What was measured.
        headers: Headers of the examined images, at least one; their study takes the report.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes.

    Raises:
        ValueError: There is no header or no lesion, or a lesion does not lie on its key slice.
    """
    if not headers or not findings.lesions:
        raise ValueError("a key-slice report needs a lesion, and the header of at least one examined image")
    envelope = envelope.naming(findings)
    images = [_key_image(lesion, volume) for lesion in findings.lesions]
    groups: list[Dataset] = []
    for lesion, image in zip(findings.lesions, images, strict=True):
        drawn = boundary(lesion.contour.mask[lesion.measurements.key_slice])
        groups += key_slice_group(
            lesion,
            corners=drawn.corners,
            parts=drawn.parts,
            image=image,
            site=envelope.site,
            language=envelope.language,
        )
    return measurement_report("key-sr", findings, groups, images, headers[0], envelope)


def _key_image(lesion: Lesion, volume: Volume) -> Reference:
    """The slice that carries the long axis."""
    at = volume.slices[lesion.measurements.key_slice]
    return Reference(volume.study_uid, volume.series_uid, at.sop_class, at.sop_uid, at.frame)
