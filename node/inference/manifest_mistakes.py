"""What contradicts itself in a manifest whose keys and kinds of values are right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from node.domain.facts import shows_calibration
from node.inference import layout
from node.inference.inputs import SOURCES

if TYPE_CHECKING:
    from node.inference.manifest import Declared, Manifest


def found(m: Manifest) -> Iterator[str]:
    """Each in words, for whoever wrote the file."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", m.id):
        yield f"id {m.id!r} is not made of lower-case letters, digits and hyphens"
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", m.version):
        yield f"version {m.version!r} is no semantic version"
    if m.engine == "refusal" and m.refusal is None:
        yield "engine 'refusal' needs [refusal] text"
    if (m.segmenter is not None) != (m.engine == "onnx" and m.kind == "segmenter"):
        yield "[segmenter] goes with engine 'onnx' and kind 'segmenter', and only with both"
    if m.segmenter is not None:
        yield from layout.mistakes(m.segmenter)
    if m.hgnc_id and not re.fullmatch(r"HGNC:\d+", m.hgnc_id):
        yield f"hgnc_id {m.hgnc_id!r} is not of the form HGNC:1234"
    for name, digest in m.files.items():
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            yield f"files.{name!r} is no SHA-256"
        if name.startswith(("/", ".")) or ".." in name:
            yield f"files.{name!r} leaves the package"
    yield from _classifier_mistakes(m)
    yield from _range_mistakes(m.declared)


def _input_mistakes(m: Manifest) -> Iterator[str]:
    names = [item.name for item in m.inputs]
    if len(set(names)) != len(names):
        yield "two inputs have the same name"
    for item in m.inputs:
        kind, _, quantity = item.source.partition(":")
        if kind not in SOURCES or not quantity:
            yield f"input {item.name}: source {item.source!r} is not one of {', '.join(s + ':…' for s in SOURCES)}"


def _classifier_mistakes(m: Manifest) -> Iterator[str]:
    yield from _input_mistakes(m)
    if m.kind != "classifier" or m.engine == "refusal":
        return
    if not m.inputs:
        yield "a classifier needs [[inputs]]"
    if m.extraction is None and m.features:
        yield "radiomic features need [extraction] with spacing_mm, bin_width, … as `radnode features` writes it beside"
    if not m.target:
        yield "a classifier needs a target"
    if m.training.prevalence is None or not 0 < m.training.prevalence < 1:
        yield "a classifier needs training.prevalence between 0 and 1"
    if not m.training.sentence:
        yield "a classifier needs training.sentence"
    bounds = m.calibration.slope_interval
    if m.calibration.calibrated and bounds and not shows_calibration(bounds):
        yield f"calibration.calibrated is true, but slope_interval ({bounds[0]} to {bounds[1]}) does not say so"


def _range_mistakes(declared: Declared) -> Iterator[str]:
    for name in ("age", "slice_thickness_mm", "pixel_spacing_mm", "lesion_volume_ml"):
        for key in (name, f"{name}_usual"):
            bounds = getattr(declared, key)
            if bounds and not bounds[0] < bounds[1]:
                yield f"declared.{key} must rise"
