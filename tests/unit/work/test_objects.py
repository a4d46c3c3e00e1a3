"""Which objects are made of findings."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import structlog

from node.domain.document import ResultKind
from node.domain.findings import Contour, Findings
from node.stages.load import Loaded
from node.work import objects
from tests.support.findings import DRAWN, FOUND, make_case
from tests.support.ledgers import an_order

CASE = make_case(DRAWN, FOUND)


def asking(*kinds: ResultKind):
    """An order for these kinds."""
    order = an_order()
    return replace(order, pipeline=replace(order.pipeline, kinds=kinds))


def test_further_kinds_are_made_in_the_order_of_delivery():
    """Each is an object of its own."""
    kinds = tuple(k for k in get_args(ResultKind) if k not in {"pdf", "sc"})
    made = objects.evaluated(asking(*kinds), CASE.findings, Loaded(CASE.volume, tuple(CASE.headers)))

    assert tuple(made) == kinds
    assert len({ds.SOPInstanceUID for ds in made.values()}) == len({ds.SeriesNumber for ds in made.values()}) == 6


def test_a_label_map_that_cannot_show_them_is_left_out_and_said_to_be():
    """The other objects are made; the log tells why this one is not."""
    first, second = CASE.findings.lesions
    same = replace(second, contour=Contour(mask=first.contour.mask, provenance=second.contour.provenance))
    findings = replace(CASE.findings, lesions=(first, same))
    with structlog.testing.capture_logs() as lines:
        made = objects.evaluated(asking("seg", "labelmap"), findings, Loaded(CASE.volume, tuple(CASE.headers)))

    assert list(made) == ["seg"]
    assert [line["event"] for line in lines] == ["result.omitted"]
    assert "overlap" in lines[0]["reason"]


def test_a_refusal_is_told_in_both_reports():
    """Neither pixels nor features nor a label map are made of it."""
    refusal = Findings(state="refused", reason_code="missing slices", reason="one is absent")
    made = objects.refused(asking("seg", "sr", "text-sr", "labelmap", "feature-sr"), refusal, CASE.headers)

    assert list(made) == ["sr", "text-sr"]
