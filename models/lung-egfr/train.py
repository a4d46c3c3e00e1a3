"""
Makes the package `lung-egfr`: EGFR mutation of a lung cancer from what is known without a biopsy of the tumour's genes.

    python models/lung-egfr/train.py            write the package beside this file
    python models/lung-egfr/train.py --check    make it anew and compare, byte for byte

Prepares the public table and hands it to `radnode models train` with `spec.toml`. Needs the extra `train` and the data
folder ($RADNODE_DATA, or ../shared/data). The hospital (Stanford, VA) differs in prevalence threefold and is no input:
the model is judged across it instead.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from node.training.command import shipped, source

TABLE = "tables/nsclc-radiogenomics/clinical.csv"
DIGEST = "4f2cc820ce6b6b21225d873e59abfb5bdfc6d5c9ac7cb96b11fc2af1616a6918"

HISTOLOGIES = {
    "Adenocarcinoma": "adenocarcinoma",
    "Squamous cell carcinoma": "squamous cell carcinoma",
    "NSCLC NOS (not otherwise specified)": "nsclc nos",
}
SMOKING = {"Nonsmoker": "never", "Former": "former", "Current": "current"}


def rows() -> list[dict[str, object]]:
    """One row per patient, in the node's own words."""
    with source(TABLE, DIGEST).open(encoding="utf-8-sig", newline="") as file:
        return [patient(row) for row in csv.DictReader(file)]


def patient(row: dict[str, str]) -> dict[str, object]:
    """One row of the public table; what was not collected is blank."""
    smoking = SMOKING[row["Smoking status"]]
    return {
        "patient": row["Patient ID"],
        "egfr": row["EGFR mutation status"],
        "hospital": row["Patient affiliation"],
        "age": row["Age at Histological Diagnosis"],
        "sex": row["Gender"].lower(),
        "smoking": smoking,
        "pack_years": "0" if smoking == "never" else row["Pack Years"],
        "histology": HISTOLOGIES[row["Histology "]],
        "ground_glass": "" if row["%GG"] == "Not Assessed" else row["%GG"].replace(" - ", "-").replace("< ", "<"),
    }


if __name__ == "__main__":
    sys.exit(shipped(Path(__file__).resolve().parent, rows, sys.argv[1:]))
