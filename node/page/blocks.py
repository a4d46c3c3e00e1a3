"""What a page is stacked from: each block knows its height for a width, and draws itself within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.page import cut_short
from node.page.fonts import Fonts
from node.page.sheet import INK, Colour, Sheet

LEADING = 1.28
"""Distance of base lines as a multiple of the size."""

_RISE = 0.98  #: from the top of a line to its base line, as a multiple of the size


class Block(Protocol):
    """Something that takes a width and needs a height."""

    def height(self, fonts: Fonts, width: float) -> float:
        """Points that it needs when it is so wide."""
        ...

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """Draw it with its top left corner there."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. `most`: lines after which it is cut short, saying so. `bullet`: hung before the first line."""

    text: str
    size: float = 7.0
    bold: bool = False
    colour: Colour = INK
    bullet: str = ""
    most: int = 999

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return len(self._lines(fonts, width)) * self.size * LEADING

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        if self.bullet:
            sheet.text(x, y + self.size * _RISE, self.bullet, self.size, colour=self.colour)
        for number, line in enumerate(self._lines(sheet.fonts, width)):
            base = y + number * self.size * LEADING + self.size * _RISE
            sheet.text(x + self._indent, base, line, self.size, bold=self.bold, colour=self.colour)

    @property
    def _indent(self) -> float:
        return self.size * 1.0 if self.bullet else 0.0

    def _lines(self, fonts: Fonts, width: float) -> list[str]:
        room = width - self._indent
        lines = fonts.wrapped(self.text, self.size, room, bold=self.bold)
        kept = fonts.said(self.text)  # in the reader's language: a cut template says nothing in any other
        while len(lines) > self.most and kept:
            kept = kept[: int(len(kept) * min(0.95, self.most / len(lines)))].rstrip()
            lines = fonts.wrapped(cut_short(kept), self.size, room, bold=self.bold)
        return lines


@dataclass(frozen=True, slots=True)
class Gap:
    """Empty space."""

    points: float

    def height(self, fonts: Fonts, width: float) -> float:  # noqa: ARG002
        """See `Block`."""
        return self.points

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across, with space above and below."""

    space: float = 4.0

    def height(self, fonts: Fonts, width: float) -> float:  # noqa: ARG002
        """See `Block`."""
        return 2 * self.space

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        sheet.line(x, y + self.space, x + width, y + self.space)


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks below one another."""

    blocks: Sequence[Block]

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return sum(block.height(fonts, width) for block in self.blocks)

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        for block in self.blocks:
            block.draw(sheet, x, y, width)
            y += block.height(sheet.fonts, width)


@dataclass(frozen=True, slots=True)
class Columns:
    """Blocks beside one another; `shares` of the width left by the gutters."""

    blocks: Sequence[Block]
    shares: Sequence[float]
    gutter: float = 12.0

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return max(b.height(fonts, w) for b, w in zip(self.blocks, self._widths(width), strict=True))

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        for block, own in zip(self.blocks, self._widths(width), strict=True):
            block.draw(sheet, x, y, own)
            x += own + self.gutter

    def _widths(self, width: float) -> list[float]:
        room = width - self.gutter * (len(self.blocks) - 1)
        return [room * share / sum(self.shares) for share in self.shares]


@dataclass(frozen=True, slots=True)
class Beside:
    """Paragraphs beside a block; the last ones go below it where that makes the whole less high."""

    block: Block
    paragraphs: Sequence[Block]
    shares: tuple[float, float]
    gutter: float = 12.0

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return self._columns(fonts, width).height(fonts, width)

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        self._columns(sheet.fonts, width).draw(sheet, x, y, width)

    def _columns(self, fonts: Fonts, width: float) -> Columns:
        left, right = ((width - self.gutter) * share / sum(self.shares) for share in self.shares)
        below = [self.block.height(fonts, left)]
        for paragraph in reversed(self.paragraphs):
            below.append(below[-1] + paragraph.height(fonts, left))
        beside = [0.0]
        for paragraph in self.paragraphs:
            beside.append(beside[-1] + paragraph.height(fonts, right))
        count = min(range(len(beside)), key=lambda n: (max(beside[n], below[len(self.paragraphs) - n]), -n))
        stacks = (Stack([self.block, *self.paragraphs[count:]]), Stack(self.paragraphs[:count]))
        return Columns(stacks, self.shares, self.gutter)


@dataclass(frozen=True, slots=True)
class Box:
    """A block on a tinted ground with a coloured edge."""

    block: Block
    fill: Colour
    edge: Colour | None = None
    pad: float = 5.0

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return self.block.height(fonts, width - 2 * self.pad) + 2 * self.pad

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        sheet.box(x, y, width, self.height(sheet.fonts, width), fill=self.fill)
        if self.edge:
            sheet.box(x, y, 2.4, self.height(sheet.fonts, width), fill=self.edge)
        self.block.draw(sheet, x + self.pad, y + self.pad, width - 2 * self.pad)


@dataclass(frozen=True, slots=True)
class Facts:
    """Label and value, each pair flowing after the last; a pair that does not fit goes to the next line."""

    facts: Sequence[tuple[str, str]]
    size: float = 8.0
    label_colour: Colour = INK
    space: float = 14.0
    label_bold: bool = False

    def height(self, fonts: Fonts, width: float) -> float:
        """See `Block`."""
        return self._flow(fonts, width, None, 0, 0)

    def draw(self, sheet: Sheet, x: float, y: float, width: float) -> None:
        """See `Block`."""
        self._flow(sheet.fonts, width, sheet, x, y)

    def _flow(self, fonts: Fonts, width: float, sheet: Sheet | None, x: float, y: float) -> float:
        across, down, step = 0.0, 0.0, self.size * LEADING
        for label, value in self.facts:
            own = fonts.width(label, self.size, bold=self.label_bold) + self.size * 0.5
            lines = fonts.wrapped(value, self.size, width - own, bold=not self.label_bold) or [""]
            needed = own + fonts.width(lines[0], self.size, bold=not self.label_bold)
            if across > 0 and (across + needed > width or len(lines) > 1):
                across, down = 0.0, down + step
            for number, line in enumerate(lines):
                base = y + down + number * step + self.size * _RISE
                if sheet and number == 0:
                    sheet.text(x + across, base, label, self.size, colour=self.label_colour, bold=self.label_bold)
                if sheet:
                    sheet.text(x + across + own, base, line, self.size, bold=not self.label_bold)
            down += (len(lines) - 1) * step
            across = across + needed + self.space if len(lines) == 1 else width + 1
        return down + step if self.facts else 0.0
