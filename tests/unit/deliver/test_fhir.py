"""Bundles to a FHIR server over real HTTP: what its answers mean, and that nothing is there twice."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from node.deliver.fhir import FhirServer
from node.deliver.outbox import Destination, Outbox
from node.errors import DeliveryFailed
from node.fhir.bundle import encode_fhir
from node.stages.encode_seg import encode_seg
from node.stages.encode_sr import encode_sr
from node.store import results
from node.store.ledger import Ledger
from node.store.results import ExportFile
from tests.support.fhir import FhirStore, fhir_server, outcome
from tests.support.findings import DRAWN, FOUND, make_case
from tests.support.ledgers import Clock, a_result, an_order
from tests.support.peers import free_port
from tests.support.trust import Trust


@pytest.fixture
def server() -> Iterator[FhirStore]:
    """An empty FHIR server."""
    with fhir_server() as store:
        yield store


@pytest.fixture(scope="module")
def bundle() -> bytes:
    """A result with two lesions."""
    case = make_case(DRAWN, FOUND)
    seg = encode_seg(case.findings, case.volume, case.headers, case.envelope)
    sr = encode_sr(case.findings, case.volume, case.headers, seg, case.envelope)
    return encode_fhir(case.findings, case.envelope, modality="CT", sr=sr, seg=seg)


@pytest.fixture
def file(bundle, tmp_path) -> Path:
    """The same as a file."""
    path = tmp_path / "fhir.json"
    path.write_bytes(bundle)
    return path


class Site:
    """A state directory, a ledger, and one recorded result with its bundle for the destination "ehr"."""

    def __init__(self, state: Path, url: str, bundle: bytes) -> None:
        self.state, self.clock, self.url = state, Clock(), url
        self.ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", self.clock)
        order = an_order()
        self.job_id = order.job_id
        files, manifest = a_result(order)
        manifest = replace(manifest, exports=(ExportFile.of("fhir.json", "fhir", bundle, "2.25.1"),))
        results.write(state / results.folder_of(order.job_id, 1), {**files, "fhir.json": bundle}, manifest)
        assert self.ledger.restore(order, manifest, {"ehr": ("fhir",), "pacs": ("seg", "sr")})

    def outbox(self) -> Outbox:
        """The outbox of the FHIR server, as a start makes it."""
        to = Destination(name="ehr", send=FhirServer(name="ehr", url=self.url, timeout_s=5))
        return Outbox(self.ledger, to, root=self.state, clock=self.clock, give_up_after=timedelta(hours=168))

    def states(self) -> dict[str, list[tuple[str, str]]]:
        """Destination to kind and state of its deliveries."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.ledger.deliveries(self.job_id):
            found.setdefault(row.destination, []).append((row.kind, row.state))
        return found


@pytest.fixture
def site(tmp_path, server, bundle) -> Iterator[Site]:
    """A site with one result to send."""
    (tmp_path / "state").mkdir()
    site = Site(tmp_path / "state", server.url, bundle)
    yield site
    site.ledger.close()


def test_the_server_holds_the_result_with_its_references_resolved(server, file):
    """It was valid to it, and report, Observations and Devices lead to one another."""
    receipt = FhirServer(name="ehr", url=server.url)(file)
    [report] = server.of("DiagnosticReport")
    [(_, headers, body)] = server.requests

    assert receipt.status == 0
    assert len(server.resources) == len(json.loads(body)["entry"])
    assert all(each["reference"] in server.resources for each in report["result"])
    assert {each["device"]["reference"] for each in server.of("Observation")} <= set(server.resources)
    assert headers["Content-Type"].startswith("application/fhir+json")
    assert "Authorization" not in headers


def test_sent_twice_it_is_there_once(server, file):
    """As after a crash between the answer and the ledger: the server answers 200 for what it has."""
    send = FhirServer(name="ehr", url=server.url)
    send(file)
    before = dict(server.resources)
    send(file)

    assert server.resources == before
    assert len(server.requests) == 2


def test_a_server_is_asked_what_it_can_do(server, tmp_path):
    """With the token, before anything is sent; what is wrong is told in words, without the token."""
    token = tmp_path / "token"
    token.write_text("abc123\n")
    known = FhirServer(name="ehr", url=server.url, secret_file=token)
    assert known.reachable() == ""
    [(path, headers, _)] = server.requests
    assert (path, headers["Authorization"]) == ("/fhir/metadata", "Bearer abc123")
    assert server.resources == {}

    server.before = lambda: (401, {})
    assert known.reachable() == "answered 401"
    away = replace(known, url=f"http://127.0.0.1:{free_port()}/fhir")
    assert away.reachable().startswith("no answer (")
    token.unlink()
    assert known.reachable() == "the file with the token cannot be read"


@pytest.mark.parametrize(
    ("status", "retry", "tries"),
    [
        (400, False, None), (404, False, None), (412, False, None), (422, False, None), (301, False, None),
        (501, False, None),
        (401, True, None), (403, True, None), (429, True, None), (503, True, None),
        (409, True, 12), (500, True, 12), (202, True, 12),
    ],
)  # fmt: skip
def test_what_each_answer_means(status, retry, tries, server, file):
    """Never, again as long as it takes, or again some times; with the code of the server's reason."""
    server.before = lambda: (status, outcome("processing", "Patient Anna Muster"))

    with pytest.raises(DeliveryFailed) as caught:
        FhirServer(name="ehr", url=server.url)(file)
    assert (caught.value.retry, caught.value.tries) == (retry, tries)
    assert f"answered {status}: processing at Bundle.entry[0].resource" in str(caught.value)
    assert "Anna" not in str(caught.value)


def test_an_entry_that_was_not_taken_is_not_success(server, file):
    """A server that took the bundle as a batch."""
    entries = [{"response": {"status": "201 Created"}}, {"response": {"status": "422 Unprocessable"}}]
    server.before = lambda: (200, {"resourceType": "Bundle", "entry": entries})

    with pytest.raises(DeliveryFailed, match=r"1 entries that it did not take \(422\)"):
        FhirServer(name="ehr", url=server.url)(file)


def test_an_answer_without_a_body_is_success(server, file):
    """Some servers return nothing unless asked to."""
    server.before = lambda: (200, {})

    assert FhirServer(name="ehr", url=server.url)(file).status == 0


def test_nobody_there_is_tried_again(file):
    """As long as it takes."""
    with pytest.raises(DeliveryFailed, match="no answer") as caught:
        FhirServer(name="ehr", url=f"http://127.0.0.1:{free_port()}/fhir")(file)
    assert (caught.value.retry, caught.value.tries) == (True, None)


@pytest.mark.parametrize(
    ("reply", "words", "tries"), [(b"SSH-2.0-x\r\n", "no HTTP", 12), (b"", "no answer|no HTTP", None)]
)
def test_something_else_that_listens_there_is_no_crash(reply, words, tries, file):
    """A wrong port: it babbles, or says nothing at all."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                if reply:
                    line.sendall(reply)
                    line.recv(1 << 16)
                else:
                    line.recv(1)
                    stop.wait(5)

        stop = threading.Event()
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(DeliveryFailed, match=words) as caught:
            FhirServer(name="ehr", url=f"http://127.0.0.1:{port}/fhir", timeout_s=0.5)(file)
        stop.set()
        thread.join()
    assert (caught.value.retry, caught.value.tries) == (True, tries)


def test_a_server_that_speaks_no_tls_is_told(server, file):
    """Nothing of the bundle is sent in the clear instead."""
    with pytest.raises(DeliveryFailed, match="no answer") as caught:
        FhirServer(name="ehr", url=server.url.replace("http:", "https:"))(file)
    assert caught.value.retry
    assert server.requests == []


def test_the_token_is_read_for_each_bundle(server, file, tmp_path):
    """So that it can be renewed in place; a file that holds none is tried again, and its content is not told."""
    token = tmp_path / "token"
    send = FhirServer(name="ehr", url=server.url, secret_file=token)
    with pytest.raises(DeliveryFailed, match="cannot be read") as caught:
        send(file)
    assert caught.value.retry
    token.write_text("two words")
    with pytest.raises(DeliveryFailed, match="holds none") as caught:
        send(file)
    assert "two words" not in str(caught.value)
    for value in ("abc.def-1==", "xyz"):
        token.write_text(f"{value}\n")
        send(file)
    assert [headers["Authorization"] for _, headers, _ in server.requests] == ["Bearer abc.def-1==", "Bearer xyz"]


def test_each_destination_gets_its_kinds(site, server):
    """The bundle goes to the FHIR server, SEG and SR to the PACS, and neither gets the other's."""
    site.outbox().step()

    assert site.states() == {"ehr": [("fhir", "sent")], "pacs": [("seg", "pending"), ("sr", "pending")]}
    assert len(server.of("DiagnosticReport")) == 1


def test_a_server_that_is_away_gets_it_later_and_once(site, server):
    """503 for a while, then an answer that is lost on the way, then success: one report."""
    server.before = lambda: (503, {})
    due = site.outbox().step()
    assert due is not None
    assert due > site.clock()
    server.before = lambda: None
    server.after = lambda: (500, outcome("exception", "after the transaction"))
    site.clock.forward(seconds=10)
    site.outbox().step()
    assert site.states()["ehr"] == [("fhir", "pending")]
    server.after = lambda: None
    site.clock.forward(hours=1)
    site.outbox().step()

    assert site.states()["ehr"] == [("fhir", "sent")]
    assert len(server.requests) == 3
    assert len(server.of("DiagnosticReport")) == 1


def test_what_the_server_will_never_take_is_dead_until_someone_revives_it(site, server):
    """422 is no reason to try again; the operator's retry is."""
    server.before = lambda: (422, outcome("invariant", "obs-6"))
    with structlog.testing.capture_logs() as lines:
        site.outbox().step()
    assert site.states()["ehr"] == [("fhir", "dead")]
    assert [line["event"] for line in lines] == ["delivery.dead"]
    server.before = lambda: None
    site.ledger.revive(site.job_id, "ehr")
    site.outbox().step()
    assert site.states()["ehr"] == [("fhir", "sent")]


def test_a_bundle_that_was_altered_on_disk_is_not_sent(site, server):
    """What was recorded is what goes out, or nothing does."""
    path = site.state / results.folder_of(site.job_id, 1) / "fhir.json"
    path.write_bytes(path.read_bytes().replace(b"preliminary", b"final"))
    site.outbox().step()

    assert site.states()["ehr"] == [("fhir", "dead")]
    assert server.requests == []


def test_https_takes_the_authority_that_is_named_and_no_other(file, tmp_path):
    """Signed by the hospital's own authority: stored; unknown to the system: tried again, and nothing was sent."""
    mine, other = Trust(tmp_path / "mine"), Trust(tmp_path / "other")
    files = mine.issue("EHR", hosts=("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with fhir_server(context) as server:
        FhirServer(name="ehr", url=server.url, ca=files.ca)(file)
        assert len(server.of("DiagnosticReport")) == 1
        for ca in (None, other.issue("EHR").ca):
            with pytest.raises(DeliveryFailed, match="certificate is not trusted") as caught:
                FhirServer(name="ehr", url=server.url, ca=ca)(file)
            assert (caught.value.retry, caught.value.tries) == (True, None)
        assert len(server.requests) == 1
