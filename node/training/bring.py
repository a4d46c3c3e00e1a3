"""A model from elsewhere to a package of ours: what its files say, a graph that keeps the contract, a golden case."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from node.domain.facts import ModelFacts
from node.domain.plain import to_plain
from node.errors import Refused
from node.imaging.ellipsoids import Ellipsoid, Painting
from node.inference.layout import mistakes
from node.inference.manifest import parse
from node.inference.onnx_segmenter import OnnxSegmenter
from node.inference.package import MANIFEST
from node.inference.segmenter_probe import probe
from node.training import toml
from node.training.bring_card import LIMITS, write_bring_card
from node.training.brought import Brought, Wishes
from node.training.foreign import refused
from node.training.monai import is_bundle, read_bundle
from node.training.nnunet import is_nnunet, read_nnunet

TOLERANCE = {"voxels": 0.02, "centroid_mm": 0.5, "trust": 0.02, "probability": 0.001}
"""What another processor may answer differently."""

LARGEST = 20_000_000  #: voxels of a painting that nobody needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A package as it would stand on disk, and how it came to be."""

    files: Mapping[str, bytes]
    brought: Brought


def bring(source: Path, package_id: str, wishes: Wishes) -> Imported:
    """
    Read a model from elsewhere, let it answer its golden case, and describe it.

    Args:
        source: Folder of an nnU-Net v2 export, or of a MONAI bundle.
        package_id: Of the package.
        wishes: What the files do not say.

    Raises:
        ModelFailed: The files or the graph are not what we can use; the message says where and why.
    """
    brought = _read(source, wishes)
    graph = _graph(brought.graphs)
    if wrong := list(mistakes(brought.layout)):
        raise refused(f"its files ask for what cannot be: {'; '.join(wrong)}", at=str(source))
    head = _head(brought, package_id)
    golden = _golden(brought, head, graph)
    files = {
        "model.onnx": graph,
        "golden.json": (json.dumps(golden, indent=1) + "\n").encode(),
        "card.md": write_bring_card(head).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = {**head, "files": hashes}
    parse(to_plain(manifest), at=MANIFEST)
    return Imported(files={**files, MANIFEST: toml.dumps(manifest).encode()}, brought=brought)


def _read(source: Path, wishes: Wishes) -> Brought:
    if is_nnunet(source):
        return read_nnunet(source, wishes)
    if is_bundle(source):
        return read_bundle(source, wishes)
    found = "holds neither plans.json (nnU-Net v2) nor configs/metadata.json (MONAI bundle)"
    raise refused(found, at=str(source), do="name the folder of the export")


def _graph(paths: Sequence[Path]) -> bytes:
    """One graph of those that there are."""
    if len(paths) == 1:
        _check_whole(paths[0])
        try:
            return paths[0].read_bytes()
        except OSError as error:
            raise refused(f"cannot be read ({error.strerror})", at=str(paths[0])) from error
    from node.training.folds import averaged  # needs the extra `train`, as nothing else here does

    return averaged(paths)


def _check_whole(graph: Path) -> None:
    """Weights beside the graph would not travel with it."""
    beside = [p.name for p in sorted(graph.parent.iterdir()) if p.name in (f"{graph.name}.data", f"{graph.name}_data")]
    if beside:
        do = "save the graph as one file (onnx.save_model with save_as_external_data=False)"
        raise refused(f"keeps its weights in {', '.join(beside)}", at=str(graph), do=do)


def _head(brought: Brought, package_id: str) -> dict[str, Any]:
    """The manifest without [files]."""
    data = {"source": brought.source, "citation": brought.citation or "not stated",
            "licence": brought.licence or "not stated"}  # fmt: skip
    return {
        "id": package_id,
        "version": brought.version,
        "name": re.sub(r"\s+", " ", brought.name).strip(),
        "manufacturer": f"imported from {brought.framework}",
        "kind": "segmenter",
        "engine": "onnx",
        "target": f"outline of {brought.target}",
        "intended_use": "Research. Draws what a network from elsewhere takes for the lesion; not validated here. It "
        "neither detects nor excludes disease; a person must look at every outline.",
        "limits": list(LIMITS),
        "exploratory": f"exploratory: imported from {brought.framework}, not validated here",
        "declared": {"modality": brought.modality},
        "segmenter": _said(brought.layout),
        "preprocessing": dict(brought.read),
        "training": {"sentence": f"Trained elsewhere ({brought.framework}); its patients are not known here."},
        **({"data": [data]} if brought.source else {}),
        "origin": {
            "framework": brought.framework,
            "graph": ", ".join(path.name for path in brought.graphs),
            "data": brought.source,
            "citation": brought.citation,
            "licence": brought.licence,
            "differs": list(brought.differs),
            "said": list(brought.said),
        },
    }


def _said(value: Any) -> dict[str, Any]:
    """A layout's settings that are not their defaults, for a manifest that a person reads."""
    found: dict[str, Any] = {}
    for each in fields(value):
        inner = getattr(value, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if inner != default:
            nested = _said(inner) if is_dataclass(inner) else to_plain(inner)
            found[each.name] = [_said(one) for one in inner] if each.name == "intensities" else nested
    return found


def _golden(brought: Brought, head: Mapping[str, Any], graph: bytes) -> dict[str, Any]:
    """What the graph answers to painted images, now."""
    facts = ModelFacts(id=head["id"], version=head["version"], kind="segmenter", digest="", manufacturer="", name="")
    model = OnnxSegmenter(facts, brought.layout, graph, modality=brought.modality)
    roles = brought.layout.channels or (brought.layout.role or "image",)
    case: dict[str, Any] = {
        "name": "painted ellipsoids in noise",
        "paintings": {role: to_plain(_painting(brought, number)) for number, role in enumerate(roles)},
    }
    try:
        case["expect"] = probe(case, model)
        _check_answer(model.looks(model.prepare_all(_volumes(case))), brought)
    except Refused as error:
        raise refused(f"cannot be asked about the painted image: {error.found}", at=str(brought.graphs[0])) from error
    return {"tolerance": TOLERANCE, "probes": [case]}


def _volumes(case: Mapping[str, Any]) -> dict[str, Any]:
    from node.domain.plain import from_plain
    from node.imaging.ellipsoids import paint

    return {role: paint(from_plain(Painting, each)) for role, each in case["paintings"].items()}


def _check_answer(looks: str, brought: Brought) -> None:
    """An activation must not be done twice."""
    activation = brought.layout.activation
    twice = looks == "shares" if activation in ("softmax", "argmax") else looks != "logits"
    if activation != "none" and twice:
        found = f"answers probabilities already, and its files ask for {activation} again"
        raise refused(found, at=str(brought.graphs[0]), do="export the network without its last activation")


def _painting(brought: Brought, number: int) -> Painting:
    """
    An image a little longer than a window along the first axis, so that windows meet, and as large along the others.

    Its voxels are thicker than the network's along that axis, so that it is interpolated.
    """
    layout = brought.layout
    order = ["SI", "PA", "LR"]
    place = [next(i for i, pair in enumerate(order) if letter in pair) for letter in layout.axes]
    spacing, shape = [0.0] * 3, [0] * 3
    for axis, (mm, size) in enumerate(zip(layout.spacing_mm, layout.window, strict=True)):
        first = axis == 0
        own = (3.0 if layout.form == "slices" else mm * 1.25) if first else mm
        spacing[place[axis]] = own
        shape[place[axis]] = 6 if first and layout.form == "slices" else int(size * (1.25 * mm / own if first else 1))
    if shape[0] * shape[1] * shape[2] > LARGEST:
        raise refused(f"takes windows of {layout.window}, larger than any image", at=str(brought.graphs[0]))
    reach = [n * s / 2 for n, s in zip(shape, spacing, strict=True)]
    tissue, lesion = (40.0, 90.0) if brought.modality == "CT" else (150.0 + 20 * number, 400.0 - 60 * number)
    return Painting(
        shape=(shape[0], shape[1], shape[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
        bodies=(
            Ellipsoid(centre=(0.0, 0.0, 0.0), radii=_part(reach, 0.8), value=tissue),
            Ellipsoid(centre=_part(reach, 0.2), radii=_part(reach, 0.3), value=lesion),
        ),
        noise=12.0,
        seed=1 + number,
        modality=brought.modality,
    )


def _part(reach: list[float], share: float) -> tuple[float, float, float]:
    z, y, x = (round(share * r, 3) for r in reach)
    return z, y, x
