"""Storage Commitment with real peers: Orthanc as the archive, pynetdicom as an archive that fails, and as a scanner."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from node.store.ledger import Ledger
from tests.support.clients import dcmsend
from tests.support.commitments import Archive, Modality, ready_result
from tests.support.exchange import Exchanging
from tests.support.orthanc import orthanc
from tests.support.peers import until
from tests.support.series import image_series, save
from tests.support.service import Service

COMMITTING = (
    '[peers.pacs]\nae_title = "ORTHANC"\nhost = "127.0.0.1"\nport = {port}\n'
    '[destinations.pacs]\npeer = "pacs"\ncommit = true\n'
)


def prepared(node: Service) -> str:
    """A result that the service finds when it starts; its job id."""
    node.state.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.open(f"sqlite:///{node.state / 'ledger.sqlite'}", lambda: datetime.now(UTC))
    job_id = ready_result(node.state, ledger)
    ledger.rebuilt()
    ledger.close()
    return job_id


def states(node: Service, job_id: str) -> list[str]:
    """States of the deliveries."""
    ledger = node.ledger()
    try:
        return [d.state for d in ledger.deliveries(job_id)]
    finally:
        ledger.close()


def asked(node: Service) -> int:
    """How many transactions were written down."""
    with closing(sqlite3.connect(node.state / "ledger.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM commitment").fetchone()[0])


def test_orthanc_commits_itself(tmp_path):
    """
    It stores both objects, answers the request, and reports on an association of its own to our door.
    """
    with (
        orthanc(tmp_path / "pacs", {}) as pacs,
        Exchanging(tmp_path, COMMITTING.format(port=pacs.dicom_port)) as node,
    ):
        entry = {"AET": "RADNODE", "Host": "127.0.0.1", "Port": node.port, "AllowStorageCommitment": True}
        pacs.put("/modalities/radnode", entry)
        job_id = node.result()
        node.begin()
        until(lambda: node.states(job_id) == ["committed", "committed"], what="commitment")

        assert len(pacs.get("/instances")) == 2


def test_orthanc_asks_the_node(tmp_path):
    """
    As a modality: it stores an instance with us, asks for our commitment, and reads our report.
    """
    save(image_series(np.zeros((1, 8, 8), np.int16)), tmp_path / "slices")
    with orthanc(tmp_path / "pacs", {}) as pacs:
        asking = f'host = "127.0.0.1"\nport = {pacs.dicom_port}\nmay_ask_commitment = true\n'
        with Exchanging(tmp_path, f'[peers.pacs]\nae_title = "ORTHANC"\n{asking}') as node:
            node.begin()
            entry = {"AET": "RADNODE", "Host": "127.0.0.1", "Port": node.port, "AllowStorageCommitment": True}
            pacs.put("/modalities/radnode", entry)
            [path] = (tmp_path / "slices").iterdir()
            stored = pacs.post("/instances", path.read_bytes())
            transaction = pacs.post(
                "/modalities/radnode/store", {"Resources": [stored["ID"]], "StorageCommitment": True}
            )["StorageCommitmentTransactionUID"]
            report = f"/storage-commitment/{transaction}"
            until(lambda: pacs.get(report)["Status"] != "Pending", what="our report")

            assert (pacs.get(report)["Status"], len(pacs.get(report)["Success"])) == ("Success", 1)


def test_a_node_that_is_killed_before_the_report_loses_nothing_and_asks_once(tmp_path):
    """
    SIGKILL between N-ACTION and N-EVENT-REPORT: after the restart the report still counts, and nothing went out twice.
    """
    archive = Archive()
    archive.how = "never"
    with archive.open():
        node = Service(tmp_path / "node", pacs_port=archive.port)
        node.config.write_text(node.config.read_text().replace('peer = "pacs"\n', 'peer = "pacs"\ncommit = true\n'))
        archive.call_back = node.port
        job_id = prepared(node)
        with node:
            until(lambda: archive.actions, what="the request")
            node.kill()
            node.start()
            before = states(node, job_id)
            status = archive.report()
            after = states(node, job_id)

        assert (before, status, after) == (["sent", "sent"], 0, ["committed", "committed"])
        assert (len(archive.stored), len(archive.actions), asked(node)) == (2, 1, 1)


def test_what_the_archive_lacks_is_sent_again(tmp_path):
    """
    0x0112 for one object: it alone goes out a second time, and is then committed.
    """
    archive = Archive()
    archive.lacks = lambda uid: 0x0112 if archive.stored.count(uid) < 2 and uid == archive.stored[0] else 0
    with archive.open(), Exchanging(tmp_path, COMMITTING.format(port=archive.port)) as node:
        job_id = node.result()
        node.begin()
        until(lambda: node.states(job_id) == ["committed", "committed"], what="commitment")

    assert sorted(map(archive.stored.count, archive.stored)) == [1, 2, 2]
    assert [len(references) for _, references in archive.actions] == [2, 1]
    assert archive.answers == [0, 0]


def test_an_archive_without_the_service_leaves_the_results_sent_and_says_so(tmp_path):
    """
    DCMTK-like archives know no Storage Commitment: what was sent stays sent, and the reason names the remedy.
    """
    archive = Archive()
    archive.commits = False
    with archive.open(), Exchanging(tmp_path, COMMITTING.format(port=archive.port)) as node:
        job_id = node.result()
        node.begin()
        until(lambda: "commit = false" in node.reasons(job_id)[0], what="the reason")

        assert node.states(job_id) == ["sent", "sent"]
    assert len(archive.stored) == 2


def test_a_scanner_is_told_what_the_node_keeps(tmp_path):
    """
    Real C-STOREs by DCMTK, then a request: what is here is committed, what never came has reason 0x0112.

    Whoever is not allowed to ask is refused. The report comes on the association while it is open, else on another.
    """
    scanner, stranger, unknown = Modality(), Modality("PACS2"), Modality("NOBODY")
    slices = image_series(np.zeros((3, 8, 8), np.int16))
    save(slices[:2], tmp_path / "slices")
    wanted = [(str(ds.SOPClassUID), str(ds.SOPInstanceUID)) for ds in slices]
    with scanner.open():
        asking = f'ae_title = "SCANNER"\nhost = "127.0.0.1"\nport = {scanner.port}\nmay_ask_commitment = true\n'
        with Exchanging(tmp_path, f'[peers.ct]\n{asking}[peers.stranger]\nae_title = "PACS2"\n') as node:
            node.begin()
            dcmsend(node.port, tmp_path / "slices")
            statuses = [each.ask(node.port, wanted[:2]) for each in (unknown, stranger, scanner)]
            until(lambda: scanner.reports, what="the report on an association of the node")
            stay = partial(until, lambda: len(scanner.reports) > 1, what="the report on the same association")
            statuses.append(scanner.ask(node.port, wanted, uid="1.2.3.4", stay=stay))
            until(lambda: not node.ledger.open_pledges(datetime.now(UTC) + timedelta(hours=1)), what="the end of it")
            until_when = node.ledger.promised_until(str(slices[0].StudyInstanceUID))

    assert statuses == [None, 0x0124, 0, 0]
    first, second = (sorted(committed) for _, committed, _ in scanner.reports)
    assert first == second == sorted(uid for _, uid in wanted[:2])
    assert [failed for *_, failed in scanner.reports] == [{}, {wanted[2][1]: 0x0112}]
    assert datetime.now(UTC) + timedelta(days=29) < until_when < datetime.now(UTC) + timedelta(days=31)
    assert scanner.callers == [(True, "RADNODE")]
