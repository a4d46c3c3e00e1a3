"""
One page: the richest arrangement that fits is drawn, and what it leaves out is said on it.

What never gives way: patient and study, that it is research, a refusal with its reason, the pictures and measurements
of the first lesion, one answer in full, and the provenance. Sentences give way before lesions, the least telling first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from node.domain import page, words
from node.imaging.views import View
from node.page.blocks import Beside, Block, Box, Columns, Facts, Gap, Rule, Stack, Text
from node.page.content import Answer, Content, LesionText
from node.page.fonts import Fonts
from node.page.graphics import Pictures, ScaleDrawing, SmallScale
from node.page.sheet import ACCENT, ALARM, ALARM_TINT, HEIGHT, QUIET, TINT, WIDTH, Sheet

MARGIN = 30.0
ALL = 999
ZOOMS = (1.25, 1.18, 1.12, 1.06)
MOST_IN_FULL, WORTH_A_TABLE = 4, 8
_MANY_LINES = 14
_ROW_LINES = 4  #: of an answer in the table, limits included, however poor the page: they never give way

_FEWEST = (3, 2, ALL, _MANY_LINES)
"""What is still worth a row more in the table; evidence, about, notes, lines of a paragraph, as in all of these."""

_POOREST = (1, 1, 1, 2)
"""What every lesion of a crowded case is worth."""

_SENTENCES = (
    *((*few, ALL, _MANY_LINES) for few in product((ALL, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3), (ALL, 4, 3, 2))),
    (3, 2, 3, 6), (2, 2, 2, 5), *((few, 1, 1, 4) for few in range(12, 1, -1)), (1, 1, 1, 3), _POOREST,
)  # fmt: skip
"""From all to the poorest; those beside the answer, which explain it, give way after those on the models."""


@dataclass(frozen=True, slots=True)
class Extent:
    """
    How much of the content to show.

    Attributes:
        answers: Answers on the first lesion that are shown in full.
        rows: Rows of the table of further answers and lesions.
        evidence: Sentences beside an answer in full.
        about: Sentences on each model.
        notes: Sentences on the case, on the lesion and on the choice of lesions, each.
        most: Lines of a paragraph.
        models: Models whose sentences are shown.
        paragraphs: Lesions beyond the table that have a paragraph each; any more are counted.
    """

    answers: int = ALL
    rows: int = ALL
    evidence: int = ALL
    about: int = ALL
    notes: int = ALL
    most: int = _MANY_LINES
    models: int = ALL
    paragraphs: int = ALL


@dataclass(frozen=True, slots=True)
class Pictured:
    """The pictures of the first lesion and what is said below them."""

    views: Sequence[View]
    caption: str


def arrange(content: Content, pictured: Pictured | None, sheet: Sheet) -> Extent:
    """
    Draw the page; returns how much of the content it shows.

    Raises:
        ValueError: Not even the least fits, which no content of sane length brings about.
    """
    fonts, width = sheet.fonts, WIDTH - 2 * MARGIN
    foot = _foot(content, fonts)
    room = HEIGHT - 2 * MARGIN - foot.height(fonts, width) - 4

    def fits(extent: Extent, zoom: float = 1.0) -> bool:
        return zoom * _body(content, pictured, extent).height(fonts, width / zoom) <= room

    zoom = next((zoom for zoom in ZOOMS if fits(Extent(), zoom)), 1.0)  # what leaves room is printed larger
    extent = Extent() if zoom > 1 else _richest(content, fits)
    with sheet.zoomed(zoom):
        _body(content, pictured, extent).draw(sheet, MARGIN / zoom, MARGIN / zoom, width / zoom)
    foot.draw(sheet, MARGIN, HEIGHT - MARGIN - foot.height(fonts, width), width)
    return extent


def _richest(content: Content, fits: Callable[[Extent], bool]) -> Extent:
    """
    As many answers in full as leave room for a table that is worth the name, then rows, then sentences.
    """
    full = len(content.lesions[0].answers) if content.lesions else 0
    total = full + sum(len(_rows_of(lesion)) for lesion in content.lesions[1:])
    least = min(full, 1)
    for answers in range(min(full, MOST_IN_FULL), least - 1, -1):
        rows = _most(total - answers, lambda rows, answers=answers: fits(Extent(answers, rows, *_FEWEST)))  # type: ignore[misc]
        if rows == total - answers or (answers > least and rows >= WORTH_A_TABLE):
            return _filled(Extent(answers, rows), fits)
    return _crowded(full, total, len(content.lesions) - 1, fits)


def _crowded(full: int, total: int, others: int, fits: Callable[[Extent], bool]) -> Extent:
    """
    One answer in full, the first lesion's others in the table, and as many lesions as fit in a paragraph each.

    Sentences give way for these paragraphs; rows of further lesions only take what room is left.
    """
    least = min(full, 1)
    poor = Extent(least, full - least, *_POOREST)
    told = _most(others, lambda count: fits(replace(poor, paragraphs=count)))
    if told == others:
        richer = _filled(poor, fits)
        return replace(richer, rows=_most(total - least, lambda rows: fits(replace(richer, rows=rows))))
    if told >= 0:
        return _filled(replace(poor, paragraphs=told), fits)
    poor = replace(poor, paragraphs=0)
    if (rows := _most(full - least, lambda rows: fits(replace(poor, rows=rows)))) >= 0:
        return _filled(replace(poor, rows=rows), fits)
    for models in (ALL, 3, 1):
        if fits(poorest := Extent(least, 0, 0, 0, 1, 2, models, 0)):
            return poorest
    raise ValueError("the poorest arrangement does not fit the page")


def _filled(extent: Extent, fits: Callable[[Extent], bool]) -> Extent:
    """The same with as many sentences as fit; the poorest of them must."""
    richer = (
        replace(extent, evidence=evidence, about=about, notes=notes, most=most)
        for evidence, about, notes, most in _SENTENCES
    )
    return next(each for each in richer if fits(each))


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `count` that fits; -1 where not even none does."""
    fitting = -1
    while fitting < count:
        middle = (fitting + count + 1) // 2
        if fits(middle):
            fitting = middle
        else:
            count = middle - 1
    return fitting


def _body(content: Content, pictured: Pictured | None, extent: Extent) -> Stack:
    blocks: list[Block] = [
        _head(content),
        Gap(5),
        *_alarm(content, extent),
        *_sentences(content.notes, extent.notes, extent),
    ]
    for lesion in content.lesions[:1]:
        blocks += _first(lesion, pictured, extent)
    blocks += _further(content, extent)
    blocks += [Rule(3)] if content.lesions and content.choice else []
    blocks += _sentences(content.choice, extent.notes, extent, QUIET)
    blocks += _about(content, extent)
    return Stack(blocks)


def _head(content: Content) -> Block:
    marks = [Text(content.revision, 8.5, bold=True, colour=ALARM)] if content.revision else []
    return Stack(
        [
            Columns(
                [Text(content.title, 15, bold=True, colour=ACCENT), Stack([Gap(5), *marks])],
                (3.2, 2) if marks else (1, 0.01),
            ),
            Gap(3),
            Facts(content.patient, 9, QUIET),
            Facts(content.examination, 8, QUIET),
        ]
    )


def _alarm(content: Content, extent: Extent) -> list[Block]:
    said = [Text(each, 8, bold=True, colour=ALARM) for each in (words.RESEARCH, words.NO_SUBSTITUTE)]
    blocks: list[Block] = [Box(Stack(said), ALARM_TINT, ALARM), Gap(5)]
    if content.refusal:
        blocks += [
            Gap(6),
            Box(Text(content.refusal, 12, bold=True, most=max(extent.most, 6)), TINT, ALARM, pad=10),
            Gap(8),
        ]
    return blocks


def _first(lesion: LesionText, pictured: Pictured | None, extent: Extent) -> list[Block]:
    blocks: list[Block] = [
        Rule(3),
        Text(lesion.name, 10.5, bold=True, colour=ACCENT, most=2),
        Text(lesion.description, 7.5, most=extent.most),
        Gap(3),
    ]
    if pictured:
        blocks += [Pictures(pictured.views), Gap(1.5), Text(pictured.caption, 6.5, colour=QUIET), Gap(3)]
    blocks += [Box(Facts(lesion.sizes, 8.2, QUIET), TINT), Gap(3)]
    blocks += _sentences(lesion.said, extent.notes, extent)
    for answer in lesion.answers[: extent.answers]:
        blocks += [Rule(3), _in_full(answer, extent)]
    return blocks


def _in_full(answer: Answer, extent: Extent) -> Block:
    left: list[Block] = [Text(answer.headline, 9, bold=True, most=max(extent.most, 8))]
    if answer.scale:
        left += [Gap(4), ScaleDrawing(answer.scale), Gap(4)]
    return Beside(Stack(left), _sentences(answer.evidence, extent.evidence, extent), (4, 5), 16)


def _further(content: Content, extent: Extent) -> list[Block]:
    """The table of what is not shown in full, and what it leaves out."""
    if not content.lesions:
        return []
    first, *others = content.lesions
    rows: list[tuple[str, Answer | None]]
    rows = [(first.name if number == 0 else "", a) for number, a in enumerate(first.answers[extent.answers :])]
    places = [0] * len(rows)
    for number, lesion in enumerate(others, 1):
        rows += _rows_of(lesion)
        places += [number] * len(_rows_of(lesion))
    shown = _whole_lesions(places, extent.rows)
    blocks: list[Block] = [Rule(3)] if rows else []
    for place, (name, answer) in list(zip(places, rows, strict=True))[:shown]:
        blocks.append(_row(name, answer, content.lesions[place]))
    missing = set(places[shown:])
    if 0 in missing:
        blocks.append(Text(page.further_answers(places[shown:].count(0)), 7.5, bold=True))
    beyond = sorted(missing - {0})
    blocks += [_paragraph(content.lesions[place]) for place in beyond[: extent.paragraphs]]
    if further := len(beyond[extent.paragraphs :]):
        blocks.append(Text(page.further_lesions(further), 7.5, bold=True))
    return blocks


def _whole_lesions(places: Sequence[int], rows: int) -> int:
    """As many rows as asked for, but no lesion is begun whose rows are not all there."""
    while 0 < rows < len(places) and places[rows] == places[rows - 1] != 0:
        rows -= 1
    return min(rows, len(places))


def _rows_of(lesion: LesionText) -> list[tuple[str, Answer | None]]:
    """Rows of the table: the first names the lesion."""
    answers: list[Answer | None] = [*lesion.answers] or [None]
    return [(lesion.name if number == 0 else "", answer) for number, answer in enumerate(answers)]


def _row(name: str, answer: Answer | None, lesion: LesionText) -> Block:
    left = [Text(name, 7, bold=True, most=2), Text(lesion.short, 7, colour=QUIET)] if name else []
    middle = [Text(answer.short, 7, most=_ROW_LINES)] if answer else []
    right = [SmallScale(answer.scale)] if answer and answer.scale else []
    return Stack([Columns([Stack(left), Stack(middle), Stack(right)], (3.2, 7.6, 3)), Gap(1.5)])


def _paragraph(lesion: LesionText) -> Block:
    """A lesion that has no rows in the table."""
    left = Stack([Text(lesion.name, 7, bold=True, most=2), Text(lesion.short, 7, colour=QUIET)])
    return Stack([Columns([left, Text(lesion.outcomes, 7)], (3.2, 10.92)), Gap(1.5)])  # in line with the rows


def _about(content: Content, extent: Extent) -> list[Block]:
    blocks: list[Block] = []
    for name, said in content.about[: extent.models]:
        blocks += [Gap(1), Text(name, 7, bold=True, most=2), *_sentences(said, extent.about, extent, QUIET, 6.6)]
    if left := sum(len(said) for _, said in content.about[extent.models :]):
        blocks.append(Text(page.further_sentences(left), 6.6, bold=True))
    return [Rule(3), *blocks] if blocks else []


def _sentences(
    said: Sequence[str], most: int, extent: Extent, colour: tuple[float, float, float] | None = None, size: float = 7.0
) -> list[Block]:
    """The first sentences, each with a bullet, and how many there are beyond."""
    ink = {"colour": colour} if colour else {}
    blocks: list[Block] = [Text(each, size, bullet="•", most=extent.most, **ink) for each in said[:most]]  # type: ignore[arg-type]
    if len(said) > most:
        blocks.append(Text(page.further_sentences(len(said) - most), size, bold=True, bullet="•"))
    return blocks


def _foot(content: Content, fonts: Fonts) -> Block:
    lines: list[Block] = [Rule(2), Facts(content.provenance, 5.6, QUIET, space=10, label_bold=True), Gap(1.5)]
    said = [content.written, page.SOFTWARE, page.WHERE_ALL_IS, *([page.UNPRINTABLE] if fonts.lacking else [])]
    return Stack([*lines, *(Text(each, 6.2, colour=QUIET) for each in said)])
