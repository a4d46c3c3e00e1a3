"""
What model packages say of themselves, as sentences.

A package brings English text: what people wrote (limits, conditions, intended use) is looked up as it stands. What
`node.training` generated has the numbers of its run in it, so that its pattern is known here: a model that was trained
anew says its new numbers in every language.
"""

from __future__ import annotations

import re
import string

from node.domain.language import Said, figure, joined, named, say, told

GENERATED = (
    say("Trained on {n} patients ({population}), {events} of them with {target}."),
    say("Trained on {rows} rows of {n} patients ({population}), {events} of these patients with {target}."),
    say("Held-out AUC with all inputs {auc}; {views} (0.50 is chance)."),
    say("{events} events for {k} inputs; {rest}"),
    say("{events} events for {k} inputs"),
    say("{n} patients without the target for {k} inputs; {rest}"),
    say("{n} patients without the target for {k} inputs"),
    say("trained with --exploratory"),
    say("The distance to the training patients is not judged: {n} patients for {k} inputs."),
    say("The distance to the training patients is not judged: no input has more than two values."),
    say("{n} of {hospital} and {m} of {other}"),
    say("age {low} to {high} years, median {median}"),
    say("histology: {groups}"),
    say("hospital: {sites}"),
    say("WHO grade: {groups}"),
    say("{n} of {k} after a biopsy"),
    say("{gene} mutation"),
    say(
        "no usable signal: held-out AUC {auc} (95 % interval {low_auc} to {high_auc}; 0.50 is chance) on {n} patients "
        "of {where}, {events} of them with the target"
    ),
    say(
        "no usable signal: no model of the cross-validation told two of its patients apart on {n} patients of {where}, "
        "{events} of them with the target"
    ),
)
"""Sentences, and parts of sentences, as `node.training.publish` and the shipped `train.py` make them."""

_COUNTED = re.compile(r"\d+ [^,;]+(, \d+ [^,;]+)*")  # "107 adenocarcinoma, 17 squamous cell carcinoma"
_SCORED = re.compile(r"(.+) (\d\.\d+)")  # "without histology 0.73"


def heard(text: str) -> Said:
    """A text of a model package as a sentence that can be said in another language, if its words are known."""
    if isinstance(text, Said):
        return text
    for template in GENERATED:
        if match := _pattern(template).fullmatch(text):
            values = {key: _value(key, value) for key, value in match.groupdict().items()}
            return Said(text, str(template), values)
    return told(text)


def _value(key: str, text: str) -> object:
    if text.isdigit():
        return int(text)
    if re.fullmatch(r"\d+\.\d+", text):
        return figure(float(text), len(text.partition(".")[2]))
    if key in {"hospital", "other", "gene", "sites", "where"} or (key == "groups" and text[-1].isdigit()):
        return text
    if key == "views" or (key == "population" and "; " in text):
        return joined([_part(part) for part in text.split("; ")], "; ")
    return named(text) if key == "target" and not text.endswith(" mutation") else _part(text)


def _part(text: str) -> Said:
    """One of several statements in a row."""
    if scored := _SCORED.fullmatch(text):
        return joined([told(scored[1]), figure(float(scored[2]), len(scored[2].partition(".")[2]))])
    known = heard(text)
    if known.values or not _COUNTED.fullmatch(text):
        return known
    groups = [group.partition(" ") for group in text.split(", ")]
    return joined([joined([count, named(what)]) for count, _, what in groups], ", ")


def _pattern(template: str) -> re.Pattern[str]:
    kinds = {"gene": "[A-Z0-9]+"} | dict.fromkeys(("n", "m", "events", "rows", "k", "low", "high", "median"), r"\d+")
    parts = [
        re.escape(literal) + (f"(?P<{field}>{kinds.get(field, '.+?')})" if field else "")
        for literal, field, *_ in string.Formatter().parse(template)
    ]
    return re.compile("".join(parts))
