"""What each kind of result object is in DICOM's terms: SOP class, transfer syntax, templates, attributes of its own."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.uid import ExplicitVRLittleEndian

from node.dicom.alternatives import alternatives
from node.domain.document import ResultKind

SOP_CLASSES: Mapping[ResultKind, str] = {
    "seg": "1.2.840.10008.5.1.4.1.1.66.4",
    "sr": "1.2.840.10008.5.1.4.1.1.88.34",
    "key-sr": "1.2.840.10008.5.1.4.1.1.88.34",
    "pdf": "1.2.840.10008.5.1.4.1.1.104.1",
    "sc": "1.2.840.10008.5.1.4.1.1.7",
    "text-sr": "1.2.840.10008.5.1.4.1.1.88.11",
    "labelmap": "1.2.840.10008.5.1.4.1.1.66.7",
    "feature-sr": "1.2.840.10008.5.1.4.1.1.88.34",
}
"""Kind of result to the Storage SOP class (PS3.4 table B.5-1) that it is made as."""

CLASS_NAMES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
    "1.2.840.10008.5.1.4.1.1.88.11": "Basic Text SR",
    "1.2.840.10008.5.1.4.1.1.88.34": "Comprehensive 3D SR",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image",
}

TRANSFER_SYNTAX = str(ExplicitVRLittleEndian)
"""Every result is encoded so, and proposed in no other transfer syntax: nothing is transcoded on its way."""

TEMPLATES: Mapping[ResultKind, tuple[str, ...]] = {
    "sr": ("1500", "1204", "1001", "1002", "1004", "1411", "1419", "300", "4019"),
    "key-sr": ("1500", "1204", "1001", "1002", "1004", "1410", "1419", "300", "4019"),
    "feature-sr": ("1500", "1204", "1001", "1002", "1004", "1411", "1419", "300", "4019"),
}
"""Kind of report to the templates of PS3.16 that it uses, the root first; a text SR has none."""

_DOCUMENT = (
    "CompletionFlag", "VerificationFlag", "PreliminaryFlag", "ValueType", "ConceptNameCodeSequence",
    "ContinuityOfContent", "ContentTemplateSequence", "ContentSequence", "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence", "PredecessorDocumentsSequence", "ReferencedRequestSequence",
    "PerformedProcedureCodeSequence", "ReferencedPerformedProcedureStepSequence",
)  # fmt: skip
_PIXELS = (
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelData",
)  # fmt: skip
_SEGMENTATION = (
    "FrameOfReferenceUID", "PositionReferenceIndicator", "ImageType", "LossyImageCompression",
    "LossyImageCompressionRatio", "LossyImageCompressionMethod", "SegmentationType", "SegmentsOverlap", "ContentLabel",
    "ContentDescription", "SegmentSequence", "DimensionOrganizationSequence", "DimensionIndexSequence",
    "DimensionOrganizationType", "NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence", "SourceImageSequence",
    "PresentationLUTShape", *_PIXELS,
)  # fmt: skip
_PAGE = ("ConversionType", "BurnedInAnnotation", "RecognizableVisualFeatures", "SourceImageSequence")

ATTRIBUTES: Mapping[ResultKind, tuple[str, ...]] = {
    "seg": _SEGMENTATION,
    "sr": _DOCUMENT,
    "key-sr": _DOCUMENT,
    "pdf": (
        *_PAGE, "SourceInstanceSequence", "DocumentTitle", "ConceptNameCodeSequence", "AcquisitionDateTime",
        "MIMETypeOfEncapsulatedDocument", "EncapsulatedDocument", "EncapsulatedDocumentLength", "VerificationFlag",
        "HL7InstanceIdentifier", "ListOfMIMETypes",
    ),
    "sc": (
        *_PAGE, "ImageType", "PatientOrientation", "Laterality", "DateOfSecondaryCapture", "TimeOfSecondaryCapture",
        "SecondaryCaptureDeviceManufacturer", "SecondaryCaptureDeviceManufacturerModelName", "PlanarConfiguration",
        "SecondaryCaptureDeviceSoftwareVersions", "LossyImageCompression", "NominalScannedPixelSpacing", *_PIXELS,
    ),
    "text-sr": _DOCUMENT,
    "labelmap": (*_SEGMENTATION, "PixelPaddingValue"),
    "feature-sr": _DOCUMENT,
}  # fmt: skip
"""Kind of result to the attributes at its top level that it may have beside those of every result."""


def offered(kind: ResultKind) -> tuple[str, ...]:
    """SOP classes under which a kind of result may be proposed to a receiver, the best first."""
    return (SOP_CLASSES[kind], *alternatives(SOP_CLASSES[kind]))
