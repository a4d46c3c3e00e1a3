"""Why a case as a whole is not evaluated."""

from __future__ import annotations

from collections.abc import Mapping

from node.domain.language import Said, say

NOT_USED = "drawing not used"
"""Somebody drew or marked what may be a lesion; "no lesion" is the case where nobody did."""

REFUSALS: Mapping[str, Said] = {
    "conflicting instances": say(
        "Two different images claim the same SOP Instance UID; it is not known which is right."
    ),
    "patient identity conflict": say("This study was received under two different patients."),
    "no patient id": say("The images carry no Patient ID."),
    "no frame of reference": say("The images carry no Frame of Reference, so nothing can be placed in the patient."),
    "ambiguous reference": say(
        "The drawing fits more than one image series, and does not say which one it belongs to."
    ),
    "missing slices": say("Slices are missing from the image series."),
    "non-uniform spacing": say("The slices are not evenly spaced."),
    "mixed orientations": say("The slices of the series do not lie parallel to one another."),
    "gantry tilt": say("The slices are stacked obliquely, as by a tilted gantry, and this was not corrected for."),
    "too few slices": say("The series has too few slices to measure a lesion in three dimensions."),
    "not an axial acquisition": say(
        "The series is a scout, reformat, projection or screen capture, no original slices."
    ),
    "colour image": say("The images are in colour."),
    "lossy compression": say("The images went through a lossy compression, which changes texture and density."),
    "undecodable": say("The pixels of at least one image cannot be decoded."),
    "wrong anatomy": say("The images do not show the part of the body that this analysis is made for."),
    "organ partial": say("The organ is covered only in part, so that a lesion may lie outside the images."),
    "no lesion": say(
        "No drawing or mark of a lesion that could be used came with the study. This does not exclude a lesion."
    ),
    "low trust": say("The outline was made by software, and is not reliable enough to be measured."),
    "contour mismatch": say("The drawing does not lie on the images that it refers to."),
    "model unavailable": say("A model that this analysis needs is not available in the installation."),
    "role missing": say("The study lacks an image series that this analysis needs."),
    "unsupported image": say("The images are of a kind that this analysis cannot read."),
    "not aligned": say("The image series of this study could not be laid on one another."),
    "noise": say("The images show more noise than picture, so that nothing can be measured in them."),
    NOT_USED: say(
        "A drawing or mark came with the study, but no lesion could be taken from it. This does not exclude a lesion."
    ),
}
"""Refusal code to the sentence for the reader. New codes go to the end: the order numbers them in `dicom.codes`."""
