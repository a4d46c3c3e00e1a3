"""Small tools that the tests share: real peers, and DICOM series made of arrays."""
