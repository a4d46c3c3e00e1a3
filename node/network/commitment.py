"""
Storage Commitment Push Model (PS3.4 annex J), in both roles.

Asking: N-ACTION, and the report (N-EVENT-REPORT) on the same association, or later on one that the peer opens, with the
roles turned round (PS3.7 annex D.3.3.4). Being asked: the same seen from the other end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from node.network.associate import Failure, Unanswered, associated
from node.network.scp import Peer

PUSH_MODEL = "1.2.840.10008.1.20.1"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"  # the one SOP instance of that class (PS3.4 section J.3.5)
REQUEST_COMMITMENT = 1  # action type (PS3.4 table J.3-1)
ALL_COMMITTED, SOME_FAILED = 1, 2  # event types (PS3.4 table J.3-3)

SUCCESS = 0x0000  # statuses: PS3.7 annex C
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
NO_SUCH_EVENT = 0x0113
INVALID_VALUE = 0x0115
NO_SUCH_ACTION = 0x0123
NOT_AUTHORISED = 0x0124

POLL_S = 0.1

Reference = tuple[str, str]
"""SOP Class UID and SOP Instance UID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A peer asks us to commit ourselves to keeping these instances."""

    transaction_uid: str
    references: tuple[Reference, ...]
    calling_ae: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What became of a request.

    Attributes:
        committed: What the archive keeps.
        failed: What it does not, each with its reason (PS3.3 section C.14.1.1).
        ae_title: Who reports.
        host: Its address.
    """

    transaction_uid: str
    committed: tuple[Reference, ...] = ()
    failed: tuple[tuple[Reference, int], ...] = ()
    ae_title: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What an N-ACTION or an N-EVENT-REPORT was answered.

    Attributes:
        status: Its status; None when no answer came.
        failure: Why none came.
        detail: The failure in words.
    """

    status: int | None = None
    failure: Failure | None = None
    detail: str = ""


def ask(
    peer: Peer,
    calling_ae: str,
    transaction_uid: str,
    references: Sequence[Reference],
    *,
    on_report: Callable[[Report], int],
    answered: Callable[[], bool],
    hold_s: float = 5,
    timeout_s: float = 30,
) -> Answer:
    """
    Ask a peer to commit itself, and stay for a while: it may report on the same association.

    Args:
        peer: The archive; needs host and port.
        calling_ae: Our AE title.
        transaction_uid: Written down before this call.
        references: What it should keep.
        on_report: Takes a report that comes on this association, and returns the status that answers it.
        answered: Whether the report has come, on whichever association.
        hold_s: How long to stay for the report.
        timeout_s: For the connection, its negotiation and the response.

    Returns:
        The answer to the N-ACTION.
    """

    def reported(event: Event) -> tuple[int, Dataset | None]:
        return take_report(event, on_report, peer.ae_title, peer.host), None

    desk = [(evt.EVT_N_EVENT_REPORT, reported)]
    try:
        with associated(peer, calling_ae, [push_model()], timeout_s, handlers=desk) as association:
            action = _action(transaction_uid, references)
            answer, _ = association.send_n_action(action, REQUEST_COMMITMENT, PUSH_MODEL, WELL_KNOWN)
            status = answer.get("Status")
            if status is None:
                return Answer(failure=Failure.NO_RESPONSE, detail="no response to the request for commitment")
            end = time.monotonic() + hold_s
            while status == SUCCESS and association.is_established and time.monotonic() < end and not answered():
                time.sleep(POLL_S)
            return Answer(status=int(status))
    except Unanswered as error:
        return Answer(failure=error.failure, detail=error.detail)


def report(peer: Peer, calling_ae: str, what: Report, timeout_s: float = 30) -> Answer:
    """Report to a peer on an association of our own, as the SCP of the service that we are (role selection)."""
    role = build_role(PUSH_MODEL, scp_role=True)
    try:
        with associated(peer, calling_ae, [push_model()], timeout_s, roles=[role]) as association:
            for context in association.accepted_contexts:
                context._as_scp = True  # many a modality takes the report and says nothing of roles
            return send_report(association, what)
    except Unanswered as error:
        return Answer(failure=error.failure, detail=error.detail)


def take_report(event: Event, on_report: Callable[[Report], int], ae_title: str, host: str) -> int:
    """Read an N-EVENT-REPORT and hand it on; the status that answers it."""
    if event.request.EventTypeID not in {ALL_COMMITTED, SOME_FAILED}:
        return NO_SUCH_EVENT
    said = event.event_information
    what = Report(
        transaction_uid=str(said.get("TransactionUID", "")),
        committed=tuple(reference(item) for item in said.get("ReferencedSOPSequence") or ()),
        failed=tuple(_failures(said)),
        ae_title=ae_title,
        host=host,
    )
    return on_report(what)


def _failures(said: Dataset) -> Iterator[tuple[Reference, int]]:
    for item in said.get("FailedSOPSequence") or ():
        yield reference(item), int(item.get("FailureReason") or PROCESSING_FAILURE)


def push_model() -> PresentationContext:
    """The presentation context of the service."""
    return build_context(PUSH_MODEL, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])


def reference(item: Dataset) -> Reference:
    """What an item of a sequence refers to; "" for what it lacks."""
    return str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", ""))


def _item(which: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = which
    return item


def _action(transaction_uid: str, references: Sequence[Reference]) -> Dataset:
    action = Dataset()
    action.TransactionUID = transaction_uid
    action.ReferencedSOPSequence = [_item(which) for which in references]
    return action


def send_report(association: Association, what: Report, message_id: int = 1) -> Answer:
    """Send an N-EVENT-REPORT on an open association."""
    said = Dataset()
    said.TransactionUID = what.transaction_uid
    if what.committed:
        said.ReferencedSOPSequence = [_item(which) for which in what.committed]
    failed = []
    for which, reason in what.failed:
        item = _item(which)
        item.FailureReason = reason
        failed.append(item)
    if failed:
        said.FailedSOPSequence = failed
    kind = SOME_FAILED if failed else ALL_COMMITTED
    answer, _ = association.send_n_event_report(said, kind, PUSH_MODEL, WELL_KNOWN, message_id)
    status = answer.get("Status")
    if status is None:
        return Answer(failure=Failure.NO_RESPONSE, detail="no response to the report")
    return Answer(status=int(status))
