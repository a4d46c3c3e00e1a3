"""
Which pyradiomics feature is which IBSI feature, and where the two differ.

Codes are those of the IBSI reference manual. All but the intensity-based statistics are also DICOM concepts of the
scheme IBSI (PS3.16 CID 218, 7468, 7478). Each agreement and each difference is shown by
`tests/integration/test_ibsi.py` against the consensus values (Zwanenburg et al., Radiology 2020;295:328). Texture is
aggregated as pyradiomics does it: co-occurrence and run length features averaged over 13 directions in space (IBSI
ITBB), the others taken once in space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Difference:
    """
    How a pyradiomics feature departs from the IBSI definition.

    Attributes:
        reason: In words.
        where: "always", with a "fixed bin width" only, or only to be seen on a "tiny lesion" (the code is kept).
    """

    reason: str
    where: Literal["always", "fixed bin width", "tiny lesion"]


CODES: Mapping[str, str] = {
    "shape_MeshVolume": "RNU0",
    "shape_VoxelVolume": "YEKZ",
    "shape_SurfaceArea": "C0JK",
    "shape_SurfaceVolumeRatio": "2PR5",
    "shape_Sphericity": "QCFX",
    "shape_Maximum3DDiameter": "L0JK",
    "shape_MajorAxisLength": "TDIC",
    "shape_MinorAxisLength": "P9VJ",
    "shape_LeastAxisLength": "7J51",
    "shape_Elongation": "Q3CK",
    "shape_Flatness": "N17B",
    "firstorder_Mean": "Q4LE",
    "firstorder_Variance": "ECT3",
    "firstorder_Skewness": "KE2A",
    "firstorder_Kurtosis": "IPH6",
    "firstorder_Median": "Y12H",
    "firstorder_Minimum": "1GSF",
    "firstorder_10Percentile": "QG58",
    "firstorder_90Percentile": "8DWT",
    "firstorder_Maximum": "84IY",
    "firstorder_InterquartileRange": "SALO",
    "firstorder_Range": "2OJQ",
    "firstorder_MeanAbsoluteDeviation": "4FUA",
    "firstorder_RobustMeanAbsoluteDeviation": "1128",
    "firstorder_Energy": "N8CA",
    "firstorder_RootMeanSquared": "5ZWQ",
    "firstorder_Entropy": "TLU2",
    "firstorder_Uniformity": "BJ5W",
    "glcm_MaximumProbability": "GYBY",
    "glcm_JointAverage": "60VM",
    "glcm_SumSquares": "UR99",
    "glcm_JointEntropy": "TU9B",
    "glcm_DifferenceAverage": "TF7R",
    "glcm_DifferenceVariance": "D3YU",
    "glcm_DifferenceEntropy": "NTRS",
    "glcm_SumAverage": "ZGXS",
    "glcm_SumEntropy": "P6QZ",
    "glcm_JointEnergy": "8ZQL",
    "glcm_Contrast": "ACUI",
    "glcm_Id": "IB1Z",
    "glcm_Idn": "NDRX",
    "glcm_Idm": "WF0Z",
    "glcm_Idmn": "1QCO",
    "glcm_InverseVariance": "E8JP",
    "glcm_Correlation": "NI2N",
    "glcm_Autocorrelation": "QWB0",
    "glcm_ClusterTendency": "DG8W",
    "glcm_ClusterShade": "7NFM",
    "glcm_ClusterProminence": "AE86",
    "glcm_Imc1": "R8DG",
    "glcm_Imc2": "JN9H",
    "glrlm_ShortRunEmphasis": "22OV",
    "glrlm_LongRunEmphasis": "W4KF",
    "glrlm_LowGrayLevelRunEmphasis": "V3SW",
    "glrlm_HighGrayLevelRunEmphasis": "G3QZ",
    "glrlm_ShortRunLowGrayLevelEmphasis": "HTZT",
    "glrlm_ShortRunHighGrayLevelEmphasis": "GD3A",
    "glrlm_LongRunLowGrayLevelEmphasis": "IVPO",
    "glrlm_LongRunHighGrayLevelEmphasis": "3KUM",
    "glrlm_GrayLevelNonUniformity": "R5YN",
    "glrlm_GrayLevelNonUniformityNormalized": "OVBL",
    "glrlm_RunLengthNonUniformity": "W92Y",
    "glrlm_RunLengthNonUniformityNormalized": "IC23",
    "glrlm_RunPercentage": "9ZK5",
    "glrlm_GrayLevelVariance": "8CE5",
    "glrlm_RunVariance": "SXLW",
    "glrlm_RunEntropy": "HJ9O",
    "glszm_SmallAreaEmphasis": "5QRC",
    "glszm_LargeAreaEmphasis": "48P8",
    "glszm_LowGrayLevelZoneEmphasis": "XMSY",
    "glszm_HighGrayLevelZoneEmphasis": "5GN9",
    "glszm_SmallAreaLowGrayLevelEmphasis": "5RAI",
    "glszm_SmallAreaHighGrayLevelEmphasis": "HW1V",
    "glszm_LargeAreaLowGrayLevelEmphasis": "YH51",
    "glszm_LargeAreaHighGrayLevelEmphasis": "J17V",
    "glszm_GrayLevelNonUniformity": "JNSA",
    "glszm_GrayLevelNonUniformityNormalized": "Y1RO",
    "glszm_SizeZoneNonUniformity": "4JP3",
    "glszm_SizeZoneNonUniformityNormalized": "VB3A",
    "glszm_ZonePercentage": "P30P",
    "glszm_GrayLevelVariance": "BYLV",
    "glszm_ZoneVariance": "3NSA",
    "glszm_ZoneEntropy": "GU8N",
    "ngtdm_Coarseness": "QCDE",
    "ngtdm_Contrast": "65HE",
    "ngtdm_Busyness": "NQ30",
    "ngtdm_Complexity": "HDEZ",
    "ngtdm_Strength": "1X9X",
    "gldm_SmallDependenceEmphasis": "SODN",
    "gldm_LargeDependenceEmphasis": "IMOQ",
    "gldm_LowGrayLevelEmphasis": "TL9H",
    "gldm_HighGrayLevelEmphasis": "OAE7",
    "gldm_SmallDependenceLowGrayLevelEmphasis": "EQ3F",
    "gldm_SmallDependenceHighGrayLevelEmphasis": "JA6D",
    "gldm_LargeDependenceLowGrayLevelEmphasis": "NBZI",
    "gldm_LargeDependenceHighGrayLevelEmphasis": "9QMG",
    "gldm_GrayLevelNonUniformity": "FP8K",
    "gldm_DependenceNonUniformity": "Z87G",
    "gldm_DependenceNonUniformityNormalized": "OKJI",
    "gldm_GrayLevelVariance": "1PFV",
    "gldm_DependenceVariance": "DNX2",
    "gldm_DependenceEntropy": "FCBV",
}
"""pyradiomics class and feature to the IBSI code of the same idea; see DIFFERENCES before using one."""

NO_COUNTERPART = frozenset(
    {
        "shape_Maximum2DDiameterSlice",
        "shape_Maximum2DDiameterColumn",
        "shape_Maximum2DDiameterRow",
        "firstorder_TotalEnergy",
        "glcm_MCC",
    }
)
"""Features of pyradiomics that IBSI does not define."""

NOT_IN_DICOM = frozenset(
    "Q4LE ECT3 KE2A IPH6 Y12H 1GSF QG58 8DWT 84IY SALO 2OJQ 4FUA 1128 N8CA 5ZWQ".split()  # noqa: SIM905
)
"""Codes of intensity-based statistics: no DICOM concepts; DICOM derives these from the measured quantity (CID 7464)."""

_FIRST_BIN = Difference(
    "levels are counted from the bin that holds the lesion's lowest intensity, where IBSI counts from the lower end of "
    "the re-segmentation range: the feature depends on the number of a level, not only on differences",
    "fixed bin width",
)
_COVARIANCE = Difference(
    "the covariance of the voxel positions is divided by their number, where the consensus divides by one less",
    "tiny lesion",
)

DIFFERENCES: Mapping[str, Difference] = {
    "firstorder_Kurtosis": Difference("not the excess: it is 3 larger than IBSI's", "always"),
    "shape_MinorAxisLength": _COVARIANCE,
    "shape_LeastAxisLength": _COVARIANCE,
    **dict.fromkeys(
        (
            "glcm_Autocorrelation",
            "glcm_JointAverage",
            "glcm_SumAverage",
            "glrlm_LowGrayLevelRunEmphasis",
            "glrlm_HighGrayLevelRunEmphasis",
            "glrlm_ShortRunLowGrayLevelEmphasis",
            "glrlm_ShortRunHighGrayLevelEmphasis",
            "glrlm_LongRunLowGrayLevelEmphasis",
            "glrlm_LongRunHighGrayLevelEmphasis",
            "glszm_LowGrayLevelZoneEmphasis",
            "glszm_HighGrayLevelZoneEmphasis",
            "glszm_SmallAreaLowGrayLevelEmphasis",
            "glszm_SmallAreaHighGrayLevelEmphasis",
            "glszm_LargeAreaLowGrayLevelEmphasis",
            "glszm_LargeAreaHighGrayLevelEmphasis",
            "ngtdm_Busyness",
            "gldm_LowGrayLevelEmphasis",
            "gldm_HighGrayLevelEmphasis",
            "gldm_SmallDependenceLowGrayLevelEmphasis",
            "gldm_SmallDependenceHighGrayLevelEmphasis",
            "gldm_LargeDependenceLowGrayLevelEmphasis",
            "gldm_LargeDependenceHighGrayLevelEmphasis",
        ),
        _FIRST_BIN,
    ),
}
"""Every departure from IBSI that the consensus values show."""


def code(feature: str, *, fixed_bins: bool) -> str | None:
    """
    The IBSI code that a value may carry, None where its definition differs or IBSI has none.

    Args:
        feature: Name as in `Measurements.features`; only those of the original image have a code (IBSI 1 knows no
            filter).
        fixed_bins: Whether the number of bins was fixed, and not their width.
    """
    kind, _, name = feature.partition("_")
    difference = DIFFERENCES.get(name)
    if kind != "original" or (difference is not None and difference.where == "always"):
        return None
    if difference is not None and difference.where == "fixed bin width" and not fixed_bins:
        return None
    return CODES.get(name)
