"""Findings to one page of PDF, and a page of PDF to pixels."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.dicom.envelope import MODEL_NAME, Envelope
from node.domain import page, words
from node.domain.findings import Findings
from node.domain.language import TAGS, spoken
from node.domain.volume import Volume
from node.imaging.views import views, window_of
from node.page.content import Content, content, texts
from node.page.fonts import Fonts
from node.page.layout import Pictured, arrange
from node.page.names import printed_name
from node.page.sheet import Sheet

DPI = 150
_ONE_AT_A_TIME = threading.Lock()
"""reportlab keeps fonts for the whole process, and pdfium is not made for threads."""


def report_page(
    findings: Findings,
    volume: Volume | None,
    headers: Sequence[Dataset],
    envelope: Envelope,
) -> bytes:
    """
    Draw the one-page report of a case.

    Args:
        findings: Evaluated or refused; each mask of shape (slice, row, column) on the grid of `volume`.
        volume: What was measured; None when refused.
        headers: Of the examined images, at least one: patient and study are the first one's.
        envelope: The job.

    Returns:
        A PDF of one A4 page with every glyph embedded. The same arguments give the same bytes.

    Raises:
        ValueError: There is no header.
    """
    if not headers:
        raise ValueError("a report page needs the header of at least one examined image")
    said = content(findings, volume, headers, envelope)
    pictured = _pictured(findings, volume)
    with _ONE_AT_A_TIME:
        own = [page.UNPRINTABLE, words.RESEARCH, *([pictured.caption] if pictured else [])]
        fonts = Fonts([*texts(said), *own], partial(spoken, language=envelope.language))
        said = _named(said, fonts)
        sheet = Sheet(fonts, title=said.title, author=MODEL_NAME, language=TAGS[envelope.language][0])
        arrange(said, pictured, sheet)
        return sheet.bytes()


def raster(pdf: bytes, dpi: int = DPI) -> NDArray[np.uint8]:
    """The first page of a PDF as pixels, shape (row, column, 3), red, green, blue."""
    with _ONE_AT_A_TIME:
        document = pdfium.PdfDocument(pdf)
        try:
            bitmap = document[0].render(scale=dpi / 72, rev_byteorder=True)
            return np.array(bitmap.to_numpy()[..., :3], np.uint8)
        finally:
            document.close()


def _pictured(findings: Findings, volume: Volume | None) -> Pictured | None:
    if volume is None or not findings.lesions:
        return None
    lesion = findings.lesions[0]
    mask, m = lesion.contour.mask, lesion.measurements
    window = window_of(volume, mask)
    caption = page.pictures(words.key_slice(m), (window.centre, window.width), volume.unit)
    return Pictured(views(volume, mask, m.key_slice, window), caption)


def _named(said: Content, fonts: Fonts) -> Content:
    """The patient's name as it can be printed; a name with an unprintable group is no reason for the page's notice."""
    (label, name), *rest = said.patient
    return replace(said, patient=((label, printed_name(name, fonts.can_print)), *rest))
