"""Register: lay every series on the one that is measured, by moving its place and never its voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from node.domain.geometry import Geometry
from node.domain.language import Said, say, sentence
from node.domain.volume import Laid, Volume
from node.errors import Refused
from node.imaging.rigid import Alignment, align

STILL_MM = 2.0  #: a smaller displacement of series with one frame of reference is left to the scanner's word

LARGEST_MOVE_MM = 40.0
"""More than this between two series of one examination is no movement of a head in its coil."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """
    The volumes with one world.

    Attributes:
        volumes: Role name to volume, in the order given; the first one untouched.
        laid: Role name of every further one to where it came from, and how it was laid on the first.
    """

    volumes: Mapping[str, Volume]
    laid: Mapping[str, Laid] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was moved, and by how much."""
        return tuple(each.note for each in self.laid.values())


def register(volumes: Mapping[str, Volume]) -> Registered:
    """
    Find out by the images themselves where each further series lies, as the patient may have moved between them.

    Args:
        volumes: Role name to volume; the first one stays where it is.

    Returns:
        Every volume on its own voxels; the place of one that had moved, or had a frame of reference of its own, is
        corrected and its frame of reference is the first one's.

    Raises:
        Refused: A series with a frame of reference of its own could not be laid on the first ("not aligned").
    """
    (first, fixed), *others = volumes.items()
    laid = {role: _laid_on(fixed, volume, first, role) for role, volume in others}
    return Registered(volumes={first: fixed} | {role: each.volume for role, each in laid.items()}, laid=laid)


def _laid_on(fixed: Volume, volume: Volume, first: str, role: str) -> Laid:
    found = align(fixed.voxels, fixed.geometry, volume.voxels, volume.geometry)
    one_frame = volume.frame_uid == fixed.frame_uid
    names = {"role": role, "first": first}
    if why := _doubt(found, stated=one_frame and found.moved_mm >= STILL_MM):
        if not one_frame:
            found_out = say("{role} could not be laid on {first}: {why}", why=why, **names)
            raise Refused("not aligned", found_out, at=f"series {volume.series_uid}")
        unchecked = say(
            "{role} and {first} share a frame of reference; whether the patient moved in between could not be checked.",
            **names,
        )
        return Laid(came=volume, volume=volume, note=unchecked)
    if one_frame and found.moved_mm < STILL_MM:
        still = say("{role} and {first} lie on one another as the scanner says.", **names)
        return Laid(came=volume, volume=volume, note=still)
    if one_frame and found.moved_mm > LARGEST_MOVE_MM:
        doubt = say(
            "by the images {role} lies {distance:.0f} mm away from where the scanner put it, so that nothing drawn on "
            "it can be placed on {first}",
            distance=found.moved_mm, **names,
        )  # fmt: skip
        return Laid(came=volume, volume=volume, note=sentence(doubt), doubt=doubt)
    moved = replace(volume, geometry=_moved(volume.geometry, found), frame_uid=fixed.frame_uid)
    note = say(
        "{role} was moved by {distance:.1f} mm on average to lie on {first} (rigid registration; round-trip error "
        "{missed:.1f} mm).",
        **names, distance=found.moved_mm, missed=found.return_mm,
    )  # fmt: skip
    return Laid(came=volume, volume=moved, note=note)


def _doubt(found: Alignment, *, stated: bool) -> Said:
    """Why an alignment fails its own tests, "" where it passes; against the scanner's word it has to stand out."""
    if found.failure == "summit":
        return say("other positions fit nearly as well")
    if found.failure == "return" or (stated and not found.stands_out):
        return say("its round-trip error is {missed:.1f} mm", missed=found.return_mm)
    return say("")


def _moved(place: Geometry, found: Alignment) -> Geometry:
    return Geometry(np.asarray(found.matrix @ place.affine, np.float64), place.shape)
