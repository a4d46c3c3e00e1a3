"""Which series a study has and what each is taken for, told where none of them fills a role."""

from __future__ import annotations

from collections.abc import Collection

from node.assemble.study import Study, series_number
from node.domain.language import Said, joined, say
from node.domain.sequence import sighting
from node.domain.series import Instance
from node.domain.terms import WEIGHTINGS

MOST = 8
"""Series that are told one by one."""


def received(study: Study, modalities: Collection[str]) -> Said:
    """
    As in: received: series 7 (T1 with contrast agent), series 9 (T2). Free text of others stays out, as this is logged.

    Args:
        study: As it was received.
        modalities: Of the series that are told: one of another kind of machine is no candidate.

    Returns:
        "" where no series is of these modalities.
    """
    first = [entries[0].stored.instance for entries in study.series.values()]
    there = (each for each in first if each.modality in modalities)
    told = [_told(each) for each in sorted(there, key=lambda each: (int(series_number(each) or 0), each.series_uid))]
    more = [say("{count} more", count=len(told) - MOST)] if len(told) > MOST else []
    return say("received: {series}", series=joined([*told[:MOST], *more], ", ")) if told else joined([])


def kind_of(sequence: str, contrast: bool | None) -> Said:  # noqa: FBT001 - None is a third answer
    """Weighting and contrast agent as a reader says them: "T1 with contrast agent"."""
    agent = {True: say("with contrast agent"), False: say("without contrast agent"), None: ""}[contrast]
    return joined([WEIGHTINGS.get(sequence, ""), agent])


def _told(image: Instance) -> Said:
    name = say("series {number}", number=series_number(image) or "-")
    if image.modality != "MR":
        return name
    seen = sighting(image.attributes)
    known = kind_of(seen.family, seen.contrast if seen.family == "t1" else None)
    kind = known or (say("another kind of image") if seen.family else say("kind not recognised"))
    return joined([name, joined(["(", kind, ")"], "")])
