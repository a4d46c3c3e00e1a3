"""
The same report under another SOP class, for a receiver that does not take the one it was made as.

A report without three-dimensional coordinates and without references by identifier is valid, as it stands, as
Comprehensive 3D SR, Comprehensive SR and Enhanced SR (PS3.3 A.35.13, A.35.3, A.35.2). Another class is another object,
so it has a SOP Instance UID of its own (PS3.5 9), derived from that of the original: made again, it is the same object.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from node.dicom.uids import derive_uid

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"

_INSTEAD = {COMPREHENSIVE_3D_SR: (COMPREHENSIVE_SR, ENHANCED_SR)}


def alternatives(sop_class: str) -> tuple[str, ...]:
    """Classes that an object of ours may be sent as in place of its own, the best first; mostly none."""
    return _INSTEAD.get(sop_class, ())


def alternative_uid(sop_uid: str, sop_class: str) -> str:
    """SOP Instance UID of an object under another class than its own."""
    return derive_uid("class", sop_class, sop_uid)


def all_uids(sop_class: str, sop_uid: str) -> tuple[str, ...]:
    """Every SOP Instance UID that an object may reach a receiver under, its own first."""
    return (sop_uid, *(alternative_uid(sop_uid, other) for other in alternatives(sop_class)))


def as_class(ds: Dataset, sop_class: str) -> Dataset:
    """
    Give an object another class, and with it another identity; the document is the same to the letter.

    What it replaces (Predecessor Documents Sequence) is named as this receiver has it, under that class, too;
    everything else that it refers to is named as it is.

    Args:
        ds: The object, with file meta information; changed in place.
        sop_class: One of its `alternatives`.

    Raises:
        ValueError: The object cannot be of that class.
    """
    made_as = str(ds.SOPClassUID)
    if sop_class not in alternatives(made_as):
        raise ValueError(f"an object of class {made_as} cannot be sent as {sop_class}")
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, alternative_uid(str(ds.SOPInstanceUID), sop_class)
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, ds.SOPInstanceUID
    for study in ds.get("PredecessorDocumentsSequence", []):
        for document in [sop for series in study.ReferencedSeriesSequence for sop in series.ReferencedSOPSequence]:
            if document.ReferencedSOPClassUID == made_as:
                document.ReferencedSOPClassUID = sop_class
                document.ReferencedSOPInstanceUID = alternative_uid(document.ReferencedSOPInstanceUID, sop_class)
    return ds
