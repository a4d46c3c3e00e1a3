"""The report page as a Secondary Capture."""

from __future__ import annotations

import numpy as np
import pytest

from node.page.draw import raster
from node.stages.encode_sc import encode_sc
from tests.support.findings import Case, as_bytes, make_case, reread
from tests.support.pages import page_of, refused_case


def encoded(case: Case):
    """The picture, ready to be written."""
    volume = None if case.findings.state == "refused" else case.volume
    return encode_sc(raster(page_of(case)), case.findings, volume, case.headers, case.envelope)


@pytest.mark.parametrize("make", [make_case, refused_case])
def test_its_pixels_are_those_of_the_page(make):
    """A4 at 150 to the inch, red, green, blue, to the last bit."""
    case = make()
    ds = reread(encoded(case))
    pixels = raster(page_of(case))
    assert pixels.shape == (1754, 1241, 3)
    assert np.array_equal(ds.pixel_array, pixels)
    assert (ds.PhotometricInterpretation, ds.BitsStored, ds.file_meta.TransferSyntaxUID) == (
        "RGB", 8, "1.2.840.10008.1.2.1",
    )  # fmt: skip


def test_it_says_what_it_is():
    """A derived picture with the patient's name in it, of workstation software, for research."""
    ds = reread(encoded(make_case()))
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert (ds.Modality, ds.ConversionType, ds.BurnedInAnnotation) == ("OT", "WSD", "YES")
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY"]
    assert (ds.SeriesDescription, ds.SeriesNumber) == ("AI lung report page [RESEARCH]", 9905)
    assert ds.ContentQualification == "RESEARCH"
    assert len(ds.SourceImageSequence) == 4


def test_the_same_case_gives_the_same_bytes():
    """Page, pixels and data set."""
    case = make_case()
    assert as_bytes(encoded(case)) == as_bytes(encoded(case))


def test_grey_pixels_are_no_page():
    """Nor is a picture without a study."""
    case = make_case()
    with pytest.raises(ValueError, match="pixels"):
        encode_sc(np.zeros((3, 3), np.uint8), case.findings, case.volume, case.headers, case.envelope)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="header"):
        encode_sc(np.zeros((3, 3, 3), np.uint8), case.findings, case.volume, [], case.envelope)
