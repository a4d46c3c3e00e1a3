"""The two drawings of the page: the scale of a probability, and the pictures of a lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from node.domain import page
from node.domain.words import percent
from node.imaging.views import View
from node.page.content import Scale
from node.page.fonts import Fonts
from node.page.sheet import ACCENT, ALARM, INK, QUIET, RULE, TINT, WHITE, Colour, Sheet

OUTLINE: Colour = (1.0, 0.85, 0.0)
_BARS_MM = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class ScaleDrawing:
    """
    The estimate (dot) with its interval (bar) between 0 and 100 %.

    The operating point is a line, named above; the prevalence that the estimate holds for a triangle, named below.
    """

    scale: Scale
    size: float = 6.0

    def height(self, fonts: Fonts, width: float) -> float:  # noqa: ARG002
        """See `Block`."""
        return 4.5 * self.size * 1.28 + 16

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        s, step = self.scale, self.size * 1.28
        edge = 8.0  # room for the outer labels of the axis
        left, room = x + edge, width - 2 * edge
        sheet.text(x, y + self.size, s.title, self.size, colour=QUIET)
        axis = y + 2 * step + 9
        draw_bar(sheet, s, left, axis, room, 7)
        if s.operating_point is not None:
            at = left + room * s.operating_point
            sheet.line(at, y + 2 * step + 1, at, axis + 4.5, colour=ALARM, thick=0.9)
            label(
                sheet, at, y + step + self.size, page.at_operating_point(s.operating_point), self.size, ALARM, x, width
            )
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            sheet.line(left + room * share, axis + 3.5, left + room * share, axis + 6, colour=QUIET, thick=0.5)
            sheet.text(left + room * share, axis + 7 + self.size, percent(share), self.size, colour=QUIET, align=0.5)
        if s.prevalence is not None:
            at, tip = left + room * s.prevalence, axis + 9 + self.size
            sheet.polygon(np.array([[at, tip], [at - 2.6, tip + 4.4], [at + 2.6, tip + 4.4]]), fill=INK)
            text = page.at_prevalence(s.prevalence, site=s.site)
            label(sheet, at, tip + 5.2 + self.size, text, self.size, INK, x, width)


def draw_bar(sheet: Sheet, scale: Scale, left: float, axis: float, room: float, thick: float) -> None:
    """The bare scale: ground, interval, estimate."""
    lower, upper, at = (min(max(share, 0.0), 1.0) for share in (scale.lower, scale.upper, scale.probability))
    sheet.box(left, axis - thick / 2, room, thick, fill=TINT, line=RULE, thick=0.4)
    sheet.box(left + room * lower, axis - thick / 2, room * (upper - lower), thick, fill=(0.62, 0.76, 0.88))
    sheet.disc(left + room * at, axis, thick * 0.55, fill=ACCENT)


def label(
    sheet: Sheet, at: float, base: float, text: str, size: float, colour: Colour, left: float, width: float
) -> None:
    """A text centred on a place, moved so that it stays within its column."""
    own = sheet.fonts.width(text, size)
    sheet.text(min(max(at - own / 2, left), left + width - own), base, text, size, colour=colour)


@dataclass(frozen=True, slots=True)
class SmallScale:
    """The scale in a row of a table; the operating point is named below."""

    scale: Scale
    size: float = 5.0

    def height(self, fonts: Fonts, width: float) -> float:  # noqa: ARG002
        """See `Block`."""
        return 9.0 if self.scale.operating_point is None else 11.0 + self.size

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        left, room, axis = x + 4, width - 8, y + 5.0
        draw_bar(sheet, self.scale, left, axis, room, 5)
        if self.scale.operating_point is not None:
            at = left + room * self.scale.operating_point
            sheet.line(at, axis - 4, at, axis + 4, colour=ALARM, thick=0.9)
            text = page.at_operating_point(self.scale.operating_point)
            label(sheet, at, axis + 4.5 + self.size, text, self.size, ALARM, x, width)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Views of a lesion in a row, each with its name below."""

    views: Sequence[View]
    size: float = 6.5
    gutter: float = 6.0

    def height(self, fonts: Fonts, width: float) -> float:  # noqa: ARG002
        """See `Block`."""
        return self._side(width) + 1.6 * self.size

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        side = self._side(width)
        for view in self.views:
            self._draw(sheet, view, x, y, side)
            name = page.view_name(view.plane, oblique=view.oblique, whole=view.frame is not None)
            sheet.text(x + side / 2, y + side + 1.25 * self.size, name, self.size, colour=QUIET, align=0.5)
            x += side + self.gutter

    def _side(self, width: float) -> float:
        return (width - self.gutter * (len(self.views) - 1)) / len(self.views)

    def _draw(self, sheet: Sheet, view: View, x: float, y: float, side: float) -> None:
        points = side / view.pixels.shape[0]  # of a pixel
        sheet.clipped(x, y, side, side)
        sheet.picture(x, y, side, view.pixels)
        for outline in view.outlines:
            sheet.polygon(outline * points + (x, y), line=OUTLINE, thick=0.35 if view.frame else 0.7)
        if view.frame:
            left, top, wide, high = (v * points for v in view.frame)
            sheet.box(x + left, y + top, wide, high, line=WHITE, thick=0.5)
        sheet.unclipped()
        self._letters(sheet, view, x, y, side)
        self._bar(sheet, view, x, y, side)

    def _letters(self, sheet: Sheet, view: View, x: float, y: float, side: float) -> None:
        left, right, top, bottom = view.letters
        middle = y + side / 2 + self.size * 0.36
        for at_x, at_y, text, align in (
            (x + 3, middle, left, 0.0),
            (x + side - 3, middle, right, 1.0),
            (x + side / 2, y + self.size + 1, top, 0.5),
            (x + side / 2, y + side - 3, bottom, 0.5),
        ):
            own = sheet.fonts.width(text, self.size, bold=True)
            box = at_x - align * own - 1
            sheet.box(box, at_y - self.size * 0.84, own + 2, self.size * 1.05, fill=(0, 0, 0), round_=1)
            sheet.text(at_x, at_y, text, self.size, bold=True, colour=WHITE, align=align)

    def _bar(self, sheet: Sheet, view: View, x: float, y: float, side: float) -> None:
        """The longest round length that takes no more than a third of the picture."""
        whole = view.pixel_mm * view.pixels.shape[0]
        length = max(mm for mm in _BARS_MM if mm <= whole / 3 or mm == _BARS_MM[0])
        own, base = side * length / whole, y + side - 4
        text = f"{length} mm" if length < 100 else f"{length // 10} cm"
        sheet.box(
            x + 3,
            base - self.size - 2,
            max(own, sheet.fonts.width(text, self.size)) + 4,
            self.size + 4,
            fill=(0, 0, 0),
            round_=1,
        )
        sheet.line(x + 5, base, x + 5 + own, base, colour=WHITE, thick=1.2)
        for end in (x + 5, x + 5 + own):
            sheet.line(end, base - 2, end, base + 1, colour=WHITE, thick=0.8)
        sheet.text(x + 5, base - 2.6, text, self.size, colour=WHITE)
