"""A result as FHIR R4 resources, beside its DICOM objects."""
