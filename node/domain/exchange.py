"""
Sentences that only an exchange with other systems needs; what is said of the findings stands in `words` and `evidence`.
"""

from __future__ import annotations

from node.domain.cards import heard
from node.domain.facts import ModelFacts
from node.domain.findings import Findings, Lesion, Prediction
from node.domain.language import Said, say, sentence, told
from node.domain.words import RESEARCH

METHOD = say("Radiogenomic prediction from imaging")
MEASURED = say("Measured by software on the images")
PREDICTED_TARGET = say("Predicted target")
DIGEST = say("SHA-256 of the model package")
SOFTWARE = say("Software version")
SELECTION = say("Only the images and the segment that this result rests on, not the whole study.")
NOBODY = say("The images carry no usable Patient ID.")


def marked() -> Said:
    """What stands beside every single value, because a receiver may show it alone."""
    return say("{research}", research=RESEARCH)


def segment(number: int) -> Said:
    """Name of a segment in a list of instances."""
    return say("Segment {number}", number=number)


def of_lesion(lesion: Lesion, findings: Findings, line: str) -> str:
    """A line about a lesion, led by its name where there are several."""
    if len(findings.lesions) == 1:
        return line
    if lesion.tracking_id == f"Lesion {lesion.number}":
        return say("Lesion {number}: {line}", number=lesion.number, line=line)
    return say("Lesion {number} ({name}): {line}", number=lesion.number, name=lesion.tracking_id, line=line)


def why_absent(prediction: Prediction) -> Said:
    """Why there is no probability."""
    return say("Not evaluated. {why:sentence}", why=told(prediction.reason or say("The model gave no number.")))


def use(facts: ModelFacts) -> list[Said]:
    """What a model is meant for."""
    return [sentence(heard(facts.intended_use))] if facts.intended_use else []
