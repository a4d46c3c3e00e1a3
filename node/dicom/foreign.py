"""Objects that others made: read as they are, and their faults told in our words."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from node.errors import InstanceUnreadable

_FAULTS = (
    InvalidDicomError, BytesLengthException, OSError, ValueError, AttributeError, KeyError, TypeError, IndexError,
    NotImplementedError, RuntimeError, EOFError, struct.error,
)  # fmt: skip


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
        raise unusable(path, what, f"it cannot be read ({type(error).__name__})") from error


def unusable(path: Path, what: str, why: str) -> InstanceUnreadable:
    """The error for an object that is not what was expected; `why` holds no value of the data set."""
    return InstanceUnreadable(f"no usable {what}: {why}", at=path.name, do="send the object again, or correct it")
