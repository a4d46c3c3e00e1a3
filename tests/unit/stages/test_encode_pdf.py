"""The report page as an Encapsulated PDF."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.dicom.header import read_instance
from node.domain.order import Predecessor
from node.stages.encode_pdf import encode_pdf
from tests.support.findings import DRAWN, FOUND, Case, as_bytes, make_case, make_envelope, reread
from tests.support.pages import page_of, printed, refused_case

PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"


def encoded(case: Case):
    """The document as a receiver reads it."""
    volume = None if case.findings.state == "refused" else case.volume
    return reread(encode_pdf(page_of(case), case.findings, volume, case.headers, case.envelope))


def test_the_page_travels_whole():
    """What is taken out is the very PDF, at its stated length; title and class say what it is."""
    case = make_case()
    ds, page = encoded(case), page_of(case)
    assert ds.SOPClassUID == PDF_CLASS
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == page
    assert len(ds.EncapsulatedDocument) % 2 == 0
    assert ds.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert (ds.Modality, ds.DocumentTitle, ds.BurnedInAnnotation) == ("DOC", "AI analysis: lung", "YES")
    assert ds.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert (ds.VerificationFlag, ds.ContentQualification) == ("UNVERIFIED", "RESEARCH")
    assert (ds.SeriesDescription, ds.SeriesNumber) == ("AI lung report PDF [RESEARCH]", 9904)


def test_it_belongs_to_the_study_and_names_its_models():
    """Patient and study of the source, the algorithms and their devices as in every other result."""
    case = make_case(FOUND)
    ds = encoded(case)
    assert (ds.PatientName, ds.StudyInstanceUID) == ("Test^Patient", "1.2.99")
    assert [item.ManufacturerModelName for item in ds.ContributingEquipmentSequence] == [
        "Lung lesion", "Lung EGFR", "Lung KRAS", "radnode",
    ]  # fmt: skip


def test_a_page_that_comes_back_is_known_to_be_ours(tmp_path):
    """A PACS that sends the whole study again starts nothing anew."""
    case = make_case()
    path = tmp_path / "pdf.dcm"
    path.write_bytes(as_bytes(encoded(case)))
    assert read_instance(path).ours


def test_the_sources_are_the_images_that_lesions_lie_on():
    """Slices 3 to 6 of lesion 1 and 6 to 9 of lesion 2, each once; a multi-frame object once."""
    case = make_case(DRAWN, FOUND)
    named = [item.ReferencedSOPInstanceUID for item in encoded(case).SourceInstanceSequence]
    assert named == [header.SOPInstanceUID for header in case.headers[3:10]]
    enhanced = make_case(enhanced=True)
    [only] = encoded(enhanced).SourceInstanceSequence
    assert only.ReferencedSOPInstanceUID == enhanced.headers[0].SOPInstanceUID


def test_a_refusal_names_what_was_refused():
    """All images of the series, as none was measured; the page gives the reason."""
    case = refused_case()
    ds = encoded(case)
    assert len(ds.SourceInstanceSequence) == 12
    assert "NOT EVALUATED (organ partial)" in printed(ds.EncapsulatedDocument).text


def test_a_revision_names_the_page_that_it_replaces():
    """Only that: no Segmentation and no structured report is a predecessor of a page."""
    before = Predecessor(
        job_id="first",
        objects=((PDF_CLASS, "2.25.5", "2.25.6"), ("1.2.840.10008.5.1.4.1.1.88.34", "2.25.3", "2.25.4")),
        change="slices arrived",
    )
    case = replace(make_case(), envelope=make_envelope(job_id="second", revision=2, predecessor=before))
    [study] = encoded(case).PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [sop] = series.ReferencedSOPSequence
    assert (series.SeriesInstanceUID, sop.ReferencedSOPClassUID, sop.ReferencedSOPInstanceUID) == (
        "2.25.6", PDF_CLASS, "2.25.5",
    )  # fmt: skip
    assert "PredecessorDocumentsSequence" not in encoded(make_case())


def test_the_same_case_gives_the_same_bytes():
    """Page and data set alike."""
    case = make_case()
    made = [encode_pdf(page_of(case), case.findings, case.volume, case.headers, case.envelope) for _ in range(2)]
    assert as_bytes(made[0]) == as_bytes(made[1])


def test_what_is_no_pdf_is_not_encapsulated():
    """Nor is a page without a study."""
    case = make_case()
    with pytest.raises(ValueError, match="PDF"):
        encode_pdf(b"text", case.findings, case.volume, case.headers, case.envelope)
    with pytest.raises(ValueError, match="header"):
        encode_pdf(b"%PDF-1.3", case.findings, case.volume, [], case.envelope)
