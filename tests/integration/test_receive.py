"""The door over real sockets, met by DCMTK's programs and by some who do not behave."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from node.network.scp import Peer, Scp, ScpSettings
from node.network.scu import echo, send
from node.receive.door import Door, Received
from node.store.spool import Spool
from tests.support.dicom_files import data_set_bytes, slice_file
from tests.support.peers import program, until

CT = "1.2.840.10008.5.1.4.1.1.2"
NODELAY = {**os.environ, "TCP_NODELAY": "1"}


def syntaxes(data: Path) -> list[Path]:
    """One file for each transfer syntax and image."""
    return sorted(path for path in (data / "transfer-syntaxes").iterdir() if path.suffix != ".txt")


def digest(content: bytes) -> str:
    """What stands for long bytes in an assertion."""
    return hashlib.sha256(content).hexdigest()


class House:
    """A node's door with everything behind it that a C-STORE meets."""

    def __init__(self, root: Path, *, low_disk_bytes: int = 0, **settings: object) -> None:
        self.spool = Spool(root / "spool")
        self.received: list[Received] = []
        peers = (
            Peer(name="scanner", ae_title="SCANNER"),
            Peer(name="elsewhere", ae_title="ELSEWHERE", host="192.0.2.7"),
            Peer(name="mute", ae_title="MUTE", may_send=False),
            Peer(name="local", ae_title="LOCAL", host="localhost"),
        )
        plain = {"ae_title": "RADNODE", "port": 0, "peers": peers, "max_object_bytes": 1 << 24, **settings}
        self.settings = ScpSettings(**plain)
        door = Door(
            self.spool,
            low_disk_bytes=low_disk_bytes,
            max_object_bytes=self.settings.max_object_bytes,
            on_received=self.received.append,
        )
        self.scp = Scp(self.settings, door.on_store)
        self.port = self.scp.start()

    @property
    def peer(self) -> Peer:
        """The node as others see it."""
        return Peer(name="node", ae_title="RADNODE", host="127.0.0.1", port=self.port)

    def lives(self) -> bool:
        """Whether it still answers a C-ECHO."""
        return echo(self.peer, "SCANNER", 5) == ""


@contextmanager
def open_house(root: Path, **settings: object) -> Iterator[House]:
    """A house that is closed at the end."""
    house = House(root, **settings)
    try:
        yield house
    finally:
        house.scp.stop()


@pytest.fixture
def house(tmp_path):
    """A door with the usual settings."""
    with open_house(tmp_path) as house:
        yield house


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A peer program, to its end."""
    command = [program(name), *map(str, arguments)]
    return subprocess.run(command, env=NODELAY, capture_output=True, text=True, timeout=120, check=False)


def to_node(house: House, calling: str = "SCANNER", called: str = "RADNODE") -> tuple[object, ...]:
    """Arguments with which DCMTK's programs call the node."""
    return ("-aet", calling, "-aec", called, "127.0.0.1", house.port)


def associate(house: House, calling: str = "SCANNER") -> object:
    """A stock pynetdicom association for CT."""
    ae = AE(ae_title=calling)
    return ae.associate("127.0.0.1", house.port, [build_context(CT)], "RADNODE")


def test_every_transfer_syntax_is_kept_byte_for_byte(house, data):
    """Each compressed and uncompressed file arrives with the very data set that lay on the sender's disk."""
    sources = syntaxes(data)

    results = send(sources, house.peer, "SCANNER")

    assert [result.status for result in results] == [0] * len(sources) == [0] * 22
    for source, one in zip(sources, house.received, strict=True):
        assert digest(data_set_bytes(one.path)) == digest(data_set_bytes(source))
        assert one.transfer_syntax == pydicom.dcmread(source, stop_before_pixels=True).file_meta.TransferSyntaxUID


def test_dcmsend_delivers_every_transfer_syntax(house, data):
    """DCMTK writes sequences anew on their way out; attributes and pixel bytes still are what its files hold."""
    sources = syntaxes(data)

    result = run("dcmsend", "--decompress-never", *to_node(house), *sources)

    kept = {one.sop_uid: pydicom.dcmread(one.path) for one in house.received}
    assert result.returncode == 0
    assert len(house.received) == len(sources)
    for source in map(pydicom.dcmread, sources):
        copy = kept[source.SOPInstanceUID]
        assert copy.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
        assert copy.file_meta.SourceApplicationEntityTitle == "SCANNER"
        assert digest(copy.PixelData) == digest(source.PixelData)
        padding = 0xFFFCFFFC  # DCMTK leaves Data Set Trailing Padding out
        assert [one.tag for one in copy] == [one.tag for one in source if one.tag != padding]


def test_storescu_and_echoscu_are_served(house, tmp_path):
    """DCMTK's own storescu and echoscu end well, and what storescu sent is on disk unaltered."""
    source = slice_file(tmp_path)

    echoed, stored = run("echoscu", *to_node(house)), run("storescu", *to_node(house), source)

    [one] = house.received
    assert (echoed.returncode, stored.returncode) == (0, 0)
    assert pydicom.dcmread(one.path) == pydicom.dcmread(source)


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [
        ("SCANNER", "OTHER", "Called AE Title Not Recognized"),
        ("NOBODY", "RADNODE", "Calling AE Title Not Recognized"),
        ("scanner", "RADNODE", "Calling AE Title Not Recognized"),
        ("ELSEWHERE", "RADNODE", "Calling AE Title Not Recognized"),
    ],
)
def test_strangers_are_rejected_with_the_right_reason(house, calling, called, reason):
    """A wrong called title, an unknown calling title, and a known one from a wrong host are rejected, permanently."""
    result = run("echoscu", *to_node(house, calling, called))

    assert result.returncode != 0
    assert "Rejected Permanent, Source: Service User" in result.stdout + result.stderr
    assert reason in result.stdout + result.stderr


def test_a_peer_may_be_named_by_host(house):
    """A peer whose configured host is a name is let in from an address of that name."""
    assert run("echoscu", *to_node(house, "LOCAL")).returncode == 0


def test_a_peer_that_may_not_send_may_ask_whether_we_are_there(house, tmp_path):
    """Its C-ECHO is answered, its C-STORE is refused as not authorised."""
    [result] = send([slice_file(tmp_path)], house.peer, "MUTE")

    assert echo(house.peer, "MUTE") == ""
    assert result.status == 0x0124
    assert house.received == []


def test_25_associations_are_served_in_parallel(house, tmp_path):
    """25 open associations each store an object while the others are open."""
    sources = [slice_file(tmp_path, side=8 + n) for n in range(25)]
    meeting = threading.Barrier(25, timeout=30)

    def visit(source: Path) -> int:
        association = associate(house)
        meeting.wait()
        status = association.send_c_store(source)
        meeting.wait()
        association.release()
        return status.Status

    with ThreadPoolExecutor(25) as pool:
        statuses = list(pool.map(visit, sources))

    assert statuses == [0] * 25
    assert len(house.spool.waiting()) == 25


def test_the_limit_per_peer_holds_one_peer_back_and_no_other(tmp_path):
    """The association beyond a peer's limit is rejected for now; another peer comes in; a place left is free."""
    with open_house(tmp_path, max_per_peer=2) as house:
        first, second, third = (associate(house) for _ in range(3))
        other = echo(house.peer, "LOCAL")
        first.release()
        until(lambda: house.scp.open_associations()["SCANNER"] == 1, what="the place being free")
        fourth = associate(house)

        assert second.is_established
        assert third.is_rejected
        answer = third.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == (2, 3, 2)
        assert other == ""
        assert fourth.is_established
        for one in (second, fourth):
            one.release()


def test_the_same_instance_twice_is_success_and_one_file(house, tmp_path):
    """A repeated C-STORE is answered Success and takes no second place."""
    source = slice_file(tmp_path)

    results = send([source, source], house.peer, "SCANNER")

    assert [result.status for result in results] == [0, 0]
    assert len(house.spool.waiting()) == 1


def test_low_disk_is_answered_out_of_resources(tmp_path):
    """Below the watermark the answer is 0xA700 and nothing is written."""
    with open_house(tmp_path, low_disk_bytes=1 << 62) as house:
        [result] = send([slice_file(tmp_path)], house.peer, "SCANNER")

        assert result.status == 0xA700
        assert house.spool.waiting() == []


def test_a_too_large_object_is_refused_and_the_next_one_taken(tmp_path):
    """An object over the limit is answered 0xA700 on an association that goes on; smaller ones beside it are kept."""
    small, large = slice_file(tmp_path, side=32), slice_file(tmp_path, side=1024)
    with open_house(tmp_path, max_object_bytes=1 << 18) as house:
        results = send([small, large, small], house.peer, "SCANNER")

        assert [result.status for result in results] == [0, 0xA700, 0]
        assert len(house.spool.waiting()) == 1


def test_a_silent_association_is_ended(tmp_path):
    """An association that says nothing for the idle time-out is aborted and leaves no thread."""
    with open_house(tmp_path, idle_timeout_s=0.3) as house:
        association = associate(house)

        until(lambda: association.is_aborted, within_s=10, what="the abort")
        until(lambda: not house.scp.open_associations(), within_s=10, what="the end of the association")


def test_a_peer_that_stalls_inside_a_pdu_is_dropped(tmp_path):
    """A connection that announces a PDU and never finishes it does not hold its threads for ever."""
    with open_house(tmp_path, idle_timeout_s=0.3, request_timeout_s=0.5) as house:
        before = threading.active_count()
        with socket.create_connection(("127.0.0.1", house.port)) as slow:
            slow.sendall(b"\x01\x00\x00\x00\x10\x00half")
            until(lambda: threading.active_count() > before, what="the association")
            until(lambda: threading.active_count() <= before, within_s=15, what="its end")

        assert house.lives()


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff" + bytes(100), bytes(64)])
def test_noise_on_the_port_harms_nobody(tmp_path, noise):
    """What is no DICOM, or claims to be 4 GB long, ends its own connection only."""
    with open_house(tmp_path, idle_timeout_s=0.5) as house:
        with socket.create_connection(("127.0.0.1", house.port), timeout=10) as stranger:
            stranger.sendall(noise)
            with suppress(ConnectionResetError):
                while stranger.recv(100):
                    pass  # an A-ABORT may come before the end

        assert house.lives()


def test_a_blank_calling_title_is_turned_away(house):
    """A request whose calling title is all spaces (PS3.8 forbids it) gets no association, and the node lives."""
    name = b"1.2.840.10008.3.1.1.1"
    body = b"\x00\x01\x00\x00" + b"RADNODE".ljust(16) + b" " * 16 + bytes(32)
    body += b"\x10\x00" + len(name).to_bytes(2, "big") + name
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as blank:
        blank.sendall(b"\x01\x00" + len(body).to_bytes(4, "big") + body)
        answer = blank.recv(100)

    assert answer[:1] in (b"\x03", b"\x07")  # A-ASSOCIATE-RJ or A-ABORT
    assert house.lives()


def test_health_checks_leave_nothing_behind(house):
    """200 connections of a load balancer that only connects and closes leave no thread and no file descriptor."""
    assert house.lives()
    until(lambda: not house.scp.open_associations(), what="a quiet start")
    threads, handles = threading.active_count(), open_handles()

    for _ in range(200):
        socket.create_connection(("127.0.0.1", house.port)).close()

    until(lambda: threading.active_count() <= threads, within_s=10, what="the end of all threads")
    assert open_handles() <= handles + 10
    assert house.lives()


def open_handles() -> int:
    """File descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_garbled_command_ends_its_association_only(house):
    """A message whose command set cannot be read ends its own association, soon and without a thread left behind."""
    threads = threading.active_count()
    association = associate(house)
    garbled = P_DATA()
    garbled.presentation_data_value_list = [[1, b"\x03" + b"garbage that is no command set"]]

    association.dul.send_pdu(garbled)

    until(lambda: association.is_aborted, within_s=10, what="the abort")
    until(lambda: threading.active_count() <= threads, within_s=10, what="the end of all threads")
    assert house.lives()


BROKEN = [
    "MR_truncated.dcm",
    "badVR.dcm",
    "rtplan_truncated.dcm",
    "no_meta.dcm",
    "ExplVR_LitEndNoMeta.dcm",
    "UN_sequence.dcm",
    "empty_charset_LEI.dcm",
    "nested_priv_SQ.dcm",
    "reportsi_with_empty_number_tags.dcm",
    "zipMR.gz",
]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_as_raw_bytes_are_kept_as_they_came(house, name):
    """A broken data set is stored unread and answered Success: the recorder, not the door, judges content."""
    raw = Path(str(get_testdata_file(name, download=False))).read_bytes()

    status = send_raw(house, raw, "1.2.3.4")

    [path] = house.spool.waiting()
    assert status == 0
    assert data_set_bytes(path) == raw
    assert house.lives()


@pytest.mark.parametrize(("uid", "status"), [("../../x", 0x0117), ("1.2.x", 0x0117)])
def test_a_uid_that_is_none_is_an_invalid_instance(house, uid, status):
    """What could leave its folder is answered with its own status, and nothing is written."""
    assert send_raw(house, b"data", uid) == status
    assert house.spool.waiting() == []
    assert house.lives()


def send_raw(house: House, raw: bytes, sop_uid: str) -> int:
    """Send any bytes at all as a CT image; returns the status of the response."""
    from io import BytesIO

    ae = AE(ae_title="SCANNER")
    contexts = [build_context(CT, [ImplicitVRLittleEndian])]
    association = ae.associate("127.0.0.1", house.port, contexts, "RADNODE")
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, sop_uid
    request.DataSet = BytesIO(raw)
    association._reactor_checkpoint.clear()
    until(lambda: association._is_paused, what="the pause of the requestor")
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    return int(answer.Status)


SERVE = """
import sys, time
from pathlib import Path
from node.network.scp import Peer, Scp, ScpSettings
from node.receive.door import Door
from node.store.spool import Spool
door = Door(Spool(Path(sys.argv[1])), low_disk_bytes=0, max_object_bytes=1 << 30, on_received=lambda one: None)
settings = ScpSettings(ae_title="RADNODE", port=0, peers=(Peer(name="s", ae_title="SCANNER"),))
print(Scp(settings, door.on_store).start(), flush=True)
time.sleep(600)
"""


def test_sigkill_during_a_store_loses_nothing_that_was_answered(tmp_path):
    """Whatever a killed node had answered with Success lies whole in its spool."""
    sources = [slice_file(tmp_path, side=128) for _ in range(300)]
    node = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    peer = Peer(name="node", ae_title="RADNODE", host="127.0.0.1", port=int(node.stdout.readline()))
    killer = threading.Thread(target=_kill_when_some_arrived, args=(node, tmp_path / "s" / "new"))
    killer.start()

    results = send(sources, peer, "SCANNER", timeout_s=2)

    killer.join()
    node.wait()
    answered = [result.path for result in results if result.status == 0]
    kept = {data_set_bytes(path) for path in Spool(tmp_path / "s").waiting()}
    assert 20 <= len(answered) < 300
    assert {data_set_bytes(path) for path in answered} <= kept


def _kill_when_some_arrived(node: subprocess.Popen[str], new: Path) -> None:
    until(lambda: len(list(new.iterdir())) > 30, what="some files")
    node.send_signal(signal.SIGKILL)


def test_stopping_lets_an_open_association_finish(tmp_path):
    """While the node stops, an open association still stores, and a new one is refused."""
    source = slice_file(tmp_path)
    with open_house(tmp_path) as house:
        association = associate(house)
        stopping = threading.Thread(target=house.scp.stop, args=(20,))
        stopping.start()
        until(lambda: "cannot be reached" in echo(house.peer, "SCANNER", 2), what="the closed door")
        status = association.send_c_store(source).Status
        association.release()
        stopping.join(timeout=10)

        assert status == 0
        assert not stopping.is_alive()
        assert len(house.spool.waiting()) == 1


def test_stopping_ends_an_association_that_does_not_finish(tmp_path):
    """After the grace time an association that stays open is aborted."""
    with open_house(tmp_path) as house:
        association = associate(house)
        start = time.monotonic()

        house.scp.stop(grace_s=0.3)

        until(lambda: association.is_aborted, what="the abort")
        assert time.monotonic() - start < 5
