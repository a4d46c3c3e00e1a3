"""Findings as a page of text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from node.domain import evidence, place, words
from node.domain.findings import Findings, Lesion, Measurements, ModelFacts, Prediction

WIDTH = 90
SCALE = 50


def report(findings: Findings, *, title: str = "", files: Sequence[str] = ()) -> str:
    """
    The findings as plain text, at most `WIDTH` columns wide, for example:

        AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%).
           0% |        [---------#----------]                  | 100%

    Args:
        findings: Succeeded or refused.
        title: First line, what was analysed; nothing of the patient.
        files: Paths of what was written, listed at the end.
    """
    blocks = [_ruled(title)] if title else []
    blocks.append(_lines(words.case(findings)))
    blocks += [_lesion(lesion, len(findings.lesions)) for lesion in findings.lesions]
    blocks.append(_lines(words.choice(findings)))
    blocks += [_about(facts) for facts in evidence.asked(findings)]
    if files:
        blocks.append("\n".join(["Files written", *(f"  {path}" for path in files)]))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _lesion(lesion: Lesion, total: int) -> str:
    number = f"Lesion {lesion.number}"
    of = f" of {total}" if total > 1 else ""
    name = f": {lesion.tracking_id}" if lesion.tracking_id != number else ""
    parts = [
        _ruled(f"{number}{of}{name}", "-"),
        _lines([words.description(lesion.contour.provenance), *place.side(lesion)]),
        _table(lesion.measurements),
    ]
    if said := words.measured(lesion):
        parts.append(_lines(said))
    return "\n".join(parts + [_prediction(prediction) for prediction in lesion.predictions])


def _table(m: Measurements) -> str:
    rows = (
        ("Volume", words.number(m.volume_ml, "mL", 2)),
        ("Long axis", f"{words.number(m.long_axis.length_mm, 'mm')}  (in plane)"),
        ("Short axis", f"{words.number(m.short_axis.length_mm, 'mm')}  (perpendicular, on the same slice)"),
        ("3-D diameter", words.number(m.diameter_3d_mm, "mm")),
    )
    return "\n".join(f"  {name:<14}{value}" for name, value in rows)


def _prediction(prediction: Prediction) -> str:
    first = _wrapped(evidence.headline(prediction), "", "  ")
    return "\n".join(["", first, *_scale(prediction), _lines(evidence.evidence(prediction))])


def _about(facts: ModelFacts) -> str:
    return "\n".join([_wrapped(f"About {evidence.model_name(facts)}", "", "  "), _lines(evidence.caveats(facts))])


def _scale(prediction: Prediction) -> list[str]:
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
    key = "# estimate, [ ] interval" + (", | operating point" if at is not None else "")
    return [f"   0% {''.join(cells)} 100%", f"      {key}"]


def _cell(share: float) -> int:
    return round(SCALE * min(max(share, 0.0), 1.0))


def _ruled(text: str, rule: str = "=") -> str:
    lines = textwrap.wrap(text, WIDTH) or [""]
    return "\n".join([*lines, rule * max(map(len, lines))])


def _lines(sentences: Sequence[str]) -> str:
    return "\n".join(_wrapped(sentence, "  - ", "    ") for sentence in sentences)


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, initial_indent=first, subsequent_indent=rest)
