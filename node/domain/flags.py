"""What stands beside a probability wherever it stands, in a few words; `evidence` says the same in full."""

from __future__ import annotations

from node.domain.findings import Prediction
from node.domain.language import Said, say, told


def flags(prediction: Prediction) -> list[Said]:
    """
    Every limit of an answer in a few words, the gravest first, each a sentence.

    A row of a table, a conclusion or a field of a template has no room for the evidence, and a probability alone is
    taken for more than it is.
    """
    facts, missing = prediction.model, len(prediction.missing_inputs)
    said: list[Said] = []
    if facts.uncertain:
        said.append(say("Calibration uncertain."))
    elif not facts.calibrated:
        said.append(say("NOT CALIBRATED."))
    if facts.exploratory:
        said.append(say("EXPLORATORY."))
    if missing:
        said.append(
            say("{missing} of {all} data items missing.", missing=missing, all=missing + len(prediction.inputs))
        )
    if holds_prevalence(prediction):
        said.append(say("The interval includes the prevalence."))
    if prediction.state == "borderline":
        said.append(say("BORDERLINE: {why:ended}", why=told(prediction.reason or say("see below"))))
    return said


def prevalence(prediction: Prediction) -> float | None:
    """The prevalence that an answer holds for: the site's, else that of the training."""
    return prediction.model.prevalence if prediction.rebased_to is None else prediction.rebased_to


def holds_prevalence(prediction: Prediction) -> bool:
    """Whether the interval includes it, so that the answer may say no more than that."""
    at, e = prevalence(prediction), prediction.estimate
    return at is not None and e is not None and e.lower <= at <= e.upper
