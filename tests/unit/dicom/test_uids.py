"""UIDs that derive from what they name."""

from __future__ import annotations

import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from node.dicom.uids import derive_uid, tracking
from node.domain.findings import Provenance
from tests.support.findings import DRAWN, FOUND


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_every_derived_uid_is_valid_and_a_uuid(parts):
    """Whatever the parts, the UID is valid, below 2.25, and its number is a UUID of version 8 (PS3.5 B.2)."""
    uid = UID(derive_uid(*parts))
    number = uuid.UUID(int=int(uid.removeprefix("2.25.")))

    assert uid.is_valid
    assert (number.version, number.variant) == (8, uuid.RFC_4122)


def test_parts_are_kept_apart():
    """The same letters cut differently give another UID, the same parts the same one."""
    assert derive_uid("ab", "c") != derive_uid("a", "bc") != derive_uid("abc")
    assert derive_uid("ab", "c") == derive_uid("ab", "c")


def test_a_redrawn_lesion_keeps_its_tracking_uid():
    """A new structure set with the same ROI is the same lesion; another ROI, case or pipeline is another one."""
    redrawn = replace(DRAWN, sop_uid="9.9", series_uid="9.8")

    assert tracking("1.2", "lung", DRAWN, 1) == tracking("1.2", "lung", redrawn, 2)
    others = [
        tracking("1.2", "lung", replace(DRAWN, number=2), 1),
        tracking("1.2", "lung", replace(DRAWN, label="GTV-2"), 1),
        tracking("1.3", "lung", DRAWN, 1),
        tracking("1.2", "glioma", DRAWN, 1),
        tracking("1.2", "lung", FOUND, 1),
        tracking("1.2", "lung", FOUND, 2),
    ]
    uids = {uid for _, uid in others} | {tracking("1.2", "lung", DRAWN, 1)[1]}
    assert len(uids) == 7


def test_what_the_source_carries_wins():
    """Tracking ID and UID of the source are taken over unchanged."""
    carried = replace(DRAWN, tracking_id="T1", tracking_uid="1.2.3")

    assert tracking("1.2", "lung", carried, 1) == ("T1", "1.2.3")


def test_tracking_ids_can_be_read():
    """The identifier names the lesion as its source does."""
    seed = Provenance(kind="seed", algorithm_type="SEMIAUTOMATIC", label="seed")

    assert tracking("1.2", "lung", DRAWN, 1)[0] == "GTV-1 (ROI 1)"
    assert tracking("1.2", "lung", FOUND, 2)[0] == "Lesion 2"
    assert tracking("1.2", "lung", seed, 3)[0] == "seed (3)"
