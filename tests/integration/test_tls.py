"""DICOM TLS in both directions over real sockets, with DCMTK's programs on the other side."""

from __future__ import annotations

import dataclasses
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from node.demo.archive import Archive
from node.network.associate import Failure
from node.network.scp import Peer, Scp, ScpSettings
from node.network.scu import echo, send
from node.network.tls import Credentials, answering, calling
from node.receive.door import Door
from node.store.spool import Spool
from tests.support.dicom_files import data_set_bytes, slice_file
from tests.support.peers import free_port, program, until
from tests.support.trust import Trust, dcmtk

CT1, CT2 = "CT1", "CT 2/a"  # the second is no DNS name, and must be encoded in a URI


@pytest.fixture
def trust(tmp_path):
    """The hospital's authority."""
    return Trust(tmp_path / "trust")


@pytest.fixture
def logged():
    """The log lines of a test."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    yield capture.entries
    structlog.configure(**before)


class Ward:
    """A node whose door takes only TLS."""

    def __init__(self, root: Path, ours: Credentials) -> None:
        self.received = []
        door = Door(Spool(root / "spool"), low_disk_bytes=0, max_object_bytes=1 << 24, on_received=self.received.append)
        peers = (Peer(name="one", ae_title=CT1), Peer(name="two", ae_title=CT2))
        times = {"request_timeout_s": 4, "idle_timeout_s": 3}
        self.scp = Scp(ScpSettings(ae_title="RADNODE", port=0, peers=peers, tls=ours, **times), door.on_store)
        self.port = self.scp.start()

    def peer(self, theirs: Credentials | None) -> Peer:
        """The node, as somebody with these credentials calls it."""
        return Peer(name="node", ae_title="RADNODE", host="127.0.0.1", port=self.port, tls=theirs)

    def dcmtk(
        self, name: str, calling: str, *options: object, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One of DCMTK's clients, to its end."""
        files = [one for one in options if isinstance(one, Path)]
        others = [str(one) for one in options if not isinstance(one, Path)]
        command = [program(name), "-aet", calling, "-aec", "RADNODE", *others, "127.0.0.1", str(self.port)]
        command += map(str, files)
        env = {**os.environ, **(env or {})}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def ward(tmp_path, trust):
    """A door that takes only TLS."""
    ward = Ward(tmp_path, trust.issue("RADNODE"))
    yield ward
    ward.scp.stop()


def reasons(entries: list[dict[str, str]]) -> list[str]:
    """Why associations were rejected."""
    return [entry["reason"] for entry in entries if entry["event"] == "association.rejected"]


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
@pytest.mark.parametrize("calling", [CT1, CT2])
def test_a_dcmtk_client_with_a_good_certificate_is_accepted(ward, trust, tmp_path, profile, calling):
    """By each of DCMTK's three BCP 195 profiles an object arrives unchanged."""
    file = slice_file(tmp_path)

    done = ward.dcmtk("storescu", calling, *dcmtk(trust.issue(calling)), profile, file)

    assert done.returncode == 0, done.stderr
    assert [one.calling_ae for one in ward.received] == [calling]
    assert data_set_bytes(ward.received[0].path) == data_set_bytes(file)


def test_a_plain_association_is_refused_and_told_apart(ward, logged):
    """Without TLS nobody gets as far as an answer, and the log says why."""
    done = ward.dcmtk("echoscu", CT1)

    assert done.returncode != 0
    until(lambda: reasons(logged), within_s=5)
    assert reasons(logged) == ["TLS: the peer speaks no TLS"]
    assert ward.received == []


@pytest.mark.parametrize(
    ("culprit", "why"),
    [
        ("stranger", "self-signed certificate in certificate chain"),
        ("expired", "certificate has expired"),
        ("nobody", "the peer shows no certificate"),
    ],
)
def test_who_cannot_be_trusted_is_refused(ward, trust, tmp_path, logged, culprit, why):
    """A certificate of another authority, one that has ended, and none at all: no association, a reason in the log."""
    good = trust.issue(CT1)
    if culprit == "stranger":
        options = dcmtk(dataclasses.replace(Trust(tmp_path / "other").issue(CT1), ca=good.ca))
        options += ("+cf", str(tmp_path / "other" / "ca.pem"))
    elif culprit == "expired":
        options = dcmtk(trust.issue(CT1, days=-1))
    else:
        options = ("+tla", "+cf", str(good.ca))

    done = ward.dcmtk("echoscu", CT1, *options)

    assert done.returncode != 0
    until(lambda: reasons(logged), within_s=5)
    assert [reason.removeprefix("TLS: ") for reason in reasons(logged)] == [why]


def test_the_calling_ae_title_must_be_in_the_certificate(ward, trust, logged):
    """A known peer that calls itself by another known peer's title is rejected as a calling AE title not recognised."""
    done = ward.dcmtk("echoscu", CT2, *dcmtk(trust.issue(CT1)))

    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stderr
    assert reasons(logged) == ["the certificate does not name the calling AE title"]


def test_a_client_that_speaks_tls_1_1_is_refused(ward, trust):
    """An old protocol does not come through, a good one with the same certificate does."""
    files = trust.issue(CT1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.ca)
    context.check_hostname = False

    def version() -> str | None:
        with socket.create_connection(("127.0.0.1", ward.port), timeout=5) as plain, context.wrap_socket(plain) as sock:
            return sock.version()

    assert version() == "TLSv1.3"
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        version()


def test_a_silent_handshake_ends_and_keeps_nobody_from_the_door(ward, trust, logged):
    """Somebody who only begins to speak TLS is dropped after the request time-out; others are served meanwhile."""
    with socket.create_connection(("127.0.0.1", ward.port), timeout=10) as sock:
        sock.sendall(b"\x16\x03\x01")
        assert echo(ward.peer(trust.issue(CT1)), CT1, 5) == ""
        assert reasons(logged) == []
        with suppress(ConnectionError):
            assert sock.recv(1) == b""
    until(lambda: reasons(logged), within_s=15)
    assert reasons(logged) == ["TLS: no answer in time"]


@pytest.mark.parametrize(
    ("words", "raw", "ends_with"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"", b"\x07"),  # A-ABORT
        (b"\x01\x00\x00\x00\x10\x00half", b"", b""),
        (b"", b"\x17\x03\x03\x40\x00half a record", b""),
    ],
    ids=["no DICOM", "half a PDU", "half a record"],
)
def test_who_stops_or_babbles_inside_tls_is_dropped(ward, trust, words, raw, ends_with):
    """Neither a request that is none, nor one that stops half-way in DICOM or in TLS, holds anything for long."""
    files = trust.issue(CT1)
    plain = socket.create_connection(("127.0.0.1", ward.port), timeout=30)
    with calling(files, "RADNODE", "127.0.0.1").wrap_socket(plain) as sock:
        sock.sendall(words)
        if raw:
            with socket.socket(fileno=os.dup(sock.fileno())) as beneath:
                beneath.sendall(raw)
        assert sock.recv(100)[:1] == ends_with
    assert echo(ward.peer(files), CT1, 5) == ""
    until(lambda: not ward.scp.open_associations(), within_s=10)


@pytest.mark.parametrize("oldest", ["1.2", "1.3"])
def test_many_large_objects_pass_in_both_versions(tmp_path, ward, trust, oldest):
    """Our own client over TLS 1.3, an OpenSSL-bound one over 1.2: no byte is lost between two reads."""
    files = [slice_file(tmp_path, side=512, sop_uid=f"1.2.3.{number}") for number in range(20)]
    if oldest == "1.3":
        results = send(files, ward.peer(trust.issue(CT1)), CT1, 10)
        assert [result.status for result in results] == [0] * len(files)
    else:
        config = tmp_path / "openssl.cnf"
        config.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n")
        done = ward.dcmtk("storescu", CT1, *dcmtk(trust.issue(CT1)), "+px", *files, env={"OPENSSL_CONF": str(config)})
        assert done.returncode == 0, done.stderr
    assert [data_set_bytes(one.path) for one in ward.received] == [data_set_bytes(file) for file in files]


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """DCMTK's receiver on a free port."""
    folder.mkdir()
    port = free_port()
    process = subprocess.Popen(
        [program("storescp"), *options, "-od", str(folder), "+B", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def listens() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        until(listens, within_s=10, what="storescp")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_objects_go_out_by_tls_to_dcmtk(tmp_path, trust):
    """storescp, which wants a certificate of ours, gets what lies on our disk."""
    files = [slice_file(tmp_path, sop_uid=f"1.2.3.{number}") for number in range(3)]
    with storescp(tmp_path / "in", *dcmtk(trust.issue("PACS")), "-rc") as port:
        peer = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, tls=trust.issue("RADNODE"))

        results = send(files, peer, "RADNODE", 10)

        assert [(result.status, result.detail) for result in results] == [(0, "")] * 3
    assert len(list((tmp_path / "in").iterdir())) == 3


def test_a_server_may_be_named_by_its_address(tmp_path, trust):
    """A certificate without the AE title is good enough for the host that we call; not for another one."""
    pacs = trust.issue("SOME OTHER NAME", hosts=("127.0.0.1", "localhost"))
    with Archive("PACS", tmp_path / "archive", tls=pacs) as archive:
        peer = dataclasses.replace(archive.peer, tls=trust.issue("RADNODE"))
        assert echo(peer, "RADNODE") == ""
        assert echo(dataclasses.replace(peer, host="LocalHost"), "RADNODE") == ""


def test_a_server_may_be_named_by_an_ipv6_address(trust):
    """However it is written: OpenSSL prints it in full, people do not."""
    settings = ScpSettings(
        ae_title="PACS", host="::1", port=0, accept_any=True, tls=trust.issue("ANOTHER", hosts=("::1",))
    )
    scp = Scp(settings, lambda _: 0)
    try:
        peer = Peer(name="pacs", ae_title="PACS", host="::1", port=scp.start(), tls=trust.issue("RADNODE"))
        assert echo(peer, "RADNODE") == ""
    finally:
        scp.stop()


def called(peer: Peer, file: Path) -> tuple[Failure | None, str]:
    """How a delivery failed."""
    [result] = send([file], peer, "RADNODE", 5)
    return result.failure, result.detail.partition(": ")[2]


def test_a_server_that_cannot_be_trusted_gets_nothing(tmp_path, trust):
    """Another authority, another name, an ended certificate, a peer without TLS: told in words, tried again later."""
    ours, other, file = trust.issue("RADNODE"), Trust(tmp_path / "other"), slice_file(tmp_path)

    def against(theirs: Credentials | None, show: Credentials = ours) -> tuple[Failure | None, str]:
        with Archive("PACS", tmp_path / "archive", tls=theirs) as archive:
            outcome = called(dataclasses.replace(archive.peer, tls=show), file)
            assert archive.stores == []
        return outcome

    assert against(other.issue("PACS")) == (Failure.UNTRUSTED, "self-signed certificate in certificate chain")
    assert against(trust.issue("PACS", days=-1)) == (Failure.UNTRUSTED, "certificate has expired")
    elsewhere = trust.issue("ELSEWHERE", hosts=("192.0.2.1",))
    assert against(elsewhere) == (Failure.UNTRUSTED, "its certificate names neither its AE title nor its host")
    assert against(None) == (Failure.UNTRUSTED, "the peer speaks no TLS")
    stranger = dataclasses.replace(other.issue("RADNODE"), ca=ours.ca)
    unknown = "the peer does not know the authority behind our certificate"
    assert against(trust.issue("PACS"), stranger) == (Failure.UNTRUSTED, unknown)
    ended = trust.issue("RADNODE", days=-1)
    assert against(trust.issue("PACS"), ended) == (Failure.UNTRUSTED, "the peer says that our certificate has expired")


def test_an_archive_that_wants_another_title_rejects_for_good(tmp_path, trust):
    """Our own certificate must name the title that we call ourselves."""
    with Archive("PACS", tmp_path / "archive", tls=trust.issue("PACS")) as archive:
        failure, detail = called(dataclasses.replace(archive.peer, tls=trust.issue("SCANNER")), slice_file(tmp_path))
    assert failure is Failure.REJECTED_PERMANENT
    assert "alling AE title not recognised" in detail


def test_files_that_vanish_while_the_node_runs_are_told_in_words(tmp_path, trust):
    """The delivery fails for now; nothing is sent in plain."""
    ours = trust.issue("RADNODE")
    with Archive("PACS", tmp_path / "archive") as archive:
        ours.certificate.unlink()
        failure, detail = called(dataclasses.replace(archive.peer, tls=ours), slice_file(tmp_path))
        assert archive.requests == 0
    assert (failure, detail) == (Failure.UNTRUSTED, "No such file or directory")


def test_only_strong_suites_are_offered(trust):
    """Forward secrecy and authenticated encryption, nothing else (RFC 9325 section 4.2)."""
    suites = answering(trust.issue("RADNODE")).get_ciphers()
    assert suites
    assert all(suite["aead"] and suite["kea"] in {"kx-ecdhe", "kx-any"} for suite in suites)
