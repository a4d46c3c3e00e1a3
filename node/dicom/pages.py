"""What both forms of the report page, document and picture, say of the images behind them."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from node.dicom.envelope import Envelope
from node.dicom.items import Reference, evidence
from node.domain.findings import Findings
from node.domain.volume import Volume


def sources(findings: Findings, volume: Volume | None, headers: Sequence[Dataset], envelope: Envelope) -> list[Dataset]:
    """
    Items of a sequence of source instances: the images that lesions were measured on; of a refusal, what was refused.

    Behind them stand the series that were read besides.

    Args:
        findings: Lesions with masks of shape (slice, row, column) on the grid of `volume`.
        volume: What was measured; None when refused.
        headers: Of the examined images.
        envelope: The job.
    """
    if volume is None:
        named = [(str(each.SOPClassUID), str(each.SOPInstanceUID)) for each in headers if "SOPInstanceUID" in each]
    else:
        masks = [lesion.contour.mask for lesion in findings.lesions]
        drawn = [n for n in range(len(volume.slices)) if any(mask[n].any() for mask in masks)]
        named = [(volume.slices[n].sop_class, volume.slices[n].sop_uid) for n in drawn]
    named += [(each.sop_class, each.sop_uid) for each in envelope.also_read]
    return [_item(sop_class, uid) for sop_class, uid in dict.fromkeys(named)]


def predecessors(envelope: Envelope, study_uid: str) -> list[Dataset]:
    """
    Items of Predecessor Documents Sequence: the report page that this one replaces, if there was one.

    Args:
        envelope: The job, which names what it replaces.
        study_uid: Study that both are in.
    """
    before = envelope.predecessor.objects if envelope.predecessor else ()
    pages = [
        Reference(study_uid, series, sop_class, uid)
        for sop_class, uid, series in before
        if sop_class == EncapsulatedPDFStorage
    ]
    return evidence(pages, study_uid)[0]


def _item(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item
