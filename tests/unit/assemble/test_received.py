"""What a study has, told where a role lacks."""

from __future__ import annotations

from node.assemble.received import MOST, received
from node.domain.language import render
from tests.unit.assemble.test_prepare import ct, stored, study
from tests.unit.assemble.test_roles import DIFFUSION, FLAIR, PLAIN, mr


def test_each_series_is_told_with_what_it_is_taken_for():
    """By number, as a reader finds it, and never by words of others; another kind and an unknown one are called so."""
    odd = mr("head", "1.2.7")
    made = study([stored(each) for each in (*FLAIR, *PLAIN, *DIFFUSION, *odd, ct(0))])
    told = received(made, {"MR"})

    assert told == (
        "received: series 2 (FLAIR), series 2 (T1 without contrast agent), series 2 (another kind of image), series 2 "
        "(kind not recognised)"
    )
    assert "Serie 2 (T1 ohne Kontrastmittel)" in render(told, "de")
    assert "nativ" not in told


def test_a_long_list_is_cut_and_none_is_no_list():
    """A study of many series; a study that has none of the modality."""
    many = study([stored(each) for n in range(MOST + 3) for each in mr("t2_tse_tra", f"1.2.{n}", slices=1)])
    assert received(many, {"MR"}).endswith(", 3 more")
    assert received(study([stored(ct(0))]), {"MR"}) == ""
