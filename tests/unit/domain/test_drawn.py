"""What a learned segmenter says about its drawing claims no more than was measured."""

from __future__ import annotations

from node.domain.drawn import DOUBTS, SURE, TRUSTED, doubts


def test_full_trust_names_only_what_was_measured():
    """Mirrored images and one piece are claimed only where one of them was asked for."""
    assert doubts((), ("certainty",)) == SURE
    assert doubts((), ()) == SURE
    assert doubts((), ("certainty", "agreement", "share")) == TRUSTED
    assert doubts(("size_ml", "certainty"), ("certainty",)) == f"{DOUBTS['size_ml']} {DOUBTS['certainty']}"
