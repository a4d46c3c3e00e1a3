"""
An association that the node asks for, plain or by TLS, and why it did not come about.

pynetdicom's requestor polls for requests of the peer on the same queue in which the answer to a C-STORE arrives, and
with a busy CPU it takes that answer away (then only the time-out ends the wait); `_AnswersOnly` keeps it from doing so.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation, AssociationSocket

from node.network.identity import introduce
from node.network.scp import PDU_BYTES, Peer
from node.network.tls import CallingContext, TlsSocket, calling, in_words


class Failure(Enum):
    """Why no status came back."""

    UNREACHABLE = "no connection"
    UNTRUSTED = "no TLS connection"
    REJECTED_PERMANENT = "association rejected"
    REJECTED_TRANSIENT = "association rejected for now"
    NO_CONTEXT = "no presentation context accepted"
    NO_RESPONSE = "no response"


class Unanswered(Exception):
    """The association did not come about."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure, self.detail = failure, detail


class _AnswersOnly(DIMSEServiceProvider):  # type: ignore[misc]
    """
    Gives messages only to whoever waits for an answer, and lets no report of the peer end while we release.

    pynetdicom serves a report in a thread of its own, whose end takes back the pause for which a release waits: that
    release would never return.
    """

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.serving = threading.Lock()
        self._serve_request, assoc._serve_request = assoc._serve_request, self._serve

    def _serve(self, message: Any, context_id: int) -> None:
        with self.serving:
            self._serve_request(message, context_id)

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001
        return super().get_msg(block=True) if block else (None, None)


class _Line(AssociationSocket):  # type: ignore[misc]
    """Does not take the talk of TLS itself, such as a session ticket, for a word of the peer."""

    @property
    def ready(self) -> bool:
        """Whether the peer sent something."""
        return self.socket.has_data() if isinstance(self.socket, TlsSocket) else bool(super().ready)


class _Caller(AE):  # type: ignore[misc]
    """Speaks over our kind of socket."""

    def _create_socket(self, assoc: Association, address: AddressInformation, tls_args: Any) -> _Line:
        line = _Line(assoc, address=address)
        line.tls_args = tls_args
        return line


@contextmanager
def associated(
    peer: Peer,
    calling_ae: str,
    contexts: list[PresentationContext],
    timeout_s: float,
    *,
    handlers: Sequence[tuple[Any, Any]] = (),
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Iterator[Association]:
    """
    An open association, released at the end.

    Args:
        handlers: For what the peer asks on it.
        roles: To be negotiated, where ours is not that of an SCU.

    Raises:
        Unanswered: It did not come about.
    """
    ae = _Caller(ae_title=calling_ae)
    introduce(ae)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = timeout_s
    ae.network_timeout = 2 * timeout_s
    seen: list[str] = []
    watch = [
        (evt.EVT_CONN_OPEN, _connected, [seen]),
        (evt.EVT_ACCEPTED, lambda _event: seen.append("accepted")),
    ]
    tls = _secured(peer)
    association = ae.associate(
        peer.host,
        peer.port,
        contexts,
        peer.ae_title,
        max_pdu=PDU_BYTES,
        ext_neg=list(roles),
        evt_handlers=[*watch, *handlers],
        tls_args=tls and (tls, peer.host),
    )
    if not association.is_established:
        raise _unanswered(association, peer, seen, tls.failure if tls else "")
    association.dimse = _AnswersOnly(association)
    try:
        yield association
    finally:
        with association.dimse.serving:
            if association.is_established:
                association.release()


def _secured(peer: Peer) -> CallingContext | None:
    if peer.tls is None:
        return None
    try:
        return calling(peer.tls, peer.ae_title, peer.host)
    except OSError as error:
        raise Unanswered(Failure.UNTRUSTED, f"the files of [tls] cannot be used: {in_words(error)}") from error


def _unanswered(association: Association, peer: Peer, seen: list[str], tls_failure: str) -> Unanswered:
    where = f"{peer.ae_title} at {peer.host}:{peer.port}"
    if association.is_rejected:
        answer = association.acceptor.primitive
        failure = Failure.REJECTED_PERMANENT if answer.result == 1 else Failure.REJECTED_TRANSIENT
        return Unanswered(failure, f"{where} rejected the association: {answer.reason_str}")
    if "accepted" in seen:
        return Unanswered(Failure.NO_CONTEXT, f"{where} accepted none of the presentation contexts")
    if tls_failure:  # TLS 1.3 tells a client only with the first answer that its certificate is not trusted
        return Unanswered(Failure.UNTRUSTED, f"no TLS with {where}: {tls_failure}")
    if "connected" not in seen:
        return Unanswered(Failure.UNREACHABLE, f"{where} cannot be reached")
    return Unanswered(Failure.NO_RESPONSE, f"{where} did not answer the association request")


def _connected(event: Event, seen: list[str]) -> None:
    """Note it, and send small packets at once: Nagle's algorithm costs 40 ms an object."""
    seen.append("connected")
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
