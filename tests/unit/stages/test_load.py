"""A series of files becomes a volume, or a reason why not."""

from __future__ import annotations

import random
import shutil

import nibabel
import numpy as np
import pydicom
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless, generate_uid

from node.domain.volume import LoadRules
from node.errors import Refused
from node.stages.load import load
from tests.support.series import CT, MR, PET, image_series, save

RULES = LoadRules(min_slices=3)
OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)


def ramp(count=6, rows=7, columns=9):
    """Voxels that are all different, as HU."""
    return np.arange(count * rows * columns, dtype=float).reshape(count, rows, columns) - 500


def refusal(series, folder, rules=RULES):
    """Code of the refusal of these data sets."""
    with pytest.raises(Refused) as caught:
        load(save(series, folder), rules)
    return caught.value


def changed(series, where=slice(None), **attributes):
    """Set attributes on some of the slices; None deletes."""
    for ds in series[where]:
        for keyword, value in attributes.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
    return series


def enhanced(series, *, shared_geometry=True):
    """One Enhanced CT of single-frame slices: values in functional groups, frames in the order given."""
    ds = Dataset()
    ds.file_meta = series[0].file_meta
    for element in series[0]:
        if element.keyword not in {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
                                   "RescaleSlope", "RescaleIntercept", "RescaleType", "PixelData"}:  # fmt: skip
            ds[element.tag] = element
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.NumberOfFrames = len(series)
    ds.PixelData = b"".join(s.PixelData for s in series)

    def group(**sequences):
        made = Dataset()
        for name, (source, keywords) in sequences.items():
            item = Dataset()
            for keyword in keywords:
                setattr(item, keyword, source[keyword].value)
            setattr(made, name, Sequence([item]))
        return made

    def common(s):
        return {
            "PlaneOrientationSequence": (s, ["ImageOrientationPatient"]),
            "PixelMeasuresSequence": (s, ["PixelSpacing", "SliceThickness"]),
            "PixelValueTransformationSequence": (s, ["RescaleSlope", "RescaleIntercept", "RescaleType"]),
        }

    ds.SharedFunctionalGroupsSequence = [group(**common(series[0])) if shared_geometry else Dataset()]
    ds.PerFrameFunctionalGroupsSequence = [
        group(PlanePositionSequence=(s, ["ImagePositionPatient"]), **({} if shared_geometry else common(s)))
        for s in series
    ]
    for item, s in zip(ds.PerFrameFunctionalGroupsSequence, series, strict=True):
        content = Dataset()
        content.FrameAcquisitionNumber = int(s.AcquisitionNumber)
        item.FrameContentSequence = [content]
    return ds


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spacing=st.tuples(st.floats(0.5, 5), st.floats(0.3, 3), st.floats(0.3, 3)),
    origin=st.tuples(*[st.floats(-400, 400)] * 3),
    orientation=st.sampled_from([(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, -1, 0), OBLIQUE]),
)
def test_every_voxel_lies_where_the_standard_puts_it(tmp_path, spacing, origin, orientation):
    """Each voxel's point follows the equation of PS3.3 C.7.6.2.1.1, for oblique and anisotropic series too."""
    spacing, origin = np.round(spacing, 3), np.round(origin, 3)
    series = image_series(ramp(), spacing=tuple(spacing), origin=tuple(origin), orientation=orientation)
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    loaded = load(save(series, tmp_path / "s"), RULES)
    volume = loaded.volume

    for n, header in enumerate(loaded.headers):
        position, between = np.array(header.ImagePositionPatient, float), np.array(header.PixelSpacing, float)
        to_column, to_row = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        point = position + to_row * between[0] * 3 + to_column * between[1] * 5
        assert np.allclose(volume.geometry.point(np.array([n, 3, 5])), point, atol=1e-6)
        assert volume.slices[n].sop_uid == header.SOPInstanceUID
    assert np.array_equal(volume.voxels, ramp())
    assert (volume.unit, volume.modality, volume.notes) == ("HU", "CT", ())
    assert volume.voxels.dtype == np.float32


@pytest.mark.parametrize("modality", ["CT", "MR_T1"])
def test_a_real_series_equals_its_nifti_volume(data, modality):
    """Values and places agree with the volume that another program made of the same series (RAS turned to LPS)."""
    folder = data / "sarcoma-sts002"
    volume = load(list((folder / "dicom" / "STS_002" / modality / "image").iterdir()), RULES).volume
    other = nibabel.load(folder / "nifti" / "STS_002" / f"{modality}_image.nii.gz")
    lps = np.diag([-1.0, -1, 1, 1]) @ other.affine

    for index in ((0, 0, 0), (volume.voxels.shape[0] - 1, 50, 20), (3, 7, 81)):
        assert np.allclose(volume.geometry.point(np.array(index)), (lps @ [*index[::-1], 1])[:3], atol=1e-3)
    assert np.allclose(volume.voxels, np.asarray(other.dataobj).transpose(2, 1, 0), rtol=0.002, atol=0.51)


def test_the_order_of_files_does_not_matter(data):
    """A real chest CT, shuffled, gives the same volume with slices ascending towards the head."""
    paths = list((data / "lidc-0314-ct60" / "dicom").iterdir())
    ordered = load(sorted(paths), RULES)
    random.Random(3).shuffle(paths)
    shuffled = load(paths, RULES)
    heights = [float(ds.ImagePositionPatient[2]) for ds in shuffled.headers]

    assert np.array_equal(ordered.volume.voxels, shuffled.volume.voxels)
    assert ordered.volume.slices == shuffled.volume.slices
    assert heights == sorted(heights)
    assert ordered.volume.geometry.spacing == pytest.approx((1, 0.78125, 0.78125))
    assert -1100 < np.median(shuffled.volume.voxels[:, :20, :20]) < -850  # air outside the patient


def test_a_slice_is_called_what_a_viewer_calls_it(tmp_path):
    """By its Instance Number, whatever its place; by nothing where that is missing or no number."""
    series = image_series(ramp())
    for ds, number in zip(series, ["117", "116", "115", "", "x", None], strict=True):
        ds.InstanceNumber = None
        ds["InstanceNumber"]._value = number
    slices = load(save(series, tmp_path), RULES).volume.slices

    assert [each.label for each in slices] == ["image 117", "image 116", "image 115", "", "", ""]


@pytest.mark.parametrize("shared_geometry", [True, False])
def test_an_enhanced_object_gives_the_same_volume(tmp_path, shared_geometry):
    """Enhanced CT and single-frame series give one volume; the Enhanced one has one header and frame numbers."""
    series = image_series(ramp(), orientation=OBLIQUE, spacing=(3, 0.5, 0.7))
    single = load(save(series, tmp_path / "s"), RULES).volume
    frames = [series[i] for i in (3, 0, 5, 1, 4, 2)]
    loaded = load(save([enhanced(frames, shared_geometry=shared_geometry)], tmp_path / "e"), RULES)

    assert np.array_equal(loaded.volume.voxels, single.voxels)
    assert loaded.volume.geometry.same_grid(single.geometry, 1e-6)
    assert [s.frame for s in loaded.volume.slices] == [2, 4, 6, 1, 5, 3]
    assert len(loaded.headers) == 1
    assert (loaded.volume.slice_thickness_mm, loaded.volume.kernel) == (3.0, "B30f")


@pytest.mark.filterwarnings("ignore:The string:UserWarning")  # highdicom, about the name of the de-identified patient
def test_a_legacy_converted_object_gives_the_same_volume(data, tmp_path):
    """Dcmqi's real pair, and a conversion by highdicom of a real CT, equal their single-frame series."""
    folder = data / "dcmqi-highdicom-objects" / "dcmqi_segmentations" / "24x38x3"
    pairs = [(list((folder / "image").iterdir()), list((folder / "multiframe").iterdir()))]
    paths = sorted((data / "sarcoma-sts002" / "dicom" / "STS_002" / "CT" / "image").iterdir())[:12]
    converted = LegacyConvertedEnhancedCTImage(
        [pydicom.dcmread(p) for p in paths], generate_uid(), 1, generate_uid(), 1
    )
    converted.save_as(tmp_path / "mf.dcm")
    pairs.append((paths, [tmp_path / "mf.dcm"]))
    for singles, multi in pairs:
        one, other = load(singles, RULES).volume, load(multi, RULES).volume

        assert np.array_equal(one.voxels, other.voxels)
        assert one.geometry.same_grid(other.geometry, 1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_series_give_the_same_volume(data, tmp_path, syntax):
    """A real CT recompressed without loss gives the same numbers."""
    paths = sorted((data / "ibsi-ct-phantom" / "dicom" / "image").iterdir())[20:30]
    (tmp_path / "c").mkdir()
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(tmp_path / "c" / path.name)

    assert np.array_equal(load(paths, RULES).volume.voxels, load(list((tmp_path / "c").iterdir()), RULES).volume.voxels)


@pytest.mark.parametrize(
    ("keyword", "multiframe"),
    [
        ("AcquisitionNumber", True),
        ("AcquisitionNumber", False),
        ("TemporalPositionIdentifier", False),
        ("TriggerTime", False),
        ("ContentTime", False),
    ],
)
def test_the_later_of_two_phases_is_taken(tmp_path, keyword, multiframe):
    """Two whole phases at the same positions: the later one is loaded, and the note says so."""
    later = {"ContentTime": "101700"}.get(keyword, 10)
    earlier = {"ContentTime": "101500"}.get(keyword, 9)
    uids = {"series_uid": generate_uid(), "frame_uid": generate_uid(), "study_uid": generate_uid()}
    first = image_series(ramp(), **uids, **{keyword: earlier})
    second = image_series(ramp() + 100, **uids, **{keyword: later})
    series = [enhanced(second + first)] if multiframe else second + first
    volume = load(save(series, tmp_path / "s"), RULES).volume

    assert np.array_equal(volume.voxels, ramp() + 100)
    assert len(volume.notes) == 1
    assert f"12 images lie in 2 stacks that differ in {keyword}" in volume.notes[0]


@pytest.mark.parametrize(
    ("meant", "other"),
    [
        ("M_FFE\\M\\FFE", "PHASE MAP\\P\\FFE"), ("M_IR\\M\\IR", "R_IR\\R\\IR"), ("M\\ND", "P\\ND"),
        ("IP\\IP\\DERIVED", "OP\\OP\\DERIVED"), ("M\\DIXON\\IN_PHASE", "M\\DIXON\\OPP_PHASE"),
        ("DIXON\\WATER", "DIXON\\FAT"),
    ],
)  # fmt: skip
def test_of_several_kinds_of_image_at_one_place_the_intensity_is_taken(tmp_path, meant, other):
    """Magnitude before phase and real part, in phase before opposed phase, water before fat: never by alphabet."""
    series = image_series(ramp(), ImageType=["ORIGINAL", "PRIMARY", *meant.split("\\")])
    second = image_series(ramp() + 100, series_uid=series[0].SeriesInstanceUID)
    changed(
        second, ImageType=["ORIGINAL", "PRIMARY", *other.split("\\")], FrameOfReferenceUID=series[0].FrameOfReferenceUID
    )
    volume = load(save(second + series, tmp_path / "s"), RULES).volume

    assert np.array_equal(volume.voxels, ramp())
    assert "differ in ImageType" in volume.notes[0]


def test_the_complete_phase_is_taken(tmp_path):
    """A phase with a gap loses against a whole one, be it earlier."""
    series = image_series(ramp(), AcquisitionNumber=1)
    second = image_series(ramp() + 100, AcquisitionNumber=2, series_uid=series[0].SeriesInstanceUID)
    for ds in second:
        ds.FrameOfReferenceUID = series[0].FrameOfReferenceUID
    del second[2]

    assert np.array_equal(load(save(series + second, tmp_path / "s"), RULES).volume.voxels, ramp())


@pytest.mark.parametrize("several", [False, True])
def test_of_stacks_on_two_grids_the_later_is_taken_and_the_note_says_what_was_left(tmp_path, several):
    """A series that was repeated after the patient was placed anew, or on another matrix, in one series."""
    first, again = image_series(ramp(), AcquisitionTime="101500"), image_series(ramp() + 100, AcquisitionTime="102900")
    changed(again, SeriesInstanceUID=first[0].SeriesInstanceUID)
    coarse = image_series(ramp(4, 5, 5), series_uid=first[0].SeriesInstanceUID) if several else []
    volume = load(save([*first, *again, *coarse], tmp_path / "s"), RULES).volume

    assert np.array_equal(volume.voxels, ramp() + 100)
    assert volume.notes == (
        *(["4 images of another matrix or pixel size were left out."] if several else []),
        "6 images of another frame of reference were left out.",
    )


def test_a_localizer_in_the_series_is_left_out(tmp_path):
    """A scout across the series is left out with a note, be it of another matrix and orientation."""
    series = image_series(ramp())
    scout = image_series(ramp(1, 20, 30), orientation=(0, 1, 0, 0, 0, -1), series_uid=series[0].SeriesInstanceUID)
    changed(scout, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    volume = load(save(series + scout, tmp_path / "s"), RULES).volume

    assert np.array_equal(volume.voxels, ramp())
    assert volume.notes == ("1 images of the series were left out, as Image Type says LOCALIZER.",)


@pytest.mark.parametrize(
    "kind", ["LOCALIZER", "MPR", "CSA MPR", "MIP", "PROJECTION IMAGE", "REFORMATTED", "SCREEN SAVE"]
)
def test_what_is_no_acquisition_is_refused(tmp_path, kind):
    """Image Type from the third value on decides."""
    error = refusal(image_series(ramp(), ImageType=["DERIVED", "SECONDARY", "AXIAL", kind]), tmp_path / "s")

    assert error.code == "not an axial acquisition"
    assert kind in str(error)


@pytest.mark.parametrize(
    "kind", [["DERIVED", "SECONDARY", "AXIAL"], ["ORIGINAL", "PRIMARY"], ["DERIVED", "PRIMARY", "M_FFE"]]
)
def test_derived_alone_is_no_reason(tmp_path, kind):
    """Only the third value on counts, and only whole words of it."""
    assert load(save(image_series(ramp(), ImageType=kind), tmp_path / "s"), RULES).volume.voxels.shape == (6, 7, 9)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"FrameOfReferenceUID": None}, "no frame of reference"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour image"),
        ({"LossyImageCompression": "01"}, "lossy compression"),
        ({"ImagePositionPatient": None}, "unsupported image"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "unsupported image"),
        ({"PixelSpacing": None}, "unsupported image"),
        ({"PixelSpacing": [0, 1]}, "unsupported image"),
        ({"RescaleSlope": None}, "unsupported image"),
        ({"RescaleSlope": 0}, "unsupported image"),
        ({"RescaleType": "Z_EFF"}, "unsupported image"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "unsupported image"),
        ({"NumberOfFrames": 2}, "unsupported image"),
        ({"Rows": 70}, "undecodable"),
    ],
)
def test_what_cannot_be_trusted_is_refused(tmp_path, attributes, code):
    """One slice that lacks what a measurement needs refuses the series with the reason and its SOP Instance UID."""
    series = changed(image_series(ramp()), slice(2, 3) if "Rows" not in attributes else slice(None), **attributes)
    error = refusal(series, tmp_path / "s")

    assert error.code == code
    assert any(ds.SOPInstanceUID in str(error) for ds in series)


def test_stacks_that_are_no_volume_are_refused(tmp_path):
    """Gaps, uneven spacing, tilt, mixed planes, doubles and short stacks each have their code."""

    def moved(**shifts):
        series = image_series(ramp(12))
        for n, shift in shifts.items():
            ds = series[int(n[1:])]
            ds.ImagePositionPatient = [float(p + s) for p, s in zip(ds.ImagePositionPatient, shift, strict=True)]
        return series

    whole = moved()
    turned = image_series(ramp(12), orientation=(0, 1, 0, 0, 0, -1), frame_uid=whole[0].FrameOfReferenceUID)
    again = image_series(ramp(12), frame_uid=whole[0].FrameOfReferenceUID)
    cases = {
        "missing slices": whole[:4] + whole[5:],
        "non-uniform spacing": moved(n5=(0, 0, 0.7)),
        "gantry tilt": moved(**{f"n{n}": (0, n * 0.5, 0) for n in range(12)}),
        "mixed orientations": whole + turned,
        "too few slices": whole[:2],
    }
    for number, (code, series) in enumerate(cases.items()):
        assert refusal(series, tmp_path / str(number)).code == code
    assert refusal(whole + again, tmp_path / "twice").code == "non-uniform spacing"
    with pytest.raises(Refused, match="no instance"):
        load([], RULES)


def test_lossy_pixels_are_taken_when_allowed_and_said(tmp_path):
    """A pipeline may allow lossy images; the volume then says what they are."""
    series = image_series(ramp(), LossyImageCompression="01")
    volume = load(save(series, tmp_path / "s"), LoadRules(min_slices=3, allow_lossy=True)).volume

    assert volume.lossy
    assert "lossy" in volume.notes[0]


def test_rescale_is_taken_slice_by_slice(tmp_path):
    """PET and some CT series scale each slice differently."""
    series = image_series(np.full((5, 4, 4), 10.0))
    for n, ds in enumerate(series):
        ds.RescaleSlope, ds.RescaleIntercept = n + 1, -n
    voxels = load(save(series, tmp_path / "s"), RULES).volume.voxels

    assert [float(v) for v in voxels[:, 0, 0]] == [1034 * (n + 1) - n for n in range(5)]


@pytest.mark.parametrize(("padding", "expected"), [(-2000, -1000), (63536, -1000), (50, 50)])
def test_ct_padding_becomes_air(tmp_path, padding, expected):
    """Padding outside the field of view is air, written as signed or unsigned; a value that may be tissue is left."""
    stored = np.full((5, 4, 4), 50, "<i2")
    stored[:, 0, :2] = np.uint16(padding % 65536).astype("<i2")
    series = image_series(stored)
    for ds, plane in zip(series, stored, strict=True):
        ds.PixelRepresentation, ds.RescaleIntercept, ds.PixelData = 1, 0, plane.tobytes()
        ds.add_new("PixelPaddingValue", "US" if padding > 32767 else "SS", padding)
    volume = load(save(series, tmp_path / "s"), RULES).volume

    assert (volume.voxels[:, 0, :2] == expected).all()
    assert (volume.voxels[:, 1:] == 50).all()
    assert volume.notes == (
        ("10 padding voxels outside the field of view were set to -1000 HU (air).",) if expected < 0 else ()
    )


def test_inverted_mr_is_turned_back(tmp_path):
    """MONOCHROME1 stores bright tissue as small numbers."""
    series = image_series(
        ramp() + 500, sop_class=MR, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11
    )
    volume = load(save(series, tmp_path / "s"), RULES).volume

    assert np.array_equal(volume.voxels, 4095 - (ramp() + 500))
    assert (volume.unit, volume.modality) == ("1", "MR")
    assert "MONOCHROME1" in volume.notes[0]


@pytest.mark.parametrize(("stored", "padding", "expected"), [(0, 0, 0), (4095, 4095, 0), (4000, 95, 95)])
def test_padding_of_an_inverted_image_is_told_as_it_is_stored(tmp_path, stored, padding, expected):
    """Padding is no brightest tissue, and a pixel that becomes the padding value only when turned back is none."""
    pixels = np.full((6, 4, 4), 1000.0)
    pixels[:, 0, 0] = stored
    inverted = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11}
    series = image_series(pixels, sop_class=MR, PixelPaddingValue=padding, **inverted)
    volume = load(save(series, tmp_path / "s"), RULES).volume

    assert (volume.voxels[:, 0, 0] == expected).all()
    assert (volume.voxels[:, 1:] == 3095).all()
    assert any("6 padding voxels" in note for note in volume.notes) == (stored == padding)


def test_pet_becomes_suv(tmp_path):
    """Becquerel per millilitre become SUVbw with weight, dose and uptake time."""
    injection = Dataset()
    injection.RadionuclideTotalDose, injection.RadionuclideHalfLife = 3.5e8, 6586.2
    injection.RadiopharmaceuticalStartTime = "091500"
    series = image_series(
        np.full((5, 4, 4), 5000.0), sop_class=PET, Units="BQML", DecayCorrection="START", PatientWeight=70,
        CorrectedImage=["ATTN", "DECY"], RadiopharmaceuticalInformationSequence=[injection],
    )  # fmt: skip
    volume = load(save(series, tmp_path / "s"), RULES).volume

    assert volume.unit == "SUVbw"
    assert np.allclose(volume.voxels, 5000 * 70_000 / (3.5e8 * 2 ** (-3600 / 6586.2)))


def test_pet_without_weight_is_refused(tmp_path):
    """SUV that cannot be computed refuses the case instead of measuring becquerel."""
    error = refusal(image_series(ramp() + 500, sop_class=PET, Units="BQML"), tmp_path / "s")

    assert error.code == "unsupported image"
    assert "SUVbw" in str(error)


def test_an_unreadable_file_is_refused(tmp_path):
    """A slice that was cut off on disk names itself."""
    paths = save(image_series(ramp(), sop_class=CT), tmp_path / "s")
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    with pytest.raises(Refused, match=paths[2].name) as caught:
        load(paths, RULES)

    assert caught.value.code == "undecodable"


@pytest.mark.parametrize(
    ("keyword", "vr"), [("RescaleSlope", "LO"), ("NumberOfFrames", "LO"), ("SliceThickness", "LO")]
)
def test_a_value_that_is_no_number_is_refused(tmp_path, keyword, vr):
    """Text where a number belongs refuses the case without quoting the text."""
    series = image_series(ramp())
    for ds in series:
        ds.add_new(keyword, vr, "Geheim^Anna")
    error = refusal(series, tmp_path / "s")

    assert error.code == "unsupported image"
    assert "Geheim" not in str(error)
