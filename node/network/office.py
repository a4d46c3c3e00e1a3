"""The acceptor's side of Storage Commitment (PS3.4 annex J): modalities that ask us, archives that answer us."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from itertools import cycle
from typing import Any
from weakref import WeakValueDictionary

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext

from node.network.associate import Failure
from node.network.commitment import (
    INVALID_VALUE,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    NOT_AUTHORISED,
    REQUEST_COMMITMENT,
    WELL_KNOWN,
    Answer,
    Report,
    Request,
    push_model,
    reference,
    send_report,
    take_report,
)


class Office:
    """
    The acceptor's side, which `Scp` takes: requests of modalities, and reports of archives that we asked.

    Args:
        on_request: Takes a request; returns the status that answers it. None: nobody may ask.
        on_report: Takes a report; returns the status that answers it. None: nobody was asked.
    """

    def __init__(
        self, on_request: Callable[[Request], int] | None = None, on_report: Callable[[Report], int] | None = None
    ) -> None:
        self._on_request, self._on_report = on_request, on_report
        self._numbers = cycle(range(1, 1 << 16))
        self._came_on: WeakValueDictionary[str, Association] = WeakValueDictionary()

    def contexts(self) -> list[PresentationContext]:
        """Accepted in both roles."""
        context = push_model()
        context.scu_role = context.scp_role = True
        return [context]

    def handlers(self) -> list[tuple[Any, Any]]:
        """What the network calls."""
        return [(evt.EVT_N_ACTION, self._requested), (evt.EVT_N_EVENT_REPORT, self._reported)]

    def reply(self, what: Report, timeout_s: float = 30) -> Answer | None:
        """Report on the association on which the request came; None when it is over."""
        association = self._came_on.pop(what.transaction_uid, None)
        if association is None or not association.is_established:
            return None
        done: Future[Answer] = Future()
        number = next(self._numbers)  # the answer to an earlier report may still come
        association.dimse.errand(lambda: _fulfil(done, lambda: send_report(association, what, number)))
        try:
            return done.result(timeout_s)
        except Late:
            return None if done.cancel() else done.result()

    def _requested(self, event: Event) -> tuple[int, Dataset | None]:
        asked = event.request
        if str(asked.RequestedSOPInstanceUID) != WELL_KNOWN:
            return NO_SUCH_INSTANCE, None
        if asked.ActionTypeID != REQUEST_COMMITMENT:
            return NO_SUCH_ACTION, None
        if self._on_request is None:
            return NOT_AUTHORISED, None
        action = event.action_information
        uid = str(action.get("TransactionUID", ""))
        references = tuple(reference(item) for item in action.get("ReferencedSOPSequence") or ())
        if not uid or not references or not all(all(each) for each in references):
            return INVALID_VALUE, None
        calling, host = event.assoc.requestor.ae_title.strip(), event.assoc.requestor.address
        self._came_on[uid] = event.assoc
        request = Request(transaction_uid=uid, references=references, calling_ae=calling, host=host)
        return self._on_request(request), None

    def _reported(self, event: Event) -> tuple[int, Dataset | None]:
        if self._on_report is None:
            return NOT_AUTHORISED, None
        peer = event.assoc.requestor
        return take_report(event, self._on_report, peer.ae_title.strip(), peer.address), None


def _fulfil(done: Future[Answer], work: Callable[[], Answer]) -> None:
    """Do it, unless nobody waits for it any more."""
    if done.set_running_or_notify_cancel():
        try:
            done.set_result(work())
        except (RuntimeError, ValueError) as error:  # pynetdicom: the association ends, or has no such context; Unheard
            done.set_result(Answer(failure=Failure.NO_RESPONSE, detail=str(error)))
