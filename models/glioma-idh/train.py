"""
Makes the package `glioma-idh`: IDH mutation of a diffuse glioma from the shape of the tumour, T1c statistics and age.

    python models/glioma-idh/train.py               write the package beside this file
    python models/glioma-idh/train.py --check       make it anew and compare, byte for byte
    python models/glioma-idh/train.py --stability   only measure anew how its inputs bear another contour
    python models/glioma-idh/train.py --masks       only measure anew how far the masks of glioma-flair move it,
                                                 and glioma-1p19q, which reads the same measurements

Prepares the public table and hands it to `radnode models train` with `spec.toml`. Needs the extra `train` and the data
folder ($RADNODE_DATA, or ../shared/data).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from node.training.command import shipped, source
from node.training.lesions import gliomas

FEATURES = ("ucsf-pdgm-t1c/features.csv", "4bdcdc60dcf9fa011450011d13b70819737c24ae27d9ed18b54a9c2f599d84fa")
METADATA = ("ucsf-pdgm-t1c/metadata.csv", "96deba7c5d603331dfd50454cc9f0a65d1c0c787b4f7e47691ca8ee2b9d98d5a")

DRAWN = (
    "gliomas of tcga-lgg-flair up to 100 mL, drawn by hand on FLAIR (8 bit, the spacing is assumed), not the T1c that "
    "the model reads: it tells of contours and grids, and of intensities only by analogy"
)


def read(name: str, digest: str) -> dict[str, dict[str, str]]:
    """One of the tables by exam; every exam stands there once."""
    with source(f"tables/{name}", digest).open(encoding="utf-8-sig", newline="") as file:
        return {row["ID"]: row for row in csv.DictReader(file)}


def rows() -> list[dict[str, object]]:
    """One row per patient: features, age, sex and status."""
    features, metadata = read(*FEATURES), read(*METADATA)
    return [
        {
            "patient": patient(exam),
            "idh": "wildtype" if about["IDH"] == "wildtype" else "mutated",
            "age": about["Age at MRI"],
            "age group": age_group(float(about["Age at MRI"])),
            "sex": about["Sex"],
            "WHO grade": about["WHO CNS Grade"],
            "biopsy before the scan": about["Biopsy prior to imaging"],
            **{name: value for name, value in features[exam].items() if name.startswith("original_")},
        }
        for exam, about in metadata.items()
    ]


def patient(exam: str) -> str:
    """Whose exam it is: a follow-up is called like the first exam, with an ending."""
    return "-".join(exam.partition("_")[0].split("-")[:3])


def age_group(age: float) -> str:
    """For the subgroups of the card."""
    return "below 40" if age < 40 else "40 to 59" if age < 60 else "60 and older"


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.exit(
        shipped(
            here,
            rows,
            sys.argv[1:],
            lesions=lambda: gliomas(20),
            drawn=DRAWN,
            masks_of=here.parent / "glioma-flair",
            alike=[here.parent / "glioma-1p19q"],
        )
    )
