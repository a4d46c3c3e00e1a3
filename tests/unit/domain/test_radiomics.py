"""Names, numbers, units and settings of radiomic features."""

from __future__ import annotations

import hashlib

import pytest

from node.domain import ibsi
from node.domain.order import Extraction
from node.domain.radiomics import NUMBERS, Feature, exists, settings


def test_numbers_never_change():
    """They are codes in reports that others keep: new features are added at the end."""
    listed = " ".join(list(NUMBERS)[:107])

    assert set(NUMBERS) == set(ibsi.CODES) | ibsi.NO_COUNTERPART
    assert NUMBERS["shape_MeshVolume"] == 1
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == "07e40d6e21ad10b0"


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("original_shape_Sphericity", True),
        ("wavelet-LLH_glcm_Contrast", True),
        ("log-sigma-2-0-mm-3D_firstorder_Mean", True),
        ("wavelet-LLH_shape_Sphericity", False),
        ("original_xyz_Foo", False),
        ("gradient_glcm_Contrast", False),
        ("Sphericity", False),
    ],
)
def test_a_name_says_whether_there_is_such_a_feature(name, there):
    """Shape belongs to the original image; filters are wavelets and Laplacians of Gaussians."""
    assert exists(name) is there


@pytest.mark.parametrize(
    ("name", "unit", "code", "number", "ucum"),
    [
        ("original_shape_VoxelVolume", "HU", "YEKZ", "002", "mm3"),
        ("original_shape_SurfaceVolumeRatio", "HU", "2PR5", "004", "/mm"),
        ("original_shape_Sphericity", "HU", "QCFX", "005", "1"),
        ("original_firstorder_Mean", "HU", "Q4LE", "012", "[hnsf'U]"),
        ("original_firstorder_Mean", "1", "Q4LE", "012", "1"),
        ("original_firstorder_Mean", "SUVbw", "Q4LE", "012", "g/ml{SUVbw}"),
        ("original_firstorder_Variance", "HU", "ECT3", "013", "[hnsf'U]2"),
        ("original_firstorder_Variance", "SUVbw", "ECT3", "013", "(g/ml{SUVbw})2"),
        ("original_firstorder_Variance", "1", "ECT3", "013", "1"),
        ("original_firstorder_TotalEnergy", "HU", "", "103", "[hnsf'U]2.mm3"),
        ("original_firstorder_TotalEnergy", "1", "", "103", "mm3"),
        ("original_glcm_Contrast", "HU", "ACUI", "039", "1"),
        ("wavelet-LLH_firstorder_Mean", "HU", "", "012-LLH", "1"),
        ("log-sigma-2-5-mm-3D_glcm_Contrast", "HU", "", "039-S2.5", "1"),
        ("log-sigma-10-0-mm-3D_glcm_Contrast", "HU", "", "039-S10", "1"),
    ],
)
def test_a_feature_knows_its_code_number_and_unit(name, unit, code, number, ucum):
    """Filtered images have numbers of their own, no IBSI code and no unit of intensity."""
    feature = Feature.of(name, Extraction(), unit)

    assert (feature.ibsi, feature.number, feature.unit) == (code, number, ucum)


def test_a_normalised_image_has_no_hounsfield_units():
    """Its intensities are in standard deviations."""
    assert Feature.of("original_firstorder_Mean", Extraction(normalise=True), "HU").unit == "1"


def test_levels_from_the_lowest_bin_carry_no_ibsi_code():
    """The settings decide: with a fixed number of bins the definition is the same."""
    name = "original_glcm_Autocorrelation"

    assert Feature.of(name, Extraction(), "HU").ibsi == ""
    assert Feature.of(name, Extraction(bins=32), "HU").ibsi == "QWB0"


def test_settings_are_told_as_they_were():
    """What a value depends on, one line; a shape depends on no grey level."""
    wide = Extraction(
        spacing_mm=None, bins=64, normalise=True, intensity_range=(-3, 3), outlier_sigma=3, filters=("wavelet",)
    )
    texture, shape = (Feature.of(f"wavelet-HHH_{f}", wide, "HU") for f in ("glrlm_RunEntropy", "shape_Flatness"))

    assert settings(Feature.of("original_ngtdm_Strength", Extraction(), "HU"), Extraction(), "HU", "pyradiomics 1") == (
        "pyradiomics 1; image original; resampled to 1 mm isotropic; bin width 25 HU"
    )
    assert settings(texture, wide, "HU", "pyradiomics 1") == (
        "pyradiomics 1; image wavelet-HHH; not resampled; image normalised to mean 0 and standard deviation 1; "
        "re-segmented to -3 to 3 standard deviations of the image; "
        "re-segmented to mean +/- 3 standard deviations of the lesion; 64 grey levels; "
        "mean over 13 directions in space (IBSI ITBB)"
    )
    assert "grey levels" not in settings(shape, wide, "HU", "pyradiomics 1")
