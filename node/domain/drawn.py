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


def doubts(low: Sequence[str]) -> str:
    """Why a drawing is trusted as much as it is: the low factors, worst first; none is full trust."""
    return " ".join(DOUBTS[name] for name in low) if low else TRUSTED
