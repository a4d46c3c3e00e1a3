"""One study as the assembler sees it: current versions, series, and what refers to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.domain.order import Input
from node.domain.rules import Fit
from node.domain.series import Instance, Patient, Stored, distinct

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
REPORTS = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
        "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
        "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    }
)
"""SOP classes that can hold a measurement report (TID 1500)."""

SEEDS = REPORTS | {"1.2.840.10008.5.1.4.1.1.11.1"}  # Grayscale Softcopy Presentation State
LESION_SOURCES = frozenset({RTSTRUCT}) | SEGMENTATIONS | SEEDS
"""SOP classes that may carry the drawing of a lesion."""


@dataclass(frozen=True, slots=True)
class Current:
    """
    The version of an instance that counts.

    Attributes:
        stored: The newest version that shows what the first one showed.
        conflict: Whether another version shows other pixels or another geometry.
    """

    stored: Stored
    conflict: bool


def refers_to(candidate: Instance, measured: Fit) -> bool:
    """Whether an object names an image of a series, or the series where nobody knows the images that it names."""
    uids = {instance.sop_uid for instance in measured.instances}
    return bool(uids.intersection(candidate.references)) or (
        measured.instances[0].series_uid in candidate.referenced_series
    )


def current(versions: Sequence[Stored]) -> tuple[Current, ...]:
    """
    Choose the version that counts of every instance.

    Args:
        versions: All kept versions of some instances, in any order.

    Returns:
        One entry per SOP Instance UID, in the order of the UIDs.
    """
    by_uid: dict[str, list[Stored]] = defaultdict(list)
    for version in versions:
        by_uid[version.instance.sop_uid].append(version)
    chosen = []
    for _, group in sorted(by_uid.items()):
        agreeing = [v for v in group if not v.conflict]
        newest = max(agreeing or group, key=lambda v: (v.received_at, v.instance.digest))
        chosen.append(Current(newest, any(v.conflict for v in group)))
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Study:
    """
    One study: what it holds, and the lesion objects of its patient in whatever study.

    Attributes:
        instances: The versions that count.
        objects: RTSTRUCT, SEG, SR and GSPS of this study, and of the same patient in any other, newest first.
        patient_frames: Frame of Reference UID to the image series that use it, over all studies of the patient.
    """

    uid: str
    instances: tuple[Current, ...]
    objects: tuple[Current, ...]
    patient_frames: Mapping[str, frozenset[str]]

    @property
    def patients(self) -> frozenset[Patient]:
        """Everyone whose name this study bears; more than one is a conflict."""
        return distinct(c.stored.instance.patient for c in self.instances)

    @property
    def series(self) -> dict[str, tuple[Current, ...]]:
        """Series Instance UID to its instances, in the order of the UIDs."""
        grouped: dict[str, list[Current]] = defaultdict(list)
        for entry in self.instances:
            grouped[entry.stored.instance.series_uid].append(entry)
        return {uid: tuple(grouped[uid]) for uid in sorted(grouped)}

    @property
    def series_numbers(self) -> tuple[int, ...]:
        """Series Numbers in use."""
        numbers = set()
        for entry in self.instances:
            for text in entry.stored.instance.attributes.get("SeriesNumber", ()):
                try:
                    numbers.add(int(float(text)))
                except ValueError:
                    continue
        return tuple(sorted(numbers))


def as_input(stored: Stored) -> Input:
    """The form in which a work order names an instance."""
    instance = stored.instance
    return Input(
        sop_uid=instance.sop_uid,
        sop_class=instance.sop_class,
        series_uid=instance.series_uid,
        study_uid=instance.study_uid,
        digest=instance.digest,
        content=stored.content,
        path=stored.path,
    )


def series_number(image: Instance) -> str:
    """Series Number of an image, "" where it is none."""
    number = "".join(image.attributes.get("SeriesNumber", ())[:1]).strip()
    return number if number.isdecimal() else ""
