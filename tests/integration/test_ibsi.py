"""
Features against the consensus values of the Image Biomarker Standardisation Initiative.

The digital phantom, and the CT phantom by configurations C (2 mm, range -1000 to 400 HU, bin width 25 HU) and D (2 mm,
outliers beyond 3 sigma, 32 bins), the two that interpolate linearly in space. A feature that drifts from its consensus
value fails, and so does a listed difference that is none.
"""

import csv

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from node.domain import ibsi
from node.domain.geometry import Geometry
from node.domain.order import Extraction
from node.imaging.rasterise import rasterise
from node.stages.measure import measure
from tests.support.volumes import AXIAL, geometry_of, volume_of

TAGS = {
    "shape": (
        "morph_{}",
        "MeshVolume volume VoxelVolume vol_approx SurfaceArea area_mesh SurfaceVolumeRatio av Sphericity sphericity "
        "Maximum3DDiameter diam MajorAxisLength pca_maj_axis MinorAxisLength pca_min_axis LeastAxisLength "
        "pca_least_axis Elongation pca_elongation Flatness pca_flatness",
    ),
    "firstorder": (
        "{}",
        "Mean stat_mean Variance stat_var Skewness stat_skew Kurtosis stat_kurt Median stat_median Minimum stat_min "
        "10Percentile stat_p10 90Percentile stat_p90 Maximum stat_max InterquartileRange stat_iqr Range stat_range "
        "MeanAbsoluteDeviation stat_mad RobustMeanAbsoluteDeviation stat_rmad Energy stat_energy RootMeanSquared "
        "stat_rms Entropy ih_entropy Uniformity ih_uniformity",
    ),
    "glcm": (
        "cm_{}_3D_avg",
        "MaximumProbability joint_max JointAverage joint_avg SumSquares joint_var JointEntropy joint_entr "
        "DifferenceAverage diff_avg DifferenceVariance diff_var DifferenceEntropy diff_entr SumAverage sum_avg "
        "SumEntropy sum_entr JointEnergy energy Contrast contrast Id inv_diff Idn inv_diff_norm Idm inv_diff_mom Idmn "
        "inv_diff_mom_norm InverseVariance inv_var Correlation corr Autocorrelation auto_corr ClusterTendency "
        "clust_tend ClusterShade clust_shade ClusterProminence clust_prom Imc1 info_corr1 Imc2 info_corr2",
    ),
    "glrlm": (
        "rlm_{}_3D_avg",
        "ShortRunEmphasis sre LongRunEmphasis lre LowGrayLevelRunEmphasis lgre HighGrayLevelRunEmphasis hgre "
        "ShortRunLowGrayLevelEmphasis srlge ShortRunHighGrayLevelEmphasis srhge LongRunLowGrayLevelEmphasis lrlge "
        "LongRunHighGrayLevelEmphasis lrhge GrayLevelNonUniformity glnu GrayLevelNonUniformityNormalized glnu_norm "
        "RunLengthNonUniformity rlnu RunLengthNonUniformityNormalized rlnu_norm RunPercentage r_perc "
        "GrayLevelVariance gl_var RunVariance rl_var RunEntropy rl_entr",
    ),
    "glszm": (
        "szm_{}_3D",
        "SmallAreaEmphasis sze LargeAreaEmphasis lze LowGrayLevelZoneEmphasis lgze HighGrayLevelZoneEmphasis hgze "
        "SmallAreaLowGrayLevelEmphasis szlge SmallAreaHighGrayLevelEmphasis szhge LargeAreaLowGrayLevelEmphasis lzlge "
        "LargeAreaHighGrayLevelEmphasis lzhge GrayLevelNonUniformity glnu GrayLevelNonUniformityNormalized glnu_norm "
        "SizeZoneNonUniformity zsnu SizeZoneNonUniformityNormalized zsnu_norm ZonePercentage z_perc "
        "GrayLevelVariance gl_var ZoneVariance zs_var ZoneEntropy zs_entr",
    ),
    "ngtdm": (
        "ngt_{}_3D",
        "Coarseness coarseness Contrast contrast Busyness busyness Complexity complexity Strength strength",
    ),
    "gldm": (
        "ngl_{}_3D",
        "SmallDependenceEmphasis lde LargeDependenceEmphasis hde LowGrayLevelEmphasis lgce HighGrayLevelEmphasis hgce "
        "SmallDependenceLowGrayLevelEmphasis ldlge SmallDependenceHighGrayLevelEmphasis ldhge "
        "LargeDependenceLowGrayLevelEmphasis hdlge LargeDependenceHighGrayLevelEmphasis hdhge "
        "GrayLevelNonUniformity glnu DependenceNonUniformity dcnu DependenceNonUniformityNormalized dcnu_norm "
        "GrayLevelVariance gl_var DependenceVariance dc_var DependenceEntropy dc_entr",
    ),
}


def tags():
    """Class and feature of pyradiomics to the tag of the reference tables."""
    named = {}
    for kind, (pattern, words) in TAGS.items():
        pairs = words.split()
        named |= {f"{kind}_{n}": pattern.format(t) for n, t in zip(pairs[::2], pairs[1::2], strict=True)}
    return named


def consensus(path):
    """Tag to (value, tolerance), as published: three significant digits."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["reference value"]]
    return {row["tag"]: (float(row["reference value"]), float(row["tolerance"])) for row in rows}


def departures(features, reference):
    """Features that do not round to their consensus value within its tolerance."""
    out = set()
    for name, tag in tags().items():
        value, tolerance = reference[tag]
        rounded = float(f"{features[f'original_{name}']:.3g}")
        if abs(rounded - value) > tolerance * (1 + 1e-9) + 1e-9 * abs(value):
            out.add(name)
    return out


def listed(*where):
    return {name for name, difference in ibsi.DIFFERENCES.items() if difference.where in where}


@pytest.fixture(scope="module")
def digital(data):
    """The digital phantom: 2 mm voxels, six grey levels that are bins already."""
    folder = data / "ibsi-digital-phantom" / "ibsi_1_digital_phantom" / "nifti"
    image, mask = (
        np.asarray(nibabel.load(folder / name).dataobj).T for name in ("image/phantom.nii.gz", "mask/mask.nii.gz")
    )
    volume = volume_of(image, geometry_of(image.shape, (2.0, 2.0, 2.0)))
    return measure(volume, mask > 0, Extraction(spacing_mm=None, bin_width=1.0), features=True)


@pytest.fixture(scope="module")
def phantom(data):
    """The CT phantom and its GTV."""
    folder = data / "ibsi-ct-phantom" / "dicom"
    slices = sorted(map(pydicom.dcmread, (folder / "image").iterdir()), key=lambda s: s.ImagePositionPatient[2])
    voxels = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
    gap = slices[1].ImagePositionPatient[2] - slices[0].ImagePositionPatient[2]
    place = Geometry.of_axes(
        origin=np.array(slices[0].ImagePositionPatient, float),
        spacing=(float(gap), *map(float, slices[0].PixelSpacing)),
        axes=AXIAL,
        shape=voxels.shape,
    )
    [drawing] = map(pydicom.dcmread, (folder / "mask").iterdir())
    [roi] = drawing.ROIContourSequence
    contours = [np.array(c.ContourData, float).reshape(-1, 3) for c in roi.ContourSequence]
    return volume_of(voxels, place, modality="CT", unit="HU"), rasterise(contours, place).mask


def test_digital_phantom(digital, data):
    """
    Every feature has its consensus value, but for the differences that are listed for any and for tiny lesions.
    """
    reference = consensus(data / "ibsi-reference-values" / "ibsi_1_dig_phantom.csv")

    assert departures(digital.features, reference) == listed("always", "tiny lesion")
    assert digital.volume_ml * 1000 == pytest.approx(reference["morph_vol_approx"][0])
    assert digital.diameter_3d_mm == pytest.approx(reference["morph_diam"][0], abs=0.05)


@pytest.mark.parametrize(
    ("table", "extraction", "where"),
    [
        ("c", Extraction(spacing_mm=2.0, bin_width=25.0, intensity_range=(-1000.0, 400.0)), "fixed bin width"),
        ("d", Extraction(spacing_mm=2.0, bins=32, outlier_sigma=3.0), "always"),
    ],
)
def test_ct_phantom(phantom, data, table, extraction, where):
    """
    From DICOM and RTSTRUCT to the consensus values, but for the differences that are listed; no more and no fewer.
    """
    volume, mask = phantom
    reference = consensus(data / "ibsi-reference-values" / f"ibsi_1_chest_config_{table}.csv")
    found = measure(volume, mask, extraction, features=True)

    assert mask.sum() == reference["int_mask_vox_count_init_roi"][0]
    assert departures(found.features, reference) == listed("always", where)
    assert found.notes == ()


def test_kurtosis_is_three_more_than_that_of_ibsi(digital, data):
    """
    What is said about the one difference in value is true.
    """
    value, _ = consensus(data / "ibsi-reference-values" / "ibsi_1_dig_phantom.csv")["stat_kurt"]

    assert digital.features["original_firstorder_Kurtosis"] - 3 == pytest.approx(value, abs=0.001)


def test_every_feature_is_mapped_or_known_to_have_no_counterpart(digital):
    """
    The 107 features are the mapped ones and those that IBSI does not define; each mapped one is tested above.
    """
    computed = {name.removeprefix("original_") for name in digital.features}

    assert computed == ibsi.CODES.keys() | ibsi.NO_COUNTERPART
    assert ibsi.CODES.keys() == tags().keys()
    assert len(set(ibsi.CODES.values())) == len(ibsi.CODES)
    assert ibsi.DIFFERENCES.keys() <= ibsi.CODES.keys()


def test_codes_are_concepts_of_dicom():
    """
    Every code is in DICOM's dictionary of the scheme IBSI, except those that are listed as missing there.
    """
    in_dicom = {code.value for code in (getattr(codes.IBSI, keyword) for keyword in codes.IBSI.dir())}

    assert set(ibsi.CODES.values()) - in_dicom == ibsi.NOT_IN_DICOM
