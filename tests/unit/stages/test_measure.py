"""What is measured on one lesion, and that cropping changes no feature."""

import logging
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage

from node.domain.order import Extraction
from node.errors import Refused
from node.imaging.ground_glass import ground_glass
from node.imaging.resample import Grid, interpolate, interpolate_mask, to_image
from node.stages.measure import INTENSITY_CLASSES, extractor_class, measure
from tests.support.volumes import AXIAL, ball, geometry_of, rotation, volume_of

RAW = np.random.default_rng(7).normal(size=(40, 150, 150))
TISSUE = np.rint(ndimage.gaussian_filter(RAW, 1.0) * 600)
PLACE = geometry_of(TISSUE.shape, (2.5, 1.1, 1.1), origin=(-80, -90, 200), axes=AXIAL @ rotation((0.2, 0.1, -0.3)))
MIDDLE = PLACE.point(np.array([20.0, 75.0, 75.0]))
CLOSE = {"rel": 1e-6, "abs": 1e-6}


def stock(image, label, extraction, kind):
    """All features by pyradiomics as its manual has it, on everything it is given."""
    extractor = extractor_class()(
        binWidth=extraction.bin_width, normalize=extraction.normalise, additionalInfo=False, minimumROIDimensions=1
    )
    extractor.disableAllImageTypes()
    extractor.enableImageTypeByName(kind, customArgs={"sigma": list(extraction.log_sigma_mm)} if kind == "LoG" else {})
    extractor.disableAllFeatures()
    for name in INTENSITY_CLASSES + (("shape",) if kind == "Original" else ()):
        extractor.enableFeatureClassByName(name)
    return {name: float(value) for name, value in extractor.execute(image, label).items()}


def uncropped(volume, mask, extraction, kind):
    """The same on the same grid, whole."""
    grid = Grid.over(volume.geometry, extraction.spacing_mm)
    lesion, box = interpolate_mask(mask, grid)
    label = np.zeros(grid.shape, np.uint8)
    label[box.slices] = lesion
    place = grid.geometry(grid.whole)
    return stock(
        to_image(interpolate(volume.voxels, grid, grid.whole), place), to_image(label, place), extraction, kind
    )


def only(values, kind):
    prefix = {"Original": "original", "Wavelet": "wavelet", "LoG": "log"}[kind]
    return {name: value for name, value in values.items() if name.startswith(prefix)}


@pytest.mark.parametrize("spacing_mm", [None, 1.9])
@pytest.mark.parametrize(("kind", "count"), [("Original", 107), ("Wavelet", 744), ("LoG", 186)])
def test_cropping_changes_no_feature(kind, count, spacing_mm):
    """
    Every feature of the original, wavelet and LoG images equals that of the uncropped grid to 1e-6.
    """
    extraction = Extraction(
        spacing_mm=spacing_mm, filters={"Wavelet": ("wavelet",), "LoG": ("log",)}.get(kind, ()), log_sigma_mm=(1.0, 2.5)
    )
    volume, mask = volume_of(TISSUE, PLACE), ball(PLACE, MIDDLE, 7.0)
    ours = only(measure(volume, mask, extraction, features=True).features, kind)

    assert len(ours) == count
    assert ours == pytest.approx(uncropped(volume, mask, extraction, kind), **CLOSE)


def test_log_is_cropped_with_a_margin_that_its_sigma_needs():
    """
    A sigma of 8 voxels reaches further than 60: its features still equal those of the uncropped grid.
    """
    raw = np.random.default_rng(3).normal(size=(24, 24, 330))
    place = geometry_of(raw.shape, (1.0, 1.0, 1.0))
    volume, mask = volume_of(ndimage.gaussian_filter(raw, 2) * 4000, place), ball(place, np.array([165, 12, 12]), 4.0)
    extraction = Extraction(spacing_mm=None, filters=("log",), log_sigma_mm=(8.0,))
    ours = only(measure(volume, mask, extraction, features=True).features, "LoG")

    assert ours == pytest.approx(uncropped(volume, mask, extraction, "LoG"), **CLOSE)


def test_normalising_uses_the_statistics_of_the_whole_image():
    """
    Features of a normalised image equal those of pyradiomics, which normalises all it is given.
    """
    extraction = Extraction(spacing_mm=None, bin_width=0.25, normalise=True)
    volume, mask = volume_of(TISSUE + 300, PLACE), ball(PLACE, MIDDLE, 7.0)
    image, label = to_image(volume.voxels.astype(float), PLACE), to_image(mask.astype(np.uint8), PLACE)

    ours = measure(volume, mask, extraction, features=True).features
    assert ours == pytest.approx(stock(image, label, extraction, "Original"), **CLOSE)


def test_features_do_not_depend_on_where_the_lesion_lies():
    """
    The same lesion three slices further has the same features: the grid belongs to the volume, not to the lesion.
    """
    volume, mask = volume_of(TISSUE, PLACE), ball(PLACE, MIDDLE, 6.0)
    shifted = np.zeros_like(mask)
    shifted[3:] = mask[:-3]
    moved = volume_of(np.roll(TISSUE, 3, axis=0), PLACE)
    extraction = Extraction(spacing_mm=2.5)  # as the slices: the grid repeats itself every slice

    here = measure(volume, mask, extraction, features=True).features
    assert measure(moved, shifted, extraction, features=True).features == pytest.approx(here, **CLOSE)


ACQUIRED = {"sagittal": ((2, 1, 0), (1,)), "coronal": ((1, 0, 2), (1,))}
"""How an axial stack becomes another acquisition: the order of its axes, and new ones that run backwards."""


def acquired(values, plane):
    order, backwards = ACQUIRED[plane]
    return np.flip(np.transpose(values, order), backwards)


@pytest.mark.parametrize("plane", ACQUIRED)
@pytest.mark.parametrize("correction", ["", "n4"])
def test_the_plane_of_the_acquisition_changes_no_feature(plane, correction):
    """
    A flat tumour has one answer in every plane: "slice", "row" and "column" are those of the patient, not of the array.
    """
    axial = geometry_of((24, 40, 48), (2.0, 1.25, 1.5), origin=(-30, 20, 5))  # of whole bits: N4 magnifies the last
    voxels = np.abs(TISSUE[:24, :40, :48]) + 100
    mask = ball(axial, axial.point(np.array([12.0, 20.0, 24.0])), 12.0)
    mask[:, :, :22] = False
    points = [acquired(axial.point(np.moveaxis(np.indices(axial.shape), 0, -1))[..., i], plane) for i in range(3)]
    corners = np.stack(points, -1)
    steps = np.stack([corners[1, 0, 0], corners[0, 1, 0], corners[0, 0, 1]]) - corners[0, 0, 0]
    spacing = tuple(np.linalg.norm(steps, axis=1))
    axes = steps / np.array(spacing)[:, None]
    place = geometry_of(corners.shape[:3], spacing, origin=corners[0, 0, 0], axes=axes)
    extraction = Extraction(spacing_mm=1.5, normalise=True, bin_width=0.25, bias_correction=correction)
    wavelet = replace(extraction, filters=("wavelet",), bias_correction="")
    for each in (extraction, *([] if correction else [wavelet])):
        known = measure(volume_of(voxels, axial), mask, each, features=True).features
        turned = volume_of(acquired(voxels, plane), place)
        found = measure(turned, acquired(mask, plane), each, features=True).features

        assert known["original_shape_Maximum2DDiameterSlice"] != known["original_shape_Maximum2DDiameterColumn"]
        assert found == pytest.approx(known, **CLOSE)


def test_measurements_of_a_ball():
    """
    Volume, all diameters and the key slice are those of the ball that was drawn.
    """
    found = measure(volume_of(TISSUE, PLACE), ball(PLACE, MIDDLE, 15.0), Extraction(), features=False)

    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.02)
    assert found.long_axis.length_mm == pytest.approx(30, abs=1.2)
    assert found.short_axis.length_mm == pytest.approx(30, abs=1.2)
    assert found.diameter_3d_mm == pytest.approx(30, abs=2.6)
    assert found.key_slice == 20
    assert found.key_image == ""  # this volume has no Instance Numbers
    assert PLACE.index(np.array(found.long_axis.start))[0] == pytest.approx(20)
    assert not found.features
    assert not found.touches_edge
    assert found.notes == ()


def test_shape_features_agree_with_the_measurements():
    """
    On the source grid pyradiomics finds the same volume and diameters.
    """
    found = measure(volume_of(TISSUE, PLACE), ball(PLACE, MIDDLE, 9.0), Extraction(spacing_mm=None), features=True)

    assert found.features["original_shape_VoxelVolume"] == pytest.approx(found.volume_ml * 1000)
    assert found.features["original_shape_Maximum3DDiameter"] == pytest.approx(found.diameter_3d_mm)
    assert found.features["original_shape_Maximum2DDiameterSlice"] == pytest.approx(found.long_axis.length_mm)


@pytest.mark.parametrize(
    ("number", "row", "touches"), [(0, 9, True), (39, 9, True), (1, 9, False), (38, 9, False), (9, 0, True)]
)
def test_a_lesion_at_the_edge_of_the_images_is_flagged(number, row, touches):
    """
    What is cut off may go on beyond the first and the last slice, or beside the field of view.
    """
    mask = np.zeros(TISSUE.shape, bool)
    mask[number, row : row + 9, 60:70] = True

    assert measure(volume_of(TISSUE, PLACE), mask, Extraction(), features=False).touches_edge is touches


@pytest.mark.parametrize("spacing_mm", [None, 1.0])
@pytest.mark.parametrize(
    "where",
    [
        (slice(0, 2), slice(0, 5), slice(0, 6)),
        (slice(38, 40), slice(145, 150), slice(145, 150)),
        (20, slice(50, 60), slice(50, 60)),
        (20, 50, slice(50, 60)),
        (slice(10, 20), 50, 50),
    ],
    ids=["first corner", "last corner", "one slice", "a row", "a column of slices"],
)
def test_lesion_at_the_border_or_thin_as_a_line_is_measured(where, spacing_mm):
    """
    Every number is finite, and all features of all filters are there.
    """
    mask = np.zeros(TISSUE.shape, bool)
    mask[where] = True
    extraction = Extraction(spacing_mm=spacing_mm, filters=("wavelet", "log"), log_sigma_mm=(2.0,))
    found = measure(volume_of(TISSUE, PLACE), mask, extraction, features=True)
    numbers = [found.volume_ml, found.long_axis.length_mm, found.short_axis.length_mm, found.diameter_3d_mm]

    assert np.isfinite([*numbers, *found.features.values()]).all()
    assert min(numbers) > 0
    assert len(found.features) == 107 + 744 + 93
    assert found.notes == ()


NAN = TISSUE.copy()
NAN[20, 75, 75] = np.nan


@pytest.mark.parametrize(
    ("voxels", "radius", "extraction", "why"),
    [
        (TISSUE, 0.5, Extraction(spacing_mm=None), "need two voxels at least, and the lesion has 1"),
        (TISSUE, 0.5, Extraction(spacing_mm=4.0), "covers no voxel of 4 mm by half"),
        (TISSUE, 7, Extraction(intensity_range=(9000, 9001)), "and the lesion has 0 that count"),
        (TISSUE, 7, Extraction(bin_width=0.001), "grey levels, more than 1000"),
        (TISSUE * 0, 7, Extraction(normalise=True), "has one value only"),
        (NAN, 7, Extraction(), "without a finite value"),
    ],
    ids=["one voxel", "too coarse", "nothing in range", "too many levels", "constant image", "not a number"],
)
def test_features_that_cannot_be_computed_cost_no_measurement(voxels, radius, extraction, why):
    """
    Volume and diameters stay, features are absent, and the reason is a note.
    """
    found = measure(volume_of(voxels, PLACE), ball(PLACE, MIDDLE, radius), extraction, features=True)

    assert found.volume_ml > 0
    assert found.long_axis.length_mm > 0
    assert not found.features
    assert why in found.notes[0]


def test_feature_without_a_finite_value_is_left_out_and_named():
    """
    Two voxels have no robust mean deviation: 106 features, and a note about the last one.
    """
    mask = np.zeros(TISSUE.shape, bool)
    mask[20, 75, 75:77] = True
    found = measure(volume_of(TISSUE, PLACE), mask, Extraction(spacing_mm=None), features=True)

    assert len(found.features) == 106
    assert "original_firstorder_RobustMeanAbsoluteDeviation" in found.notes[0]


def test_filter_that_the_image_is_too_small_for_is_named():
    """
    A Gaussian wider than the image gives no features, and a note says so.
    """
    extraction = Extraction(spacing_mm=None, filters=("log",), log_sigma_mm=(2.0, 500.0))
    found = measure(volume_of(TISSUE, PLACE), ball(PLACE, MIDDLE, 7.0), extraction, features=True)

    assert found.notes == ("The image is too small for the LoG filter with sigma 500 mm: its features are missing.",)
    assert "log-sigma-2-0-mm-3D_firstorder_Mean" in found.features


def test_separate_parts_are_noted():
    """
    A reader is told that volume and 3-D diameter span all parts, the axes one.
    """
    far = PLACE.point(np.array([20.0, 20.0, 75.0]))
    mask = ball(PLACE, MIDDLE, 8.0) | ball(PLACE, far, 5.0)
    found = measure(volume_of(TISSUE, PLACE), mask, Extraction(), features=False)

    assert found.long_axis.length_mm < 18 < found.diameter_3d_mm
    assert "2 separate parts" in found.notes[0]


def test_outliers_are_left_out_of_all_but_shape():
    """
    One voxel of metal changes no texture when outliers are left out, and the volume holds it.
    """
    mask = ball(PLACE, MIDDLE, 7.0)
    metal = TISSUE.copy()
    metal[20, 75, 75] = 30000
    extraction = Extraction(spacing_mm=None, outlier_sigma=3.0)
    found = measure(volume_of(metal, PLACE), mask, extraction, features=True).features

    assert found["original_firstorder_Maximum"] < 30000
    assert found["original_shape_VoxelVolume"] == pytest.approx(mask.sum() * PLACE.voxel_ml * 1000)


def test_ground_glass_is_that_of_the_whole_volume_and_of_ct_only():
    """
    A part-solid CT nodule has the same answer as when all of the volume is looked at; an MR lesion has none.
    """
    mask = ball(PLACE, MIDDLE, 16.0)
    lung = np.select([ball(PLACE, MIDDLE, 9.0), mask], [40.0, -600.0], -850.0)
    ct = measure(volume_of(lung, PLACE, modality="CT", unit="HU"), mask, Extraction(), features=False)
    mr = measure(volume_of(lung, PLACE), mask, Extraction(), features=False)

    assert mr.ground_glass is None
    assert ct.ground_glass == ground_glass(lung.astype(np.float32), mask, PLACE)
    assert 0 < ct.ground_glass.fraction < 1


def test_interpolated_hounsfield_units_are_integers():
    """
    IBSI asks for it: minimum, median and maximum of a resampled CT lesion are whole numbers; those of MR are not.
    """
    names = [f"original_firstorder_{name}" for name in ("Minimum", "Maximum", "10Percentile")]
    mask = ball(PLACE, MIDDLE, 12.0)
    ct = measure(volume_of(TISSUE, PLACE, modality="CT", unit="HU"), mask, Extraction(), features=True).features
    mr = measure(volume_of(TISSUE, PLACE), mask, Extraction(), features=True).features

    assert all(ct[name] == round(ct[name]) for name in names)
    assert any(mr[name] != round(mr[name]) for name in names)


def test_empty_mask_is_refused():
    """
    A lesion without a voxel is no lesion.
    """
    with pytest.raises(Refused, match="no voxel") as refused:
        measure(volume_of(TISSUE, PLACE), np.zeros(TISSUE.shape, bool), Extraction(), features=False)
    assert refused.value.code == "no lesion"


def test_mask_of_another_shape_is_an_error():
    """
    A mask that does not fit the volume is never stretched onto it.
    """
    with pytest.raises(ValueError, match="differ in shape"):
        measure(volume_of(TISSUE, PLACE), np.ones((2, 2, 2), bool), Extraction(), features=False)


def test_pyradiomics_is_quiet():
    """
    Its import leaves no handler of its own behind, and stays out of the way until features are asked for.
    """
    script = (
        "import sys, node.stages.measure as m; assert 'radiomics' not in sys.modules;"
        "m.extractor_class(); import logging; assert not logging.getLogger('radiomics').handlers"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    extractor_class()
    assert not logging.getLogger("radiomics").handlers


def test_simpleitk_holds_the_whole_lesion():
    """
    The label that pyradiomics is handed has as many voxels as the lesion.
    """
    mask = ball(PLACE, MIDDLE, 7.0)
    found = measure(volume_of(TISSUE, PLACE), mask, Extraction(spacing_mm=None), features=True).features
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(to_image(mask.astype(np.uint8), PLACE))

    assert found["original_shape_VoxelVolume"] == pytest.approx(statistics.GetPhysicalSize(1))
