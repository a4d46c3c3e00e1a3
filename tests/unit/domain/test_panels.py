"""What several answers for one patient must not be read as."""

from __future__ import annotations

from dataclasses import replace

from node.domain.language import render
from node.domain.panels import cautions
from tests.support.findings import KRAS, PREDICTED, WITHHELD

KRAS_TOO = replace(PREDICTED, model=KRAS)


def test_drivers_that_exclude_each_other_are_named_in_the_readers_language():
    """As everywhere else: "EGFR-Mutation", not the target of the package."""
    [said] = cautions([(PREDICTED, KRAS_TOO)])
    assert said.startswith("EGFR mutation and KRAS mutation are estimated separately")
    assert render(said, "de").startswith("EGFR-Mutation und KRAS-Mutation werden getrennt geschätzt")
    assert render(said, "es").startswith("mutación de EGFR y mutación de KRAS")


def test_two_lesions_that_one_model_answered_for_may_contradict_each_other():
    """Said where it can happen: not for one lesion, nor where a model answered for one of them only."""
    [said] = cautions([(PREDICTED,), (PREDICTED,)])
    assert said.startswith("Each lesion was answered for by itself")
    assert "können einander widersprechen" in render(said, "de")
    assert cautions([(PREDICTED,)]) == cautions([(PREDICTED,), (replace(PREDICTED, state="not_evaluated"),)]) == []
    assert cautions([(WITHHELD,), (WITHHELD,)]) == []
