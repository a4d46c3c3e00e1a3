"""Storage Commitment as its SCP: what is promised, what is not, and how often it is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from node.network.associate import Failure
from node.network.commitment import Answer, Report, Request
from node.network.scp import Peer
from node.receive.pledge import Keeper, Terms
from node.receive.record import Recorder
from node.store.ledger import Ledger
from node.store.spool import Meta, Spool
from tests.support.dicom_files import data_set_bytes
from tests.support.ledgers import START, Clock
from tests.support.series import image_series, save

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SCANNER = Peer(name="ct", ae_title="SCANNER", host="127.0.0.1", port=104)


class Site:
    """A state directory, and a scanner that asks."""

    def __init__(self, state: Path) -> None:
        self.clock, self.state = Clock(), state
        self.spool = Spool(state / "spool")
        self.ledger = Ledger.open(f"sqlite:///{state / 'ledger.sqlite'}", self.clock)
        self.recorder = Recorder(self.ledger, self.spool, self.clock)
        self.told: list[tuple[Peer, Report]] = []
        self.answer = Answer(status=0)
        self.keeper = self.restarted()

    def restarted(self) -> Keeper:
        """A new start of the service."""
        terms = Terms(peers={"ct": SCANNER}, keep=timedelta(days=30), gap=timedelta(minutes=10))
        return Keeper(self.ledger, self.spool, terms, self.clock, self.tell)

    def tell(self, peer: Peer, report: Report) -> Answer:
        """Play the scanner's side of the report."""
        self.told.append((peer, report))
        return self.answer

    def receive(self, ds: Dataset, *, record: bool = True) -> None:
        """As the door would."""
        [path] = save([ds], self.state / "sent" / str(ds.SOPInstanceUID))
        syntax = str(ds.file_meta.TransferSyntaxUID)
        meta = Meta(sop_class=CT, sop_uid=str(ds.SOPInstanceUID), transfer_syntax=syntax, calling_ae="SCANNER")
        self.spool.keep(data_set_bytes(path), meta)
        if record:
            self.recorder.step()

    def ask(self, *sop_uids: str, sop_class: str = CT, uid: str = "1.9", **who: str) -> int:
        """A request; its answer."""
        references = tuple((sop_class, sop_uid) for sop_uid in sop_uids)
        caller = {"calling_ae": "SCANNER", "host": "127.0.0.1"} | who
        return self.keeper.take(Request(transaction_uid=uid, references=references, **caller))

    def work(self, **forward: float) -> None:
        """Let time pass, then judge, then report."""
        self.clock.forward(**(forward or {"seconds": 2}))
        self.keeper.step()
        self.keeper.step()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh one."""
    site = Site(tmp_path)
    yield site
    site.ledger.close()


@pytest.fixture
def slices() -> list[Dataset]:
    """Three slices of one study."""
    return image_series(np.zeros((3, 8, 8), np.int16))


def test_what_is_here_is_promised_and_what_is_not_has_a_reason(site, slices):
    """
    The promise is in the ledger before the report is sent, and lasts as long as the configuration says.
    """
    for each in slices[:2]:
        site.receive(each)
    uids = [str(each.SOPInstanceUID) for each in slices]
    status = site.ask(*uids)
    site.work()

    [(peer, report)] = site.told
    assert (status, peer) == (0, SCANNER)
    assert sorted(report.committed) == sorted((CT, uid) for uid in uids[:2])
    assert report.failed == (((CT, uids[2]), 0x0112),)
    assert site.ledger.promised_until(str(slices[0].StudyInstanceUID)) == site.clock() + timedelta(days=30)


def test_another_sop_class_is_a_conflict(site, slices):
    """
    0x0119, and no promise (PS3.3 section C.14.1.1).
    """
    site.receive(slices[0])
    site.ask(str(slices[0].SOPInstanceUID), sop_class=MR)
    site.work()

    assert [reason for _, reason in site.told[0][1].failed] == [0x0119]
    assert site.ledger.promised_until(str(slices[0].StudyInstanceUID)) is None


def test_what_was_received_and_is_not_recorded_yet_is_waited_for(site, slices):
    """
    A request that overtakes the recorder is judged after it.
    """
    site.receive(slices[0], record=False)
    site.ask(str(slices[0].SOPInstanceUID))
    site.work()
    early = list(site.told)
    site.recorder.step()
    site.work()

    assert early == []
    assert site.told[0][1].failed == ()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9] + b"\0" * 9)])
def test_only_bytes_that_are_still_on_the_disk_are_promised(site, slices, spoil):
    """
    A file that is gone, or no longer what was received, is not there.
    """
    slices[0].PixelData = bytes([7]) * len(slices[0].PixelData)
    site.receive(slices[0])
    [kept] = (site.state / "spool" / "kept").rglob("*.dcm")
    spoil(kept)
    site.ask(str(slices[0].SOPInstanceUID))
    site.work()

    assert [reason for _, reason in site.told[0][1].failed] == [0x0112]


def test_a_report_is_repeated_until_it_is_taken_also_after_a_restart(site, slices):
    """
    An absent scanner hears of it later, the same as at first; then no more.
    """
    site.receive(slices[0])
    site.ask(str(slices[0].SOPInstanceUID))
    site.answer = Answer(failure=Failure.UNREACHABLE, detail="away")
    site.work()
    site.keeper = site.restarted()
    site.work(seconds=4)
    waits = len(site.told)
    site.answer = Answer(status=0)
    site.work(seconds=4)
    site.work(hours=1)

    assert waits == 1
    assert len(site.told) == 2
    assert site.told[0] == site.told[1]
    assert site.ledger.pledge("1.9").state == "reported"


def test_a_scanner_that_never_listens_is_given_up_and_the_promise_stands(site, slices):
    """
    After a week; what was promised is kept all the same.
    """
    site.receive(slices[0])
    site.ask(str(slices[0].SOPInstanceUID))
    site.answer = Answer(status=0x0110)
    for _ in range(9):
        site.work(days=1)

    assert site.ledger.pledge("1.9").state == "given up"
    assert site.ledger.promised_until(str(slices[0].StudyInstanceUID)) is not None


def test_who_may_not_ask_is_refused(site):
    """
    Another title, or the right one from another machine.
    """
    assert site.ask("1.1", calling_ae="OTHER") == 0x0124
    assert site.ask("1.1", host="127.0.0.9") == 0x0124
    assert site.ledger.pledge("1.9") is None


def test_a_transaction_uid_is_used_once(site):
    """
    The same request again is the same one; another one under its UID is an invalid value.
    """
    assert [site.ask("1.1"), site.ask("1.1"), site.ask("1.2")] == [0, 0, 0x0115]


def test_a_request_settles_its_instances_and_holds_a_study_that_lacks_some(site, slices):
    """
    All here: the study waits for its quiet time and no longer. Some lost: it is held for the sender to repeat them.
    """
    study_uid = str(slices[0].StudyInstanceUID)
    for each in slices[:2]:
        site.receive(each)
    site.ask(*(str(each.SOPInstanceUID) for each in slices[:2]))
    site.work()
    complete = site.ledger.held(study_uid)
    site.ask(*(str(each.SOPInstanceUID) for each in slices), uid="1.10")
    site.work()
    until, why = site.ledger.held(study_uid)
    site.receive(slices[2])

    assert complete is None
    assert START + timedelta(minutes=10) < until < START + timedelta(minutes=11)
    assert why == "its sender says that it sent more instances"
    assert site.ledger.held(study_uid) is None
