"""Pixel Data to numbers. Decoders are pinned: the same file gives the same numbers on every host."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from node.dicom.functional import frame_count
from node.dicom.header import FOREIGN, Header, quiet
from node.domain.language import say
from node.errors import Refused

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
"""Uncompressed: implicit and explicit little endian, deflated, explicit big endian (PS3.5 annex A)."""

PLUGINS = MappingProxyType(
    {
        "1.2.840.10008.1.2.5": ("pylibjpeg",),  # RLE Lossless
        "1.2.840.10008.1.2.4.50": ("pylibjpeg",),  # JPEG Baseline
        "1.2.840.10008.1.2.4.51": ("pylibjpeg",),  # JPEG Extended, 12 bit
        "1.2.840.10008.1.2.4.57": ("pylibjpeg",),  # JPEG Lossless
        "1.2.840.10008.1.2.4.70": ("pylibjpeg",),  # JPEG Lossless, selection value 1
        "1.2.840.10008.1.2.4.80": ("pyjpegls", "pylibjpeg"),  # JPEG-LS Lossless: the fast one, then the lenient one
        "1.2.840.10008.1.2.4.81": ("pyjpegls", "pylibjpeg"),  # JPEG-LS Near-lossless
        "1.2.840.10008.1.2.4.90": ("pylibjpeg",),  # JPEG 2000 Lossless
        "1.2.840.10008.1.2.4.91": ("pylibjpeg",),  # JPEG 2000
        "1.2.840.10008.1.2.4.201": ("pylibjpeg",),  # HTJ2K Lossless
        "1.2.840.10008.1.2.4.202": ("pylibjpeg",),  # HTJ2K Lossless RPCL
        "1.2.840.10008.1.2.4.203": ("pylibjpeg",),  # HTJ2K
    }
)
"""Decoders of each compressed transfer syntax in the order in which they are tried (names of pydicom's plugins)."""

DECODABLE = NATIVE | PLUGINS.keys()
"""Transfer syntaxes that the node can decode, hence accepts."""

ALWAYS_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"})
PERHAPS_LOSSY = frozenset({"1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"})
"""These hold both kinds; only Lossy Image Compression (0028,2110) tells which."""

_LITTLE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
_LONG_VRS = frozenset({b"OB", b"OW", b"UN"})


def is_lossy(ds: Dataset) -> bool:
    """Whether the pixels went through a lossy compression at any time (PS3.3 C.7.6.1.1.5)."""
    stated = str(ds.get("LossyImageCompression") or "")
    syntax = str(ds.file_meta.TransferSyntaxUID)
    return stated == "01" or syntax in ALWAYS_LOSSY or (syntax in PERHAPS_LOSSY and stated != "00")


def decode(ds: Dataset) -> NDArray[Any]:
    """
    Decode the pixels of a whole data set (with Pixel Data).

    Returns:
        Stored values, shape (frame, row, column), bits that belong to overlays taken off, sign extended; colour images
        have a last axis of samples.

    Raises:
        Refused: Code "undecodable"; what was found names the instance and its transfer syntax, for the report.
    """
    syntax = str(ds.file_meta.get("TransferSyntaxUID", ""))
    uid = str(ds.get("SOPInstanceUID", "?"))
    if syntax not in DECODABLE:
        found = say("instance {uid}: no decoder for transfer syntax {syntax}", uid=uid, syntax=syntax)
        raise Refused("undecodable", found, at="decoding")
    for plugin in PLUGINS.get(syntax, ("",)):
        try:
            with quiet():
                array, _ = get_decoder(UID(syntax)).as_array(ds, raw=True, decoding_plugin=plugin)
        except (*FOREIGN, RuntimeError):
            continue
        return stored_values(array if frame_count(ds) > 1 else array[np.newaxis], ds)
    found = say(
        "instance {uid}: pixels of transfer syntax {name} ({syntax}) cannot be decoded",
        uid=uid, name=UID(syntax).name, syntax=syntax,
    )  # fmt: skip
    raise Refused("undecodable", found, at="decoding")


def decode_file(path: Path, header: Header) -> NDArray[Any]:
    """
    Decode the pixels of a file whose header was read: uncompressed ones straight from the file's tail.

    Returns and raises: as `decode`.
    """
    syntax = str(header.ds.file_meta.TransferSyntaxUID)
    if header.pixels is not None and syntax in _LITTLE:
        raw = _tail(path, header)
        if raw is not None:
            return stored_values(raw, header.ds)
    try:
        with quiet():
            ds = pydicom.dcmread(path)
    except FOREIGN as error:
        uid = str(header.ds.get("SOPInstanceUID", "?"))
        found = say("instance {uid}: the file cannot be read ({fault})", uid=uid, fault=type(error).__name__)
        raise Refused("undecodable", found, at="decoding") from error
    return decode(ds)


def _tail(path: Path, header: Header) -> NDArray[Any] | None:
    """Native 8 or 16 bit monochrome pixels; None when they are anything else and the decoder must judge."""
    ds = header.ds
    bits, shape = ds.get("BitsAllocated"), (frame_count(ds), ds.get("Rows") or 0, ds.get("Columns") or 0)
    if bits not in {8, 16} or ds.get("SamplesPerPixel", 1) != 1 or not all(shape) or header.pixels is None:
        return None
    count = int(np.prod(shape))
    with path.open("rb") as file:
        file.seek(header.pixels)
        head = file.read(8)
        if head[:4] != b"\xe0\x7f\x10\x00":
            return None
        if not ds.original_encoding[0]:  # explicit VR
            if head[4:6] not in _LONG_VRS:
                return None
            head = b"____" + file.read(4)
        length = int.from_bytes(head[4:8], "little")
        if length - length % 2 < count * bits // 8 or length == 0xFFFFFFFF:
            return None
        pixels = np.fromfile(file, dtype="<u2" if bits == 16 else "u1", count=count)
    return pixels.reshape(shape) if pixels.size == count else None


def stored_values(array: NDArray[Any], ds: Dataset) -> NDArray[Any]:
    """
    Keep only the Bits Stored below High Bit (PS3.5 section 8.1.1): old objects hide overlays in the others.

    Returns:
        Same shape, signed where Pixel Representation (0028,0103) says so.
    """
    allocated, stored = int(ds.get("BitsAllocated") or 16), int(ds.get("BitsStored") or 16)
    signed = bool(ds.get("PixelRepresentation"))
    if array.dtype.kind not in "iu" or array.dtype.itemsize * 8 != allocated:
        return array
    values = array.view(array.dtype.str.replace("u", "i") if signed else array.dtype.str.replace("i", "u"))
    above = allocated - 1 - int(ds.get("HighBit", stored - 1))
    if stored >= allocated and above == 0:
        return values
    return (values << above) >> (allocated - stored)
