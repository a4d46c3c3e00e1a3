"""The pipelines that are shipped, on studies of every day: who is passed over, who waits, who is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node import shipped
from node.assemble.prepare import Prepared, prepare
from node.config import parse
from node.domain.series import Instance
from tests.unit.assemble.test_prepare import NOW, SITE, ct, rtstruct, stored, study
from tests.unit.assemble.test_roles import mr

CHEST = [ct(n) for n in range(12)]
T1C, FLAIR = mr("t1_mprage_KM", "1.2.3"), mr("t2_tirm_dark-fluid", "1.2.4")
PLAIN, T2, DIFFUSION = mr("t1_se_nativ", "1.2.5"), mr("t2_tse_tra", "1.2.7"), mr("ep2d_diff ADC", "1.2.6")
DRAWN = [rtstruct(references=("1.2.4.3",))]


def of(part: str, series: Sequence[Instance]) -> list[Instance]:
    """The series with this Body Part Examined."""
    return [replace(i, attributes={**i.attributes, "BodyPartExamined": (part,)}) for i in series]


def judged(*series: Sequence[Instance], hours: float = 0) -> dict[str, Prepared]:
    """What each pipeline makes of a study, so long after its last arrival."""
    versions = [stored(i) for each in series for i in each]
    made = study(versions)
    made = replace(made, objects=tuple(c for c in made.objects if c.stored.instance.modality == "RTSTRUCT"))
    pipelines = parse(shipped.config().read_text(), at="shipped", base=Path("/")).resolved()
    return {each.name: prepare(made, each, SITE, NOW + timedelta(hours=hours)) for each in pipelines}


def refusal(found: Prepared) -> tuple[str, bool]:
    """Why an order is refused before it runs, and whether the PACS is told."""
    assert found.order is not None
    assert found.order.refusal is not None
    code, _ = found.order.refusal
    return code, code not in found.order.pipeline.silent_refusals


@pytest.mark.parametrize(
    ("series", "taken"),
    [
        ([CHEST], {"lung"}),
        ([PLAIN, T2, DIFFUSION], set()),
        ([of("KNEE", T1C), of("KNEE", T2)], set()),
        ([of("BRAIN", T1C), of("BRAIN", FLAIR)], {"glioma"}),
        ([T1C, FLAIR], {"glioma"}),
    ],
)
def test_a_study_is_passed_over_by_the_pipelines_that_it_is_not_for(series, taken):
    """At once, without an order, and with the reason for every series."""
    found = judged(*series)

    assert {name for name, each in found.items() if each.state == "ready"} == taken
    for name, each in found.items():
        if name not in taken:
            assert (each.state, each.order, each.lacks_until) == ("unmatched", None, None)
            assert all(why for roles in each.explanation["series"].values() for why in roles.values())


@pytest.mark.parametrize("series", [[CHEST], [T1C, FLAIR], [FLAIR, T2], [T1C, PLAIN]])
def test_a_study_in_which_nobody_drew_anything_gives_no_document(series):
    """The everyday chest CT and head MR, with both series or after waiting for one: told here, not to the PACS."""
    assert [refusal(each) for each in judged(*series, hours=1).values() if each.order] == [("no lesion", False)]


def test_a_head_with_one_of_the_two_series_waits_for_half_an_hour():
    """The other may still come, whether or not a drawing is there already."""
    for series in ([FLAIR, T2], [FLAIR, T2, DRAWN]):
        found = judged(*series)["glioma"]
        assert (found.state, found.lacks_until) == ("waiting", NOW + timedelta(seconds=1800))


def test_whoever_drew_a_tumour_is_told_what_the_study_lacks():
    """A drawing asks the question, so the answer goes where it was read."""
    assert refusal(judged(FLAIR, T2, DRAWN, hours=1)["glioma"]) == ("role missing", True)


def test_a_drawing_on_either_series_is_taken():
    """The tumour is drawn where it is seen."""
    order = judged(T1C, FLAIR, DRAWN)["glioma"].order
    assert order is not None
    assert (order.refusal, [(s.kind, s.role) for s in order.lesion]) == (None, [("rtstruct", "flair")])
