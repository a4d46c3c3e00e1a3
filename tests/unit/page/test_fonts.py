"""Typefaces: names in every script that DICOM knows, and none in empty boxes."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pydicom.data
import pypdfium2 as pdfium
import pytest

from node.page.draw import raster
from node.page.fonts import UNKNOWN, Fonts
from node.page.names import printed_name
from node.page.sheet import Sheet
from tests.support.findings import make_case
from tests.support.pages import page_of, printed, refused_case

CHARSET_FILES = Path(pydicom.data.__file__).parent / "charset_files"

NAMES = {
    "chrH31.dcm": "Yamada, Tarou (山田, 太郎; やまだ, たろう)",
    "chrH32.dcm": "ﾔﾏﾀﾞ, ﾀﾛｳ (山田, 太郎; やまだ, たろう)",
    "chrI2.dcm": "Hong, Gildong (洪, 吉洞; 홍, 길동)",
    "chrX1.dcm": "Wang, XiaoDong (王, 小東)",
    "chrGerm.dcm": "Äneas, Rüdiger",
    "chrRuss.dcm": "Люкceмбypг",
    "chrGreek.dcm": "Διονυσιος",
}


def header(name: str) -> pydicom.Dataset:
    """A header of pydicom's collection of character sets, as that of an image."""
    ds = pydicom.dcmread(CHARSET_FILES / name, stop_before_pixels=True)
    ds.StudyInstanceUID = "1.2.99"
    return ds


def test_a_number_is_not_torn_from_its_unit():
    """A line never begins with a per cent sign or a unit."""
    text = "auf 14 % umgerechnet, 12,5 mm lang, 3 mmol"
    fonts = Fonts([text])
    lines = {line for width in range(20, 200) for line in fonts.wrapped(text, 8, width)}
    assert not any(line.startswith(("%", "mm ")) for line in lines)
    assert "mmol" in lines


@pytest.mark.parametrize("name", NAMES)
def test_names_survive_from_the_source_onto_the_page(name):
    """Every group of the name is there as text, and nothing is said to be unprintable."""
    text = printed(page_of(refused_case([header(name)]))).text
    assert f"Patient {NAMES[name]}" in text
    assert UNKNOWN not in text


@pytest.mark.parametrize("name", ["chrArab.dcm", "chrHbrw.dcm"])
def test_names_from_right_to_left_are_joined_and_turned(name):
    """The first letter of the source stands at the right; Arabic letters take the form of their place."""
    ds = header(name)
    [run] = Fonts([str(ds.PatientName)]).runs(str(ds.PatientName).replace("^", " "))
    source = str(ds.PatientName)
    assert len(run.text) <= len(source)
    assert UNKNOWN not in run.text
    first = {"chrArab.dcm": "\ufed7", "chrHbrw.dcm": source[0]}[name]  # initial form of qaf
    assert run.text[-1] == first


def test_a_script_without_glyphs_is_never_printed_as_boxes():
    """Thai: the alphabetic group is printed, and that the other one cannot be."""
    case = make_case(
        SpecificCharacterSet="ISO_IR 192", PatientName="Somchai^Dee=สมชาย^ดี", StudyDescription="ทรวงอก chest"
    )
    text = printed(page_of(case)).text
    assert "Patient Somchai, Dee (the name in another script cannot be printed here)" in text
    assert "chest" in text
    assert "stands for a character that this page cannot print." in text  # the description's


def test_the_notice_of_unprintable_characters_is_only_where_there_are_some():
    """A page in Latin letters does not have it."""
    assert "stands for a character" not in printed(page_of(make_case())).text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Doe^Jane^Q^Dr^PhD", "Doe, Dr Jane Q PhD"),
        ("Doe", "Doe"),
        ("=山田^太郎", "山田, 太郎"),
        ("Doe^J=?", "Doe, J (the name in another script cannot be printed here)"),
        ("?", "(the name cannot be printed here)"),
        ("", ""),
    ],
)
def test_the_parts_of_a_name_are_put_in_order(value, shown):
    """Family name first, then prefix, given and middle names, suffix; what cannot be printed is named as such."""
    assert printed_name(value, lambda text: "?" not in text) == shown


def test_every_font_is_embedded_and_only_in_part():
    """A receiver needs no font of its own; the file stays small although the fonts hold 16 MB."""
    pdf = page_of(refused_case([header("chrH31.dcm")]))
    for name in (b"DejaVuSans", b"DejaVuSans-Bold", b"radnode-wide"):
        assert b"+" + name in pdf
    assert pdf.count(b"/FontFile2") >= 3
    assert len(pdf) < 200_000


def test_characters_of_another_page_are_not_needed_again():
    """The small font is made anew for every page: one in Korean, one in Japanese, one without."""
    pages = [page_of(refused_case([header(n)])) for n in ("chrI2.dcm", "chrH31.dcm", "chrGreek.dcm", "chrI2.dcm")]
    assert pages[0] == pages[3]
    assert "洪, 吉洞; 홍, 길동" in printed(pages[3]).text
    assert b"radnode-wide" not in pages[2]


def test_glyphs_of_the_small_font_are_drawn():
    """The character for one is a horizontal line: dark across, light above."""
    fonts = Fonts(["一"])
    sheet = Sheet(fonts, title="t", author="t", language="en")
    sheet.text(100, 200, "一", 72)
    pixels = raster(sheet.bytes(), 72)[..., 0]
    dark = pixels[130:210, 100:172] < 128
    assert dark.sum(axis=1).max() > 50
    assert dark.any(axis=1).sum() < 12


def test_lines_are_broken_at_spaces_and_long_words_anywhere():
    """No line is wider than asked for, and nothing is lost."""
    fonts = Fonts([])
    text = "A short one and 1.2.826.0.1.3680043.8.498.53545007052032434437730075991835633115 behind it"
    lines = fonts.wrapped(text, 8, 90)
    assert all(fonts.width(line, 8) <= 90 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "A short one and"


def test_the_text_of_the_page_can_be_searched():
    """A viewer finds a Japanese name by its characters."""
    document = pdfium.PdfDocument(page_of(refused_case([header("chrH31.dcm")])))
    assert document[0].get_textpage().search("山田").get_next() is not None
    document.close()
