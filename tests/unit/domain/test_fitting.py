"""Texts that must fit an attribute."""

from __future__ import annotations

import pytest

from node.domain.words import fitting


@pytest.mark.parametrize(
    ("text", "most", "fitted"),
    [
        ("AI-predicted probability of IDH", 64, "AI-predicted probability of IDH"),
        ("MGMT promoter methylation", 20, "MGMT promoter"),
        ("MGMT promoter methylation", 13, "MGMT promoter"),
        ("methylation", 6, "methyl"),
    ],
)
def test_a_text_is_cut_between_words(text, most, fitted):
    """Half a word reads as a mistake; only a single long word is cut."""
    assert fitting(text, most) == fitted
