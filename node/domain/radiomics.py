"""
What a radiomic feature is called, counted in and computed with: everything but its value.

Names are pyradiomics' own: "original_glcm_Contrast" is feature "glcm_Contrast" of the image "original".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from node.domain import ibsi
from node.domain.order import Extraction

NUMBERS = {name: number for number, name in enumerate((*ibsi.CODES, *sorted(ibsi.NO_COUNTERPART)), 1)}
"""Feature to its number in our own codes: fixed, new features are added at the end."""

Dimension = Literal["1", "intensity", "intensity2", "intensity2.mm3", "mm", "mm2", "mm3", "/mm"]

_DIMENSIONS: dict[str, Dimension] = {
    "shape_MeshVolume": "mm3",
    "shape_VoxelVolume": "mm3",
    "shape_SurfaceArea": "mm2",
    "shape_SurfaceVolumeRatio": "/mm",
    **dict.fromkeys(
        (
            "shape_Maximum3DDiameter", "shape_Maximum2DDiameterSlice", "shape_Maximum2DDiameterColumn",
            "shape_Maximum2DDiameterRow", "shape_MajorAxisLength", "shape_MinorAxisLength", "shape_LeastAxisLength",
        ),
        "mm",
    ),
    **dict.fromkeys(
        (
            "firstorder_Mean", "firstorder_Median", "firstorder_Minimum", "firstorder_Maximum",
            "firstorder_10Percentile", "firstorder_90Percentile", "firstorder_InterquartileRange", "firstorder_Range",
            "firstorder_MeanAbsoluteDeviation", "firstorder_RobustMeanAbsoluteDeviation",
            "firstorder_RootMeanSquared",
        ),
        "intensity",
    ),
    "firstorder_Variance": "intensity2",
    "firstorder_Energy": "intensity2",
    "firstorder_TotalEnergy": "intensity2.mm3",
}  # fmt: skip
"""All others are ratios, or count grey levels, which have no unit."""

_FILTERED = re.compile(r"wavelet-[LH]{3}|log-sigma-\d+-\d+-mm-3D")

_UCUM = {"HU": "[hnsf'U]", "SUVbw": "g/ml{SUVbw}"}


def volume_unit(modality: str) -> str:
    """Unit of the volume that images of a modality are loaded as: "HU", "SUVbw" or "1"."""
    return {"CT": "HU", "PT": "SUVbw"}.get(modality, "1")


def exists(name: str) -> bool:
    """Whether there is a feature of this name: shape of the original image only, all others of filtered ones too."""
    image, _, feature = name.partition("_")
    filtered = _FILTERED.fullmatch(image) and not feature.startswith("shape_")
    return feature in NUMBERS and (image == "original" or bool(filtered))


@dataclass(frozen=True, slots=True)
class Feature:
    """
    One feature, as it was computed.

    Attributes:
        name: pyradiomics' full name.
        image: "original", or the filter: "wavelet-LLH", "log-sigma-2-0-mm-3D".
        feature: Class and feature, "glcm_Contrast".
        ibsi: IBSI code, "" where the definition differs, the image is filtered, or IBSI has no such feature.
        unit: UCUM code.
    """

    name: str
    image: str
    feature: str
    ibsi: str
    unit: str

    @classmethod
    def of(cls, name: str, extraction: Extraction, unit: str) -> Feature:
        """
        Look a feature up.

        Args:
            name: Full name.
            extraction: How it was computed.
            unit: Of the volume: "HU", "SUVbw" or "1".
        """
        image, _, feature = name.partition("_")
        code = ibsi.code(name, fixed_bins=extraction.bins is not None) or ""
        as_measured = image == "original" and not extraction.normalise
        return cls(name, image, feature, code, _unit(feature, unit if as_measured else "1"))

    @property
    def number(self) -> str:
        """Our own number of the feature, with the filter: "045", "045-LLH", "045-S2"; at most 11 characters."""
        if self.image.startswith("wavelet-"):
            tail = f"-{self.image.removeprefix('wavelet-')}"
        elif self.image.startswith("log-sigma-"):
            tail = f"-S{float(_sigma(self.image)):g}"
        else:
            tail = ""
        return f"{NUMBERS[self.feature]:03d}{tail}"

    @property
    def title(self) -> str:
        """For a person: "glcm Contrast", "glcm Contrast of wavelet-LLH"."""
        of = "" if self.image == "original" else f" of {self.image}"
        return f"{self.feature.replace('_', ' ', 1)}{of}"


def settings(feature: Feature, extraction: Extraction, unit: str, library: str) -> str:
    """
    What the value depends on beside image and lesion, one line.

    Args:
        feature: For its image and class.
        extraction: How it was computed.
        unit: Of the volume.
        library: Name and version of what computed it.
    """
    x, said = extraction, [library, f"image {feature.image}"]
    intensity = "standard deviations of the image" if x.normalise else {"1": "intensity units"}.get(unit, unit)
    said.append(f"resampled to {x.spacing_mm:g} mm isotropic" if x.spacing_mm else "not resampled")
    if x.normalise:
        said.append("image normalised to mean 0 and standard deviation 1")
    if feature.feature.startswith("shape_"):
        return "; ".join(said)
    if x.intensity_range:
        said.append(f"re-segmented to {x.intensity_range[0]:g} to {x.intensity_range[1]:g} {intensity}")
    if x.outlier_sigma:
        said.append(f"re-segmented to mean +/- {x.outlier_sigma:g} standard deviations of the lesion")
    said.append(f"{x.bins} grey levels" if x.bins else f"bin width {x.bin_width:g} {intensity}")
    if feature.feature.startswith(("glcm_", "glrlm_")):
        said.append("mean over 13 directions in space (IBSI ITBB)")
    return "; ".join(said)


def _unit(feature: str, intensity: str) -> str:
    dimension = _DIMENSIONS.get(feature, "1")
    if not dimension.startswith("intensity"):
        return dimension
    base, rest = _UCUM.get(intensity, ""), dimension.removeprefix("intensity")
    if not base:
        return rest.removeprefix("2").lstrip(".") or "1"
    power, tail = ("2", rest[1:]) if rest.startswith("2") else ("", rest)
    return (f"({base}){power}" if power and "/" in base else f"{base}{power}") + tail


def _sigma(image: str) -> str:
    """Of the Laplacian of Gaussian: "log-sigma-2-5-mm-3D" is "2.5"."""
    return image.removeprefix("log-sigma-").removesuffix("-mm-3D").replace("-", ".", 1)
