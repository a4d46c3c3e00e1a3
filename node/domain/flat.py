"""
Findings as a flat list of coded lines, for reporting systems that fill a template and cannot walk a tree.

A template maps one code to one field, so a code occurs once in a document: what is said of a lesion carries the
lesion's number (in reporting order), what a model says carries the model's target besides. A number of a measurement
stands alone, with its unit; a probability never does, it is the sentence with its interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from node.domain import evidence, words
from node.domain.facts import ModelFacts
from node.domain.findings import Findings, Lesion, Prediction
from node.domain.language import joined, named, say

CASE: Mapping[str, str] = {
    "CHANGE": "Change since the previous result",
    "STATUS": "Outcome of the evaluation",
    "RESEARCH": "Restriction of use",
    "COUNT": "Number of lesions",
    "NOTES": "Notes on the case",
    "CHOICE": "Choice of lesions",
    "OUTLINE": "Limits of the model that drew",
}
"""What is said of the case: the code is RT-<key>."""

LESION: Mapping[str, str] = {
    "NAME": "tracking identifier",
    "SOURCE": "who drew it, what is known of its nature",
    "SIZE": "size in one sentence",
    "VOLUME": "volume",
    "LONG": "long axis",
    "SHORT": "short axis",
    "DIAM3D": "3-D diameter",
    "GLASS": "ground-glass share",
    "NOTES": "notes",
}
"""What is said of lesion n: the code is RT<n>-<key>."""

PREDICTION: Mapping[str, str] = {
    "P": "",  # the answer with its interval, or that there is none and why
    "E": "what it rests on",
    "L": "limits of the model",
}
"""What a model says of lesion n: the code is RT<n>-<key>-<target>."""

NEW_LINE = "\r\n"  #: PS3.5 6.1.3

MOST_LESIONS = 999
"""So many fit the 16 characters of a code; more are not reported in this form."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line.

    Attributes:
        code: Stable, at most 16 characters, once in a document.
        meaning: The same for a person, at most 64 characters.
        text: A value with its unit, or sentences, one a line.
    """

    code: str
    meaning: str
    text: str


def target_key(facts: ModelFacts) -> str:
    """At most 8 characters, so that every code value fits SH (16): "EGFR mutation" gives EGFR."""
    named = re.sub(r"(?i)\s+mutation$", "", facts.target) or facts.id
    return re.sub(r"[^A-Z0-9]", "", named.upper())[:8]


def flat(findings: Findings) -> list[Line]:
    """Every line of a document, the case first; a line without words is left out."""
    lines = [*_case(findings)]
    for lesion in findings.lesions[:MOST_LESIONS]:
        lines += [*_lesion(lesion), *_predictions(lesion)]
    return [line for line in lines if line.text]


def _case(findings: Findings) -> Iterator[Line]:
    said = iter(words.case(findings))  # the change, the refusal, the restriction, then notes
    change = next(said) if findings.change else ""
    refused = findings.state == "refused"
    values = {
        "CHANGE": change,
        "STATUS": next(said) if refused else _outcome(findings),
        "RESEARCH": next(said),
        "COUNT": "" if refused else str(len(findings.lesions)),
        "NOTES": joined(said, NEW_LINE),
        "CHOICE": joined(words.choice(findings), NEW_LINE),
        "OUTLINE": joined(evidence.outlining(findings), NEW_LINE),
    }
    for key, meaning in CASE.items():
        yield Line(f"RT-{key}", meaning, values[key])


def _outcome(findings: Findings) -> str:
    count = len(findings.lesions)
    if count <= MOST_LESIONS:
        return say("Evaluated. Number of lesions: {count}.", count=count)
    return say(
        "Evaluated. Number of lesions: {count}; only the first {most} are listed here.", count=count, most=MOST_LESIONS
    )


def _lesion(lesion: Lesion) -> Iterator[Line]:
    m, n = lesion.measurements, lesion.number
    sizes = {
        "VOLUME": words.volume(m.volume_ml),
        "LONG": words.number(m.long_axis.length_mm, "mm"),
        "SHORT": words.number(m.short_axis.length_mm, "mm"),
        "DIAM3D": words.number(m.diameter_3d_mm, "mm"),
    }
    known = m.ground_glass is not None and m.ground_glass.fraction is not None
    values = {
        "NAME": named(lesion.tracking_id),
        "SOURCE": words.description(lesion.contour.provenance),
        "SIZE": say(
            "Lesion {number}: volume {volume}, long axis {long}, short axis {short}, 3-D diameter {diameter}.",
            number=n, volume=sizes["VOLUME"], long=sizes["LONG"], short=sizes["SHORT"], diameter=sizes["DIAM3D"],
        ),
        **sizes,
        "GLASS": words.percent(m.ground_glass.fraction or 0.0) if known and m.ground_glass is not None else "",
        "NOTES": joined(words.measured(lesion), NEW_LINE),
    }  # fmt: skip
    for key, meaning in LESION.items():
        yield Line(f"RT{n}-{key}", f"Lesion {n}: {meaning}", values[key])


def _predictions(lesion: Lesion) -> Iterator[Line]:
    for key, prediction in zip(_keys(lesion.predictions), lesion.predictions, strict=True):
        texts = {
            "P": joined(
                [evidence.headline(prediction), words.NO_SUBSTITUTE], NEW_LINE
            ),  # it may be all that a template takes
            "E": joined(evidence.evidence(prediction), NEW_LINE),
            "L": joined(evidence.caveats(prediction.model), NEW_LINE),
        }
        for part, what in PREDICTION.items():
            meaning = predicted(prediction.model.target or prediction.model.id, str(lesion.number), what)
            yield Line(f"RT{lesion.number}-{part}-{key}", meaning, texts[part])


def predicted(target: str, lesion: str, what: str) -> str:
    """Code Meaning of a line that a model says, at most 64 characters."""
    tail = f", lesion {lesion}" + (f": {what}" if what else "")
    return words.fitting(f"AI-predicted {target}", 64 - len(tail)) + tail


def _keys(predictions: Sequence[Prediction]) -> list[str]:
    """Targets as they stand in the codes; a second model of a target gets a number, in the order of configuration."""
    keys: list[str] = []
    for prediction in predictions:
        key, number = target_key(prediction.model), 1
        while (unique := key if number == 1 else f"{key[: 8 - len(str(number))]}{number}") in keys:
            number += 1
        keys.append(unique)
    return keys
