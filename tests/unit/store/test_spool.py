"""The spool keeps what it was given, whatever happens in between."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import InstanceUnreadable
from node.store.spool import Meta, Spool, is_uid, part10_head
from tests.support.dicom_files import data_set_bytes, slice_file

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def meta(sop_uid: str = "1.2.3", calling_ae: str = "SCANNER") -> Meta:
    """What a sender says of a data set."""
    return Meta(sop_class=CT, sop_uid=sop_uid, transfer_syntax=EXPLICIT, calling_ae=calling_ae)


@pytest.fixture
def spool(tmp_path):
    """An empty spool."""
    return Spool(tmp_path / "spool")


def test_a_kept_file_is_a_dicom_file_with_the_bytes_as_they_came(spool, tmp_path):
    """The data set follows a file meta information that names its class, instance, syntax and sender."""
    source = slice_file(tmp_path)
    sent = data_set_bytes(source)
    ds = pydicom.dcmread(source)

    path = spool.keep(memoryview(sent), meta(str(ds.SOPInstanceUID), "CT_SCANNER_3"))

    kept = pydicom.dcmread(path)
    assert data_set_bytes(path) == sent
    assert kept == ds
    assert kept.file_meta.MediaStorageSOPClassUID == CT
    assert kept.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert kept.file_meta.TransferSyntaxUID == EXPLICIT
    assert kept.file_meta.SourceApplicationEntityTitle == "CT_SCANNER_3"
    assert path.name == f"{ds.SOPInstanceUID}.{hashlib.sha256(sent).hexdigest()[:16]}.dcm"
    assert list((spool.root / "partial").iterdir()) == []


@given(
    uid=st.from_regex(r"[1-9][0-9]{0,9}(\.[1-9][0-9]{0,9}){1,5}", fullmatch=True),
    ae=st.text("ABZ_09", min_size=0, max_size=16),
)
def test_file_meta_reads_back_for_every_length(uid, ae):
    """Odd and even lengths are padded as PS3.5 asks, so that pydicom reads back what was written."""
    head = part10_head(meta(uid, ae))

    read = pydicom.dcmread(io.BytesIO(head)).file_meta

    assert read.MediaStorageSOPInstanceUID == uid
    assert read.get("SourceApplicationEntityTitle", "") == ae
    assert read.FileMetaInformationGroupLength == len(head) - 144


def test_equal_bytes_are_one_file_and_other_bytes_another(spool):
    """The same data set twice is one file; the same UID with another data set is a second one."""
    first, again, other = (spool.keep(data, meta()) for data in (b"aaaa", b"aaaa", b"bbbb"))

    assert first == again
    assert first != other
    assert sorted(spool.waiting()) == sorted([first, other])


def test_a_name_taken_by_other_bytes_is_not_trusted(spool):
    """Where a file with other content has the name, the new bytes get a longer name instead of a false Success."""
    digest = hashlib.sha256(b"right").hexdigest()
    squatter = spool.root / "new" / f"1.2.3.{digest[:16]}.dcm"
    squatter.write_bytes(b"wrong")

    path = spool.keep(b"right", meta())

    assert squatter.read_bytes() == b"wrong"
    assert path.name == f"1.2.3.{digest}.dcm"
    assert path.read_bytes().endswith(b"right")


def test_waiting_is_oldest_first(spool):
    """Files wait in the order in which they came, not in that of their names."""
    paths = [spool.keep(text.encode(), meta(uid)) for uid, text in (("1.9", "a"), ("1.5", "b"), ("1.7", "c"))]
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (1000 - age, 1000 - age))

    assert spool.waiting() == paths


def test_promotion_moves_once_and_may_be_repeated(spool):
    """Promoting again, also after a crash between link and unlink, leaves one file in its series."""
    path = spool.keep(b"data", meta())

    target = spool.promote(path, "1.2", "1.2.1")
    again = spool.promote(path, "1.2", "1.2.1")
    os.link(target, path)  # the crash: linked, not yet unlinked
    after_crash = spool.promote(path, "1.2", "1.2.1")

    assert target == again == after_crash == spool.root / "kept" / "1.2" / "1.2.1" / path.name
    assert list(spool.kept()) == [target]
    assert spool.waiting() == []


def test_promoting_what_is_nowhere_is_an_error(spool):
    """A file that is in neither place is not reported as kept."""
    with pytest.raises(FileNotFoundError):
        spool.promote(spool.root / "new" / "1.2.3.0.dcm", "1.2", "1.2.1")


@pytest.mark.parametrize(
    "uid", ["", "../../etc", "1.2/3", "1..2", ".1", "1.", "1.2\n", "1." + "1" * 63, "1.2.x", "١.٢"]
)
def test_what_is_no_uid_never_becomes_a_path(spool, uid):
    """A UID that could leave its folder, or is none, is refused before anything is written or moved."""
    with pytest.raises(InstanceUnreadable):
        spool.keep(b"data", meta(uid))
    path = spool.keep(b"data", meta())
    with pytest.raises(InstanceUnreadable):
        spool.promote(path, uid, "1.2.1")
    with pytest.raises(InstanceUnreadable):
        spool.promote(path, "1.2", uid)

    assert spool.waiting() == [path]
    assert list((spool.root / "kept").iterdir()) == []


@given(st.text(max_size=70))
def test_is_uid_admits_nothing_but_digits_and_dots(text):
    """Whatever passes as a UID is made of ASCII digits and single inner dots."""
    if is_uid(text):
        assert set(text) <= set("0123456789.")
        assert all(text.split("."))
        assert len(text) <= 64


def test_a_rejected_file_stands_beside_its_reason(spool):
    """A file that nobody can read is moved away with the reason, and doing it again changes nothing."""
    path = spool.keep(b"junk", meta())

    target = spool.reject(path, "no Study Instance UID")
    again = spool.reject(path, "no Study Instance UID")

    assert target == again
    assert target.read_bytes().endswith(b"junk")
    assert target.with_suffix(".txt").read_text() == "no Study Instance UID\n"
    assert spool.waiting() == []


def test_a_failed_write_leaves_nothing(spool):
    """When the disk refuses, the error is passed on and no partial file remains."""
    (spool.root / "new").rmdir()

    with pytest.raises(OSError, match="No such file"):
        spool.keep(b"data", meta())

    assert list((spool.root / "partial").iterdir()) == []


def test_many_threads_keep_and_promote_the_same_bytes(spool):
    """Threads that keep equal and different data sets while others promote lose none and duplicate none."""
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                path = spool.keep(f"{turn}".encode(), meta(f"1.2.{turn}"))
                if number % 2:
                    spool.promote(path, "1.2", "1.2.1")
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's failure
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.promote_all([(path, "1.2", "1.2.1") for path in spool.waiting()])

    assert errors == []
    assert len(list(spool.kept())) == 20


ENDLESS = """
import sys
from pathlib import Path
from node.store.spool import Meta, Spool
spool = Spool(Path(sys.argv[1]))
for number in range(10**6):
    data = number.to_bytes(4, "big") * 50_000
    path = spool.keep(data, Meta(sop_class="1.2", sop_uid=f"1.{number}", transfer_syntax="1.2.840.10008.1.2.1"))
    print(path, flush=True)
    if number % 3 == 0:
        print(spool.promote(path, "1.2", "1.2.1"), flush=True)
"""


def test_sigkill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path):
    """After SIGKILL every reported file is whole in one of its two places, and cleaning removes only debris."""
    writer = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    reported = [Path(writer.stdout.readline().strip()) for _ in range(40)]
    writer.send_signal(signal.SIGKILL)
    reported += [Path(line.strip()) for line in writer.stdout if line.endswith("\n")]
    writer.wait()

    spool = Spool(tmp_path / "s")
    before = {path.name: path for path in [*spool.waiting(), *spool.kept()]}
    spool.clean()

    assert {path.name for path in reported} <= set(before)
    assert all(path.stat().st_size > 200_000 for path in before.values())
    assert list((spool.root / "partial").iterdir()) == []
    assert {path.name for path in [*spool.waiting(), *spool.kept()]} == set(before)


def test_cleaning_removes_what_a_crash_left_half_written(spool):
    """Partial files of an earlier life are removed and counted; durable files stay."""
    path = spool.keep(b"data", meta())
    (spool.root / "partial" / "17-1-0").write_bytes(b"half")

    assert spool.clean() == 1
    assert spool.waiting() == [path]


def test_free_bytes_is_what_the_file_system_says(spool):
    """The watermark looks at what an unprivileged writer may still use."""
    status = os.statvfs(spool.root)

    assert spool.free_bytes() == pytest.approx(status.f_bavail * status.f_frsize, rel=0.05)
