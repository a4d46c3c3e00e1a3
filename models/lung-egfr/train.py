"""
Makes the package `lung-egfr`: EGFR mutation of a lung cancer from what is known without a biopsy of the tumour's genes.

    python models/lung-egfr/train.py            write the package beside this file
    python models/lung-egfr/train.py --check    make it anew and compare, byte for byte

Reads `tables/nsclc-radiogenomics/clinical.csv` below $RADNODE_DATA (or ../shared/data). Needs the extra `train`. The
hospital (Stanford, VA) differs in prevalence threefold and is no input: the model is judged across it instead.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from node.training.encode import features, inputs_of
from node.training.publish import Project, run
from node.training.tabular import Array, Table

HERE = Path(__file__).resolve()
DATA = Path(os.environ.get("RADNODE_DATA", HERE.parents[3] / "shared" / "data"))

HISTOLOGIES = {
    "Adenocarcinoma": "adenocarcinoma",
    "Squamous cell carcinoma": "squamous cell carcinoma",
    "NSCLC NOS (not otherwise specified)": "nsclc nos",
}
GROUND_GLASS = {
    "0%": "0%",
    ">0 - 25%": ">0-25%",
    "25 - 50%": "25-50%",
    "50 - 75%": "50-75%",
    "75 - < 100%": "75-<100%",
    "100%": "100%",
}
SMOKING = {"Nonsmoker": "never", "Former": "former", "Current": "current"}


def histology_input(name: str, level: str) -> dict[str, Any]:
    """One 0/1 input of the category; a histology that nobody in training had is refused."""
    return {
        "name": name,
        "source": "clinical:histology",
        "levels": {each: float(each == level) for each in HISTOLOGIES.values()},
        "unlisted": "refuse",
        "meaning": f"histology is {level}",
    }


INPUTS: list[dict[str, Any]] = [
    {"name": "age", "source": "clinical:age", "unit": "a", "meaning": "completed years at diagnosis"},
    {"name": "female", "source": "clinical:sex", "levels": {"male": 0.0, "female": 1.0}, "meaning": "sex"},
    {
        "name": "ever_smoker",
        "source": "clinical:smoking",
        "levels": {"never": 0.0, "former": 1.0, "current": 1.0},
        "meaning": "has ever smoked; unknown where only 'not a smoker now' is known",
    },
    {
        "name": "current_smoker",
        "source": "clinical:smoking",
        "levels": {"never": 0.0, "former": 0.0, "not_current": 0.0, "current": 1.0},
        "meaning": "smokes now",
    },
    {
        "name": "pack_years",
        "source": "clinical:pack_years",
        "unit": "{pack-years}",
        "range": [0.0, 300.0],
        "meaning": "packs a day times years; zero for never smokers",
    },
    histology_input("adenocarcinoma", "adenocarcinoma"),
    histology_input("squamous", "squamous cell carcinoma"),
    histology_input("nsclc_nos", "nsclc nos"),
    {
        "name": "ground_glass",
        "source": "image:ground_glass",
        "levels": {"0%": 0.0, ">0-25%": 0.125, "25-50%": 0.375, "50-75%": 0.625, "75-<100%": 0.875, "100%": 1.0},
        "meaning": "ground-glass share of the lesion, the middle of a reader's class",
    },
]

COLUMNS = [item["name"] for item in INPUTS]
HISTOLOGY = ("adenocarcinoma", "squamous", "nsclc_nos")


def head(patients: list[dict[str, str]], digest: str) -> dict[str, Any]:
    """The manifest's keys that a person decides, with the counts of this very table."""
    histologies = Counter(HISTOLOGIES[row["Histology "]] for row in patients)
    cohorts = Counter(row["Patient affiliation"] for row in patients)
    ages = [float(row["Age at Histological Diagnosis"]) for row in patients]
    counted = ", ".join(f"{n} {name}" for name, n in histologies.most_common())
    seen = " and ".join(f"{n} of {name}" for name, n in cohorts.most_common())
    return {
        "id": "lung-egfr",
        "version": "1.0.0",
        "name": "EGFR mutation of a primary lung cancer",
        "manufacturer": "radnode",
        "kind": "classifier",
        "engine": "onnx",
        "target": "EGFR mutation",
        "gene": "EGFR",
        "hgnc_id": "HGNC:3236",
        "intended_use": "Research. A hint at the EGFR status of a known or suspected primary non-small-cell lung "
        "cancer while tissue is awaited. It does not replace molecular testing and must not decide a treatment.",
        "limits": [
            "Patients of two hospitals of one region; no external validation beyond training on one and testing on the "
            "other.",
            "Trained on a reader's class of ground glass; in use the class is measured by software, and their "
            "agreement is untested.",
            "The interval tells how sure the model is of its own estimate given so few patients; it does not hold what "
            "a missing input would have changed.",
        ],
        "exploratory": "more events are needed before anyone relies on it",
        "inputs": INPUTS,
        "conditions": [{"text": "valid only if this lesion is a primary NSCLC", "quantity": "histology"}],
        "declared": {
            "modality": "CT",
            "body_part": ["CHEST", "LUNG", "THORA", "PULMO", "BODY", "TRUNK"],
            "organ": "lung",
            "age": [18.0, 120.0],
            "age_usual": [min(ages), max(ages)],
            "slice_thickness_mm": [0.4, 5.0],
            "lesion_volume_ml": [0.1, 1500.0],
        },
        "preprocessing": {
            "standardising": "inside the graph, by mean and standard deviation of the training patients",
            "missing": "counts as the mean of the training patients",
            "beyond_training": "counts as the end of the training range",
        },
        "training": {"population": f"{counted}; {seen}; status by molecular test of resected tissue"},
        "data": [
            {
                "source": "TCIA NSCLC Radiogenomics, table of clinical data.",
                "citation": "Bakr S, et al. A radiogenomic dataset of non-small cell lung cancer. "
                "Sci Data 2018;5:180202.",
                "licence": "CC BY 3.0",
                "sha256": digest,
            }
        ],
    }


def patient(row: dict[str, str]) -> dict[str, float | str]:
    """One row of the table as quantities; what was not collected is absent."""
    smoking = SMOKING[row["Smoking status"]]
    known: dict[str, float | str] = {
        "clinical:age": float(row["Age at Histological Diagnosis"]),
        "clinical:sex": row["Gender"].lower(),
        "clinical:smoking": smoking,
        "clinical:histology": HISTOLOGIES[row["Histology "]],
    }
    if smoking == "never":
        known["clinical:pack_years"] = 0.0
    elif row["Pack Years"] not in {"", "Not Collected"}:
        known["clinical:pack_years"] = float(row["Pack Years"])
    if row["%GG"] != "Not Assessed":
        known["image:ground_glass"] = GROUND_GLASS[row["%GG"]]
    return known


def without(table: Array, *names: str) -> Array:
    """The table with these inputs missing."""
    blanked = table.copy()
    blanked[:, [COLUMNS.index(name) for name in names]] = np.nan
    return blanked


def header(table: Array) -> Array:
    """What a DICOM header and the image can tell: age, sex, whether the patient smokes now, ground glass."""
    blanked = without(table, "pack_years", *HISTOLOGY)
    blanked[blanked[:, COLUMNS.index("current_smoker")] == 0, COLUMNS.index("ever_smoker")] = np.nan
    return blanked


def views(table: Array) -> dict[str, Array]:
    """How patients look where less is known, as it will be in use."""
    return {
        "without histology": without(table, *HISTOLOGY),
        "without ground glass": without(table, "ground_glass"),
        "without histology and pack-years": without(table, *HISTOLOGY, "pack_years"),
        "with age, sex, 'smokes now' and ground glass only": header(table),
        "with age, sex and 'smokes now' only": without(header(table), "ground_glass"),
    }


def project() -> Project:
    """Everything that makes the package, from the table on disk."""
    path = DATA / "tables" / "nsclc-radiogenomics" / "clinical.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["EGFR mutation status"] in {"Mutant", "Wildtype"}]
    manifest = head(rows, hashlib.sha256(path.read_bytes()).hexdigest())
    inputs = inputs_of(manifest)
    known = features(inputs, [patient(row) for row in rows])
    table = Table(
        names=tuple(COLUMNS),
        features=known,
        views=views(known),
        target=np.array([row["EGFR mutation status"] == "Mutant" for row in rows]),
        cohorts=np.array([row["Patient affiliation"] for row in rows]),
    )
    woman = {"age": 62.0, "female": 1.0, "ever_smoker": 0.0, "current_smoker": 0.0, "pack_years": 0.0}
    man = {"age": 62.0, "female": 0.0, "ever_smoker": 1.0, "current_smoker": 1.0, "pack_years": 45.0}
    adenocarcinoma = {"adenocarcinoma": 1.0, "squamous": 0.0, "nsclc_nos": 0.0}
    squamous = {"adenocarcinoma": 0.0, "squamous": 1.0, "nsclc_nos": 0.0}
    return Project(
        head=manifest,
        table=table,
        script=HERE,
        golden={
            "nothing known": {},
            "woman who never smoked, part-solid adenocarcinoma": {**woman, **adenocarcinoma, "ground_glass": 0.625},
            "smoking man, solid squamous cell carcinoma": {**man, **squamous, "ground_glass": 0.0},
            "man who does not smoke now, nothing else known": {"age": 70.0, "female": 0.0, "current_smoker": 0.0},
        },
    )


if __name__ == "__main__":
    sys.exit(run(project(), check="--check" in sys.argv[1:]))
