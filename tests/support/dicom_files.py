"""Single DICOM files, and their bytes behind the file meta information."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from tests.support.series import image_series


def slice_file(folder: Path, *, sop_class: str = "", side: int = 16, sop_uid: str = "") -> Path:
    """One synthetic CT slice as a file; `sop_class` overwrites its SOP class."""
    [ds] = image_series(np.random.default_rng(5).normal(size=(1, side, side)) * 100)
    if sop_class:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    if sop_uid:
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = sop_uid
    path = folder / f"{ds.SOPInstanceUID}.dcm"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def data_set_bytes(path: Path) -> bytes:
    """What follows the file meta information, undecoded."""
    return path.read_bytes()[_end_of_meta(path) :]


def _end_of_meta(path: Path) -> int:
    """Offset of the data set: preamble, prefix, group length element (12 bytes), and what it counts (PS3.10 7.1)."""
    head = path.read_bytes()[:144]
    assert head[128:132] == b"DICM"
    assert head[132:140] == b"\x02\x00\x00\x00UL\x04\x00"
    return 144 + int.from_bytes(head[140:144], "little")
