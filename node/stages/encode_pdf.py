"""Encode: the one-page report as an Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from node.dicom.envelope import Envelope, code_item, seal
from node.dicom.pages import predecessors, sources
from node.domain.findings import Findings
from node.domain.page import title
from node.domain.volume import Volume

REPORT = Code("18748-4", "LN", "Diagnostic imaging report")
"""Of CID 7020, Document Titles."""


def encode_pdf(
    page: bytes, findings: Findings, volume: Volume | None, headers: Sequence[Dataset], envelope: Envelope
) -> Dataset:
    """
    Make the document of a case.

    Args:
        page: A PDF, as `node.page.report_page` draws it.
        findings: Evaluated or refused.
        volume: What was measured; None when refused.
        headers: Of the examined images, at least one; their study takes the document.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian. The same arguments give the same bytes.

    Raises:
        ValueError: There is no header, or the page is no PDF.
    """
    if not headers or not page.startswith(b"%PDF-"):
        raise ValueError("a document needs a page of PDF, and the header of at least one examined image")
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = EncapsulatedPDFStorage
    ds.Modality, ds.ConversionType = "DOC", "WSD"
    ds.AcquisitionDateTime = None
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures = "YES", "NO"
    ds.DocumentTitle = str(title(envelope.pipeline))
    ds.ConceptNameCodeSequence = [code_item(REPORT)]
    ds.VerificationFlag = "UNVERIFIED"
    if replaced := predecessors(envelope, str(headers[0].StudyInstanceUID)):
        ds.PredecessorDocumentsSequence = replaced
    ds.SourceInstanceSequence = sources(findings, volume, headers, envelope)
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(page)
    ds.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    seal(ds, "pdf", envelope.naming(findings), headers[0])
    return ds
