"""Whether a file holds all of its data set: pydicom takes one that ends early without a word."""

from __future__ import annotations

import struct
from typing import BinaryIO

from pydicom.dataset import Dataset

from node.domain.acquisition import MODALITIES

BIG_ENDIAN = "1.2.840.10008.1.2.2"

_SEQUENCE_END = {"little": b"\xfe\xff\xdd\xe0\0\0\0\0", "big": b"\xff\xfe\xe0\xdd\0\0\0\0"}
_UNDEFINED = 0xFFFFFFFF
_LONG_LENGTH = frozenset({b"OB", b"OW", b"UN", b"OF", b"OD"})
"""Value representations of Pixel Data whose length takes four bytes (PS3.5 table 7.1-1)."""


def cut_off(ds: Dataset, file: BinaryIO, size: int) -> bool:
    """
    Whether the last element, or the pixels that follow, reach beyond the end of the file.

    Args:
        ds: What was read, up to Pixel Data.
        file: Positioned where reading stopped; left there unless the answer is known to be yes.
        size: Of the file, in bytes.
    """
    order = "big" if ds.file_meta.TransferSyntaxUID == BIG_ENDIAN else "little"
    at = file.tell()
    if at + 8 > size:
        return _pixels_expected(ds) or _last_cut_off(ds, file, size, order)
    cut = _pixels_cut_off(file, size, order, implicit=bool(ds.original_encoding[0]))
    file.seek(at)
    return cut


def _pixels_expected(ds: Dataset) -> bool:
    """Whether an image has none of its pixels, nor says where they are instead (PS3.3 C.7.6.3, C.7.6.16)."""
    image = "Rows" in ds or ds.get("SOPClassUID") in MODALITIES
    return image and "PixelDataProviderURL" not in ds


def _last_cut_off(ds: Dataset, file: BinaryIO, size: int, order: str) -> bool:
    """Judge the last element from its length, a sequence of undefined length from its delimiter."""
    tags = list(ds.keys())
    if not tags:
        return False
    last = ds.get_item(tags[-1])
    length = getattr(last, "length", None)
    if length is not None and length != _UNDEFINED:
        return bool(last.value_tell + length != size)
    if length != _UNDEFINED and last.VR != "SQ":
        return False
    file.seek(max(0, size - 8))
    return file.read(8) != _SEQUENCE_END[order]


def _pixels_cut_off(file: BinaryIO, size: int, order: str, *, implicit: bool) -> bool:
    """Judge Pixel Data from its length, or item by item where it is encapsulated (PS3.5 A.4)."""
    at = file.tell()
    head = file.read(12)
    short = implicit or head[4:6] not in _LONG_LENGTH
    begin = at + (8 if short else 12)
    if begin > size:
        return True
    (length,) = struct.unpack((">" if order == "big" else "<") + "I", head[4:8] if short else head[8:12])
    return _items_cut_off(file, size, begin) if length == _UNDEFINED else bool(begin + length > size)


def _items_cut_off(file: BinaryIO, size: int, begin: int) -> bool:
    while begin + 8 <= size:
        file.seek(begin)
        group, element, length = struct.unpack("<HHI", file.read(8))
        if (group, element) != (0xFFFE, 0xE000):
            return bool((group, element) != (0xFFFE, 0xE0DD))
        begin += 8 + length
    return True
