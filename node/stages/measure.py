"""
Measure one lesion: volume, diameters, ground-glass share, radiomic features.

Features are pyradiomics' own, under its names. What differs from a stock call is what it is handed: the source volume
is normalised with the statistics of the whole image, turned into the order of an axial stack, resampled onto a grid
that the whole volume fixes, and only then cropped to the lesion and what the filters reach. pyradiomics hashes and
re-scans all it is given, so this is a hundred times faster on a chest CT and gives the same numbers.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from node.domain.findings import GroundGlass, Measurements
from node.domain.geometry import Geometry
from node.domain.language import Said, say, told
from node.domain.order import Extraction
from node.domain.volume import Volume
from node.errors import Refused
from node.imaging.bias import Correct, n4
from node.imaging.crop import Box, bounding_box
from node.imaging.diameters import diameter_3d, in_plane
from node.imaging.ground_glass import ground_glass
from node.imaging.intensity import sample_scale
from node.imaging.reorient import to_axial
from node.imaging.resample import Grid, interpolate, interpolate_mask, to_image

INTENSITY_CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
MARGIN = 2  #: voxels around the lesion; texture looks no further than one
WAVELET_MARGIN = 5  #: reach of one level of the stationary coif1 transform
WAVELET_GAIN = 2**1.5  #: of its low-pass image, by the square root of two along each axis
LOG_MARGIN = 60  #: the recursive filter has no end; its tail is below 1e-6 of the image here …
LOG_MARGIN_SIGMAS = 12  #: … and after so many sigmas
GLASS_MARGIN_MM = 10  #: the rim is 2 mm wide, and is blurred over less
MOST_LEVELS = 1000  #: a co-occurrence matrix has levels² × 13 entries: 100 MB

Features = dict[str, float]
Floats = NDArray[np.float64]


def measure(
    volume: Volume,
    mask: NDArray[np.bool_],
    extraction: Extraction,
    *,
    features: bool,
    classes: Collection[str] = ("shape", *INTENSITY_CLASSES),
    correct: Correct = n4,
) -> Measurements:
    """
    Measure one lesion on the grid that it was drawn on; radiomic features on the grid that `extraction` asks for.

    Features that cannot be computed never cost the measurements: what is missing, and why, is in the notes. With
    `extraction.normalise` intensities, and so the bin width, are in standard deviations of the whole image.
    Interpolated Hounsfield units are rounded to integers, as IBSI asks.

    Args:
        volume: Image that is measured.
        mask: Shape (slice, row, column) of the volume, at least one voxel set.
        extraction: How features are computed.
        features: Whether radiomic features are computed at all.
        classes: Feature classes of pyradiomics that are computed then.
        correct: Takes the bias field off, where `extraction` asks for it.

    Raises:
        Refused: The mask is empty ("no lesion").
        ValueError: The mask does not have the shape of the volume.
    """
    box = _checked_box(volume, mask)
    lesion, place = mask[box.slices], volume.geometry.crop(box.start, box.shape)
    axes = in_plane(lesion, place)
    compute = partial(_compute, volume, mask, extraction, classes, correct)
    values, no_value, notes = _features(compute, extraction) if features else ({}, {}, ())
    return Measurements(
        volume_ml=int(np.count_nonzero(lesion)) * volume.geometry.voxel_ml,
        long_axis=axes.long,
        short_axis=axes.short,
        diameter_3d_mm=diameter_3d(lesion, place),
        key_slice=axes.slice + box.start[0],
        key_image=volume.slices[axes.slice + box.start[0]].label,
        ground_glass=_ground_glass(volume, mask, box),
        features=values,
        no_value=no_value,
        touches_edge=0 in box.start or any(stop == n for stop, n in zip(box.stop, mask.shape, strict=True)),
        notes=(*_parts(lesion), *notes),
    )


@cache
def extractor_class() -> Callable[..., Any]:
    """
    The extractor of pyradiomics. The first call imports it (0.8 s): a worker does so while it warms up.

    The import installs a log handler that writes to standard error, which is taken off again. Its only errors are
    features that failed; we say so in the notes.
    """
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    library = logging.getLogger("radiomics")
    library.handlers.clear()
    library.setLevel(logging.CRITICAL)
    extractor: Callable[..., Any] = RadiomicsFeatureExtractor
    return extractor


def _checked_box(volume: Volume, mask: NDArray[np.bool_]) -> Box:
    if mask.shape != volume.voxels.shape:
        raise ValueError(f"mask {mask.shape} and volume {volume.voxels.shape} differ in shape")
    box = bounding_box(mask)
    if box is None:
        raise Refused("no lesion", say("the mask has no voxel"), at=f"measure: series {volume.series_uid}")
    return box


def _ground_glass(volume: Volume, mask: NDArray[np.bool_], box: Box) -> GroundGlass | None:
    if volume.modality != "CT" or volume.unit != "HU":
        return None
    margin = math.ceil(GLASS_MARGIN_MM / min(volume.geometry.spacing))
    near = box.grown(margin).clipped(volume.geometry.shape)
    return ground_glass(volume.voxels[near.slices], mask[near.slices], volume.geometry.crop(near.start, near.shape))


def _parts(lesion: NDArray[np.bool_]) -> tuple[str, ...]:
    count = int(ndimage.label(lesion, np.ones((3, 3, 3), bool))[1])
    if count == 1:
        return ()
    return (
        say(
            "The lesion consists of {count} separate parts: volume and 3-D diameter are those of all of them, long and "
            "short axis those of the part with the longest axis.",
            count=count,
        ),
    )


def _features(compute: Callable[[], Features], extraction: Extraction) -> tuple[Features, Features, tuple[str, ...]]:
    """All features that have a finite value, those that have none, and what a reader must know about these."""
    try:
        values = compute()
    except (ValueError, RuntimeError, ArithmeticError, IndexError) as error:
        # pyradiomics and SimpleITK tell a lesion that they cannot measure by these; none of them quotes the data set
        return {}, {}, (say("Radiomic features could not be computed: {why}.", why=_first_line(error)),)
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    missing = {name: values[name] for name in sorted(values.keys() - finite.keys())}
    notes = []
    if missing:
        notes.append(say("Radiomic features without a finite value here: {names}.", names=", ".join(missing)))
    for sigma in extraction.log_sigma_mm if "log" in extraction.filters else ():
        if f"{_log_prefix(sigma)}_firstorder_Mean" not in values:
            notes.append(
                say(
                    "The image is too small for the LoG filter with sigma {sigma:g} mm: its features are missing.",
                    sigma=float(sigma),
                )
            )
    return finite, missing, tuple(notes)


def _log_prefix(sigma_mm: float) -> str:
    """Name that pyradiomics gives to the LoG image of one sigma: 1.0 is "log-sigma-1-0-mm-3D"."""
    return f"log-sigma-{str(float(sigma_mm)).replace('.', '-')}-mm-3D"


def _first_line(error: Exception) -> Said:
    """Our own words, or the first line of a library's, in its English."""
    if error.args and isinstance(error.args[0], Said):
        return error.args[0]
    return told((str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".!"))


def _compute(
    volume: Volume, mask: NDArray[np.bool_], extraction: Extraction, classes: Collection[str], correct: Correct
) -> Features:
    """
    Correct the bias field, normalise, turn, resample, crop, extract.

    Diameters in a slice, a row or a column, and wavelets, follow the axes of the array: so these are in axial order.

    Raises:
        ValueError: The lesion or the image does not allow it, in words; also raised by pyradiomics.
    """
    if extraction.bias_correction == "n4" and volume.modality == "MR":
        volume = replace(volume, voxels=correct(volume))
    turn = to_axial(volume.geometry)
    grid = Grid.over(turn.place(volume.geometry), extraction.spacing_mm)
    placed = interpolate_mask(turn.apply(mask), grid)
    if placed is None:
        raise ValueError(say("the lesion covers no voxel of {mm:g} mm by half", mm=extraction.spacing_mm))
    lesion, box = placed
    scale = sample_scale(volume.voxels) if extraction.normalise else None
    sample = partial(_intensities, turn.apply(volume.voxels), grid, scale=scale, unit=volume.unit)
    counted = _resegmented(sample(box), lesion, extraction)
    values: Features = {}
    intensity = tuple(name for name in INTENSITY_CLASSES if name in classes)
    for kind, around in _crops(extraction, grid, box).items():
        place = grid.geometry(around)
        image = to_image(sample(around), place)
        if kind == "Original" and "shape" in classes:
            values |= _extract(image, _label(lesion, box, around, place), extraction, kind, ("shape",))
        if intensity:
            values |= _extract(image, _label(counted, box, around, place), extraction, kind, intensity)
    return values


def _crops(extraction: Extraction, grid: Grid, box: Box) -> dict[str, Box]:
    """
    Image types of pyradiomics that are asked for, each with the part of the grid that its features depend on.

    The recursive filter of LoG takes the image as going on beyond its border as it is there, so that crop ends with the
    grid. The wavelet transform is periodic: it would mix in the opposite side of the volume, so its crop goes on beyond
    the grid, where the outermost voxels are repeated.
    """
    crops = {"Original": box.grown(MARGIN)}
    if "wavelet" in extraction.filters:
        crops["Wavelet"] = box.grown(WAVELET_MARGIN)
    if "log" in extraction.filters:
        reach = LOG_MARGIN_SIGMAS * max(extraction.log_sigma_mm, default=0) / min(grid.spacing)
        crops["LoG"] = box.grown(max(LOG_MARGIN, math.ceil(reach))).clipped(grid.shape)
    return crops


def _intensities(voxels: NDArray[Any], grid: Grid, box: Box, scale: tuple[float, float] | None, unit: str) -> Floats:
    """
    Intensities of a box of the grid, normalised where a mean and a standard deviation are given.

    Normalising is linear and interpolation an average, so the order of the two does not matter.
    """
    values = interpolate(voxels, grid, box)
    if scale is not None:
        return np.asarray((values - scale[0]) / scale[1], np.float64)
    return np.rint(values) if unit == "HU" else values


def _resegmented(values: NDArray[np.float64], lesion: NDArray[np.bool_], extraction: Extraction) -> NDArray[np.bool_]:
    """
    The voxels whose intensities count: within the range, then no outliers (IBSI, "Re-segmentation").

    Done here and not by pyradiomics, which crops the shape features to what re-segmentation left.
    """
    counted = lesion.copy()
    if extraction.intensity_range is not None:
        low, high = extraction.intensity_range
        counted &= (values >= low) & (values <= high)
    if extraction.outlier_sigma is not None and counted.any():
        reach = extraction.outlier_sigma * values[counted].std()
        counted &= np.abs(values - values[counted].mean()) <= reach
    if (left := np.count_nonzero(counted)) < 2:
        raise ValueError(say("they need two voxels at least, and the lesion has {left} that count", left=int(left)))
    _check_levels(values[counted], extraction)
    return counted


def _check_levels(values: NDArray[np.float64], extraction: Extraction) -> None:
    if not np.isfinite(values).all():
        raise ValueError(say("the lesion has voxels without a finite value"))
    gain = WAVELET_GAIN if "wavelet" in extraction.filters else 1.0
    levels = extraction.bins or gain * float(np.ptp(values)) / extraction.bin_width
    if levels > MOST_LEVELS:
        found = say(
            "a bin width of {width:g} gives {levels:.0f} grey levels, more than {most}",
            width=float(extraction.bin_width), levels=float(levels), most=MOST_LEVELS,
        )  # fmt: skip
        raise ValueError(found)


def _label(mask: NDArray[np.bool_], box: Box, around: Box, place: Geometry) -> Any:
    """The mask, which fills `box`, as a label image of `around`."""
    label = np.zeros(around.shape, np.uint8)
    label[box.within(around).slices] = mask
    return to_image(label, place)


def _extract(image: Any, label: Any, extraction: Extraction, kind: str, classes: tuple[str, ...]) -> Features:
    """Let pyradiomics compute some feature classes on one type of image, at the spacing as it is."""
    bins = {"binCount": extraction.bins} if extraction.bins else {"binWidth": extraction.bin_width}
    extractor = extractor_class()(additionalInfo=False, resampledPixelSpacing=None, minimumROIDimensions=1, **bins)
    extractor.disableAllImageTypes()
    extractor.enableImageTypeByName(
        kind, customArgs={"sigma": [float(sigma) for sigma in extraction.log_sigma_mm]} if kind == "LoG" else {}
    )
    extractor.disableAllFeatures()
    for name in classes:
        extractor.enableFeatureClassByName(name)
    with np.errstate(all="ignore"):  # a division by zero ends as a value that is not finite, which the notes name
        found = extractor.execute(image, label)
    return {str(name): float(value) for name, value in found.items()}
