"""The content tree of a received SR (PS3.3 C.17.3): its items, their names, their codes, and who observed them."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from node.dicom.nature import Code, read_code

GROUP = ("DCM", "125007")
FINDING = ("DCM", "121071")
OBSERVER_TYPE, DEVICE, PERSON = ("DCM", "121005"), ("DCM", "121007"), ("DCM", "121006")


def children(item: Dataset) -> Iterator[Dataset]:
    """The content items directly below one."""
    yield from item.get("ContentSequence") or []


def walk(item: Dataset) -> Iterator[Dataset]:
    """All content items below one, depth first."""
    for child in children(item):
        yield child
        yield from walk(child)


def concept(item: Dataset) -> Code:
    """The name of an item; empty strings where it has none."""
    return read_code(item.get("ConceptNameCodeSequence"))


def value(item: Dataset) -> Code:
    """The value of a CODE item; empty strings for any other."""
    return read_code(item.get("ConceptCodeSequence"))


def by_person(observers: set[tuple[str, str]]) -> bool:
    """Whether one of these types of observer is a person; TID 1002 makes a person the default."""
    return PERSON in observers or DEVICE not in observers
