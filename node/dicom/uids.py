"""UIDs that derive from what they name, so that the same order always gives the same objects (design rule 4)."""

from __future__ import annotations

import hashlib

from node.domain.findings import Provenance


def derive_uid(*parts: str) -> str:
    """
    A UID below 2.25 (PS3.5 B.2) from the SHA-256 of the parts.

    The first 128 bits are taken, with the version and variant bits of an RFC 9562 version 8 UUID, as 2.25 asks for the
    integer form of a UUID. Parts are length-prefixed: ("ab", "c") and ("a", "bc") give different UIDs.
    """
    text = "".join(f"{len(part)}:{part}" for part in parts)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # version 8: vendor specific
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant 10
    return f"2.25.{number}"


IMPLEMENTATION_UID = derive_uid("radnode", "implementation")
"""Implementation Class UID (0002,0012) of everything that this program writes."""


def tracking(study_uid: str, pipeline: str, provenance: Provenance, number: int) -> tuple[str, str]:
    """
    Tracking ID (0062,0020) and Tracking UID (0062,0021) of a lesion.

    What the source carries wins. Otherwise both derive from the case (study and pipeline) and from the lesion's place
    in its source, never from the source object's own UID: drawn again, or read again for a revision, it stays the same
    lesion.

    Args:
        study_uid: Study and pipeline name are the case.
        pipeline: See `study_uid`.
        provenance: The lesion's source.
        number: Rank of the lesion in reporting order, from 1; tells lesions apart whose source does not.
    """
    place = str(number) if provenance.number is None else f"number {provenance.number}"
    uid = derive_uid("tracking", study_uid, pipeline, provenance.kind, provenance.model, provenance.label, place)
    return provenance.tracking_id or _name(provenance, number), provenance.tracking_uid or uid


def _name(provenance: Provenance, number: int) -> str:
    what = {"rtstruct": "ROI", "seg": "segment"}.get(provenance.kind, "")
    if provenance.label and what and provenance.number is not None:
        return f"{provenance.label} ({what} {provenance.number})"
    return f"{provenance.label} ({number})" if provenance.label else f"Lesion {number}"
