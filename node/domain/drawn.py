"""What a learned segmenter says about its own drawing, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from node.domain.language import Said, say

DOUBTS: Mapping[str, Said] = {
    "certainty": say("The network itself is unsure of the outline."),
    "agreement": say("The network draws something else when the image is mirrored."),
    "share": say("More was found than was drawn, in pieces apart from it."),
    "size_ml": say("The drawing is small."),
    "end": say("The first or last image cuts the drawing, so that part of the lesion lies outside."),
}
"""Factor of the trust that is low, to the sentence for the reader."""

NOTHING = say("No voxel of the image was taken for lesion.")
TRUSTED = say("The network is sure of the outline, mirrored images give the same, and it lies in one piece.")
SURE = say("The network is sure of the outline; nothing else about the drawing was measured.")


def doubts(low: Sequence[str], asked: Sequence[str] = tuple(DOUBTS)) -> str:
    """Why a drawing is trusted as much as it is: the low ones of the factors asked for, worst first."""
    if low:
        return " ".join(DOUBTS[name] for name in low)
    return TRUSTED if {"agreement", "share"} & {*asked} else SURE
