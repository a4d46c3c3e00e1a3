"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.plain import canonical, from_plain, to_plain


@dataclass(frozen=True)
class Part:
    """An inner value."""

    kind: Literal["a", "b"]
    size: float | None = None


@dataclass(frozen=True)
class Whole:
    """A value with everything that orders are made of."""

    name: str
    at: datetime
    parts: tuple[Part, ...] = ()
    place: tuple[float, float] = (0.0, 0.0)
    named: Mapping[str, Part] = field(default_factory=dict)
    value: float | str = 0.0
    on: bool = False


PARTS = st.builds(Part, st.sampled_from(["a", "b"]), st.none() | st.floats(allow_nan=False, allow_infinity=False))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WHOLES = st.builds(
    Whole,
    name=st.text(),
    at=st.datetimes(timezones=st.just(UTC)),
    parts=st.lists(PARTS).map(tuple),
    place=st.tuples(NUMBERS, NUMBERS),
    named=st.dictionaries(st.text(), PARTS),
    value=NUMBERS | st.text(),
    on=st.booleans(),
)


@given(WHOLES)
def test_reading_undoes_writing(whole):
    """A value that went through JSON text is the value it was."""
    assert from_plain(Whole, json.loads(json.dumps(to_plain(whole)))) == whole


@given(WHOLES)
def test_the_canonical_form_survives_a_round_trip(whole):
    """The bytes that identify a value are the same after storing and reading it."""
    assert canonical(from_plain(Whole, json.loads(canonical(whole)))) == canonical(whole)


def test_the_canonical_form_does_not_depend_on_the_order_of_keys():
    """Keys are sorted, and what is no number is an error."""
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1}) == b'{"a":2,"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("nan")})


@pytest.mark.parametrize(
    ("kind", "plain", "words"),
    [
        (Part, {"kind": "c"}, "'c' is none of"),
        (Part, {"kind": "a", "colour": 1}, "Part has no colour"),
        (Part, {}, "kind"),
        (Part, [], "expected an object for Part"),
        (Part, {"kind": "a", "size": "big"}, "expected float"),
        (Whole, {"name": "x", "at": "2026-11-21T00:00:00+00:00", "place": [1.0]}, "shorter|longer"),
        (Whole, {"name": "x", "at": "2026-11-21T00:00:00+00:00", "parts": 3}, "expected a list"),
        (Whole, {"name": 3, "at": "2026-11-21T00:00:00+00:00"}, "expected str"),
    ],
)
def test_what_does_not_fit_is_an_error_in_words(kind, plain, words):
    """A stored document that is not of this shape is refused, naming what is wrong."""
    with pytest.raises(ValueError, match=words):
        from_plain(kind, plain)
