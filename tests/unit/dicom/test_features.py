"""Radiomic features as DICOM concepts."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes as known

from node.dicom.features import STATISTICS, concept, unit
from node.domain import ibsi
from node.domain.order import Extraction
from node.domain.radiomics import NUMBERS, Feature

FIXED = Extraction(bins=32)
NAMES = {code.value: code.meaning for code in (getattr(known.IBSI, name) for name in known.IBSI.dir())}
WORDS = {
    "glcm_": {"GLCM"},
    "glrlm_": {"Run", "Runs"},
    "glszm_": {"Zone", "Zones"},
    "ngtdm_": {"NGTDM"},
    "gldm_": {"dependence", "Dependence", "count", "NGLDM"},
}
SAME = ("Entropy", "Contrast", "Coarseness", "Busyness", "Complexity", "Strength", "Correlation", "Sphericity")


@pytest.mark.parametrize("feature", ibsi.CODES)
def test_the_meaning_is_that_of_the_dictionary(feature):
    """Every code of the map has the meaning of the DICOM dictionary, or is one of the listed statistics."""
    made = concept(Feature.of(f"original_{feature}", FIXED, "HU"))
    if feature == "firstorder_Kurtosis":
        assert made.scheme_designator == "99RADNODE"
        return

    assert (made.value, made.scheme_designator) == (ibsi.CODES[feature], "IBSI")
    assert made.meaning == NAMES.get(made.value, STATISTICS.get(made.value))
    assert (made.value in STATISTICS) == (made.value in ibsi.NOT_IN_DICOM) == (made.value not in NAMES)
    prefix, _, name = feature.partition("_")
    if prefix + "_" in WORDS:  # the dictionary speaks of the same matrix
        assert WORDS[prefix + "_"] & set(made.meaning.split())
    for word in SAME:
        if word in name and "Emphasis" not in name:
            assert word.lower() in made.meaning.lower()


@pytest.mark.parametrize("image", ["original", "wavelet-LLH", "log-sigma-10-25-mm-3D"])
def test_every_concept_is_one_feature_only(image):
    """No two features share a code or a meaning, and each fits code value, meaning and unit."""
    features = [Feature.of(f"{image}_{name}", Extraction(), unit) for name in NUMBERS for unit in ("HU", "SUVbw", "1")]
    made = [concept(feature) for feature in features]

    assert len({(code.value, code.scheme_designator) for code in made}) == len(NUMBERS)
    assert len({code.meaning for code in made}) == len(NUMBERS)
    assert all(len(code.value) <= 16 and len(code.meaning) <= 64 for code in made)
    assert all(len(unit(feature).value) <= 20 and unit(feature).meaning for feature in features)
    assert image == "original" or {code.scheme_designator for code in made} == {"99RADNODE"}
