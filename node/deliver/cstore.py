"""
One result object to one destination by C-STORE, and what its answer means.

Statuses: PS3.4 table B.2-1 and PS3.7 section 9.1.1.1.9, rejections: PS3.8 table 9-21.

| answer                                                             | outcome                    |
|--------------------------------------------------------------------|----------------------------|
| 0000                                                               | stored                     |
| B000, B006, B007 and other Bxxx                                    | stored with a warning      |
| no connection, no TLS, no response, rejected-transient, A7xx, 0213 | again, as long as it takes |
| Cxxx, and statuses that these tables do not know                   | again, three tries in all  |
| rejected-permanent, no context, 0117, 0122, 0124, 0211, 0212, A9xx | never                      |

A report whose SOP class is not accepted goes out as the next class that is (`node.dicom.alternatives`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.deliver.forms import forms
from node.errors import DeliveryFailed
from node.network.associate import Failure
from node.network.contexts import STORAGE
from node.network.scp import Peer
from node.network.scu import Form, SendResult, send_best

TRIES_WHEN_NOT_UNDERSTOOD = 3

WARNINGS = {
    0xB000: "stored with a warning: coercion of data elements",
    0xB006: "stored with a warning: elements discarded",
    0xB007: "stored with a warning: data set does not match SOP class",
}

PERMANENT = {
    0x0112: "SOP class not supported",  # as PS3.2 table N.7-42 prints it
    0x0117: "invalid SOP instance",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
}

RESOURCE_LIMITATION = 0x0213  # PS3.7 annex C

REMEDIES = {
    Failure.UNREACHABLE: "check host, port and network; it will be tried again",
    Failure.UNTRUSTED: "check the certificates on either side; it will be tried again",
    Failure.NO_RESPONSE: "it will be tried again",
    Failure.REJECTED_TRANSIENT: "it will be tried again",
    Failure.REJECTED_PERMANENT: "correct the AE titles on either side, then retry the delivery",
    Failure.NO_CONTEXT: "have the destination accept this kind of object, or leave it out of `send`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """
    The destination has the object.

    Attributes:
        status: Status of the C-STORE response.
        note: The warning that came with it, and as what it was sent if not as what it is; "" where there is nothing.
        sop_class: SOP class as sent.
        sop_uid: SOP Instance UID as sent.
    """

    status: int
    note: str = ""
    sop_class: str = ""
    sop_uid: str = ""


def deliver(path: Path, peer: Peer, calling_ae: str, timeout_s: float = 30) -> Receipt:
    """
    Send one file and read the answer.

    Args:
        path: A DICOM file, sent byte for byte where the destination takes its SOP class.
        peer: Destination; needs host and port.
        calling_ae: Our AE title.
        timeout_s: For the connection, its negotiation and the response. Short: the object may be sent again, it is the
            same object (design rule 4).

    Raises:
        DeliveryFailed: The destination did not take it; `retry` and `tries` say whether it may be tried again.
        InstanceUnreadable: The file is no DICOM file.
    """
    possible = forms(path)
    result = send_best(path, possible, peer, calling_ae, timeout_s)
    status = _stored(result, peer)
    sent = result.form or possible[0]
    said = WARNINGS.get(status, f"stored with warning 0x{status:04X}") if status else ""
    note = "; ".join(filter(None, [said, _otherwise(sent) if sent is not possible[0] else ""]))
    return Receipt(status=status, note=note, sop_class=sent.sop_class, sop_uid=sent.sop_uid)


def _otherwise(sent: Form) -> str:
    name = STORAGE.get(sent.sop_class, sent.sop_class)
    return f"sent as {name} ({sent.sop_class}), the class that was accepted, SOP Instance UID {sent.sop_uid}"


def _stored(result: SendResult, peer: Peer) -> int:
    """The status, 0 or a warning, or the error that the answer is."""
    status, failure = result.status, result.failure
    if failure is not None:
        retry = failure not in (Failure.REJECTED_PERMANENT, Failure.NO_CONTEXT)
        unwanted = failure is Failure.NO_CONTEXT
        raise DeliveryFailed(result.detail, at=peer.name, do=REMEDIES[failure], retry=retry, unwanted=unwanted)
    assert status is not None  # noqa: S101 - a result has a status or a failure
    if status == 0 or status & 0xF000 == 0xB000:
        return status
    raise _refused(status, peer)


def _refused(status: int, peer: Peer) -> DeliveryFailed:
    code = f"(0x{status:04X})"
    again = "it will be tried again"
    if status & 0xFF00 == 0xA700 or status == RESOURCE_LIMITATION:
        return DeliveryFailed(f"out of resources {code}", at=peer.name, do=again, retry=True)
    if status & 0xFF00 == 0xA900:
        found, do = f"data set does not match SOP class {code}", "report the object to the makers of radnode"
        return DeliveryFailed(found, at=peer.name, do=do, retry=False)
    if status in PERMANENT:
        found, do = f"{PERMANENT[status]} {code}", "correct the destination's settings, then retry the delivery"
        return DeliveryFailed(found, at=peer.name, do=do, retry=False)
    found = f"cannot understand {code}" if status & 0xF000 == 0xC000 else f"answered with status {code}"
    return DeliveryFailed(found, at=peer.name, do=again, retry=True, tries=TRIES_WHEN_NOT_UNDERSTOOD)
