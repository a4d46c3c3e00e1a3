"""Encode: findings to a Basic Text SR, a flat list of coded sentences (PS3.3 A.35.1)."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom import codes, items
from node.dicom.envelope import Envelope
from node.dicom.items import Reference
from node.dicom.tid1500 import observer, report
from node.domain.findings import Findings
from node.domain.flat import flat
from node.domain.volume import Volume

BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"


def encode_text_sr(
    findings: Findings, volume: Volume | None, headers: Sequence[Dataset], envelope: Envelope
) -> Dataset:
    """
    Make the report for systems that map codes to the fields of a template: below the root nothing but TEXT items.

    Args:
        findings: What was found; a refused case has no lesions.
        volume: What was measured; None for a refused case that never became a volume.
        headers: Headers of the examined images, at least one; their study takes the report.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian: COMPLETE, UNVERIFIED, PRELIMINARY. The same
        arguments give the same bytes. Codes of the items: `node.domain.flat`.

    Raises:
        ValueError: There is no header.
    """
    if not headers:
        raise ValueError("a report needs the header of at least one examined image")
    envelope = envelope.naming(findings)
    root = hd.sr.ContainerContentItem(name=codes.TEXT_REPORT)
    lines = [
        items.text(line.text, envelope.language, Code(line.code, codes.SCHEME, line.meaning)) for line in flat(findings)
    ]
    root.ContentSequence = hd.sr.ContentSequence([*observer(envelope), *lines])
    return report("text-sr", root, _examined(volume, headers), headers[0], envelope, sop_class=BASIC_TEXT_SR)


def _examined(volume: Volume | None, headers: Sequence[Dataset]) -> list[Reference]:
    """The images that the report is about: it points at none, so they stand in its evidence only."""
    if volume is not None:
        at = {s.sop_uid: s.sop_class for s in volume.slices}
        return [Reference(volume.study_uid, volume.series_uid, sop_class, uid) for uid, sop_class in at.items()]
    return [items.reference(header) for header in headers]
