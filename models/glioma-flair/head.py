"""What people wrote of glioma-flair's manifest: what it is, what it needs, where it ends; and its golden images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from node.inference.layout import Intensity, Layout

LAYOUT = Layout(
    role="flair",
    form="slices",
    axes="SPL",
    most_tilt_deg=40.0,
    spacing_mm=(2.0, 1.3, 1.3),
    coarsest_mm=(10.0, 2.5, 2.5),
    window=(5, 192, 160),
    neighbour_mm=5.0,
    overlap=0.25,
    flips=((2,),),
    activation="none",
    smallest_ml=0.3,
    lesions="one",
    intensity=Intensity(scale="robust", over="head", after=(-3.0, 8.0), shift=3.0, outside=0.0),
)
"""What training took for granted; threshold, least piece and trust are chosen by it."""

HEAD_WORDS = [
    *("BRAIN", "HEAD", "NEURO", "SKULL", "CEREB", "CRAN", "ENCEF", "ENCEPH"),
    *("KOPF", "HIRN", "SCHAEDEL", "SCHADEL", "TETE", "CABE", "TESTA"),
]

HEAD: dict[str, Any] = {
    "id": "glioma-flair",
    "version": "2.2.1",
    "name": "Glioma on FLAIR, whole tumour",
    "manufacturer": "radnode",
    "kind": "segmenter",
    "engine": "onnx",
    "target": "outline of the whole FLAIR-hyperintense extent of a glioma: tumour and oedema, not told apart",
    "intended_use": "Research. Draws a known or suspected glioma on axial FLAIR when no RT Structure Set, segmentation "
    "or seed came with the study, so that it can be measured. It neither detects nor excludes disease; a person must "
    "look at every outline.",
    "limits": [
        "Found automatically, nature not established: oedema, gliosis, ischaemia, demyelination and radiation change "
        "are bright on FLAIR too, and were not in the training data.",
        "A large or faint tumour may be drawn in part only: one patient in ten had a Dice below 0.7. None of these "
        "drawings was trusted.",
        "Low-grade gliomas (WHO 2 and 3) before treatment, of one collection; no glioblastoma, no resection cavity, no "
        "child, no healthy person.",
        "The training images are 8-bit and carry no voxel spacing: it was assumed (heads 190 mm long, stacks 165 mm "
        "high). Left and right, field strength and vendor are unknown. Dice on real DICOM series is not measured.",
        "One reader's masks; the data's authors report a mean Dice of 0.84 for their own network, and quote 0.84 "
        "between two expert readers.",
        "Sagittal and coronal acquisitions are turned, not redrawn: with voxels above 2.5 mm along the body's "
        "left-right or front-back direction they are refused. Nothing was measured on them.",
        "The licence of the training data is unclear; treated as CC BY-NC-SA 4.0 (see below).",
    ],
    "exploratory": "exploratory: trained and validated on one collection of 8-bit images without geometry",
    "declared": {
        "modality": "MR",
        "body_part": HEAD_WORDS,
        "weighting": ["flair"],
        "slice_thickness_mm": [0.5, 10.0],
        "slice_thickness_mm_usual": [1.8, 8.5],
    },
    "preprocessing": {
        "network": "Five U-Nets over five neighbouring slices about 5 mm apart, whose probabilities are averaged "
        "(2.7 million weights each, stored in eight bits).",
        "augmentation": "Trained with size, shape, rotation, mirroring and quarter turns, bias field, gain, gamma, "
        "noise, coarser resolution, thicker and other slices, and cut-off heads: 17,000 batches of 32 slices for each "
        "of three networks, four minutes on an NVIDIA H200 with PyTorch 2.11, and 14,000 of 16 for each of the other "
        "two, an hour and a half on two processors with PyTorch 2.13. Then, with all of this and with tumours made "
        "fainter or a little brighter, or cut out of one head and put into another at the same height (after CarveMix: "
        "Zhang et al., MICCAI 2021), 3,200 batches of 16 for each, 25 minutes on one processor core; what ships is the "
        "mean of the weights before and after that (Wortsman et al., CVPR 2022).",
        "image": "The head is found by Otsu's threshold; its median becomes 0 and its median absolute deviation 1; "
        "values are clipped to -3 and 8; pixels are brought to 1.3 mm and slices to no less than 2 mm.",
        "orientation": "Slices run from the neck to the vertex, rows from the face to the back, columns from the "
        "patient's right to left (SPL). The training arrays carry no geometry: that the face points to row 0 and the "
        "first slice lies at the neck was seen on all 89 patients; left and right cannot be seen and were mirrored in "
        "training half of the time.",
    },
    "training": {
        "sentence": "Trained on 89 patients with a low-grade glioma (TCGA-LGG), of whom each of five networks left out "
        "17 to 30 and was measured on these.",
        "population": "TCGA-LGG, FLAIR before surgery, five hospitals",
        "n": 89,
    },
    "reporting": {
        "tripod": {
            "7": "head found, intensities scaled, pixels and slices brought to the network's grid; see How it works",
            "8b": "one reader of the data's authors; not drawn again here",
            "12a": "by patient and a hash of their names: each of five networks left out 17 to 30 of the 89, and each "
            "patient was left out by one of them or by three",
            "12e": "Dice, volume, slices and images without tumour drawn on, trust",
            "16": "none: one collection, divided at random",
            "18f": "train.py and what lies beside it, and radnode itself",
            "23a": "see Dice on patients that were left out",
            "23b": "by the brightness of the tumour and by what was done to the image; not by grade, vendor, age or "
            "sex, which are not in these data",
            "27a": "refused where no head is found; else a low trust",
        },
        "rqs": {
            "validation": {"points": 2, "why": "cross-validation in one collection"},
            "open": {"points": 3, "why": "open code, open weights, images that others can obtain"},
        },
    },
    "data": [
        {
            "source": "FLAIR channel of the LGG MRI segmentation data set (Kaggle), from a copy of TCGA-LGG of TCIA.",
            "citation": "Buda M, Saha A, Mazurowski MA. Comput Biol Med 2019;109:218; of readers and networks: "
            "mateuszbuda.github.io/2017/12/01/brainseg.html.",
            "licence": "Licence not stated where the copy lies; other copies say CC BY 4.0 or CC BY-NC-SA 4.0. Treated "
            "as CC BY-NC-SA 4.0: not for commercial use, and to be passed on under the same terms. Whether that binds "
            "weights that were trained on the images is not settled in law. Whoever uses this model commercially "
            "should train it again on data of their own, or ask the data's authors.",
        }
    ],
}

_BRAIN = [
    {"centre": [0.0, 0.0, 0.0], "radii": [85.0, 95.0, 75.0], "value": 110.0},
    {"centre": [0.0, 0.0, 0.0], "radii": [78.0, 87.0, 67.0], "value": 15.0},
    {"centre": [0.0, 0.0, 0.0], "radii": [74.0, 83.0, 63.0], "value": 60.0},
    {"centre": [5.0, 0.0, 9.0], "radii": [12.0, 32.0, 6.0], "value": 20.0},
    {"centre": [5.0, 0.0, -9.0], "radii": [12.0, 32.0, 6.0], "value": 20.0},
]


def golden_cases() -> Iterator[dict[str, Any]]:
    """A head with a bright tumour, and one without."""
    tumour = {"centre": [20.0, -25.0, 32.0], "radii": [18.0, 22.0, 17.0], "value": 125.0}
    shape = {"shape": [28, 128, 112], "spacing": [6.0, 1.7, 1.7], "noise": 6.0}
    yield {"name": "a tumour in the left frontal lobe", "painting": {**shape, "bodies": [*_BRAIN, tumour]}}
    yield {"name": "no tumour", "painting": {**shape, "bodies": _BRAIN}}
