"""
The spool: what was received, as files that survive a power cut (design rule 1).

    spool/partial/    being written; worthless after a crash
    spool/new/        durable, answered Success, not yet in the ledger
    spool/kept/<study>/<series>/
    spool/rejected/   what we could not read, each with its reason in a .txt beside it

A file is called `<SOP Instance UID>.<first 16 hex digits of the SHA-256 of its data set>.dcm`: equal bytes meet under
one name, other bytes never do. Its data set is what came over the network, byte for byte. A name is only ever made by a
hard link, which fails if the name exists, and only after the content is on disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from node.dicom.uids import IMPLEMENTATION_UID
from node.errors import InstanceUnreadable

UID = re.compile(r"[0-9]+(\.[0-9]+)*")
IMPLEMENTATION_NAME = "RADNODE"


def is_uid(text: str) -> bool:
    """
    Whether a text may serve as a UID, and so as part of a path: digits and single dots, at most 64 (PS3.5 section 9.1).

    Components with a leading zero break that section but are in use, and harm nobody here.
    """
    return len(text) <= 64 and UID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What the file meta information says of a data set (PS3.10 section 7.1)."""

    sop_class: str
    sop_uid: str
    transfer_syntax: str
    calling_ae: str = ""


def part10_head(meta: Meta) -> bytes:
    """Preamble, prefix and file meta information: what stands before the data set in a file (PS3.10 section 7.1)."""
    elements = b"".join(
        (
            _element(0x0001, b"OB", b"\x00\x01"),
            _element(0x0002, b"UI", _padded(meta.sop_class, b"\x00")),
            _element(0x0003, b"UI", _padded(meta.sop_uid, b"\x00")),
            _element(0x0010, b"UI", _padded(meta.transfer_syntax, b"\x00")),
            _element(0x0012, b"UI", _padded(IMPLEMENTATION_UID, b"\x00")),
            _element(0x0013, b"SH", _padded(IMPLEMENTATION_NAME, b" ")),
            _element(0x0016, b"AE", _padded(meta.calling_ae, b" ")) if meta.calling_ae else b"",
        )
    )
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", len(elements).to_bytes(4, "little")) + elements


class Spool:
    """Files of received instances below one folder on a local disk. Safe to use from many threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial, self._new, self._kept, self._rejected = (
            root / name for name in ("partial", "new", "kept", "rejected")
        )
        for folder in (self._partial, self._new, self._kept, self._rejected):
            folder.mkdir(parents=True, exist_ok=True)
        sync_folder(root)
        self._numbers = count()

    def clean(self) -> int:
        """Remove what a crash left half-written, before the door opens. Returns how many files that were."""
        stale = list(self._partial.iterdir())
        for path in stale:
            path.unlink()
        return len(stale)

    def free_bytes(self) -> int:
        """Bytes that may still be written."""
        return shutil.disk_usage(self.root).free

    def keep(self, data: bytes | memoryview, meta: Meta) -> Path:
        """
        Make a data set durable under its name in `new/`.

        Args:
            data: The encoded data set, without file meta information.
            meta: What the file meta information shall say.

        Returns:
            The file, durable.

        Raises:
            InstanceUnreadable: The SOP Instance UID is none.
            OSError: It could not be written; nothing of it remains.
        """
        sop_uid, digest = _checked(meta.sop_uid, "SOP Instance UID"), hashlib.sha256(data).hexdigest()
        partial = self._partial / f"{os.getpid()}-{threading.get_ident()}-{next(self._numbers)}"
        try:
            _write(partial, part10_head(meta), data)
            target = self._new / f"{sop_uid}.{digest[:16]}.dcm"
            if not _name(partial, target, data):
                target = target.with_name(f"{sop_uid}.{digest}.dcm")
                _name(partial, target, data)
            sync_folder(self._new)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def waiting(self) -> list[Path]:
        """What lies in `new/`, oldest first."""
        found = []
        for entry in os.scandir(self._new):
            with suppress(FileNotFoundError):  # promoted meanwhile
                found.append((entry.stat().st_mtime_ns, entry.name))
        return [self._new / name for _, name in sorted(found)]

    def promote(self, path: Path, study_uid: str, series_uid: str) -> Path:
        """Move one file from `new/` to its series; see `promote_all`."""
        return self.promote_all([(path, study_uid, series_uid)])[0]

    def promote_all(self, files: Iterable[tuple[Path, str, str]]) -> list[Path]:
        """
        Move files from `new/` to `kept/<study>/<series>/`. Doing it again changes nothing.

        Args:
            files: File, Study and Series Instance UID.

        Returns:
            Where each file lies now, in the given order. At no moment is a file in neither place.

        Raises:
            InstanceUnreadable: A UID is none. No file has been moved.
            OSError: A file is in neither place, or the disk failed.
        """
        moves = []
        for path, study_uid, series_uid in files:
            study, series = _checked(study_uid, "Study Instance UID"), _checked(series_uid, "Series Instance UID")
            moves.append((path, self._kept / study / series / path.name))
        for path, target in moves:
            self._link_kept(path, target)
        for folder in {target.parent for _, target in moves}:
            sync_folder(folder)
        for path, _ in moves:
            path.unlink(missing_ok=True)
        return [target for _, target in moves]

    def _link_kept(self, path: Path, target: Path) -> None:
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            sync_folder(target.parent.parent)
            sync_folder(self._kept)
        _link(path, target)

    def reject(self, path: Path, reason: str) -> Path:
        """Move a file that we cannot read to `rejected/`, the reason in a .txt beside it. Returns its new place."""
        target = self._rejected / path.name
        target.with_suffix(".txt").write_text(reason + "\n", encoding="utf-8")
        _link(path, target)
        sync_folder(self._rejected)
        path.unlink(missing_ok=True)
        return target

    def kept(self) -> Iterator[Path]:
        """Every file in `kept/`, in the order of the names."""
        return iter(sorted(self._kept.glob("*/*/*.dcm")))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, *parts: bytes | memoryview) -> None:
    """Write a new file and wait until its content is on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(handle, "wb", buffering=0) as file:
        for part in parts:
            rest = memoryview(part)
            while rest:
                rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _name(partial: Path, target: Path, data: bytes | memoryview) -> bool:
    """Give a written file its name. False when that is the name of another data set (a part of its hash collided)."""
    while True:
        try:
            os.link(partial, target)
        except FileExistsError:
            with suppress(FileNotFoundError):  # promoted this very moment: link again
                return target.read_bytes().endswith(data)
        else:
            return True


def _link(path: Path, target: Path) -> None:
    """Give a file a second name, unless it has it already; the first may be gone then."""
    try:
        os.link(path, target)
    except FileExistsError:
        pass
    except FileNotFoundError:
        if not target.exists():
            raise


def _checked(uid: str, what: str) -> str:
    if not is_uid(uid):
        raise InstanceUnreadable(f"{what} is {uid[:70]!r}, which is no UID", at="spool", do="have the sender corrected")
    return uid


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    """One element of group 0002 in Explicit VR Little Endian (PS3.5 section 7.1.2)."""
    long = vr == b"OB"
    length = bytes(2) + len(value).to_bytes(4, "little") if long else len(value).to_bytes(2, "little")
    return b"\x02\x00" + number.to_bytes(2, "little") + vr + length + value


def _padded(text: str, fill: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    return value + fill if len(value) % 2 else value
