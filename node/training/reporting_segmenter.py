"""What the card of a model that draws answers to reporting guidelines; never better than what its manifest holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.errors import ModelFailed

Manifest = Mapping[str, Any]

HEADING = "## Reporting"

TRIPOD: Mapping[str, str] = {
    "3a": "healthcare context",
    "3b": "intended purpose and users",
    "3c": "known inequalities between groups",
    "4": "objectives",
    "5a": "sources of data",
    "5b": "dates of the data",
    "6a": "setting",
    "6b": "who was included",
    "6c": "treatments received",
    "7": "preparation of the data",
    "8a": "what is drawn",
    "8b": "who drew the reference",
    "8c": "blinding of who drew the reference",
    "10": "sample size",
    "11": "missing data",
    "12a": "how the data were divided",
    "12c": "kind of model, and how it was built",
    "12e": "measures of performance",
    "12f": "updating",
    "14": "fairness",
    "15": "output",
    "16": "differences between development and evaluation data",
    "17": "ethical approval",
    "18a": "funding",
    "18b": "conflicts of interest",
    "18c": "protocol",
    "18d": "registration",
    "18e": "availability of the data",
    "18f": "availability of the code",
    "19": "patient and public involvement",
    "20a": "flow of participants",
    "20b": "characteristics of participants",
    "22": "the whole model",
    "23a": "performance with intervals",
    "23b": "performance in subgroups",
    "25": "interpretation",
    "26": "limitations",
    "27a": "inputs of poor quality",
    "27b": "what its user must do and know",
    "27c": "next steps",
}
"""Items of TRIPOD+AI that a model can answer which draws."""

_OF_PREDICTION = (
    "9a to 9c (predictors: the image is the only input), 12b and 12g (their handling, the calculation of a "
    "prediction), 12d (clustering), 13 (class imbalance), 20c, 21 and 24 (comparison of outcomes, numbers of events, "
    "results of updating); 1 and 2 are about a paper"
)

_RQS: Mapping[str, tuple[str, int, int, str]] = {
    "protocol": ("image protocol quality", 2, 0, "not documented in the data"),
    "segmentations": ("multiple segmentations", 1, 0, "one reference outline each"),
    "phantom": ("phantom study on all scanners", 1, 0, "none"),
    "timepoints": ("imaging at multiple time points", 1, 0, "one time point"),
    "prospective": ("prospective study in a registered trial", 7, 0, "none"),
    "validation": ("validation without retraining", 5, -5, "no validation on other patients"),
    "gold_standard": ("comparison with the gold standard", 2, 0, "outlines of a person are no gold standard"),
    "open": ("open science and data", 4, 0, "not stated"),
}
"""Item of the radiomics quality score that concerns a drawing: name, most points, points unless stated, and why."""


def segmenter_reporting(m: Manifest) -> Iterator[str]:
    """
    The section of the card, as lines of Markdown from its heading on.

    What the manifest shows is answered from it. [reporting.tripod] answers further items by their number, and
    [reporting.rqs] those of the quality score with `points` and `why`; whatever nobody stated is not reported.

    Raises:
        ModelFailed: [reporting] names an item that does not exist.
    """
    stated = m.get("reporting", {})
    told, scored = stated.get("tripod", {}), stated.get("rqs", {})
    if unknown := [*(told.keys() - TRIPOD.keys()), *(scored.keys() - _RQS.keys())]:
        found = f"[reporting] answers {', '.join(sorted(unknown))}, which is no item for a model that draws"
        raise ModelFailed(found, at=str(m["id"]), do=f"answer {', '.join([*TRIPOD, *_RQS])}")
    yield HEADING
    yield ""
    yield from _tripod({**_shown(m), **told})
    yield ""
    yield from _rqs(m, scored)


def _tripod(answers: Mapping[str, str]) -> Iterator[str]:
    yield (
        "TRIPOD+AI (Collins et al., BMJ 385:e078378, 2024) is for models that predict an outcome. Its items that a "
        "model which draws can answer:"
    )
    yield ""
    yield "| item | here |"
    yield "|---|---|"
    yield from (f"| {number} {name} | {answers[number]} |" for number, name in TRIPOD.items() if number in answers)
    yield ""
    yield f"Not reported: {', '.join(f'{n} {name}' for n, name in TRIPOD.items() if n not in answers)}."
    yield ""
    yield f"Do not apply to a drawing: {_OF_PREDICTION}."


def _shown(m: Manifest) -> dict[str, str]:
    """Item to answer, as far as the manifest shows it."""
    training, found, here = m.get("training", {}), m.get("performance", {}), not m.get("origin")
    answers = {
        "3b": m["intended_use"],
        "5a": "see Data" if m.get("data") else "",
        "6b": training.get("population", ""),
        "8a": f"{m['target']}; no outcome is predicted",
        "10": f"{training['n']} patients; no size was calculated beforehand" if here and training.get("n") else "",
        "12c": training.get("sentence", ""),
        "12e": "" if found else "none: no accuracy was measured here",
        "12f": "none" if here else "",
        "14": "not assessed",
        "15": "an outline with a trust from 0 to 1; a case with less trust than the pipeline asks for is refused",
        "18c": "none" if here else "",
        "18d": "none" if here else "",
        "18e": "see the licence under Data" if here and m.get("data") else "",
        "19": "none" if here else "",
        "22": f"{'model.onnx' if m['engine'] == 'onnx' else 'its parameters'} and what model.toml holds",
        "23b": "" if found else "none",
        "26": "see Limits",
        "27b": "a person must look at every outline",
    }
    return {number: answer for number, answer in answers.items() if answer}


def _rqs(m: Manifest, stated: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield (
        "The radiomics quality score (Lambin et al., Nat Rev Clin Oncol 14:749, 2017) is for signatures that predict "
        "an outcome and does not apply as a whole: feature reduction, multivariable analysis, biological correlates, "
        "cut-offs, discrimination, calibration, utility and cost have nothing to look at. So there is no total. "
        + ("What remains, assessed by its makers:" if not m.get("origin") else "What remains, assessed at import:")
    )
    yield ""
    yield "| item | points | of | why |"
    yield "|---|---|---|---|"
    for key, (name, most, points, why) in _RQS.items():
        told = stated.get(key, {})
        yield f"| {name} | {told.get('points', points)} | {most} | {told.get('why', _unknown(m, why))} |"


def _unknown(m: Manifest, why: str) -> str:
    """What its makers did is not known of a model from elsewhere."""
    return "not known here" if m.get("origin") else why
