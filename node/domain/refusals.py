"""Why a case as a whole is not evaluated."""

from __future__ import annotations

from collections.abc import Mapping

REFUSALS: Mapping[str, str] = {
    "conflicting instances": "Two different images claim the same SOP Instance UID; it is not known which is right.",
    "patient identity conflict": "This study was received under two different patients.",
    "no patient id": "The images carry no Patient ID.",
    "no frame of reference": "The images carry no Frame of Reference, so nothing can be placed in the patient.",
    "ambiguous reference": "The drawing fits more than one image series, and does not say which one it belongs to.",
    "missing slices": "Slices are missing from the image series.",
    "non-uniform spacing": "The slices are not evenly spaced.",
    "mixed orientations": "The slices of the series do not lie parallel to one another.",
    "gantry tilt": "The scan was made with a tilted gantry that was not corrected for.",
    "too few slices": "The series has too few slices to measure a lesion in three dimensions.",
    "not an axial acquisition": "The series is a scout, reformat, projection or screen capture, no original slices.",
    "colour image": "The images are in colour.",
    "lossy compression": "The images went through a lossy compression, which changes texture and density.",
    "undecodable": "The pixels of at least one image cannot be decoded.",
    "wrong anatomy": "The images do not show the part of the body that this analysis is made for.",
    "organ partial": "The organ is covered only in part, so that a lesion may lie outside the images.",
    "no lesion": "No lesion was drawn or marked, and none was found automatically. This does not exclude a lesion.",
    "low trust": "A lesion was found automatically, but not reliably enough to be measured.",
    "contour mismatch": "The drawing does not lie on the images that it refers to.",
    "model unavailable": "A model that this analysis needs is not available in the installation.",
    "role missing": "The study lacks an image series that this analysis needs.",
    "unsupported image": "The images are of a kind that this analysis cannot read.",
    "noise": "The images show more noise than picture, so that nothing can be measured in them.",
}
"""Refusal code to the sentence for the reader. New codes go to the end: the order numbers them in `dicom.codes`."""
