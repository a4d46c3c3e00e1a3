"""Coded concepts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from node.dicom import codes
from node.domain.refusals import REFUSALS
from node.domain.words import Verdict
from tests.support.findings import EGFR, WITHHELD

TARGETS = ("EGFR mutation", "MGMT promoter methylation", "1p/19q codeletion", "a target with a very long name " * 3)


@pytest.mark.parametrize("target", TARGETS)
def test_every_private_code_fits_its_vr(target):
    """Code values fit SH (16), meanings LO (64), and a predicted concept begins with "AI-predicted"."""
    facts = replace(EGFR, target=target)
    predicted = [codes.probability(facts), codes.lower(facts), codes.upper(facts), codes.status(facts)]

    assert all(code.meaning.startswith("AI-predicted") for code in predicted)
    assert len({code.value for code in predicted}) == len({code.meaning for code in predicted}) == 4
    for code in [*predicted, *map(codes.verdict, Verdict), *map(codes.refusal, REFUSALS), codes.OUTCOME, codes.REASON]:
        assert len(code.value) <= 16
        assert len(code.meaning) <= 64
        assert code.scheme_designator == codes.SCHEME


def test_every_refusal_has_a_code_of_its_own():
    """Each refusal code of the node is a code value; none is shared."""
    values = {codes.refusal(code).value for code in REFUSALS}

    assert len(values) == len(REFUSALS) == 25
    assert codes.refusal("missing slices") == Code("RG-R06", codes.SCHEME, "missing slices")


def test_standard_codes_are_those_of_the_dictionary():
    """Value, scheme and meaning of each DCM, SCT and IBSI concept stand in pydicom's copy of PS3.16."""
    known = {
        (scheme, value, meaning)
        for scheme, entries in concepts.items()
        for entry in entries.values()
        for value, (meaning, _) in entry.items()
    }
    used = [code for code in vars(codes).values() if isinstance(code, Code)]
    checked = [code for code in used if code.scheme_designator in {"DCM", "SCT", "IBSI"}]

    assert len(checked) >= 12
    for code in checked:
        assert (code.scheme_designator, code.value, code.meaning) in known, code


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "OT"])
def test_procedure_reported_is_a_member_of_cid_100(modality):
    """PixelMed's one hard error is a procedure from elsewhere."""
    code = codes.procedure(modality)
    members = {
        value
        for scheme, keywords in cid_concepts[100].items()
        for keyword in keywords
        for value in concepts[scheme][keyword]
    }

    assert code.value in members


def test_an_absent_number_says_why():
    """The qualifier follows the reason of the refusal, and for a broken number what it is."""
    assert codes.why_absent(WITHHELD).meaning == "Value unknown"
    assert codes.why_absent(replace(WITHHELD, reason_code="outside_domain")).meaning == "Value out of range"
    assert codes.why_absent(replace(WITHHELD, reason_code="refusal_by_design")).meaning == "Measurement not attempted"
    assert codes.why_no_number(math.nan).meaning == "Not a number"
    assert codes.why_no_number(-math.inf).meaning == "Negative Infinity"


def test_no_gene_no_gene_code():
    """A target that is no gene has no gene modifier."""
    assert codes.gene(EGFR) == Code("HGNC:3236", "HGNC", "EGFR")
    assert codes.gene(replace(EGFR, hgnc_id="")) is None
