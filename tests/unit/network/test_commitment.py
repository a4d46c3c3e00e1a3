"""Storage Commitment on the wire, with pynetdicom at the other end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from node.network.associate import Failure
from node.network.commitment import Report, Request, ask, report
from node.network.office import Office
from node.network.scp import Arrival, Peer, Scp, ScpSettings
from tests.support.commitments import Archive, report_of
from tests.support.peers import free_port, until

CT = str(CTImageStorage)
TWO = ((CT, "2.25.1"), (CT, "2.25.2"))


def never() -> bool:
    """No report has come yet."""
    return False


def peer_at(port: int, ae_title: str = "ORTHANC") -> Peer:
    """A peer on this machine."""
    return Peer(name="pacs", ae_title=ae_title, host="127.0.0.1", port=port)


class Door:
    """Our own acceptor, with Storage Commitment."""

    def __init__(self, *, ask: bool = True) -> None:
        self.requests: list[Request] = []
        self.reports: list[Report] = []
        self.stored: list[str] = []
        self.office = Office(self._requested if ask else None, self._reported)
        peers = (Peer(name="ct", ae_title="SCANNER"),)
        self.scp = Scp(ScpSettings(ae_title="RADNODE", port=0, peers=peers), self._store, service=self.office)
        self.port = self.scp.start()

    def _requested(self, request: Request) -> int:
        self.requests.append(request)
        return 0

    def _reported(self, what: Report) -> int:
        self.reports.append(what)
        return 0

    def _store(self, arrival: Arrival) -> int:
        self.stored.append(arrival.sop_uid)
        return 0


@pytest.fixture
def door() -> Iterator[Door]:
    """An open one."""
    door = Door()
    yield door
    door.scp.stop()


@contextmanager
def scanner(door: Door, on_report=None) -> Iterator[object]:
    """An association of a scanner."""
    ae = AE(ae_title="SCANNER")
    ae.add_requested_context(StorageCommitmentPushModel)
    ae.add_requested_context(CTImageStorage)
    handlers = [(evt.EVT_N_EVENT_REPORT, on_report)] if on_report else []
    association = ae.associate("127.0.0.1", door.port, ae_title="RADNODE", evt_handlers=handlers)
    assert association.is_established
    yield association
    if association.is_established:
        association.release()


def action(association, said: Dataset, instance: str = StorageCommitmentPushModelInstance, kind: int = 1) -> int:
    """An N-ACTION; its status."""
    answer, _ = association.send_n_action(said, kind, StorageCommitmentPushModel, instance)
    return int(answer.Status)


def test_a_report_on_the_association_of_the_request_is_taken_and_ends_the_stay():
    """
    What is committed and what is not, each with its reason, and not a moment is waited longer.
    """
    archive, reports = Archive(), []
    archive.lacks = lambda uid: 0x0112 if uid == "2.25.2" else 0

    def take(what: Report) -> int:
        reports.append(what)
        return 0

    with archive.open():
        answer = ask(
            peer_at(archive.port), "RADNODE", "1.2.3", TWO, on_report=take, answered=lambda: bool(reports), hold_s=60
        )

    assert (answer.status, archive.answers) == (0, [0])
    assert archive.actions == [("1.2.3", TWO)]
    [found] = reports
    assert (found.transaction_uid, found.committed, found.failed) == ("1.2.3", TWO[:1], ((TWO[1], 0x0112),))


def test_a_refused_request_an_absent_archive_and_one_without_the_service_are_told_apart():
    """
    A status, no connection, no presentation context.
    """
    archive = Archive()
    archive.action_status = 0x0213

    def asked() -> object:
        return ask(peer_at(archive.port), "RADNODE", "1.2.3", TWO, on_report=lambda _: 0, answered=never)

    with archive.open():
        refused = asked()
    archive.commits = False
    with archive.open():
        unknown = asked()
    archive.port = free_port()

    assert refused.status == 0x0213
    assert unknown.failure is Failure.NO_CONTEXT
    assert asked().failure is Failure.UNREACHABLE


def test_a_scanner_that_says_nothing_of_roles_still_gets_its_report():
    """
    Role selection is proposed (PS3.7 D.3.3.4); a peer that does not answer it takes the report all the same.
    """
    said: list[Dataset] = []

    def take(event: Event) -> tuple[int, None]:
        said.append(event.event_information)
        return 0, None

    ae = AE(ae_title="SCANNER")
    ae.add_supported_context(StorageCommitmentPushModel)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])
    peer = peer_at(server.socket.getsockname()[1], "SCANNER")
    answer = report(peer, "RADNODE", Report(transaction_uid="1.2.3", committed=TWO))
    server.shutdown()

    assert answer.status == 0
    assert len(said[0].ReferencedSOPSequence) == 2


def test_what_is_no_request_for_commitment_is_refused(door):
    """
    Another instance, another action, no transaction, nothing to commit to.
    """
    good, nameless, empty = report_of("1.2.3", TWO, lambda _: 0), report_of("", TWO, lambda _: 0), Dataset()
    empty.TransactionUID = "1.2.4"
    with scanner(door) as association:
        statuses = [
            action(association, good, instance="1.2.840.10008.1.20.1.2"),
            action(association, good, kind=2),
            action(association, nameless),
            action(association, empty),
            action(association, good),
        ]

    assert statuses == [0x0112, 0x0123, 0x0115, 0x0115, 0]
    assert [(r.transaction_uid, r.references, r.calling_ae) for r in door.requests] == [("1.2.3", TWO, "SCANNER")]


def test_nobody_may_ask_unless_it_is_switched_on():
    """
    A node that only asks archives answers a modality 0x0124.
    """
    door = Door(ask=False)
    with scanner(door) as association:
        status = action(association, report_of("1.2.3", TWO, lambda _: 0))
    door.scp.stop()

    assert status == 0x0124


def test_a_c_store_that_crosses_our_report_is_not_lost(door):
    """
    The scanner sends an image before it answers the report: the answer is found, and the image is stored afterwards.
    """

    def cross(event: Event) -> tuple[int, None]:
        image = C_STORE()
        image.MessageID, image.Priority = 77, 2
        image.AffectedSOPClassUID, image.AffectedSOPInstanceUID = CT, "2.25.3"
        image.DataSet = BytesIO(b"\x08\x00\x18\x00\x06\x00\x00\x002.25.3")
        [context] = [c for c in event.assoc.accepted_contexts if c.abstract_syntax == CT]
        event.assoc.dimse.send_msg(image, context.context_id)
        return 0, None

    with scanner(door, cross) as association:
        action(association, report_of("1.2.3", TWO, lambda _: 0))
        answer = door.office.reply(Report(transaction_uid="1.2.3", committed=TWO))
        until(lambda: door.stored, what="the image")

    assert (answer.status, door.stored) == (0, ["2.25.3"])


def test_an_association_that_is_over_is_not_waited_for(door):
    """
    The report then goes out on another one; a release that crosses the report does not hold us either.
    """
    with scanner(door) as association:
        action(association, report_of("1.2.3", TWO, lambda _: 0))
    until(lambda: not door.scp.open_associations(), what="the end of the association")
    over = door.office.reply(Report(transaction_uid="1.2.3", committed=TWO))
    with scanner(door) as association:
        action(association, report_of("1.2.4", TWO, lambda _: 0))
        release = threading.Thread(target=association.release)
        release.start()
        door.office.reply(Report(transaction_uid="1.2.4", committed=TWO), timeout_s=2)
        release.join(10)

    assert over is None
    assert not release.is_alive()
