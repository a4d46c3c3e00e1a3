"""
DICOM over TLS, both ways: the BCP 195 profile of PS3.15 section B.12, with certificates on both sides.

TLS 1.2 at least and 1.3 where the peer can, forward secrecy and authenticated encryption only (RFC 9325 section 4.2),
and nobody without a certificate that the configured authority signed. A certificate stands for application entities,
because that is what DICOM peers are known by: it names an AE title by its common name, by a DNS name, or by a URI
`dicom:TITLE` (percent-encoded; for titles that are no DNS names), character for character. Who calls us must be named
in its certificate; whom we call may instead be named by host. Revocation lists are not read: keep certificates short.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:@SECLEVEL=2"  # for TLS 1.2; those of TLS 1.3 are all of this kind
URI_SCHEME = "dicom:"
PLAINLY = {
    "WRONG_VERSION_NUMBER": "the peer speaks no TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer shows no certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not know the authority behind our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer says that our certificate has expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not accept our certificate",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was closed",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a certificate",
}
"""What OpenSSL's reasons mean here; others are told as OpenSSL has them."""

WRONG_SERVER = "its certificate names neither its AE title nor its host"
PARTING_S = 1  # how long a client that is turned away may take to read the alert
HANDSHAKE = 0x16  # first byte of a TLS connection (RFC 8446 section 5.1); that of an A-ASSOCIATE-RQ is 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """
    What the node shows, and whom it trusts: PEM files.

    Attributes:
        certificate: Our certificate, followed by those between it and the authority, if any.
        key: Its private key, without a password.
        ca: Certificates of the authorities whose word we take for a peer.
    """

    certificate: Path
    key: Path
    ca: Path


class TlsSocket(ssl.SSLSocket):
    """
    A TLS connection that can tell whether the peer said something to the application.

    A readable TCP connection may hold no more than a session ticket, and an unreadable one may leave decrypted bytes
    behind: pynetdicom would block on the one and sleep over the other.
    """

    _held = b""

    def has_data(self) -> bool:
        """Whether a read returns at once: with data, with the end of the connection, or with an error."""
        if self._held:
            return True
        wait = self.gettimeout()
        try:
            self.settimeout(0)
            self._held = super().recv(1)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self._note(error)
        finally:
            with suppress(OSError):
                self.settimeout(wait)
        return True

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As any socket does."""
        if self._held and buflen:
            first, self._held = self._held, b""
            return first
        return super().recv(buflen, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As any socket does."""
        if self._held and len(buffer):
            buffer[:1], self._held = self._held, b""
            return 1
        return super().recv_into(buffer, nbytes, flags)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001
        """Shake hands; as a client, also look whether it is the right server."""
        try:
            super().do_handshake(block)
            if isinstance(self.context, CallingContext) and not self.context.is_wanted(self):
                raise ConnectionAbortedError(errno.ECONNABORTED, WRONG_SERVER)
        except OSError as error:
            self._note(error)
            raise

    def _note(self, error: OSError) -> None:
        if isinstance(self.context, CallingContext):
            self.context.failure = self.context.failure or in_words(error)


class CallingContext(ssl.SSLContext):
    """For one association that we ask for: whom we want, and how it failed, which pynetdicom keeps to itself."""

    ae_title: str = ""
    host: str = ""
    failure: str = ""

    def is_wanted(self, sock: ssl.SSLSocket) -> bool:
        """Whether the server's certificate names the AE title, or the host, that we called."""
        return self.ae_title in titles(sock) or _host(self.host) in hosts(sock)


def calling(credentials: Credentials, ae_title: str, host: str) -> CallingContext:
    """
    For an association with a peer: its certificate must name its AE title or its host.

    Raises:
        OSError: The files cannot be read, or do not hold what they should.
    """
    context = CallingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.ae_title, context.host = ae_title.strip(), host
    context.check_hostname = False  # a peer may be known by its AE title alone; `is_wanted` is asked in its place
    _harden(context, credentials)
    return context


def answering(credentials: Credentials) -> ssl.SSLContext:
    """
    For the associations that others ask for.

    Raises:
        OSError: The files cannot be read, or do not hold what they should.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # nobody resumes: every association shows its certificate
    _harden(context, credentials)
    return context


def welcome(sock: socket.socket, context: ssl.SSLContext) -> TlsSocket:
    """
    Shake hands with a client that has begun to speak; the time-out of `sock` holds for each step.

    Raises:
        OSError: It speaks no TLS, or has no certificate that we trust; `in_words` tells.
    """
    if sock.recv(1, socket.MSG_PEEK)[:1] != bytes([HANDSHAKE]):
        raise ConnectionAbortedError(errno.ECONNABORTED, "the peer speaks no TLS")
    secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    assert isinstance(secured, TlsSocket)  # noqa: S101 - the context makes them
    try:
        secured.do_handshake()
    except OSError:
        _part(secured)
        raise
    return secured


def _part(sock: TlsSocket) -> None:
    """
    Close, but not before the client could read why.

    One that speaks TLS 1.3 has sent its A-ASSOCIATE-RQ by then; closing over unread data resets the connection, and the
    alert is lost on the way.
    """
    with suppress(OSError):
        sock.settimeout(PARTING_S)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(16):
            if not sock.recv(1 << 14):
                break
    sock.close()


def titles(sock: ssl.SSLSocket) -> frozenset[str]:
    """AE titles that the peer's certificate names."""
    uris = (value for kind, value in _named(sock) if kind == "URI" and value.startswith(URI_SCHEME))
    plain = {value for kind, value in _named(sock) if kind in {"commonName", "DNS"}}
    return frozenset(title.strip() for title in plain.union(unquote(uri.removeprefix(URI_SCHEME)) for uri in uris))


def hosts(sock: ssl.SSLSocket) -> frozenset[str]:
    """Host names and addresses that the peer's certificate names; a wildcard is a name like any other."""
    return frozenset(_host(value) for kind, value in _named(sock) if kind in {"commonName", "DNS", "IP Address"})


def _named(sock: ssl.SSLSocket) -> list[tuple[str, str]]:
    certificate: dict[str, Any] = sock.getpeercert() or {}
    return [*(pair for part in certificate.get("subject", ()) for pair in part), *certificate.get("subjectAltName", ())]


def _host(name: str) -> str:
    """A host name or address in the one way in which it can be compared."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name.lower()


def in_words(error: OSError) -> str:
    """What went wrong, without OpenSSL's coordinates."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        return PLAINLY.get(reason) or reason.lower().replace("_", " ") or str(error.args[-1])
    return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or "the connection was closed"


def _harden(context: ssl.SSLContext, credentials: Credentials) -> None:
    context.sslsocket_class = TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(credentials.certificate, credentials.key, password=lambda: b"")  # never ask a terminal
    context.load_verify_locations(credentials.ca)
    context.verify_mode = ssl.CERT_REQUIRED
