"""
Load: the files of one series become one volume, or a reason why not.

Planes are sorted by position along their normal, never by number or name. What the node must not guess about (gaps,
tilt, colour, lossy pixels, unknown units) refuses the case.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.dicom.codecs import decode_file, is_lossy
from node.dicom.functional import flat
from node.dicom.header import attributes_of, open_header, quiet
from node.dicom.intensities import AIR_HU, UNITS, scale_of, suv_of, to_values
from node.dicom.planes import (
    BROKEN_VALUE,
    LABELS,
    File,
    Plane,
    frames_of,
    image_type,
    labels_of,
    plane,
    slice_of,
    taken_at,
)
from node.domain.acquisition import MODALITIES, measurable, not_axial
from node.domain.geometry import Geometry
from node.domain.language import joined, say
from node.domain.sequence import sighting
from node.domain.stack import Arrangement, arrange
from node.domain.volume import LoadRules, Volume
from node.errors import InstanceUnreadable, Refused

READERS = 2
"""Threads that read pixels: files are read and numbers multiplied outside Python's lock."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """
    A volume and where it came from.

    Attributes:
        headers: Data sets without pixels: one per slice in slice order for single-frame objects, exactly one for each
            multi-frame object.
    """

    volume: Volume
    headers: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    planes: tuple[Plane, ...]
    spacing_mm: float
    notes: tuple[str, ...]


def load(paths: Sequence[Path], rules: LoadRules) -> Loaded:
    """
    Make one volume of the files of one series.

    Args:
        paths: Its CT, MR or PET objects (single-frame, Enhanced or Legacy Converted), in any order.
        rules: What the pipeline asks of a stack.

    Returns:
        Voxels (slice, row, column) ascending along the normal (row cosines x column cosines) in HU, SUVbw or arbitrary
        intensity, on an LPS grid in millimetres.

    Raises:
        Refused: The series must not be evaluated; its code says why.
    """
    files = [_open(path) for path in paths]
    if not files:
        raise Refused("too few slices", say("the series has no instance"), at="series")
    try:
        with quiet():
            return _load(files, rules)
    except BROKEN_VALUE as error:  # a header value that breaks its own rules, met where it is used
        where = f"series {files[0].ds.get('SeriesInstanceUID', 'without UID')}"
        found = say("a header cannot be used ({fault})", fault=type(error).__name__)
        raise Refused("unsupported image", found, at=where) from error


def _load(files: list[File], rules: LoadRules) -> Loaded:
    modality = _screen(files)
    found, left_out = _axial_planes(files)
    chosen = _choose(found, rules)
    used = list({id(p.file): p.file for p in chosen.planes}.values())
    lossy = _check_pixels(used, rules)
    voxels, padded = _read(chosen.planes, modality, suv_of(used, modality))
    notes = (*left_out, *chosen.notes, *_pixel_notes(used, modality, padded, lossy=lossy))
    volume = _volume(chosen, voxels, modality, lossy=lossy, notes=notes)
    return Loaded(volume, tuple(file.ds for file in used))


def _open(path: Path) -> File:
    try:
        return File(path, open_header(path))
    except InstanceUnreadable as error:
        raise Refused("undecodable", error.found, at=error.at) from error


def _screen(files: list[File]) -> str:
    """The modality of the series, once it is clear that it is one of images in one Frame of Reference."""
    for file in files:
        kind = str(file.ds.get("SOPClassUID", ""))
        if kind not in MODALITIES:
            found = say("SOP class {kind} is no CT, MR or PET image", kind=kind)
            raise Refused("unsupported image", found, at=file.where)
        if file.ds.get("SamplesPerPixel", 1) != 1 or file.ds.get("PhotometricInterpretation") == "PALETTE COLOR":
            raise Refused("colour image", say("more than one sample per pixel, or a palette"), at=file.where)
        if not file.ds.get("FrameOfReferenceUID"):
            raise Refused("no frame of reference", say("Frame of Reference UID (0020,0052) is absent"), at=file.where)
    modalities = {MODALITIES[str(file.ds.SOPClassUID)] for file in files}
    if len(modalities) > 1:
        found = say("several modalities in one series: {modalities}", modalities=", ".join(sorted(modalities)))
        raise Refused("unsupported image", found, at=files[0].where)
    return modalities.pop()


def _axial_planes(files: list[File]) -> tuple[list[Plane], tuple[str, ...]]:
    """All planes of the acquisition, and a note on those that are none (localizers, reformats, captures)."""
    kept: list[Plane] = []
    other: Counter[str] = Counter()
    for file in files:
        for index in frames_of(file):
            if reason := not_axial(image_type(file.ds, index)):
                other[reason] += 1
            else:
                kept.append(plane(file, index))
    kinds = joined(sorted(other), ", ")
    if not kept:
        raise Refused("not an axial acquisition", say("Image Type says {kinds}", kinds=kinds), at=files[0].where)
    note = say(
        "{count} images of the series were left out, as Image Type says {kinds}.", count=other.total(), kinds=kinds
    )
    return kept, (note,) if other else ()


def _choose(found: list[Plane], rules: LoadRules) -> _Chosen:
    """
    The best fitting stack: without gap or other fault before one with, then the most slices, then the latest.

    Images of different frames of reference or matrices never share a stack.
    """
    groups: dict[object, list[Plane]] = defaultdict(list)
    for each in found:
        groups[each.size, str(each.file.ds.FrameOfReferenceUID)].append(each)
    arranged = [(_arrange(group, rules), group) for group in groups.values()]
    best, group = max(
        arranged, key=lambda a: (a[0].best.problem is None, len(a[0].best.order), max(map(taken_at, a[1])))
    )
    stack = best.best
    if stack.problem:
        where = f"series {group[0].file.ds.get('SeriesInstanceUID', '')}"
        raise Refused(stack.problem.code, stack.problem.found, at=where)
    notes = (best.note(len(group)), *_other_grids(found, group))
    planes = tuple(group[index] for index in stack.order)
    return _Chosen(planes, stack.spacing_mm, tuple(note for note in notes if note))


def _other_grids(found: list[Plane], group: list[Plane]) -> Iterator[str]:
    """What was left out beside the group that was chosen, and why the two share no stack."""
    sized = sum(each.size == group[0].size for each in found)
    if other := len(found) - sized:
        yield say("{count} images of another matrix or pixel size were left out.", count=other)
    if elsewhere := sized - len(group):
        yield say("{count} images of another frame of reference were left out.", count=elsewhere)


def _arrange(group: list[Plane], rules: LoadRules) -> Arrangement:
    places = [each.place for each in group]
    plain = arrange(places, rules)
    if plain.best.problem is None:
        return plain
    found = [labels_of(each) for each in group]
    labels: dict[str, list[Hashable]] = {name: [each[name] for each in found] for name in LABELS}
    labels[say("several attributes")] = [tuple(map(str, each.values())) for each in found]
    worth = [measurable(image_type(each.file.ds, each.index)) for each in group]
    return arrange(places, rules, labels, worth)


def _check_pixels(files: list[File], rules: LoadRules) -> bool:
    lossy = [file for file in files if is_lossy(file.ds)]
    if lossy and not rules.allow_lossy:
        found = say("{count} of {all} objects went through a lossy compression", count=len(lossy), all=len(files))
        raise Refused("lossy compression", found, at=lossy[0].where)
    return bool(lossy)


def _read(planes: tuple[Plane, ...], modality: str, suv: float | None) -> tuple[NDArray[np.float32], int]:
    """Voxels of all planes, each object decoded once, and how many of them were padding."""
    rows, columns = planes[0].matrix[:2]
    voxels = np.empty((len(planes), rows, columns), np.float32)
    jobs = [list(run) for _, run in groupby(sorted(enumerate(planes), key=_by_file), key=_by_file)]

    def read(job: list[tuple[int, Plane]]) -> int:
        file = job[0][1].file
        stored = decode_file(file.path, file.header)
        if stored.shape[1:] != (rows, columns) or stored.shape[0] <= max(p.index for _, p in job):
            found = say("pixels of shape {shape} do not fit the header", shape=str(stored.shape))
            raise Refused("undecodable", found, at=file.where)
        return sum(to_values(stored[p.index], file.ds, scale_of(p, modality, suv), modality, voxels[n]) for n, p in job)

    with ThreadPoolExecutor(READERS) as pool:
        return voxels, sum(pool.map(read, jobs))


def _by_file(numbered: tuple[int, Plane]) -> str:
    return str(numbered[1].file.path)


def _pixel_notes(files: list[File], modality: str, padded: int, *, lossy: bool) -> list[str]:
    notes: list[str] = []
    if padded:
        value = say("{hu:.0f} HU (air)", hu=AIR_HU) if modality == "CT" else "0"
        notes.append(
            say("{count} padding voxels outside the field of view were set to {value}.", count=padded, value=value)
        )
    if lossy:
        notes.append(say("The pixels went through a lossy compression, which the pipeline allows."))
    if modality == "MR" and any(f.ds.get("PhotometricInterpretation") == "MONOCHROME1" for f in files):
        notes.append(say("Intensities are stored inverted (MONOCHROME1) and were turned back."))
    return notes


def _volume(
    chosen: _Chosen, voxels: NDArray[np.float32], modality: str, *, lossy: bool, notes: tuple[str, ...]
) -> Volume:
    first = chosen.planes[0]
    ds = flat(first.file.ds)
    thickness, attributes = _positive(ds, "SliceThickness"), attributes_of(first.file.ds)
    seen = sighting(attributes)
    return Volume(
        voxels=voxels,
        geometry=_geometry(chosen, thickness, voxels.shape),
        modality=modality,
        unit=UNITS[modality],
        study_uid=str(ds.get("StudyInstanceUID", "")),
        series_uid=str(ds.get("SeriesInstanceUID", "")),
        frame_uid=str(ds.FrameOfReferenceUID),
        slices=tuple(map(slice_of, chosen.planes)),
        slice_thickness_mm=thickness,
        body_part=_text(ds, "BodyPartExamined").upper(),
        kernel=_text(ds, "ConvolutionKernel"),
        contrast=seen.contrast,
        weighting=seen.family if modality == "MR" else "",
        manufacturer=_text(ds, "Manufacturer"),
        sequence="+".join(sorted({code.strip() for code in attributes.get("ScanningSequence", ())} - {""})),
        lossy=lossy,
        notes=notes,
    )


def _geometry(chosen: _Chosen, thickness: float | None, shape: tuple[int, ...]) -> Geometry:
    """
    The grid of the stack (PS3.3 C.7.6.2.1.1).

    The first three cosines point to the next column, the last three to the next row; Pixel Spacing is (between rows,
    between columns).
    """
    first = chosen.planes[0]
    to_column = np.array(first.place.orientation[:3]) / np.linalg.norm(first.place.orientation[:3])
    normal = np.cross(to_column, first.place.orientation[3:])
    normal /= np.linalg.norm(normal)
    between_slices = chosen.spacing_mm or thickness
    if not between_slices:
        raise Refused("too few slices", say("a single slice without Slice Thickness"), at=first.file.where)
    return Geometry.of_axes(
        origin=np.array(first.place.position),
        spacing=(between_slices, *first.matrix[2:]),
        axes=np.stack([normal, np.cross(normal, to_column), to_column]),
        shape=(shape[0], shape[1], shape[2]),
    )


def _positive(ds: Dataset, keyword: str) -> float | None:
    found = float(ds.get(keyword) or 0)
    return found if found > 0 else None


def _text(ds: Dataset, keyword: str) -> str:
    found = ds.get(keyword) or ""
    return (found if isinstance(found, str) else "\\".join(map(str, found))).strip()
