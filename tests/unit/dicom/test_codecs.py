"""Pixel data to numbers."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from node.dicom.codecs import DECODABLE, NATIVE, PLUGINS, decode, decode_file, is_lossy, stored_values
from node.dicom.header import open_header
from node.errors import Refused
from tests.support.series import image_series

LOSSLESS = [f"{image}_{code}" for image in ("CT1", "CT2", "MR1") for code in ("J2KR", "JLSL", "JPLL", "RLE")]
LOSSY = [f"{image}_{code}" for image in ("CT1", "CT2", "MR1") for code in ("J2KI", "JLSN")]


def numbers(path):
    """Decode a file as `load` does."""
    return decode_file(path, open_header(path))


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_decode_equal_to_their_uncompressed_twin(data, name):
    """Every lossless syntax gives the very numbers of the uncompressed file."""
    folder = data / "transfer-syntaxes"

    assert np.array_equal(numbers(folder / name), numbers(folder / f"{name[:3]}_UNC"))
    assert not is_lossy(open_header(folder / name).ds)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_decode_and_are_known_to_be_lossy(data, name):
    """A lossy file decodes to something near its twin, and says what it is."""
    folder = data / "transfer-syntaxes"
    there, twin = numbers(folder / name).astype(int), numbers(folder / f"{name[:3]}_UNC").astype(int)

    assert 0 < np.abs(there - twin).max() < 0.25 * np.ptp(twin)
    assert is_lossy(open_header(folder / name).ds)


def test_what_no_decoder_takes_names_itself(data):
    """A JPEG stream with a broken scan header is refused by SOP Instance UID and transfer syntax."""
    path = data / "transfer-syntaxes" / "MR1_JPLY"
    header = open_header(path)
    with pytest.raises(Refused) as caught:
        decode_file(path, header)

    assert caught.value.code == "undecodable"
    assert header.ds.SOPInstanceUID in caught.value.found
    assert "1.2.840.10008.1.2.4.51" in caught.value.found
    assert is_lossy(header.ds)


def test_every_pinned_decoder_is_there():
    """Each compressed syntax that the node accepts has its decoder installed."""
    for syntax, plugins in PLUGINS.items():
        assert set(plugins) <= set(get_decoder(UID(syntax)).available_plugins), syntax
    assert NATIVE < DECODABLE


def test_an_unknown_syntax_is_undecodable():
    """A transfer syntax outside the list is refused before any decoder is asked."""
    [ds] = image_series(np.zeros((1, 4, 4)))
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")  # MPEG2
    with pytest.raises(Refused, match=r"1\.2\.840\.10008\.1\.2\.4\.100"):
        decode(ds)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_signed_and_unsigned_survive_compression(syntax):
    """Compressing and decoding gives back negative numbers and numbers above 32767."""
    for representation, low, high in ((0, 0, 65535), (1, -32768, 32767)):
        [ds] = image_series(np.zeros((1, 64, 64)), PixelRepresentation=representation)
        plane = np.linspace(low, high, 4096).reshape(64, 64).astype("<i2" if representation else "<u2")
        ds.PixelData = plane.tobytes()
        ds.compress(syntax, generate_instance_uid=False)

        assert np.array_equal(decode(ds)[0], plane)


@given(values=arrays(np.int16, (3, 3), elements=st.integers(-2048, 2047)), hidden=st.integers(0, 15))
def test_bits_above_the_high_bit_are_taken_off(values, hidden):
    """Overlay bits in the four highest bits never reach a signed 12 bit value."""
    ds = Dataset()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 1
    raw = (values.view(np.uint16) & 0x0FFF) | np.uint16(hidden << 12)

    assert np.array_equal(stored_values(raw, ds), values)


@given(values=arrays(np.uint16, (3, 3), elements=st.integers(0, 4095)), hidden=st.integers(0, 15))
def test_a_high_bit_at_the_top_is_shifted_down(values, hidden):
    """Old objects with High Bit 15 and 12 bits stored keep their values in the upper bits."""
    ds = Dataset()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 15, 0

    assert np.array_equal(stored_values((values << 4) | np.uint16(hidden), ds), values)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_from_the_file_tail_equal_those_of_the_decoder(tmp_path, implicit, bits):
    """Uncompressed pixels straight from the file are what pydicom gives, also when their length is odd."""
    [ds] = image_series(np.arange(15).reshape(1, 3, 5))
    if bits == 8:
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        ds.PixelData = bytes(range(15)) + b"\0"
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1")
    ds["PixelData"].VR = "OW" if implicit or bits == 16 else "OB"
    path = tmp_path / "a"
    pydicom.dcmwrite(path, ds, implicit_vr=implicit, little_endian=True, enforce_file_format=True)

    assert np.array_equal(numbers(path), decode(pydicom.dcmread(path)))
    assert numbers(path).shape == (1, 3, 5)


def test_pixels_that_are_too_few_are_undecodable(tmp_path):
    """A header that promises more pixels than there are does not make numbers up."""
    [ds] = image_series(np.zeros((1, 4, 4)))
    ds.Rows = 400
    path = tmp_path / "a"
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    with pytest.raises(Refused, match="cannot be decoded"):
        numbers(path)


def test_broken_streams_are_undecodable():
    """Random bytes in place of a stream end as a refusal for every compressed syntax."""
    noise = np.random.default_rng(0).bytes(200)
    for syntax in PLUGINS:
        [ds] = image_series(np.zeros((1, 16, 16)))
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        ds.PixelData = encapsulate([noise])
        ds["PixelData"].VR = "OB"
        with pytest.raises(Refused):
            decode(ds)
