"""Segmentation objects of arrays, written by highdicom: the node's reader meets another's writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

NEOPLASM = ("108369006", "SCT", "Neoplasm")
LIVER = ("10200004", "SCT", "Liver")
ALGORITHM = hd.AlgorithmIdentificationSequence(
    name="test", version="1", family=Code("123110", "DCM", "Artificial Intelligence")
)


def segmentation(
    path: Path,
    series: Sequence[Dataset],
    mask: NDArray[Any],
    segments: Sequence[dict[str, Any]],
    *,
    kind: str = "BINARY",
    transfer_syntax: str = "1.2.840.10008.1.2.1",
    omit_empty: bool = True,
    **attributes: Any,
) -> Path:
    """
    Write a SEG on the grid of a series.

    `mask` is (slice, row, column) or, for overlapping segments, (slice, row, column, segment). Each segment: label, and
    optionally type (value, scheme, meaning), algorithm ("MANUAL", …), tracking_id, tracking_uid.
    """
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=s["label"],
            segmented_property_category=Code("49755003", "SCT", "Morphologically Abnormal Structure"),
            segmented_property_type=Code(*s.get("type", NEOPLASM)),
            algorithm_type=s.get("algorithm", "MANUAL"),
            algorithm_identification=None if s.get("algorithm", "MANUAL") == "MANUAL" else ALGORITHM,
            tracking_id=s.get("tracking_id"),
            tracking_uid=s.get("tracking_uid"),
        )
        for number, s in enumerate(segments, 1)
    ]
    ds = hd.seg.Segmentation(
        source_images=list(series),
        pixel_array=mask,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Test",
        manufacturer_model_name="Test",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=transfer_syntax,
        omit_empty_frames=omit_empty,
    )
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> NDArray[np.bool_]:
    """A ball in voxel indices."""
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    inside: NDArray[np.bool_] = np.linalg.norm(grid - np.array(centre), axis=-1) <= radius
    return inside
