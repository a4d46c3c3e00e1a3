"""radnode: a DICOM node that turns an imaging study into radiogenomic findings."""
