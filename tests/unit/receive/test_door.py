"""What the door answers."""

from __future__ import annotations

import dataclasses
import errno

import pytest

from node.network.scp import Arrival
from node.receive.door import Door, Received
from node.store.spool import Meta, Spool

CT = "1.2.840.10008.5.1.4.1.1.2"


def arrival(data: bytes = b"data", **changes: object) -> Arrival:
    """A C-STORE of a CT image."""
    plain = Arrival(
        sop_class=CT,
        sop_uid="1.2.3",
        negotiated=CT,
        transfer_syntax="1.2.840.10008.1.2.1",
        calling_ae="SCANNER",
        host="127.0.0.1",
        data=memoryview(data),
    )
    return dataclasses.replace(plain, **changes)


def door(spool: Spool, received: list[Received], *, low_disk_bytes: int = 0, max_object_bytes: int = 1000) -> Door:
    """A door that notes whom it wakes."""
    return Door(spool, low_disk_bytes=low_disk_bytes, max_object_bytes=max_object_bytes, on_received=received.append)


@pytest.fixture
def spool(tmp_path):
    """An empty spool."""
    return Spool(tmp_path)


def test_success_means_a_file_and_a_call_for_the_recorder(spool):
    """Success leaves the file in the spool and tells the recorder where it is and who sent it."""
    received: list[Received] = []

    status = door(spool, received).on_store(arrival())

    [one] = received
    assert status == 0x0000
    assert spool.waiting() == [one.path]
    assert (one.sop_uid, one.calling_ae, one.host, one.size_bytes) == ("1.2.3", "SCANNER", "127.0.0.1", 4)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"sop_uid": "../../../etc/cron.d/x"}, 0x0117),
        ({"sop_uid": ""}, 0x0117),
        ({"sop_uid": "1.2.three"}, 0x0117),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.4"}, 0xA900),
        ({"sop_class": "nonsense"}, 0xA900),
        ({"data": memoryview(b"")}, 0xC000),
        ({"data": memoryview(bytes(1001))}, 0xA700),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_status_that_says_why(spool, changes, status):
    """Bad UIDs, a class that was not negotiated, nothing at all, too much: each has its status and leaves no file."""
    received: list[Received] = []

    assert door(spool, received).on_store(arrival(**changes)) == status
    assert received == []
    assert spool.waiting() == []
    assert list((spool.root / "partial").iterdir()) == []


def test_low_disk_is_out_of_resources(spool):
    """Below the watermark nothing is taken, and the sender may try again later."""
    received: list[Received] = []

    assert door(spool, received, low_disk_bytes=1 << 62).on_store(arrival()) == 0xA700
    assert spool.waiting() == []


class FullDisk(Spool):
    """A spool on a disk that fills up between the check and the write."""

    def keep(self, data: bytes | memoryview, meta: Meta):  # noqa: ARG002
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fails_is_out_of_resources(tmp_path):
    """An error of the file system is answered with 0xA700, never with Success."""
    received: list[Received] = []

    assert door(FullDisk(tmp_path), received).on_store(arrival()) == 0xA700
    assert received == []


def test_the_same_instance_again_is_success_and_one_file(spool):
    """A repeated C-STORE is answered Success; equal bytes are kept once."""
    received: list[Received] = []
    ours = door(spool, received)

    assert [ours.on_store(arrival()), ours.on_store(arrival())] == [0x0000, 0x0000]
    assert len(spool.waiting()) == 1
    assert len(received) == 2
