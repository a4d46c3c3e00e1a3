"""What every situation leads to, compared with what it led to when somebody last read it."""

from __future__ import annotations

import difflib
from copy import deepcopy

import pytest

from tests.golden.dump import Names, dump
from tests.golden.make import kept, texts
from tests.golden.situations import KINDS, SITUATIONS
from tests.support.reports import walk


@pytest.fixture(scope="module")
def now(ran):
    """The texts of this version."""
    return texts(ran)


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_says_what_it_said(now, name):
    """Attributes, content trees, frames, report; to change them: `python -m tests.golden.make`, read, commit."""
    before = {path: text for path, text in kept().items() if path.startswith(f"{name}/")}
    after = {path: text for path, text in now.items() if path.startswith(f"{name}/")}
    differing = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    told = [
        line
        for path in differing
        for line in difflib.unified_diff(
            before.get(path, "").splitlines(), after.get(path, "").splitlines(), path, path, lineterm="", n=1
        )
    ]

    assert after
    assert not told, "\n".join(["python -m tests.golden.make, then read the difference:", *told[:60]])


def test_every_kept_text_belongs_to_a_situation():
    """Nothing is left of a situation that is no more."""
    assert {path.split("/")[0] for path in kept()} == set(SITUATIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_result_has_a_golden_text(kind):
    """Each is shown in the first situation, but for the picture of the page and the list of all features."""
    assert (f"one-lesion/{kind}.txt" in kept()) == (kind not in {"sc", "feature-sr"})


def test_one_changed_value_changes_the_text(ran):
    """A number, a code, a reference, a voxel, an attribute: none can change unseen."""
    objects = ran["several-lesions"][""].result.objects
    sr, seg = objects["sr"], objects["seg"]

    for change in (_number, _code, _reference, _attribute):
        other = deepcopy(sr)
        change(other)
        assert _told(other) != _told(sr), change.__name__
    other = deepcopy(seg)
    other.PixelData = bytes([seg.PixelData[0] ^ 1]) + seg.PixelData[1:]
    assert _told(other) != _told(seg)


def _told(ds):
    return dump(ds, Names())


def _number(sr):
    next(i for i in walk(sr) if i.ValueType == "NUM").MeasuredValueSequence[0].NumericValue = "11.496"


def _code(sr):
    [*_, site] = (i for i in walk(sr) if i.ValueType == "CODE" and "Laterality" in str(i.ConceptNameCodeSequence))
    site.ConceptCodeSequence[0].CodeMeaning = "Left"


def _reference(sr):
    next(i for i in walk(sr) if i.ValueType == "IMAGE").ReferencedSOPSequence[0].ReferencedSegmentNumber = 2


def _attribute(sr):
    sr.ContributingEquipmentSequence[0].SoftwareVersions = "1.0.1"
