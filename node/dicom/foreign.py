"""Objects that others made: read as they are, and their faults told in our words."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from node.domain.language import joined, say, told
from node.domain.volume import Volume
from node.errors import InstanceUnreadable

_FAULTS = (
    InvalidDicomError, BytesLengthException, OSError, ValueError, AttributeError, KeyError, TypeError, IndexError,
    NotImplementedError, RuntimeError, EOFError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PassedOver:
    """
    Something in a source that is not used.

    Attributes:
        what: Kind and number, a sentence's part: "ROI 3", "segment 1", …
        name: What its maker called it: free text, for the result objects only, never for a log.
        why: The reason, free of what others wrote.
        code: Refusal code, where the case is refused if nothing else shows the lesion; "" when it is no lesion at all.
    """

    what: str
    name: str
    why: str
    code: str = ""

    @property
    def named(self) -> str:
        """What it is with its name, for the reader."""
        return say("{what} '{name}'", what=self.what, name=self.name) if self.name else self.what

    @property
    def unnamed(self) -> str:
        """Without the name, for messages that may be logged."""
        return joined([self.what, self.why], ": ")


def listed(passed: Iterable[PassedOver]) -> tuple[str, ...]:
    """For the reader: one line for every reason, as a treatment plan has dozens of organs that are no tumour."""
    same: dict[str, list[str]] = {}
    for each in passed:
        same.setdefault(each.why, []).append(each.named)
    return tuple(joined([joined(names, ", "), why], ": ") for why, names in same.items())


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """
    Read an object of somebody else's inside this block.

    Values that break the rules of their VR are taken as they are: a structure set with a name that is too long is still
    a drawing. pydicom quotes values of the data set in its messages and ours may be logged, so only the kind of a fault
    is named.

    Args:
        path: The file, named in the message.
        what: What was expected: "RT Structure Set", …

    Raises:
        InstanceUnreadable: Any fault of the file.
    """
    try:
        with pydicom.config.disable_value_validation():
            yield
    except _FAULTS as error:
        raise unusable(path, what, say("it cannot be read ({fault})", fault=type(error).__name__)) from error


def unusable(path: Path, what: str, why: str) -> InstanceUnreadable:
    """The error for an object that is not what was expected; `why` holds no value of the data set."""
    found = say("no usable {what}: {why}", what=what, why=told(why))
    return InstanceUnreadable(found, at=path.name, do="send the object again, or correct it")


def elsewhere(frame_uid: str, sop_uids: frozenset[str], volume: Volume) -> str:
    """Why a drawing cannot lie on a volume, "" when it can; one without a frame of reference must name an image."""
    if frame_uid and frame_uid != volume.frame_uid:
        return say("it lies in another frame of reference than the measured series")
    if not frame_uid and sop_uids.isdisjoint(s.sop_uid for s in volume.slices):
        return say("it names neither a frame of reference nor an image of the measured series")
    return ""
