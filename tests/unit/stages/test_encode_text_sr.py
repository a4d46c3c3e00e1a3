"""Findings to a flat list of coded sentences."""

from __future__ import annotations

import pytest

from node.domain.findings import Findings
from node.domain.flat import flat
from node.stages.encode_text_sr import encode_text_sr
from tests.support.findings import DRAWN, FOUND, as_bytes, make_case, reread

REFUSED = Findings(state="refused", reason_code="no patient id", reason="")
CASE = make_case(DRAWN, FOUND)


def made():
    """The report of a case with two lesions, as a receiver reads it."""
    return reread(encode_text_sr(CASE.findings, CASE.volume, CASE.headers, CASE.envelope))


def test_it_is_a_basic_text_report_without_any_depth():
    """Below the root nothing but its context and TEXT items, each with one of our codes; no template is claimed."""
    sr = made()
    said = [item for item in sr.ContentSequence if item.RelationshipType == "CONTAINS"]

    assert sr.SOPClassUID == sr.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.88.11"
    assert sr.SOPInstanceUID == CASE.envelope.sop_uid("text-sr")
    assert sr.SeriesDescription == "AI lung text SR [RESEARCH]"
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
    assert "ContentTemplateSequence" not in sr
    assert all("ContentSequence" not in item for item in sr.ContentSequence)
    assert {item.ValueType for item in said} == {"TEXT"}
    assert [item.ConceptNameCodeSequence[0].CodeValue for item in said] == [line.code for line in flat(CASE.findings)]
    assert {item.ConceptNameCodeSequence[0].CodingSchemeDesignator for item in said} == {"99RADNODE"}


def test_its_evidence_is_what_was_examined():
    """Every slice, once, although the text points at none."""
    [study] = made().CurrentRequestedProcedureEvidenceSequence
    [series] = study.ReferencedSeriesSequence

    assert [sop.ReferencedSOPInstanceUID for sop in series.ReferencedSOPSequence] == [
        header.SOPInstanceUID for header in CASE.headers
    ]


def test_a_refused_case_has_one_too():
    """Without a volume: the reason, and the images that were refused."""
    sr = reread(encode_text_sr(REFUSED, None, CASE.headers, CASE.envelope))
    texts = [item.TextValue for item in sr.ContentSequence if item.RelationshipType == "CONTAINS"]

    assert texts[0] == "NOT EVALUATED (no patient id). The images carry no Patient ID."
    assert len(sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence) == 12


def test_the_same_order_gives_the_same_bytes():
    """Nothing in it comes from the clock or from chance."""
    again = encode_text_sr(CASE.findings, CASE.volume, CASE.headers, CASE.envelope)

    assert as_bytes(again) == as_bytes(encode_text_sr(CASE.findings, CASE.volume, CASE.headers, CASE.envelope))


def test_a_report_needs_a_header():
    """Nobody's study would take it."""
    with pytest.raises(ValueError, match="header"):
        encode_text_sr(CASE.findings, CASE.volume, [], CASE.envelope)
