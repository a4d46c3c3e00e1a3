"""What the node asks of others, against a real SCP on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from node.demo.archive import Archive
from node.errors import InstanceUnreadable
from node.network.scp import Peer
from node.network.scu import STUDY_ROOT_FIND, Failure, count_instances, echo, send
from tests.support.dicom_files import data_set_bytes, slice_file
from tests.support.peers import free_port

STUDY = {"1.2.1": ["1.2.1.1", "1.2.1.2"], "1.2.2": ["1.2.2.1"]}  # series of study 1.2, with their instances


@contextmanager
def query_server(*supplies: str) -> Iterator[Peer]:
    """An SCP that knows study 1.2 and supplies the given counts."""

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        if query.StudyInstanceUID != "1.2":
            return
        if query.QueryRetrieveLevel == "STUDY":
            yield 0xFF00, match(StudyInstanceUID="1.2", NumberOfStudyRelatedInstances=3)
        elif query.QueryRetrieveLevel == "SERIES":
            for uid, images in STUDY.items():
                yield 0xFF00, match(SeriesInstanceUID=uid, NumberOfSeriesRelatedInstances=len(images))
        else:
            for uid in STUDY[query.SeriesInstanceUID]:
                yield 0xFF00, match(SOPInstanceUID=uid)

    def match(**values: object) -> Dataset:
        ds = Dataset()
        for keyword, value in values.items():
            if keyword in supplies or not keyword.startswith("Number"):
                setattr(ds, keyword, value)
        return ds

    ae = AE(ae_title="QUERY")
    ae.add_supported_context(STUDY_ROOT_FIND)
    port = free_port()
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)])
    try:
        yield Peer(name="query", ae_title="QUERY", host="127.0.0.1", port=port)
    finally:
        server.shutdown()


@pytest.mark.parametrize("supplies", [("NumberOfStudyRelatedInstances",), ("NumberOfSeriesRelatedInstances",), ()])
def test_instances_are_counted_at_the_highest_level_that_tells(supplies):
    """The study's number, the sum over its series and the count of its images all give the same answer."""
    with query_server(*supplies) as peer:
        assert count_instances(peer, "RADNODE", "1.2") == 3


@pytest.mark.parametrize("supplies", [("NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances"), ()])
def test_a_series_can_be_left_out_of_the_count(supplies):
    """The study's number includes it, so the others are added up."""
    with query_server(*supplies) as peer:
        assert count_instances(peer, "RADNODE", "1.2", without={"1.2.1"}) == 1
        assert count_instances(peer, "RADNODE", "1.2", without={"1.2.1", "1.2.2"}) == 0


def test_what_cannot_be_counted_is_none(tmp_path):
    """An unknown study, a peer without queries and a peer that is away all give no number."""
    with query_server() as peer, Archive("PACS", tmp_path) as archive:
        assert count_instances(peer, "RADNODE", "1.9") is None
        assert count_instances(archive.peer, "RADNODE", "1.2", timeout_s=5) is None
    assert count_instances(peer, "RADNODE", "1.2", timeout_s=5) is None


def test_echo_says_what_is_wrong(tmp_path):
    """A C-ECHO gives nothing when all is well, and the reason in words when not."""
    with Archive("PACS", tmp_path) as archive:
        well = echo(archive.peer, "RADNODE")
        archive.reject((1, 1, 3))
        rejected = echo(archive.peer, "RADNODE")
    away = echo(archive.peer, "RADNODE", timeout_s=2)

    assert well == ""
    assert "rejected" in rejected
    assert "Calling AE title" in rejected
    assert "cannot be reached" in away


def test_files_go_out_in_order_over_one_association(tmp_path):
    """Several files share one association, keep their order and arrive byte for byte, each with its own status."""
    sources = [slice_file(tmp_path, side=8 + n) for n in range(4)]
    with Archive("PACS", tmp_path / "archive") as archive:
        archive.answer(0, 0xA700)
        results = send(sources, archive.peer, "RADNODE")

        assert archive.requests == 1
        assert [result.status for result in results] == [0, 0xA700, 0, 0]
        assert [data_set_bytes(store.path) for store in archive.stores] == [data_set_bytes(path) for path in sources]


def test_one_refused_class_does_not_spoil_the_others(tmp_path):
    """An object whose SOP class the peer does not take fails alone."""
    taken, refused = slice_file(tmp_path), slice_file(tmp_path, sop_class="1.2.840.10008.5.1.4.1.1.9.1.1")
    with Archive("PACS", tmp_path / "archive") as archive:
        results = send([refused, taken], archive.peer, "RADNODE")

    assert [(result.status, result.failure) for result in results] == [(None, Failure.NO_CONTEXT), (0, None)]


def test_after_silence_the_rest_is_not_sent(tmp_path):
    """A response that never comes ends the association; what is behind it is reported as unsent."""
    sources = [slice_file(tmp_path), slice_file(tmp_path)]
    with Archive("PACS", tmp_path / "archive") as archive:
        archive.fall_silent()
        results = send(sources, archive.peer, "RADNODE", timeout_s=0.5)

        assert [result.failure for result in results] == [Failure.NO_RESPONSE] * 2
        assert results[0].detail == "no C-STORE response within 0.5 s"
        assert "before this object was sent" in results[1].detail
        assert len(archive.stores) == 1


def test_what_is_no_dicom_file_is_not_sent(tmp_path):
    """A file without file meta information is an error before any association is opened."""
    junk = tmp_path / "junk.dcm"
    junk.write_bytes(b"junk")

    with Archive("PACS", tmp_path / "archive") as archive, pytest.raises(InstanceUnreadable, match=r"junk\.dcm"):
        send([junk], archive.peer, "RADNODE")

    assert archive.requests == 0
