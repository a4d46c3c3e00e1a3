"""Content items that not every reader takes."""

from __future__ import annotations

import io
import math

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom import codes
from node.dicom.items import Reference, drawn_in, num, text
from node.domain.words import NO_SUBSTITUTE


@pytest.mark.parametrize(
    ("sop_class", "value_type"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "COMPOSITE"),  # DCMTK 3.6.7 gives up a report over an unknown image class
        ("1.2.840.10008.5.1.4.1.1.481.3", "COMPOSITE"),
    ],
)
def test_the_source_of_a_drawing_is_referred_to_as_readers_can_take_it(sop_class, value_type):
    """A Segmentation is an image; a label map and a structure set are composites."""
    item = drawn_in(Reference(sop_class=sop_class, sop_uid="1.2.3", series_uid="1.2", study_uid="1"))
    assert item.ValueType == value_type


@pytest.mark.parametrize(
    "value",
    [0.0, -0.0, 1e-12, 1 / 3, -1 / 3, 123456789012345.678, -123456789012345.678, 1e15, 1.7e308, -1.7e308, 5e-324,
     np.float32(0.1), np.float64(2.5), 7],
)  # fmt: skip
@pytest.mark.parametrize("digits", [0, 1, 3, 9])
def test_every_number_fits_its_vr(value, digits):
    """Numeric Value is a DS: at most 16 characters that read as the number, to the digits that were asked for."""
    item = num(codes.VOLUME, value, codes.CUBIC_CENTIMETRE, digits=digits)
    [measured] = reread_item(item).MeasuredValueSequence
    text = measured.get_item("NumericValue").value.decode().strip()

    assert len(text) <= 16
    assert float(text) == pytest.approx(float(value), rel=1e-8, abs=0.51 * 10.0**-digits)
    assert text != "-0.0"
    assert "NumericValueQualifierCodeSequence" not in item


@pytest.mark.parametrize(
    ("value", "qualifier"),
    [
        (math.nan, "114000"),
        (-math.inf, "114001"),
        (math.inf, "114002"),
        (np.float32("nan"), "114000"),
        (None, "114000"),
    ],
)
def test_what_is_no_number_is_left_out_and_says_why(value, qualifier):
    """An empty Measured Value Sequence with its qualifier (CID 42); a reason of the caller goes first."""
    item = reread_item(num(codes.VOLUME, value, codes.CUBIC_CENTIMETRE))
    told = num(codes.VOLUME, value, codes.CUBIC_CENTIMETRE, why_absent=Code("114006", "DCM", "Measurement failure"))

    assert len(item.MeasuredValueSequence) == 0
    assert item.NumericValueQualifierCodeSequence[0].CodeValue == qualifier
    assert told.NumericValueQualifierCodeSequence[0].CodeValue == "114006"


def test_sentences_are_lines_in_the_language():
    """One TEXT item, its lines apart by CR LF, each rendered; what was no sentence of ours is marked."""
    item = text([NO_SUBSTITUTE, "Seen at another site."], "de")

    assert item.TextValue == "Ersetzt keine molekulare Testung.\r\n[en] Seen at another site."
    assert text("Seen at another site.", "en").TextValue == "Seen at another site."


def reread_item(item: Dataset) -> Dataset:
    """A content item as it is read from a file."""
    buffer = io.BytesIO()
    ds = Dataset()
    ds.ContentSequence = [item]
    pydicom.dcmwrite(buffer, ds, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    read: Dataset = pydicom.dcmread(buffer, force=True).ContentSequence[0]
    return read
