"""
pynetdicom's acceptor, made to wait for events instead of polling for them.

Stock pynetdicom runs two threads per association that each wake up every millisecond, reads its socket 4 kB at a time,
and starts both threads for a connection that never says a word. What is replaced here are whole small methods of its
public classes; the state machine (PS3.8 section 9.2) and the encoding stay its own.
"""

from __future__ import annotations

import math
import queue
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseServer
from typing import Any

import structlog
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from node.network.tls import TlsSocket, in_words, welcome

log = structlog.get_logger()

PAUSE_S = 0.05  # how long a reactor waits for an event before it looks at its timers
LONGEST_PDU = 1 << 24  # bytes; we announce 128 kB, so what claims to be longer is no peer that follows PS3.8
MALFORMED = (AttributeError, LookupError, TypeError, ValueError, EOFError, NotImplementedError, struct.error)
"""What pydicom and pynetdicom raise over a command set that is none. It would end the reactor, and no one be told."""


class WakingQueue(queue.Queue):  # type: ignore[type-arg]
    """A queue that tells someone whenever something was put into it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__()
        self._wake_reader = wake

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001
        """Put, then wake the reader."""
        super().put(item, block, timeout)
        self._wake_reader()


class EagerSocket(AssociationSocket):  # type: ignore[misc]
    """Blocks until data or an order to send is there, and reads a PDU in one piece."""

    def __init__(self, assoc: Association, client: socket.socket) -> None:
        super().__init__(assoc, client_socket=client)
        self._awake, self._alarm = socket.socketpair()
        self._awake.setblocking(False)
        self._alarm.setblocking(False)

    def wake(self) -> None:
        """End the wait in `ready`."""
        with suppress(OSError):  # full: it is awake already; closed: nobody waits any more
            self._alarm.send(b"!")

    @property
    def ready(self) -> bool:
        """Whether the peer sent something; waits for it, for `wake`, or for `PAUSE_S`."""
        if self.socket is None or self.socket.fileno() < 0:
            time.sleep(0.001)
            return bool(super().ready)
        quick_acknowledge(self.socket)
        secured = self.socket if isinstance(self.socket, TlsSocket) else None
        if secured is not None and secured.has_data():
            return True  # what was decrypted already does not wake `select`
        found, _, _ = select.select([self.socket, self._awake], [], [], PAUSE_S)
        if self._awake in found:
            self._awake.recv(4096)
        return self.socket in found and (secured is None or secured.has_data())

    def recv(self, nr_bytes: int) -> bytearray:
        """
        Read `nr_bytes`, or what came before the connection broke.

        Raises:
            OSError: The peer was silent for too long, or claims to send more than any peer may.
        """
        if nr_bytes > LONGEST_PDU:
            raise OSError(f"a PDU of {nr_bytes} bytes was announced")
        held = bytearray(nr_bytes)
        view, filled = memoryview(held), 0
        while filled < nr_bytes:
            count = self.socket.recv_into(view[filled:])
            if not count:
                return bytearray(view[:filled])
            filled += count
        return held


class Unheard(RuntimeError):
    """A request of ours on a peer's association was not answered; the association is none the worse for it."""


class PatientDimse(DIMSEServiceProvider):  # type: ignore[misc]
    """Waits for the next message instead of polling, and never holds more of a data set than it must."""

    def __init__(self, assoc: Association, max_object_bytes: int) -> None:
        super().__init__(assoc)
        self.max_object_bytes = max_object_bytes
        self._errands: deque[Callable[[], None]] = deque()
        self._asked: int | None = None  # Message ID of our last request

    def get_msg(self, block: bool = False) -> Any:  # noqa: FBT001
        """The next message, or (None, None) when a pause went by or something else wants attention."""
        if block:
            return self._answer()
        self._run_errands()
        try:
            return self.msg_queue.get(timeout=PAUSE_S)
        except queue.Empty:
            return None, None

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send, and keep in mind which answer is awaited."""
        if primitive.MessageIDBeingRespondedTo is None:
            self._asked = primitive.MessageID
        super().send_msg(primitive, context_id)

    def errand(self, work: Callable[[], None]) -> None:
        """
        Have something of ours sent on this association, by its own thread between two requests of the peer.

        From another thread it could cross the end of the association, and pynetdicom would then wait for ever.
        """
        self._errands.append(work)
        self.attend()

    def _run_errands(self) -> None:
        while self._errands:
            self.assoc._is_paused = True  # as pynetdicom does for a handler that sends
            self._errands.popleft()()
            self.assoc._reactor_checkpoint.set()  # which pynetdicom leaves closed when `_answer` raises
            self.assoc._is_paused = False

    def _answer(self) -> Any:
        """
        The answer to what we sent. Requests are served meanwhile: a peer may want its own answer first.

        Raises:
            Unheard: None came in time, or the association ends. Returning nothing would make pynetdicom abort it.
        """
        end = time.monotonic() + (self.dimse_timeout or math.inf)
        while True:
            # before the look into the queue: an answer that was followed by a release lies there already
            over = self._ends() or time.monotonic() > end
            try:
                context_id, message = self.msg_queue.get(timeout=0 if over else PAUSE_S)
            except queue.Empty:
                if over:
                    raise Unheard("no answer came before the end of the association or of the time") from None
                continue
            if message is None:
                continue  # what ended the wait in `get_msg`; it says nothing of the answer
            if message.is_valid_request:
                self.assoc._serve_request(message, context_id)
            elif message.MessageIDBeingRespondedTo == self._asked:
                return context_id, message

    def _ends(self) -> bool:
        """Whether a release or an abort came, or we ended the association ourselves."""
        return not self.assoc.is_established or self.dul.peek_next_pdu() is not None

    def attend(self) -> None:
        """End the wait in `get_msg`: a release or an abort came."""
        self.msg_queue.put((None, None))

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take one part of a message; of a data set that is too long already only the end mark is kept."""
        held = self.message.data_set if self.message else None
        if held is not None and held.tell() > self.max_object_bytes:
            fragments = primitive.presentation_data_value_list
            primitive.presentation_data_value_list = [[cx, part if part[0] & 1 else part[:1]] for cx, part in fragments]
        try:
            super().receive_primitive(primitive)
        except MALFORMED:
            self.dul.event_queue.put("Evt19")  # as for any invalid PDU: A-ABORT (PS3.8 table 9-10)


class Greeter(RequestHandler):  # type: ignore[misc]
    """Meets a TCP connection, in a thread of its own: no association is made for one that says nothing."""

    server: AcceptorServer
    request: socket.socket

    def handle(self) -> None:
        """Start an association once the peer has said its first byte; a load balancer's health check never does."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.request.settimeout(self.ae.acse_timeout)
        try:
            spoken = bool(self.request.recv(1, socket.MSG_PEEK))
        except OSError:
            spoken = False
        if not spoken or self.server.closing or not self._secured():
            self.server.shutdown_request(self.request)
            return
        self.request.settimeout(self.ae.network_timeout)  # a peer that stalls inside a PDU must not hold us for ever
        super().handle()

    def _secured(self) -> bool:
        """Shake hands where TLS is wanted, in this thread: one slow peer must not keep others from the door."""
        if self.server.tls is None:
            return True
        try:
            self.request = welcome(self.request, self.server.tls)
        except OSError as error:
            log.warning("association.rejected", host=self.client_address[0], reason=f"TLS: {in_words(error)}")
            return False
        return True

    def _create_association(self) -> Association:
        """An association whose two threads wake each other."""
        assoc = super()._create_association()
        assoc.dul.event_queue.get()  # the stock socket has announced the connection; ours announces it again
        assoc.dul.socket = EagerSocket(assoc, self.request)
        assoc.dul._run_loop_delay = 0  # the wait is in EagerSocket.ready
        assoc.dul.to_provider_queue = WakingQueue(assoc.dul.socket.wake)
        assoc.dimse = PatientDimse(assoc, self.server.max_object_bytes)
        assoc.dul.to_user_queue = WakingQueue(assoc.dimse.attend)
        return assoc


class AcceptorServer(ThreadedAssociationServer):  # type: ignore[misc]
    """The listening socket. It may be closed while associations are still open."""

    daemon_threads = True
    request_queue_size = 128
    max_object_bytes = 1 << 32
    tls: ssl.SSLContext | None = None
    closing = False

    def close_door(self) -> None:
        """Stop listening; open associations go on."""
        self.closing = True
        BaseServer.shutdown(self)  # pynetdicom's own also wants to be in a list that only AE.start_server fills
        self.server_close()


def listen(
    ae: AE, address: tuple[str, int], max_object_bytes: int, tls: ssl.SSLContext | None = None, **arguments: Any
) -> AcceptorServer:
    """A bound server that does not serve yet; with `tls` it takes nothing else."""
    server: AcceptorServer = ae.make_server(address, server_class=AcceptorServer, request_handler=Greeter, **arguments)
    server.max_object_bytes, server.tls = max_object_bytes, tls
    return server


def quick_acknowledge(sock: socket.socket) -> None:
    """
    Ask the kernel to acknowledge at once what comes next.

    A sender that leaves Nagle's algorithm on waits for it, 40 ms an instance. Linux soon forgets the wish.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
