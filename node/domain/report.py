"""Findings as a page of text for the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from node.domain import evidence, words
from node.domain.facts import ModelFacts
from node.domain.findings import Findings, Lesion, Measurements, Prediction
from node.domain.language import Language, joined, render, say

WIDTH = 90
SCALE = 50


def report(findings: Findings, *, title: str = "", files: Sequence[str] = (), language: Language = "en") -> str:
    """
    The findings as plain text, at most `WIDTH` columns wide, for example:

        AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%).
           0% |        [---------#----------]                  | 100%

    Args:
        findings: Succeeded or refused.
        title: First line, what was analysed; nothing of the patient.
        files: Paths of what was written, listed at the end.
        language: Of the reader.
    """
    page = _Page(language)
    blocks = [page.ruled(title)] if title else []
    blocks.append(page.lines(words.case(findings)))
    blocks += [page.lesion(lesion, len(findings.lesions)) for lesion in findings.lesions]
    blocks.append(page.lines(words.choice(findings)))
    blocks += [page.about(facts) for facts in evidence.told_about(findings)]
    if files:
        blocks.append("\n".join([render(say("Files written"), language), *(f"  {path}" for path in files)]))
    return "\n\n".join(block for block in blocks if block) + "\n"


class _Page:
    """Lays sentences out in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def lesion(self, lesion: Lesion, total: int) -> str:
        """One lesion with what was measured and what the models say."""
        parts = [
            self.ruled(_heading(lesion, total), "-"),
            self.lines([words.description(lesion.contour.provenance)]),
            self._table(lesion.measurements),
        ]
        if said := words.measured(lesion):
            parts.append(self.lines(said))
        return "\n".join(parts + [self._prediction(prediction) for prediction in lesion.predictions])

    def about(self, facts: ModelFacts) -> str:
        """What holds for every answer of a model."""
        title = say("About {model}", model=evidence.model_name(facts))
        return "\n".join([self._wrapped(title, "", "  "), self.lines(evidence.caveats(facts))])

    def ruled(self, text: str, rule: str = "=") -> str:
        """A title with a line under it."""
        lines = textwrap.wrap(render(text, self._language), WIDTH) or [""]
        return "\n".join([*lines, rule * max(map(len, lines))])

    def lines(self, sentences: Sequence[str]) -> str:
        """One item for each sentence."""
        return "\n".join(self._wrapped(sentence, "  - ", "    ") for sentence in sentences)

    def _table(self, m: Measurements) -> str:
        in_plane, across = say("(in plane)"), say("(perpendicular, on the same slice)")
        rows = (
            (say("Volume"), words.volume(m.volume_ml)),
            (say("Long axis"), joined([words.number(m.long_axis.length_mm, "mm"), in_plane], "  ")),
            (say("Short axis"), joined([words.number(m.short_axis.length_mm, "mm"), across], "  ")),
            (say("3-D diameter"), words.number(m.diameter_3d_mm, "mm")),
        )
        printed = [(render(name, self._language), render(value, self._language)) for name, value in rows]
        width = max(14, 2 + max(len(name) for name, _ in printed))
        return "\n".join(f"  {name:<{width}}{value}" for name, value in printed)

    def _prediction(self, prediction: Prediction) -> str:
        first = self._wrapped(evidence.headline(prediction), "", "  ")
        return "\n".join(["", first, *self._scale(prediction), self.lines(evidence.evidence(prediction))])

    def _scale(self, prediction: Prediction) -> list[str]:
        """The interval as a bar between 0 and 100 %, with # at the probability and | at the operating point."""
        e = prediction.estimate
        if e is None or not words.is_answered(prediction):
            return []
        cells = [" "] * (SCALE + 1)
        for position in range(_cell(e.lower), _cell(e.upper) + 1):
            cells[position] = "-"
        cells[_cell(e.lower)], cells[_cell(e.upper)] = "[", "]"
        at = words.threshold(prediction)
        if at is not None:
            cells[_cell(at)] = "|"
        cells[_cell(e.probability)] = "#"
        point = say("| operating point") if at is not None else ""
        key = render(joined([say("# estimate, [ ] interval"), point], ", "), self._language)
        none, whole = (render(words.percent(share), self._language) for share in (0.0, 1.0))
        return [f"{none:>5} {''.join(cells)} {whole}", f"      {key}"]

    def _wrapped(self, text: str, first: str, rest: str) -> str:
        said = re.sub(r"[ \t\r\n]+", " ", render(text, self._language))  # a no-break space stays
        return textwrap.fill(said, WIDTH, initial_indent=first, subsequent_indent=rest)


def _heading(lesion: Lesion, total: int) -> str:
    """As in: Lesion 1 of 2: nodule-4711; the identifier is left out where it says no more than the number."""
    number = say("Lesion {number}", number=lesion.number)
    counted = say("Lesion {number} of {total}", number=lesion.number, total=total) if total > 1 else number
    return joined([counted, "" if lesion.tracking_id == number else lesion.tracking_id], ": ")


def _cell(share: float) -> int:
    return round(SCALE * min(max(share, 0.0), 1.0))
