"""Encode: findings to a DICOM Segmentation, BINARY or LABELMAP (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from node.dicom import codes
from node.dicom.envelope import MANUFACTURER, MODEL_NAME, Envelope, algorithm_name, code_item, seal
from node.dicom.inherit import stand_in, valid
from node.dicom.uids import derive_uid
from node.domain import words
from node.domain.facts import ModelFacts
from node.domain.findings import Findings, Lesion
from node.domain.language import render
from node.domain.volume import Volume
from node.imaging.labels import painted

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

COLOURS = ((60.0, 58.0, 40.0), (70.0, -45.0, 45.0), (55.0, 20.0, -65.0), (80.0, 5.0, 70.0), (60.0, 65.0, -40.0))
"""Recommended Display CIELab Value (L*, a*, b*) of the lesions, in turn; each lies within sRGB."""


def encode_seg(findings: Findings, volume: Volume, headers: Sequence[Dataset], envelope: Envelope) -> Dataset:
    """
    Make the Segmentation of a case: one BINARY segment per lesion, only frames that carry a lesion.

    Args:
        findings: At least one lesion, each mask of shape (slice, row, column) on the grid of `volume`.
        volume: What was measured.
        headers: Its headers, without pixels: one per slice in slice order, or exactly one of a multi-frame object.
        envelope: The job.

    Returns:
        A data set with file meta information, Explicit VR Little Endian. The same arguments give the same bytes.

    Raises:
        ValueError: There is no lesion, a mask is not on the grid of the volume, or headers do not fit its slices.
    """
    return _encode("seg", findings, volume, headers, envelope)


def encode_labelmap(findings: Findings, volume: Volume, headers: Sequence[Dataset], envelope: Envelope) -> Dataset:
    """
    Make the same as a Label Map Segmentation (PS3.3 A.51 as of Supplement 243): one frame a slice for all lesions.

    Args, returns and raises as `encode_seg`.

    Raises:
        ValueError: Besides, lesions overlap: a voxel of a label map belongs to one of them only.
    """
    if overlap(findings):
        raise ValueError("lesions that overlap do not fit a label map")
    return _encode("labelmap", findings, volume, headers, envelope)


def overlap(findings: Findings) -> bool:
    """Whether some voxel belongs to more than one lesion."""
    return bool(findings.lesions) and painted([lesion.contour.mask for lesion in findings.lesions])[1]


def _encode(
    kind: Literal["seg", "labelmap"],
    findings: Findings,
    volume: Volume,
    headers: Sequence[Dataset],
    envelope: Envelope,
) -> Dataset:
    _check(findings, volume, headers)
    envelope = envelope.naming(findings)
    labelled, pixels = _pixels([lesion.contour.mask for lesion in findings.lesions])
    planes = [_plane(volume, headers, int(index)) for index in labelled]
    seg = _segmentation(kind, pixels, planes, findings, envelope)
    _refer(seg, planes, volume, labelled, envelope)
    _settle_uids(seg, envelope, kind)
    seal(seg, kind, envelope, headers[0])
    return seg


def _check(findings: Findings, volume: Volume, headers: Sequence[Dataset]) -> None:
    if not findings.lesions:
        raise ValueError("a Segmentation needs a lesion")
    for lesion in findings.lesions:
        if lesion.contour.mask.shape != volume.voxels.shape or not lesion.contour.mask.any():
            raise ValueError(f"mask of lesion {lesion.number} is empty or not on the grid {volume.voxels.shape}")
    if [lesion.number for lesion in findings.lesions] != list(range(1, len(findings.lesions) + 1)):
        raise ValueError("lesions must be numbered from 1 without gaps (Segment Number, PS3.3 C.8.20.2)")
    if len(headers) not in {1, len(volume.slices)}:
        raise ValueError(f"{len(headers)} headers for {len(volume.slices)} slices")


def _pixels(masks: Sequence[NDArray[np.bool_]]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """
    The slices that show a lesion, and what highdicom is given of them.

    Segment numbers of shape (slice, row, column) take the memory of one mask, whatever the number of lesions. Where
    lesions overlap they have to lie side by side, shape (slice, row, column, lesion), each 0 or 1.
    """
    labels, overlapping = painted(masks)
    labelled = np.flatnonzero(labels.any(axis=(1, 2)))
    if not overlapping:
        return labelled, labels[labelled]
    side_by_side = np.zeros((len(masks), len(labelled), *labels.shape[1:]), np.uint8)
    for part, mask in zip(side_by_side, masks, strict=True):
        part[mask[labelled]] = 1  # memory that nothing is written to is not taken
    return labelled, np.moveaxis(side_by_side, 0, -1)


def _segmentation(
    kind: Literal["seg", "labelmap"],
    pixels: NDArray[Any],
    planes: list[Dataset],
    findings: Findings,
    envelope: Envelope,
) -> hd.seg.Segmentation:
    described = [_segment(lesion, findings.segmenter, envelope) for lesion in findings.lesions]
    seg = hd.seg.Segmentation(
        source_images=planes,
        pixel_array=pixels,
        segmentation_type="BINARY" if kind == "seg" else "LABELMAP",
        segment_descriptions=described,
        series_instance_uid=envelope.series_uid(kind),
        series_number=envelope.series_number(kind),
        sop_instance_uid=envelope.sop_uid(kind),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=envelope.node_version,
        device_serial_number=envelope.installation[:64],
        content_label="LESIONS",
        content_description=render(words.NOT_DIAGNOSTIC, envelope.language)[:64],
        specific_character_set="ISO_IR 192",
    )
    described = [item for item in seg.SegmentSequence if item.SegmentNumber]  # 0 is the background of a label map
    for item, lesion in zip(described, findings.lesions, strict=True):
        _finish_segment(item, lesion, envelope)
    return seg


def _plane(volume: Volume, headers: Sequence[Dataset], index: int) -> Dataset:
    """
    One slice of the source as highdicom wants to see it: a single-frame image with every attribute that it reads.

    A frame of an Enhanced object is shown as an image of its own under a made-up UID; `_refer` puts the real reference
    back. Where each slice lies is taken from the header, not from the volume's evened-out grid, so that a viewer finds
    both on the same plane.
    """
    header = headers[index] if len(headers) > 1 else headers[0]
    at, frame = volume.slices[index], volume.slices[index].frame
    plane = stand_in(volume.study_uid)
    plane.SOPClassUID = CT_IMAGE
    plane.SOPInstanceUID = at.sop_uid if frame is None else derive_uid("frame", at.sop_uid, str(frame))
    plane.SeriesInstanceUID, plane.FrameOfReferenceUID = volume.series_uid, volume.frame_uid
    plane.PositionReferenceIndicator = valid(header, "PositionReferenceIndicator") or ""
    plane.Modality = volume.modality
    _, plane.Rows, plane.Columns = volume.geometry.shape
    _place(plane, volume, header, index)
    plane.LossyImageCompression = "01" if volume.lossy else "00"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if volume.lossy and (value := valid(header, keyword)):
            setattr(plane, keyword, value)
    return plane


def _place(plane: Dataset, volume: Volume, header: Dataset, index: int) -> None:
    spacing, axes = volume.geometry.spacing, volume.geometry.axes
    position = _stated_position(header, volume.slices[index].frame)
    if position is None:
        position = list(volume.geometry.point(np.array([index, 0, 0])))
    plane.ImagePositionPatient = [_ds(v) for v in position]
    plane.ImageOrientationPatient = [_ds(v) for v in (*axes[2], *axes[1])]  # along a row first (PS3.3 C.7.6.2.1.1)
    plane.PixelSpacing = [_ds(spacing[1]), _ds(spacing[2])]
    plane.SliceThickness = _ds(volume.slice_thickness_mm or spacing[0])
    plane.SpacingBetweenSlices = _ds(spacing[0])


def _stated_position(header: Dataset, frame: int | None) -> list[float] | None:
    groups = header if frame is None else header.PerFrameFunctionalGroupsSequence[frame - 1]
    if frame is not None:
        groups = groups.PlanePositionSequence[0] if "PlanePositionSequence" in groups else Dataset()
    position = groups.get("ImagePositionPatient")
    return [float(v) for v in position] if position else None


def _ds(value: float) -> str:
    """A number in the 16 characters of a DS, with all the digits that fit."""
    text = repr(round(float(value), 10) + 0.0)
    return text if len(text) <= 16 else f"{float(value):.8g}"


def _segment(lesion: Lesion, segmenter: ModelFacts | None, envelope: Envelope) -> hd.seg.SegmentDescription:
    provenance = lesion.contour.provenance
    lightness, a, b = COLOURS[(lesion.number - 1) % len(COLOURS)]
    return hd.seg.SegmentDescription(
        segment_number=lesion.number,
        segment_label=_label(render(words.segment_label(lesion), envelope.language)),
        segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL,
        segmented_property_type=codes.NEOPLASM if provenance.named_neoplasm else codes.LESION,
        algorithm_type=provenance.algorithm_type,
        algorithm_identification=_algorithm(lesion, segmenter, envelope),
        tracking_uid=lesion.tracking_uid,
        tracking_id=lesion.tracking_id,
        anatomic_regions=[Code(*envelope.site)] if envelope.site else None,
        display_color=hd.color.CIELabColor(lightness, a, b),
    )


def _algorithm(
    lesion: Lesion, segmenter: ModelFacts | None, envelope: Envelope
) -> hd.AlgorithmIdentificationSequence | None:
    """Which algorithm drew: the model, or the node where it grew a seed; a source that was drawn elsewhere says so."""
    provenance = lesion.contour.provenance
    if provenance.algorithm_type == "MANUAL":
        return None
    if provenance.kind == "model" and segmenter is not None:
        return hd.AlgorithmIdentificationSequence(
            name=algorithm_name(segmenter),
            family=codes.ARTIFICIAL_INTELLIGENCE,
            version=segmenter.version,
            source=segmenter.manufacturer[:64],
        )
    return hd.AlgorithmIdentificationSequence(
        name=MODEL_NAME, family=codes.REGION_GROWING, version=envelope.node_version, source=MANUFACTURER
    )


def _finish_segment(item: Dataset, lesion: Lesion, envelope: Envelope) -> None:
    provenance = lesion.contour.provenance
    side = codes.laterality(Code(*envelope.site), lesion.lung) if envelope.site else None
    if side:  # PS3.3 10.5: the modifier stands within the item of the region
        item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [code_item(side)]
    item.SegmentDescription = render(words.description(provenance), envelope.language)[:1024]
    if provenance.kind in {"rtstruct", "seg"} and provenance.algorithm_type != "MANUAL":
        del item.SegmentationAlgorithmIdentificationSequence  # drawn elsewhere: the source object knows by what
        item.SegmentAlgorithmName = "as stated by the source object"


def _label(text: str) -> str:
    """Segment Label (LO): at most 64 characters, no backslash, no control characters."""
    return "".join(" " if c == "\\" or ord(c) < 0x20 else c for c in text)[:64].strip()


def _refer(seg: Dataset, planes: list[Dataset], volume: Volume, labelled: NDArray[np.intp], envelope: Envelope) -> None:
    """
    Put the real source references back: SOP class, and frame number where the source has frames.

    The measured series comes first, whose grid the frames have: viewers lay a Segmentation on the first one named.
    Series of the study that were read besides follow, such as the one that a model drew on.
    """
    slices = {p.SOPInstanceUID: volume.slices[int(i)] for p, i in zip(planes, labelled, strict=True)}
    groups = seg.PerFrameFunctionalGroupsSequence
    derivations = [derivation for group in groups for derivation in group.DerivationImageSequence]
    for image in [image for derivation in derivations for image in derivation.SourceImageSequence]:
        at = slices[image.ReferencedSOPInstanceUID]
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = at.sop_class, at.sop_uid
        if at.frame is not None:
            image.ReferencedFrameNumber = at.frame
    read = {volume.series_uid: {at.sop_uid: at.sop_class for at in slices.values()}}
    for each in envelope.also_read:
        read.setdefault(each.series_uid, {})[each.sop_uid] = each.sop_class
    seg.ReferencedSeriesSequence = [_series(uid, classes) for uid, classes in read.items()]
    seg.SourceImageSequence = [item for classes in read.values() for item in _instances(classes)]


def _series(uid: str, classes: Mapping[str, str]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = uid
    item.ReferencedInstanceSequence = _instances(classes)
    return item


def _instances(classes: Mapping[str, str]) -> list[Dataset]:
    items = []
    for uid, sop_class in classes.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        items.append(item)
    return items


def _settle_uids(seg: Dataset, envelope: Envelope, kind: Literal["seg", "labelmap"]) -> None:
    """The Dimension Organization UID, which highdicom draws anew on each call, from the job (design rule 4)."""
    uid = envelope.uid("dimension") if kind == "seg" else envelope.uid(kind, "dimension")
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
