"""
Typefaces of the page: every glyph is embedded, and what has none is never drawn as an empty box in silence.

DejaVu Sans (it comes with matplotlib) has Latin, Greek, Cyrillic, Hebrew and Arabic; Noto Sans CJK the rest of what
DICOM's character sets hold. reportlab embeds TrueType outlines only, so that the few glyphs of Noto that a page needs
are turned from cubic to quadratic curves and put into a small font of their own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from arabic_reshaper import ArabicReshaper
from bidi.algorithm import get_display
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont as Source
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD, WIDE = "radnode", "radnode-bold", "radnode-wide"
UNKNOWN = "\ufffd"
"""Stands for a character that no font has; the page says so where it is used."""

_HOMES = {
    REGULAR: ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf"),
    BOLD: ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf"),
    WIDE: ("noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf"),
}
_SHAPE = ArabicReshaper(configuration={"delete_harakat": False, "support_zwj": True})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_BREAK = re.compile(r" (?!(?:%|mm|cm|mL|HU)(?:\W|$))")  #: a number stays with its unit
_CURVE_ERROR = 1.0  #: of 1000 units to the em


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of a line that share a font."""

    font: str
    text: str


class Fonts:
    """The fonts of one page; only one page is drawn at a time."""

    def __init__(self, texts: Iterable[str], voice: Callable[[str], str] = str) -> None:
        """
        Make them ready for these texts; others may be set as long as they need no further glyph of Noto.

        Args:
            texts: All that may stand on the page.
            voice: Says a text in the reader's language; every text of the page goes through it.
        """
        _register()
        self._voice = voice
        self._widths: dict[tuple[str, bool], float] = {}
        self._lines: dict[tuple[str, float, bool], list[str]] = {}
        needed = {c for text in texts for c in self.said(text)} - _covered(REGULAR)
        self._wide = frozenset(needed & _covered(WIDE) if needed else ())
        self.lacking = bool(needed - self._wide)
        self._wide_name = _register_wide("".join(sorted(self._wide))) if self._wide else ""

    def said(self, text: str) -> str:
        """A text as it is printed: in the reader's language, on one line."""
        return tidy(self._voice(text))

    def can_print(self, text: str) -> bool:
        """Whether every character has a glyph."""
        return set(self.said(text)) <= _covered(REGULAR) | self._wide

    def runs(self, text: str, *, bold: bool = False) -> list[Run]:
        """A line in the order in which it is drawn, cut where the font changes."""
        runs: list[Run] = []
        for c in _visual(self.said(text)):
            font, shown = self._font(c, bold=bold)
            if runs and runs[-1].font == font:
                runs[-1] = Run(font, runs[-1].text + shown)
            else:
                runs.append(Run(font, shown))
        return runs

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Width of a line in points."""
        return size * self._em_width(text, bold=bold)

    def wrapped(self, text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
        """Lines no wider than `width` points; broken at spaces, within a word only where it is too long for a line."""
        key = text, width / size, bold
        if key not in self._lines:
            self._lines[key] = [line for line in self._filled(self.said(text), width / size, bold=bold) if line.strip()]
        return self._lines[key]

    def _filled(self, text: str, ems: float, *, bold: bool) -> list[str]:
        """As `wrapped`, the width in ems. Widths add up: there is no kerning."""
        space = float(pdfmetrics.stringWidth(" ", BOLD if bold else REGULAR, 1))
        lines, used = [""], 0.0
        pieces = [piece for word in _BREAK.split(text) for piece in self._pieces(word, ems, bold=bold)]
        for piece, follows in pieces:
            own, gap = self._em_width(piece, bold=bold), space if follows and lines[-1] else 0.0
            if lines[-1] and used + gap + own > ems:
                lines, used, gap = [*lines, ""], 0.0, 0.0
            lines[-1] += (" " if gap else "") + piece
            used += gap + own
        return lines

    def _pieces(self, word: str, ems: float, *, bold: bool) -> list[tuple[str, bool]]:
        """A word, cut only where it is too long for a line; each piece with whether a space stands before it."""
        if self._em_width(word, bold=bold) <= ems:
            return [(word, True)]
        pieces = [""]
        for c in word:
            if self._em_width(pieces[-1] + c, bold=bold) > ems:
                pieces.append("")
            pieces[-1] += c
        return [(piece, number == 0) for number, piece in enumerate(pieces)]

    def _em_width(self, text: str, *, bold: bool) -> float:
        """Width at a size of one point, kept: fitting the page asks for it again and again."""
        if (text, bold) not in self._widths:
            runs = self.runs(text, bold=bold)
            self._widths[text, bold] = sum(float(pdfmetrics.stringWidth(r.text, r.font, 1)) for r in runs)
        return self._widths[text, bold]

    def _font(self, c: str, *, bold: bool) -> tuple[str, str]:
        first = BOLD if bold and c in _covered(BOLD) else REGULAR
        if c in _covered(first):
            return first, c
        return (self._wide_name, c) if c in self._wide else (REGULAR, UNKNOWN)


def tidy(text: str) -> str:
    """One line of composed characters (NFC) without control characters."""
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(c for c in plain if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})


def _visual(text: str) -> str:
    """Letters in the order on paper, Arabic ones joined (Unicode Bidirectional Algorithm)."""
    if not any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        return text
    shaped = _SHAPE.reshape(text)
    return str(get_display(shaped if set(shaped) <= _covered(REGULAR) else text))


@cache
def _register() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_file(name))))


def _register_wide(characters: str) -> str:
    """
    Name of a small font with these characters.

    reportlab never takes a second font under a name that it knows, so that each has its own; the last page's is struck
    from its lists, which would grow with every patient.
    """
    name = f"{WIDE}-{hashlib.sha256(characters.encode()).hexdigest()[:12]}"
    for registry in (pdfmetrics._fonts, pdfmetrics._dynFaceNames):
        for old in [key for key, font in registry.items() if font.fontName.startswith(WIDE) and font.fontName != name]:
            del registry[old]
    if name not in pdfmetrics._fonts:
        pdfmetrics.registerFont(TTFont(name, _small_font(name, characters)))
    return name


@cache
def _covered(name: str) -> frozenset[str]:
    """Every character that a font has."""
    with Source(_file(name), lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def _file(name: str) -> Path:
    """A font file of an installed package, which is not imported for it."""
    package, path = _HOMES[name]
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"{package} is not installed; it holds a font of the report page")
    return Path(found.submodule_search_locations[0]) / path


def _small_font(name: str, characters: str) -> io.BytesIO:
    """A TrueType font of a few glyphs of Noto Sans CJK; the same characters give the same bytes."""
    with Source(_file(WIDE), lazy=True) as font:
        cmap, outlines, metrics = font.getBestCmap(), font.getGlyphSet(), font["hmtx"]
        names = [".notdef", *dict.fromkeys(cmap[ord(c)] for c in characters)]
        glyphs = {}
        for glyph in names:
            pen = TTGlyphPen(None)
            outlines[glyph].draw(Cu2QuPen(pen, _CURVE_ERROR, reverse_direction=True))
            glyphs[glyph] = pen.glyph()
        small = FontBuilder(font["head"].unitsPerEm, isTTF=True)
        small.setupGlyphOrder(names)
        small.setupCharacterMap({ord(c): cmap[ord(c)] for c in characters})
        small.setupGlyf(glyphs)
        small.setupHorizontalMetrics({glyph: metrics[glyph] for glyph in names})
        small.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
    small.setupNameTable({"familyName": "radnode CJK", "styleName": "Regular", "psName": name})
    small.setupOS2()
    small.setupPost()
    small.font["head"].created = small.font["head"].modified = 0
    small.font.recalcTimestamp = False
    file = io.BytesIO()
    small.save(file)
    file.seek(0)
    return file
