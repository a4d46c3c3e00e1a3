"""
Measure the lung-lesion segmenter and write its package: model.toml, card.md, golden.json.

Nothing is fitted: the parameters below were chosen by hand on the images named under `data` and on synthetic chests.
What this script does is to measure the model as it stands, and to say so in the manifest. Run it again
after any change: `python models/lung-lesion/train.py` (images from $RADNODE_DATA); `--check` only compares.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from node.demo.anatomy import Plan, paint_chest
from node.demo.tumour import Tumour
from node.dicom.contours import read_structure_set
from node.domain.findings import Drawing, ModelFacts
from node.domain.geometry import Geometry
from node.domain.plain import to_plain
from node.domain.volume import LoadRules, Volume
from node.errors import ConfigError
from node.imaging.lungs import find_lungs
from node.imaging.phantom import volume_of
from node.imaging.rasterise import rasterise
from node.inference.lung_lesion import LungLesion, Parameters
from node.inference.manifest import parse
from node.stages.load import load
from node.training import toml
from node.training.card_segmenter import write_segmenter_card
from node.training.command import write_or_check

HERE = Path(__file__).resolve()
THRESHOLD = 0.5  #: the pipelines' default for the least trust

HEAD: dict[str, Any] = {
    "id": "lung-lesion",
    "version": "1.0.0",
    "name": "Dominant lesion of the lungs",
    "manufacturer": "radnode",
    "kind": "segmenter",
    "engine": "lung-lesion",
    "target": "outline of the dominant solid or part-solid lung lesion",
    "intended_use": "Research. Draws one lung lesion when no RT Structure Set, segmentation or seed came with the "
    "study, so that it can be measured. It neither detects nor excludes disease; a person must look at every outline.",
    "limits": [
        "Found automatically, nature not established.",
        "Developed on two CT scans with two tumours and on synthetic chests: no accuracy can be claimed.",
        "Draws at most one lesion; with two of similar size, a small one, or one on the diaphragm or at the hilum its "
        "trust is low and the case is refused.",
        "Pure ground-glass lesions are not sought; a lesion that the first or last slice cuts is passed over.",
    ],
    "exploratory": "exploratory: a classical method developed on two patients, without external validation",
}

DECLARED = {
    "modality": "CT",
    "body_part": ["CHEST", "LUNG", "THORA", "PULMO", "BODY", "TRUNK", "TORAX", "TORAC", "PECHO", "BRUST", "POUMON"],
    "organ": "lung",
    "slice_thickness_mm": [0.4, 5.0],
    "slice_thickness_mm_usual": [0.9, 3.0],
}

DATA = [
    {
        "source": "LIDC-IDRI-0314, 60 slices around one nodule; its place from the LUNA16 annotations",
        "citation": "Armato SG III, et al. Med Phys 2011;38:915.",
        "licence": "CC BY 3.0; annotations CC BY 4.0",
    },
    {
        "source": "IBSI 1 CT radiomics phantom, one lung tumour with its drawn GTV",
        "citation": "Lambin P. Radiomics Digital Phantom. CancerData 2016. doi:10.17195/candat.2016.08.1",
        "licence": "CC BY-NC 3.0",
    },
]

METHOD = (
    "No learned weights. Both lungs are found by Hounsfield units and closed over masses on the pleura. In them, "
    "balls of soft tissue are sought from 40 mm down to 5 mm in diameter. Each is judged by how much of its "
    "surroundings is aerated, how long it is, how much of it lies on the wall or the diaphragm, whether thick "
    "tissue joins it to the hilum, and its size. The best is outlined half-way between its own density and that "
    "of lung, with its ground-glass halo, without the vessels that run into it. Its trust is the product of these "
    "judgements and of its lead over the second best."
)

REPORTING = {
    "tripod": {
        "7": "none: Hounsfield units and voxels as they come, on the image's own grid",
        "8b": "LIDC: the place is that of LUNA16, the volume was grown from it here; IBSI: the GTV that came with it; "
        "synthetic chests: known",
        "12a": "not divided: the images that it was developed on are those that it was measured on",
        "12e": "whether the marked tumour is held, volume against the reference, share in lung, trust",
        "16": "none: they are the same",
        "18f": "train.py, and radnode itself",
        "23a": "see Measured; no intervals: two patients",
        "23b": "solid and part-solid, free and on the pleura, in synthetic chests only",
        "27a": "a low trust, or no lungs found: refused",
    },
    "rqs": {"open": {"points": 2, "why": "open code and public images; the reference of LIDC was grown here"}},
}

GOLDEN_CASES = [
    {"name": "one nodule of 22 mm", "nodules": [{"centre": [30.0, -10.0, -80.0], "radius_mm": 11.0}]},
    {
        "name": "two nodules alike",
        "nodules": [
            {"centre": [30.0, -10.0, -80.0], "radius_mm": 11.0},
            {"centre": [-30.0, -10.0, 80.0], "radius_mm": 11.0},
        ],
    },
    {"name": "no nodule", "nodules": []},
]
TOLERANCE = {"voxels": 0.02, "centroid_mm": 0.5, "trust": 0.05}


def make(data: Path) -> dict[str, bytes]:
    """File name to content of the whole package."""
    model = LungLesion(ModelFacts(id=HEAD["id"], version=HEAD["version"], kind="segmenter", digest="",
                                  manufacturer="", name=""))  # fmt: skip
    performance = {
        "method": "recomputed by train.py on the images that the method was developed on; they show that it does "
        "what it was built to do, and nothing about other patients",
        "lidc_0314": lidc(model, data / "lidc-0314-ct60"),
        "ibsi_ct_phantom": ibsi(model, data / "ibsi-ct-phantom"),
        "synthetic": synthetic(model),
    }
    golden = {"tolerance": TOLERANCE, "cases": [{**case, "expect": model.answer(case)} for case in GOLDEN_CASES]}
    manifest: dict[str, Any] = {
        **HEAD,
        "declared": DECLARED,
        "preprocessing": {"method": METHOD},
        "parameters": {key: list(v) if isinstance(v, tuple) else v for key, v in to_plain(Parameters()).items()},
        "training": {
            "sentence": "Not trained: parameters set by hand on two CT scans with a tumour and on synthetic chests.",
            "population": "two patients with a lung tumour",
            "n": 2,
        },
        "performance": performance,
        "data": DATA,
        "reporting": REPORTING,
    }
    files = {
        "golden.json": (json.dumps(golden, indent=1) + "\n").encode(),
        "card.md": write_segmenter_card(manifest).encode(),
        "train.py": HERE.read_bytes(),
    }
    manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    parse(to_plain(manifest), at="model.toml")
    return {**files, "model.toml": toml.dumps(manifest).encode()}


def lidc(model: LungLesion, folder: Path) -> dict[str, Any]:
    """The nodule that LUNA16 marks at LPS (-57.44, 131.23, -520.36); its reference volume is region growing."""
    volume = load(sorted(p for p in folder.rglob("*.dcm")), LoadRules()).volume
    drawing = model({"ct": volume})
    lungs = find_lungs(volume)
    at = tuple(np.round(volume.geometry.index(np.array([-57.44, 131.23, -520.36]))).astype(int))
    mask = drawing.masks[0]
    assert lungs is not None  # noqa: S101 - it drew, so there are lungs
    return {
        "contains_the_marked_point": bool(mask[at]),
        "volume_ml": round(volume_ml(drawing, volume.geometry), 2),
        "reference_ml": 2.2,
        "share_in_filled_lung": round(float((mask & lungs.filled).sum() / mask.sum()), 4),
        "trust": round(drawing.trust, 2),
    }


def ibsi(model: LungLesion, folder: Path) -> dict[str, Any]:
    """A tumour of 360 mL on the diaphragm and the chest wall: too much for the method, which must say so."""
    volume = load(sorted((folder / "dicom" / "image").glob("*.dcm")), LoadRules()).volume
    (structures,) = (folder / "dicom" / "mask").glob("*.dcm")
    gtv = rasterise(read_structure_set(structures).rois[0].contours, volume.geometry).mask
    lungs, drawing = find_lungs(volume), model({"ct": volume})
    assert lungs is not None  # noqa: S101 - half of the image is lung
    return {
        "gtv_ml": round(float(gtv.sum()) * volume.geometry.voxel_ml, 1),
        "share_of_gtv_in_filled_lung": round(float((gtv & lungs.filled).sum() / gtv.sum()), 4),
        "trust": round(drawing.trust, 2),
        "outcome": "drawn" if drawing.trust >= THRESHOLD else "refused: low trust",
    }


def synthetic(model: LungLesion) -> dict[str, Any]:
    """Chests with one tumour, and healthy ones, each with its own vessels."""
    found, errors = [], []
    for tumour, seed in tumours():
        volume, truth = chest(tumour, seed)
        drawing = model({"ct": volume})
        if hit := drawing.trust >= THRESHOLD and overlaps(drawing, volume, tumour):
            errors.append(abs(volume_ml(drawing, volume.geometry) / truth - 1))
        found.append(bool(hit))
    healthy = [model({"ct": chest(None, seed)[0]}).trust for seed in range(1, 5)]
    return {
        "tumours": len(found),
        "found_with_trust": sum(found),
        "median_volume_error": round(statistics.median(errors), 2),
        "largest_volume_error": round(max(errors), 2),
        "healthy_chests": len(healthy),
        "healthy_drawn_with_trust": sum(trust >= THRESHOLD for trust in healthy),
        "highest_trust_in_a_healthy_chest": round(max(healthy), 2),
    }


def tumours() -> Iterator[tuple[Tumour, int]]:
    """Solid and part-solid, from 14 to 34 mm, in both lungs, free and on the pleura."""
    for seed, (centre, radius, halo) in enumerate(
        [
            ((212.0, -12.0, -68.0), 7.0, 0.0),
            ((212.0, -12.0, -68.0), 11.0, 0.0),
            ((212.0, -12.0, -68.0), 11.0, 3.0),
            ((212.0, -12.0, -68.0), 11.0, 5.0),
            ((200.0, -12.0, -106.0), 14.0, 0.0),
            ((120.0, 45.0, 80.0), 9.0, 0.0),
            ((230.0, 20.0, 60.0), 17.0, 0.0),
            ((150.0, -50.0, -80.0), 12.0, 4.0),
        ]
    ):
        yield Tumour(centre=centre, radius_mm=radius, halo_mm=halo), seed + 11


def chest(tumour: Tumour | None, seed: int) -> tuple[Volume, float]:
    """A synthetic chest as a volume, and the tumour's true millilitres."""
    canvas, truth = paint_chest(Plan(seed=seed, tumour=tumour))
    axes = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
    shape = (canvas.hu.shape[0], canvas.hu.shape[1], canvas.hu.shape[2])
    origin = np.array(canvas.origin[::-1])
    return volume_of(canvas.hu, Geometry.of_axes(origin=origin, spacing=canvas.spacing, axes=axes, shape=shape)), truth


def overlaps(drawing: Drawing, volume: Volume, tumour: Tumour) -> bool:
    """Whether the outline holds the tumour's centre."""
    at = tuple(np.round(volume.geometry.index(np.array(tumour.centre[::-1]))).astype(int))
    return bool(drawing.masks and drawing.masks[0][at])


def volume_ml(drawing: Drawing, geometry: Geometry) -> float:
    """Volume of the outline."""
    return float(drawing.masks[0].sum()) * geometry.voxel_ml


def data() -> Path:
    """
    The folder with the images.

    Raises:
        ConfigError: It is not there.
    """
    folder = Path(os.environ.get("RADNODE_DATA", HERE.parents[3] / "shared" / "data"))
    if not (folder / "lidc-0314-ct60").is_dir():
        do = "set RADNODE_DATA to the folder with the images"
        raise ConfigError(["holds no lidc-0314-ct60"], at=str(folder), do=do)
    return folder


if __name__ == "__main__":
    sys.exit(write_or_check(HERE.parent, lambda: make(data()), sys.argv[1:]))
