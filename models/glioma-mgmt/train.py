"""
Makes the package `glioma-mgmt`: the refusal to tell MGMT methylation from the image, with its evidence.

    python models/glioma-mgmt/train.py            write the package beside this file
    python models/glioma-mgmt/train.py --check    make it anew and compare, byte for byte

Prepares the public table and hands it to `radnode models train` with `spec.toml`. Needs the extra `train` and the data
folder ($RADNODE_DATA, or ../shared/data).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from node.training.command import shipped, source

FEATURES = ("ucsf-pdgm-t1c/features.csv", "4bdcdc60dcf9fa011450011d13b70819737c24ae27d9ed18b54a9c2f599d84fa")
METADATA = ("ucsf-pdgm-t1c/metadata.csv", "96deba7c5d603331dfd50454cc9f0a65d1c0c787b4f7e47691ca8ee2b9d98d5a")


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
            "mgmt": about["MGMT status"],
            "diagnosis": about["Final pathologic diagnosis (WHO 2021)"],
            "age": about["Age at MRI"],
            "sex": about["Sex"],
            **{name: value for name, value in features[exam].items() if name.startswith("original_")},
        }
        for exam, about in metadata.items()
    ]


def patient(exam: str) -> str:
    """Whose exam it is: a follow-up is called like the first exam, with an ending."""
    return "-".join(exam.partition("_")[0].split("-")[:3])


if __name__ == "__main__":
    sys.exit(shipped(Path(__file__).resolve().parent, rows, sys.argv[1:]))
