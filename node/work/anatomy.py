"""Which organs an image shows, as far as the models of a pipeline ask for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from node.domain.findings import Contour, Lesion
from node.domain.language import joined, say
from node.domain.volume import Volume
from node.errors import Refused
from node.imaging.grid import Bools
from node.imaging.head import shows_head
from node.imaging.lungs import Lungs, find_lungs, touches
from node.imaging.side import lung_side

ENDS = {"first slice": say("first slice"), "last slice": say("last slice")}
"""Ends of a stack at which the lungs may be cut off."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """
    What was found of the organs in the image that is measured.

    Attributes:
        lungs: None where nobody looked.
        head: Whether something has the size of a head; None where nobody looked.
    """

    lungs: Lungs | None = None
    head: bool | None = None

    def in_lung(self, mask: Bools) -> bool | None:
        """Whether a lesion lies in or touches the lungs; None where nobody looked."""
        return touches(self.lungs, mask) if self.lungs else None

    def coverage(self, policy: str, lesions: tuple[Contour, ...]) -> tuple[str, ...]:
        """
        A search by machine needs the whole organ; a drawn lesion does not, but the reader is told.

        Raises:
            Refused: The lungs are cut off where they must not be ("organ partial").
        """
        if self.lungs is None or not self.lungs.cut_off:
            return ()
        searched = any(contour.provenance.kind == "model" for contour in lesions)
        ends = joined([ENDS[end] for end in self.lungs.cut_off], ", ")
        if policy == "refuse" or (policy == "auto" and searched):
            raise Refused("organ partial", say("the lungs are cut off ({ends})", ends=ends), at="organ")
        said = say(
            "The lungs are covered only in part (cut off: {ends}); lesions outside the image were not looked for.",
            ends=ends,
        )
        return (said,)

    def placed(self, lesion: Lesion, volume: Volume) -> Lesion:
        """A lesion with the lung that it lies in."""
        return (
            replace(lesion, lung=lung_side(self.lungs, lesion.contour.mask, volume.geometry)) if self.lungs else lesion
        )


def look(volume: Volume, organ: str, *, for_head: bool) -> Anatomy:
    """
    Look for the organs that somebody asks for.

    Args:
        volume: The image that is measured.
        organ: What the pipeline says that it must show: "lung", or "".
        for_head: Whether a model declares the head.

    Raises:
        Refused: It shows no lung although the pipeline is for lungs ("wrong anatomy").
    """
    lungs = find_lungs(volume) if organ == "lung" else None
    if organ == "lung" and lungs is None:
        raise Refused("wrong anatomy", say("no lung was found in the image"), at=f"series {volume.series_uid}")
    head = shows_head(volume.voxels, volume.geometry.spacing) if for_head and volume.modality == "MR" else None
    return Anatomy(lungs=lungs, head=head)
