"""Destinations that take other SOP classes than ours: DCMTK's storescp and Orthanc, over the network."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pydicom
import pytest

from node.deliver.cstore import deliver
from node.deliver.outbox import Destination, Outbox
from node.dicom.alternatives import alternative_uid
from node.dicom.header import read_instance
from node.errors import DeliveryFailed
from node.network.scp import Peer
from node.store.ledger import Ledger
from tests.integration.test_validators import errors, write
from tests.support.choosy import received, storescp
from tests.support.dicom_files import data_set_bytes
from tests.support.findings import DRAWN, FOUND, make_case
from tests.support.ledgers import Clock, an_arrival, an_order, recorded

ENHANCED, COMPREHENSIVE, THREE_D = (f"1.2.840.10008.5.1.4.1.1.88.{tail}" for tail in ("22", "33", "34"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """SR and key-slice SR of a case with two lesions."""
    _, sr, key_sr = write(make_case(DRAWN, FOUND), tmp_path_factory.mktemp("reports"))
    return sr, key_sr


@pytest.mark.parametrize(
    ("takes", "used"),
    [
        ((THREE_D, COMPREHENSIVE, ENHANCED), THREE_D),
        ((COMPREHENSIVE, ENHANCED), COMPREHENSIVE),
        ((COMPREHENSIVE,), COMPREHENSIVE),
        ((ENHANCED,), ENHANCED),
    ],
)
def test_the_best_class_that_is_taken_is_sent(reports, tmp_path, takes, used):
    """DCMTK gets each report once, valid, under the first of 88.34, 88.33, 88.22 that it takes."""
    with storescp(tmp_path / "in", *takes) as peer:
        receipts = [deliver(path, peer, "RADNODE") for path in reports]
        got = {ds.SOPInstanceUID: ds for ds in received(tmp_path / "in")}

    assert {ds.SOPClassUID for ds in got.values()} == {used} == {receipt.sop_class for receipt in receipts}
    assert set(got) == {receipt.sop_uid for receipt in receipts}
    for path, receipt in zip(reports, receipts, strict=True):
        made = str(pydicom.dcmread(path).SOPInstanceUID)
        assert receipt.sop_uid == (made if used == THREE_D else alternative_uid(made, used))
        assert bool(receipt.note) == (used != THREE_D)
        assert receipt.sop_uid in receipt.note or not receipt.note
        assert got[receipt.sop_uid].ContentSequence == pydicom.dcmread(path).ContentSequence
    for path in (tmp_path / "in").iterdir():
        assert errors(path, knows={ENHANCED: "EnhancedSR", COMPREHENSIVE: "ComprehensiveSR"}.get(used, "3DSR")) == []


def test_sent_again_it_is_the_same_object(reports, tmp_path):
    """After a lost answer the very same bytes go out."""
    sent = []
    for name in ("first", "second"):
        with storescp(tmp_path / name, ENHANCED) as peer:
            deliver(reports[0], peer, "RADNODE")
        sent += [data_set_bytes(path) for path in (tmp_path / name).iterdir()]

    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_a_class_that_nobody_takes_is_a_failure(reports, tmp_path):
    """A destination without any report class ends the delivery, with what is to be done."""
    with storescp(tmp_path / "in") as peer, pytest.raises(DeliveryFailed) as caught:
        deliver(reports[0], peer, "RADNODE")

    assert (caught.value.retry, caught.value.unwanted) == (False, True)
    assert "leave it out of `send`" in str(caught.value)


@pytest.fixture
def site(tmp_path):
    """A ledger in a state directory, with a clock."""
    clock = Clock()
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    yield ledger, clock
    ledger.close()


def emptied(ledger: Ledger, clock: Clock, root: Path, peer: Peer) -> None:
    """One step of the outbox to "pacs"."""
    to = Destination(name="pacs", send=partial(deliver, peer=peer, calling_ae="RADNODE"))
    Outbox(ledger, to, root=root, clock=clock, give_up_after=timedelta(hours=1)).step()


def test_the_ledger_tells_what_was_sent_and_knows_it_when_it_comes_back(reports, site, tmp_path):
    """The delivery is noted with class and UID; routed back, the object is ours and feeds no case."""
    ledger, clock = site
    order = an_order()
    recorded(ledger, tmp_path, order, {"sr": reports[0]})
    with storescp(tmp_path / "in", COMPREHENSIVE) as peer:
        emptied(ledger, clock, tmp_path, peer)
    [delivery] = ledger.deliveries(order.job_id)
    [back] = (tmp_path / "in").iterdir()
    instance = read_instance(back)
    ledger.record([an_arrival(instance)])

    assert delivery.state == "sent"
    assert COMPREHENSIVE in delivery.reason
    assert instance.sop_uid in delivery.reason
    assert instance.ours
    assert ledger.due_studies(clock.forward(hours=2)) == ()


def test_it_is_known_even_when_its_equipment_was_taken_off(reports, site, tmp_path):
    """By its UID alone, where an archive drops Contributing Equipment and the like."""
    ledger, clock = site
    recorded(ledger, tmp_path, an_order(), {"sr": reports[0]})
    sop_uid = alternative_uid(str(pydicom.dcmread(reports[0]).SOPInstanceUID), ENHANCED)
    stripped = read_instance(reports[0])
    changes = {"sop_uid": sop_uid, "sop_class": ENHANCED, "ours": False, "digest": "stripped"}
    ledger.record([an_arrival(type(stripped)(**{**_fields(stripped), **changes}))])

    assert ledger.due_studies(clock.forward(hours=2)) == ()


def _fields(instance):
    return {name: getattr(instance, name) for name in instance.__dataclass_fields__}
