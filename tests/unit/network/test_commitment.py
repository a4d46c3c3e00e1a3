"""Storage Commitment on the wire, with pynetdicom at the other end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from tests.support.commitments import Archive, orderly, report_of
from tests.support.dicom_files import slice_file
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
    association = orderly(ae.associate("127.0.0.1", door.port, ae_title="RADNODE", evt_handlers=handlers))
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


def an_image() -> C_STORE:
    """A request to store one, of a single attribute."""
    image = C_STORE()
    image.MessageID, image.Priority = 77, 2
    image.AffectedSOPClassUID, image.AffectedSOPInstanceUID = CT, "2.25.3"
    image.DataSet = BytesIO(b"\x08\x00\x18\x00\x06\x00\x00\x002.25.3")
    return image


def context_of(association, sop_class: str) -> int:
    """The ID of the presentation context."""
    [context] = [c for c in association.accepted_contexts if c.abstract_syntax == sop_class]
    return context.context_id


def test_a_c_store_that_crosses_our_report_is_not_lost(door):
    """
    The scanner sends an image before it answers the report: the image is stored, and the answer is found.
    """

    def cross(event: Event) -> tuple[int, None]:
        event.assoc.dimse.send_msg(an_image(), context_of(event.assoc, CT))
        return 0, None

    with scanner(door, cross) as association:
        action(association, report_of("1.2.3", TWO, lambda _: 0))
        answer = door.office.reply(Report(transaction_uid="1.2.3", committed=TWO))
        until(lambda: door.stored, what="the image")

    assert (answer.status, door.stored) == (0, ["2.25.3"])


def test_a_scanner_that_wants_its_image_stored_before_it_answers_is_not_kept_waiting(door):
    """
    Both wait for the other's answer: ours comes first, and nobody's time runs out.
    """
    answers: list[int] = []

    def insist(event: Event) -> tuple[int, None]:
        event.assoc.dimse.send_msg(an_image(), context_of(event.assoc, CT))
        _, response = event.assoc.dimse.msg_queue.get(timeout=10)
        answers.append(response.Status)
        return 0, None

    with scanner(door, insist) as association:
        action(association, report_of("1.2.3", TWO, lambda _: 0))
        answer = door.office.reply(Report(transaction_uid="1.2.3", committed=TWO))

    assert (answer.status, answers, door.stored) == (0, [0], ["2.25.3"])


def test_a_report_that_waits_for_a_request_to_be_served_costs_no_association(tmp_path):
    """
    It is ready while the door still serves the scanner, and the news of it is not taken for a missing answer.
    """

    class Busy(Door):
        def _requested(self, request: Request) -> int:
            said = Report(transaction_uid=request.transaction_uid, committed=request.references)
            self.replying = pool.submit(self.office.reply, said)
            [association] = self.scp._open.callers
            until(association.dimse.msg_queue.qsize, what="the news")
            return super()._requested(request)

    with ThreadPoolExecutor() as pool:
        door = Busy()
        with scanner(door, lambda _: (0, None)) as association:
            action(association, report_of("1.2.3", TWO, lambda _: 0))
            answer = door.replying.result(20)
            status = association.send_c_store(slice_file(tmp_path, sop_uid="2.25.4")).Status
        door.scp.stop()

    assert (answer.status, status, door.stored) == (0, 0, ["2.25.4"])


def test_a_report_without_an_answer_costs_no_association_and_its_late_answer_is_nobody_elses(door):
    """
    The time runs out for the first report; what answers it later is not taken for the answer to the second.
    """
    asked: list[object] = []

    def late(event: Event) -> tuple[int, None]:
        asked.append(event.request)
        if len(asked) == 1:
            until(lambda: len(asked) == 2, what="the second report")
        else:
            assert first_sent.wait(20)
        return (0x0110 if event.request is asked[0] else 0), None

    first_sent = threading.Event()
    ae = AE(ae_title="SCANNER")
    ae.add_requested_context(StorageCommitmentPushModel)
    handlers = [
        (evt.EVT_N_EVENT_REPORT, late),
        (evt.EVT_PDU_SENT, lambda _: first_sent.set() if len(asked) == 2 else None),
    ]
    association = ae.associate("127.0.0.1", door.port, ae_title="RADNODE", evt_handlers=handlers)
    association = orderly(association, waits=False)  # it takes the second report while it thinks about the first
    [ours] = door.scp._open.callers
    ours.dimse_timeout = 1
    action(association, report_of("1.2.3", TWO, lambda _: 0))
    action(association, report_of("1.2.4", TWO, lambda _: 0))
    first = door.office.reply(Report(transaction_uid="1.2.3", committed=TWO))
    ours.dimse_timeout = 30
    second = door.office.reply(Report(transaction_uid="1.2.4", committed=TWO))
    established = association.is_established
    association.abort()

    assert (first.failure, second.status, established) == (Failure.NO_RESPONSE, 0, True)


def test_a_release_that_crosses_our_report_is_answered(door):
    """
    A scanner that goes home before it answers is released as it asked, not aborted.
    """

    def slow(event: Event) -> tuple[int, None]:
        taken.set()
        gone.wait(20)
        return 0, None

    taken, gone = threading.Event(), threading.Event()
    ae = AE(ae_title="SCANNER")
    ae.add_requested_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_N_EVENT_REPORT, slow)]
    association = ae.associate("127.0.0.1", door.port, ae_title="RADNODE", evt_handlers=handlers)
    association = orderly(association, waits=False)
    action(association, report_of("1.2.3", TWO, lambda _: 0))
    with ThreadPoolExecutor() as pool:
        replying = pool.submit(door.office.reply, Report(transaction_uid="1.2.3", committed=TWO))
        assert taken.wait(20)
        association.release()
        answer = replying.result(20)
        gone.set()

    assert (association.is_released, association.is_aborted, answer.failure) == (True, False, Failure.NO_RESPONSE)


def test_a_report_that_is_still_being_taken_when_the_stay_is_over_is_answered_before_the_release():
    """
    The release waits for pynetdicom's thread for the report, whose end it must not cross.
    """
    archive, taken = Archive(), threading.Event()

    def slowly(_: Report) -> int:
        taken.set()
        threading.Event().wait(0.5)
        return 0

    with archive.open():
        answer = ask(peer_at(archive.port), "RADNODE", "1.2.3", TWO, on_report=slowly, answered=taken.is_set, hold_s=20)
        until(lambda: archive.answers, what="the answer to the report")

    assert (answer.status, archive.answers) == (0, [0])


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
