"""
The DICOM door's hinge: who may come in, how many at once, and what they brought, as bytes that nobody has decoded.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakSet

import structlog
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext

from node.network.contexts import accepted
from node.network.identity import introduce
from node.network.room import Room
from node.network.tls import Credentials, TlsSocket, answering, titles
from node.network.wire import AcceptorServer, listen

log = structlog.get_logger()

_config.LOG_HANDLER_LEVEL = "none"  # the stock handlers format every PDU and quote the data set

PDU_BYTES = 1 << 17
SUCCESS = 0x0000
NOT_AUTHORISED = 0x0124  # PS3.7 section 9.1.1.1.9 "Refused: Not authorized"

Reason = tuple[int, int, int]
NOT_US: Reason = (1, 1, 7)  # rejected-permanent, by the service user, called-AE-title-not-recognized (PS3.8 table 9-21)
UNKNOWN: Reason = (1, 1, 3)  # rejected-permanent, by the service user, calling-AE-title-not-recognized
FULL: Reason = (2, 3, 2)  # rejected-transient, presentation related, local-limit-exceeded
IMPOSTOR = "the certificate does not name the calling AE title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """
    Another DICOM node.

    Attributes:
        name: What the configuration calls it.
        ae_title: Its application entity title.
        host: Its name or address; when set, its associations must come from there. Needed to send to it.
        port: Its port; needed to send to it.
        may_send: Whether its C-STOREs are taken.
        tls: Our credentials, when it is called by TLS.
    """

    name: str
    ae_title: str
    host: str = ""
    port: int = 0
    may_send: bool = True
    tls: Credentials | None = None

    def calls_from(self, ae_title: str, address: str) -> bool:
        """Whether a caller is this peer."""
        return ae_title == self.ae_title.strip() and (not self.host or _plain(address) in _addresses(self.host))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScpSettings:
    """
    How the node listens.

    Attributes:
        ae_title: Our title; an association must call it.
        port: 0 takes a free one.
        peers: Who may open an association.
        accept_any: Take anyone, whatever title they call: for the demo's archive, never for the node.
        max_associations: Open at once, all peers together.
        max_per_peer: Open at once from one calling AE title.
        idle_timeout_s: Silence after which an association is aborted.
        max_object_bytes: Longer data sets are never held in memory as a whole.
        tls: Our credentials; with them only TLS is taken, from clients whose certificate names their AE title.
    """

    ae_title: str
    host: str = "127.0.0.1"
    port: int = 11112
    peers: tuple[Peer, ...] = ()
    accept_any: bool = False
    max_associations: int = 50
    max_per_peer: int = 25
    idle_timeout_s: float = 60
    request_timeout_s: float = 30
    max_object_bytes: int = 2 << 30
    tls: Credentials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One C-STORE request.

    Attributes:
        data: The encoded data set as it came, valid during the call only; longer than `max_object_bytes` (and then not
            whole) when the object was too large.
        negotiated: SOP class of the presentation context, which `sop_class` should be.
    """

    sop_class: str
    sop_uid: str
    negotiated: str
    transfer_syntax: str
    calling_ae: str
    host: str
    data: memoryview = field(repr=False)


class Service(Protocol):
    """Another service of the same door."""

    def contexts(self) -> list[PresentationContext]:
        """What it accepts."""
        ...

    def handlers(self) -> list[tuple[Any, Any]]:
        """Events of pynetdicom, each with what is called."""
        ...


class Scp:
    """
    Verification and Storage SCP.

    Args:
        settings: Who may come and how.
        on_store: Gets each C-STORE and returns the status that answers it. Called from one thread per association.
        on_request: May refuse an association that the settings allow, with a reason (used to play a busy archive).
        service: One more service beside those two.
    """

    def __init__(
        self,
        settings: ScpSettings,
        on_store: Callable[[Arrival], int],
        on_request: Callable[[], Reason | None] = lambda: None,
        service: Service | None = None,
    ) -> None:
        self.settings, self._service = settings, service
        self._on_store, self._on_request = on_store, on_request
        self._open = Room()
        self._mute: WeakSet[Association] = WeakSet()  # of peers that may not send
        self._server: AcceptorServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """
        Open the door.

        Returns:
            The port.

        Raises:
            OSError: The address cannot be bound, or the files of the credentials cannot be used.
        """
        ae = AE(ae_title=self.settings.ae_title)
        introduce(ae)
        ae.supported_contexts = accepted()
        ae.maximum_pdu_size = PDU_BYTES
        ae.maximum_associations = 1 << 30  # we count ourselves: pynetdicom counts those that are being refused, too
        ae.network_timeout = self.settings.idle_timeout_s
        ae.acse_timeout = self.settings.request_timeout_s
        handlers = [
            (evt.EVT_REQUESTED, self._judge),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_RELEASED, _note, ["released"]),
            (evt.EVT_ABORTED, _note, ["aborted"]),
        ]
        if self._service is not None:
            ae.supported_contexts += self._service.contexts()
            handlers += self._service.handlers()
        address = (self.settings.host, self.settings.port)
        tls = answering(self.settings.tls) if self.settings.tls else None
        server = listen(ae, address, self.settings.max_object_bytes, tls, evt_handlers=handlers)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="door", daemon=True)
        self._thread.start()
        return int(server.server_address[1])

    def open_associations(self) -> Counter[str]:
        """How many associations are open, for each calling AE title."""
        return self._open.count()

    def stop(self, grace_s: float = 0, hurry: threading.Event | None = None) -> None:
        """
        Take no new association, let open ones go on for a grace time, abort the rest. Returns when all are over.

        Args:
            grace_s: Seconds.
            hurry: Ends the grace time when it is set.
        """
        if self._server is None:
            return
        self._server.close_door()
        end = time.monotonic() + grace_s
        enough = hurry or threading.Event()
        while self._open.count() and time.monotonic() < end and not enough.wait(0.02):
            pass
        self._open.count()
        for association in list(self._open.callers):
            association.abort()
            association.join(timeout=5)  # a handler that is still writing may finish
        self._server = None

    def _judge(self, event: Event) -> None:
        """Decide on an association request; leaving it alone lets it in."""
        request, address = event.assoc.requestor.primitive, event.assoc.requestor.address
        calling, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
        forged = not _vouched(event, calling)
        reason = UNKNOWN if forged else self._refusal(event.assoc, calling, called, address)
        if reason is None:
            log.debug("association.accepted", calling=calling, host=address)
            return
        words = IMPOSTOR if forged else _in_words(reason)
        log.warning("association.rejected", calling=calling, called=called, host=address, reason=words)
        event.assoc.acse.send_reject(*reason)
        event.assoc.kill()

    def _refusal(self, association: Association, calling: str, called: str, address: str) -> Reason | None:
        settings = self.settings
        if not settings.accept_any:
            if called != settings.ae_title.strip():
                return NOT_US
            callers = [peer for peer in settings.peers if peer.calls_from(calling, address)]
            if not callers:
                return UNKNOWN
            if not any(peer.may_send for peer in callers):
                self._mute.add(association)
        if reason := self._on_request():
            return reason
        room = self._open.admit(association, calling, at_most=settings.max_associations, per_peer=settings.max_per_peer)
        return None if room else FULL

    def _store(self, event: Event) -> int:
        request, context = event.request, event.context
        calling, address = event.assoc.requestor.ae_title.strip(), event.assoc.requestor.address
        if event.assoc in self._mute:
            log.warning("instance.rejected", calling=calling, host=address, reason="this peer may not send")
            return NOT_AUTHORISED
        with request.DataSet.getbuffer() as data:
            return self._on_store(
                Arrival(
                    sop_class=str(request.AffectedSOPClassUID),
                    sop_uid=str(request.AffectedSOPInstanceUID),
                    negotiated=str(context.abstract_syntax),
                    transfer_syntax=str(context.transfer_syntax),
                    calling_ae=calling,
                    host=address,
                    data=data,
                )
            )


def _vouched(event: Event, calling: str) -> bool:
    """Whether the caller's certificate, if the connection has one, is that of the AE title it calls itself."""
    sock = event.assoc.dul.socket.socket
    return not isinstance(sock, TlsSocket) or calling in titles(sock)


def _note(event: Event, how: str) -> None:
    calling = event.assoc.requestor.ae_title.strip()
    log.debug("association.closed", calling=calling, host=event.assoc.requestor.address, reason=how)


def _in_words(reason: Reason) -> str:
    words = {
        NOT_US: "called AE title not recognised",
        UNKNOWN: "calling AE title not recognised",
        FULL: "limit reached",
    }
    return words.get(reason, "refused")


def _plain(address: str) -> str:
    """An address without the clothes that IPv6 puts on an IPv4 one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def _addresses(host: str) -> set[str]:
    """All addresses of a host; none when its name cannot be resolved."""
    try:
        return {_plain(str(found[4][0])) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()
