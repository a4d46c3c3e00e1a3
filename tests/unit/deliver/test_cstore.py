"""What the answers of a destination mean."""

from __future__ import annotations

import dataclasses

import pytest

from node.deliver.cstore import deliver
from node.demo.archive import Archive
from node.errors import DeliveryFailed
from node.network.scp import Peer
from tests.support.dicom_files import data_set_bytes, slice_file
from tests.support.peers import free_port
from tests.support.trust import Trust


@pytest.fixture
def archive(tmp_path):
    """An archive that counts what it gets."""
    with Archive("PACS", tmp_path / "archive") as archive:
        yield archive


def failure(path, peer, timeout_s=5.0) -> DeliveryFailed:
    """The error that a delivery ends with."""
    with pytest.raises(DeliveryFailed) as caught:
        deliver(path, peer, "RADNODE", timeout_s)
    return caught.value


def test_success_is_a_receipt_and_the_bytes_arrive_unaltered(archive, tmp_path):
    """A delivery that is answered Success left the data set in the archive, byte for byte."""
    path = slice_file(tmp_path)

    receipt = deliver(path, archive.peer, "RADNODE")

    [store] = archive.stores
    assert (receipt.status, receipt.note) == (0, "")
    assert store.calling_ae == "RADNODE"
    assert data_set_bytes(store.path) == data_set_bytes(path)


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xB000, "coercion of data elements"), (0xB006, "elements discarded"), (0xB007, "does not match SOP class")],
)
def test_a_warning_is_stored_and_said(archive, tmp_path, status, words):
    """The three warnings of PS3.4 table B.2-1 count as stored, with what they warn of."""
    archive.answer(status)

    receipt = deliver(slice_file(tmp_path), archive.peer, "RADNODE")

    assert receipt.status == status
    assert words in receipt.note


@pytest.mark.parametrize(
    ("status", "again", "words"),
    [
        (0xA700, (True, None), "out of resources (0xA700)"),
        (0xA7FF, (True, None), "out of resources (0xA7FF)"),
        (0x0213, (True, None), "out of resources (0x0213)"),
        (0xA900, (False, None), "data set does not match SOP class (0xA900)"),
        (0xC000, (True, 3), "cannot understand (0xC000)"),
        (0xC123, (True, 3), "cannot understand (0xC123)"),
        (0x0110, (True, 3), "answered with status (0x0110)"),
        (0x0122, (False, None), "SOP class not supported (0x0122)"),
        (0x0117, (False, None), "invalid SOP instance (0x0117)"),
        (0x0124, (False, None), "not authorised (0x0124)"),
    ],
)
def test_a_failure_says_whether_to_try_again(archive, tmp_path, status, again, words):
    """Each failure status becomes an error in words that knows whether, and how often, it may be tried again."""
    archive.answer(status)

    error = failure(slice_file(tmp_path), archive.peer)

    assert (error.retry, error.tries) == again
    assert words in str(error)


@pytest.mark.parametrize(
    ("reason", "retry", "words"),
    [
        ((1, 1, 3), False, "calling AE title not recognised"),
        ((1, 1, 7), False, "called AE title not recognised"),
        ((2, 3, 1), True, "temporary congestion"),
        ((2, 3, 2), True, "local limit exceeded"),
    ],
)
def test_a_rejection_is_final_only_when_permanent(archive, tmp_path, reason, retry, words):
    """A permanent rejection is not tried again, a transient one is, both with the reason in words."""
    archive.reject(reason)

    error = failure(slice_file(tmp_path), archive.peer)

    assert error.retry is retry
    assert error.tries is None
    assert words in str(error).lower().replace("recognized", "recognised").replace("ae title", "AE title")


def test_nobody_there_is_tried_again(tmp_path):
    """A destination that cannot be reached is tried again without end."""
    error = failure(slice_file(tmp_path), Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port()))

    assert error.retry
    assert error.tries is None
    assert "cannot be reached" in str(error)


def test_a_broken_trust_is_tried_again_and_never_in_plain(archive, tmp_path):
    """Certificates are renewed and clocks set right; until then nothing goes out."""
    peer = dataclasses.replace(archive.peer, tls=Trust(tmp_path / "trust").issue("RADNODE"))

    error = failure(slice_file(tmp_path), peer)

    assert error.retry
    assert error.tries is None
    assert "no TLS with PACS" in str(error)
    assert "certificates" in error.do
    assert archive.stores == []


def test_silence_is_tried_again(archive, tmp_path):
    """A C-STORE without a response ends at the time-out and is tried again."""
    archive.fall_silent()

    error = failure(slice_file(tmp_path), archive.peer, timeout_s=0.5)

    assert error.retry
    assert error.tries is None
    assert "no C-STORE response" in str(error)


def test_an_unknown_kind_of_object_is_dead(archive, tmp_path):
    """Where no presentation context is accepted, trying again cannot help."""
    path = slice_file(tmp_path, sop_class="1.2.840.10008.5.1.4.1.1.9.1.1")  # 12-lead ECG

    error = failure(path, archive.peer)

    assert not error.retry
    assert "accepted none of the presentation contexts" in str(error)
    assert not archive.stores


def test_an_archive_that_comes_back_gets_it(archive, tmp_path):
    """After the archive was away, the same file is delivered to the same port."""
    path = slice_file(tmp_path)
    archive.leave()
    error = failure(path, archive.peer)
    archive.come_back()

    receipt = deliver(path, archive.peer, "RADNODE")

    assert error.retry
    assert receipt.status == 0
    assert len(archive.stores) == 1
