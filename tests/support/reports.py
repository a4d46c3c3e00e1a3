"""Reading structured reports as a receiver does."""

from __future__ import annotations


def walk(item):
    """Every content item below one."""
    for child in item.get("ContentSequence", []):
        yield child
        yield from walk(child)


def named(item, value):
    """Items directly below with this concept name (code value or meaning)."""
    found = []
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0]
        if value in (name.get("CodeValue"), name.CodeMeaning):
            found.append(child)
    return found


def groups(sr):
    """The measurement groups."""
    [measurements] = named(sr, "126010")
    return named(measurements, "125007")


def numbers(group):
    """Meaning to (value, unit) of the NUM items directly in a group."""
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in group.ContentSequence
        if item.ValueType == "NUM" and item.MeasuredValueSequence
    }


def texts(item):
    """All comments below an item."""
    return [child.TextValue for child in walk(item) if child.ValueType == "TEXT"]
