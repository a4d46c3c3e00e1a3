"""What is accepted and what is proposed."""

from __future__ import annotations

from pydicom.uid import UID

from node.dicom.codecs import DECODABLE
from node.network.contexts import STORAGE, SYNTAXES, VERIFICATION, accepted, proposed


def test_every_storage_class_is_accepted_in_every_decodable_syntax():
    """Nothing that can be decoded later is turned away at the door, and nothing else is let in."""
    contexts = {str(context.abstract_syntax): set(map(str, context.transfer_syntax)) for context in accepted()}

    assert set(contexts) == {VERIFICATION, *STORAGE}
    assert all(contexts[uid] == set(DECODABLE) for uid in STORAGE)


def test_names_are_those_of_the_standard():
    """Each UID of the list is the SOP class that its name says, where pydicom's dictionary knows it."""
    for uid, name in STORAGE.items():
        known = UID(uid).name
        assert known in (uid, f"{name} Storage")


def test_explicit_is_preferred_to_implicit():
    """Of several syntaxes in one proposal the one that tells value representations is taken."""
    assert SYNTAXES[0] == "1.2.840.10008.1.2.1"
    assert SYNTAXES[-1] == "1.2.840.10008.1.2"


def test_only_what_is_in_hand_is_proposed_once():
    """Equal pairs make one context, one class in two syntaxes makes two, so that each may be refused alone."""
    pairs = [("1.2", "1.2.840.10008.1.2.1"), ("1.2", "1.2.840.10008.1.2"), ("1.2", "1.2.840.10008.1.2.1")]

    contexts = proposed(pairs)

    assert [(str(c.abstract_syntax), [str(s) for s in c.transfer_syntax]) for c in contexts] == [
        ("1.2", ["1.2.840.10008.1.2.1"]),
        ("1.2", ["1.2.840.10008.1.2"]),
    ]
