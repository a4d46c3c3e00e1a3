"""What is said of the sources of a lesion: which there are, why one is not used, and what a reader must know of one."""

from __future__ import annotations

from collections.abc import Iterable

from node.domain.findings import Provenance
from node.domain.language import Said, joined, say, told

NAMES = {
    "rtstruct": say("RT Structure Set"),
    "seg": say("Segmentation"),
    "seed": say("mark of a reader"),
    "model": say("model"),
}
"""Kind of source to its name."""

NOT_NEEDED = say("not used, as a source before it shows the lesion")
MEASURED_FIRST = say("not used, as a drawing on the series that is measured comes first")
ON_ANOTHER = say("it was drawn on another series of this study that is used")
NEVER_DRAWN = say("it was never drawn")
NO_VOXEL = say("it has no voxel")
OUTSIDE = say("it lies outside the image")
NO_LESION = say("neither its property type nor its label says that it is a lesion")
PART_ALONE = say("it is called a part of a tumour, and touches neither a tumour nor another part of one")
DIVIDED = say("Parts that touch other lesions as well were divided among them by distance.")
LABEL_EXCLUDED = say("its label is excluded (node, bed, marker, former drawing, expansion, denial …)")
NOT_AVAILABLE = say("it is not available in this installation")
NO_SOURCE = say("no source of a lesion is at hand")
REPORT = say("disable the model and report it to its authors")

MAKER_UNKNOWN = say("The structure set does not say how the outline was made; it is taken as drawn by hand.")
SEGMENT_MAKER_UNKNOWN = say("The segmentation does not say how the segment was made; it is taken as made by a machine.")
TARGET_VOLUME = say("The outline is a target volume: it holds a margin of other tissue around the tumour.")
OTHER_IMAGES = say("It was drawn on other images of the same frame of reference.")


def roi(number: int | None) -> Said:
    """A region of interest by its number."""
    return say("ROI {number}", number=number)


def segment(number: int | None) -> Said:
    """A segment by its number."""
    return say("segment {number}", number=number)


def mark() -> Said:
    """A mark of a reader."""
    return say("mark")


def inside(other: Provenance) -> Said:
    """Why a part of a lesion is none of its own."""
    return say("it lies inside {other}, which counts as the whole lesion", other=drawing(other))


def part_left(size: float) -> Said:
    """What of a part was not used; millilitres."""
    return say("{size:.2f} mL of it touch neither a tumour nor another part of one", size=size)


def united(segments: Iterable[tuple[Provenance, float]]) -> Said:
    """What a lesion was put together from: segments and their millilitres."""
    named = [
        say("{segment} '{name}' ({size:.2f} mL)", segment=drawing(each), name=each.label or "-", size=size)
        for each, size in segments
    ]
    return say(
        "Put together from {segments} of one Segmentation, which touch and are called a tumour or parts of one; these "
        "are not told apart.",
        segments=joined(named, ", "),
    )


def on(what: str, role: str) -> str:
    """A drawing, with the series that it was drawn on where that is not the measured one."""
    return say("{what} on {role}", what=told(what), role=role) if role else what


def cut_off(outside: float) -> tuple[Said, ...]:
    """What of a drawing has no place on the image, as a share of it; nothing is said of nothing."""
    if not outside:
        return ()
    share = 100 * max(outside, 0.001)
    return (say("{share:.1f}% of the drawing lies outside the image and was cut off.", share=share),)


def brought(role: str, first: str, before: float, after: float) -> Said:
    """How a drawing came to the measured series; volumes in millilitres."""
    return say(
        "It was drawn on {role} and carried over to {first}, voxel centre by voxel centre ({before:.2f} mL there, "
        "{after:.2f} mL here).",
        role=role, first=first, before=before, after=after,
    )  # fmt: skip


def model(name: str) -> Said:
    """A segmenter by its package id."""
    return say("model {name}", name=name)


def broken(trust: float) -> Said:
    """What is wrong with the answer of a segmenter that broke its promise."""
    return say(
        "a mask is empty or not on the grid of the image, or the trust of {trust} is not from 0 to 1", trust=trust
    )


def drawing(provenance: Provenance) -> Said:
    """The drawing that a lesion was taken from, where several of one source are told apart."""
    if provenance.kind != "seed" and provenance.number is None:
        return say("lesion")
    kinds = {"rtstruct": roi(provenance.number), "seg": segment(provenance.number), "seed": mark()}
    return kinds[provenance.kind]


def rule(count: int, kind: str, *, largest: bool) -> Said:
    """Which lesions of a source are measured."""
    source = NAMES[kind]
    if largest and count > 1:
        return say(
            "The largest by volume of {count} lesions from the first usable source ({source}).",
            count=count,
            source=source,
        )
    if count == 1:
        return say("All lesions (1 lesion) from the first usable source ({source}), largest first.", source=source)
    return say(
        "All lesions ({count} lesions) from the first usable source ({source}), largest first.",
        count=count,
        source=source,
    )


def on_no_role(number: str, roles: str) -> Said:
    """A drawing on images that the pipeline does not use; `number` is that of their series, "" where unknown."""
    if number:
        return say(
            "it was drawn on images of series {number}, which this analysis does not use; draw it on {roles}",
            number=number, roles=told(roles),
        )  # fmt: skip
    return say("it was drawn on images which this analysis does not use; draw it on {roles}", roles=told(roles))


def role_of(name: str, number: str) -> Said:
    """A role with the number of the series that fills it."""
    return say("{role} (series {number})", role=name, number=number) if number else Said(name, name=True)
