"""The sheet of paper: points from the top left corner, text in the page's fonts, simple shapes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from node.page.fonts import Fonts

WIDTH, HEIGHT = 595.276, 841.890
"""A4 in points."""

Colour = tuple[float, float, float]
INK: Colour = (0.10, 0.12, 0.15)
QUIET: Colour = (0.38, 0.41, 0.46)
RULE: Colour = (0.80, 0.82, 0.85)
TINT: Colour = (0.945, 0.952, 0.962)
ACCENT: Colour = (0.05, 0.30, 0.52)
ALARM: Colour = (0.68, 0.10, 0.08)
ALARM_TINT: Colour = (0.995, 0.935, 0.925)
WHITE: Colour = (1.0, 1.0, 1.0)


class Sheet:
    """One page; `y` grows downwards."""

    def __init__(self, fonts: Fonts, *, title: str, author: str, language: str) -> None:
        self.fonts = fonts
        self._file = io.BytesIO()
        self._canvas = Canvas(self._file, (WIDTH, HEIGHT), invariant=1, pageCompression=1, lang=language)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator(author)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        colour: Colour = INK,
        align: float = 0.0,
    ) -> None:
        """One line with its base line at `y`; `align` 0 begins at x, 0.5 is centred on it, 1 ends there."""
        x -= align * self.fonts.width(text, size, bold=bold)
        self._canvas.setFillColorRGB(*colour)
        for run in self.fonts.runs(text, bold=bold):
            self._canvas.setFont(run.font, size)
            self._canvas.drawString(x, HEIGHT - y, run.text)
            x += self._canvas.stringWidth(run.text, run.font, size)

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: Colour | None = None,
        line: Colour | None = None, thick: float = 0.6, round_: float = 0.0,
    ) -> None:  # fmt: skip
        """A rectangle."""
        self._ready(fill, line, thick)
        shape = (x, HEIGHT - y - height, width, height)
        if round_:
            self._canvas.roundRect(*shape, round_, stroke=int(line is not None), fill=int(fill is not None))
        else:
            self._canvas.rect(*shape, stroke=int(line is not None), fill=int(fill is not None))

    def line(self, x0: float, y0: float, x1: float, y1: float, *, colour: Colour = RULE, thick: float = 0.6) -> None:
        """A straight line."""
        self._ready(None, colour, thick)
        self._canvas.line(x0, HEIGHT - y0, x1, HEIGHT - y1)

    def disc(self, x: float, y: float, radius: float, *, fill: Colour) -> None:
        """A filled circle with a white rim."""
        self._ready(fill, WHITE, 0.8)
        self._canvas.circle(x, HEIGHT - y, radius, stroke=1, fill=1)

    def polygon(
        self,
        points: NDArray[np.float64],
        *,
        fill: Colour | None = None,
        line: Colour | None = None,
        thick: float = 0.6,
    ) -> None:
        """A closed polygon of shape (n, 2)."""
        self._ready(fill, line, thick)
        path = self._canvas.beginPath()
        path.moveTo(float(points[0][0]), HEIGHT - float(points[0][1]))
        for x, y in points[1:]:
            path.lineTo(float(x), HEIGHT - float(y))
        path.close()
        self._canvas.drawPath(path, stroke=int(line is not None), fill=int(fill is not None))

    def picture(self, x: float, y: float, side: float, pixels: NDArray[np.uint8]) -> None:
        """A square grey picture, shape (row, column), uint8."""
        self._canvas.drawImage(ImageReader(Image.fromarray(pixels)), x, HEIGHT - y - side, side, side)

    def clipped(self, x: float, y: float, width: float, height: float) -> None:
        """Draw only within a rectangle until `unclipped`."""
        self._canvas.saveState()
        path = self._canvas.beginPath()
        path.rect(x, HEIGHT - y - height, width, height)
        self._canvas.clipPath(path, stroke=0, fill=0)

    def unclipped(self) -> None:
        """End of `clipped`."""
        self._canvas.restoreState()

    @contextmanager
    def zoomed(self, factor: float) -> Iterator[None]:
        """Draw so many times larger, from the top left corner."""
        self._canvas.saveState()
        self._canvas.translate(0, HEIGHT * (1 - factor))
        self._canvas.scale(factor, factor)
        yield
        self._canvas.restoreState()

    def bytes(self) -> bytes:
        """The finished PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._file.getvalue()

    def _ready(self, fill: Colour | None, line: Colour | None, thick: float) -> None:
        if fill:
            self._canvas.setFillColorRGB(*fill)
        if line:
            self._canvas.setStrokeColorRGB(*line)
            self._canvas.setLineWidth(thick)
            self._canvas.setLineJoin(1)
