"""
Train, measure and describe glioma-flair: `python models/glioma-flair/train.py` (data from $RADNODE_DATA).

Training happens in an environment of its own, as torch is needed for nothing else: minutes on an NVIDIA H200,
about seven hours on two processors. Of the five networks that ship the first part of three was done there and of two
here, the second part of all here. It may happen on another machine, which needs torch and numpy but neither radnode nor
the data: `--prepare FOLDER`, there `learn.py` for each member, `--weights FOLDER`.
`--publish` measures the graph that lies here and writes everything besides it; `--describe` does so without measuring,
after a change of words. `--check` measures and compares with `model.toml`: training again is not the same to the last
bit on another processor, so what is compared are the figures, not the bytes. Measuring takes some ten minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cases
import numpy as np
from describe import PLOT, card, plot
from head import HEAD, LAYOUT, golden_cases
from judge import Drawn, candidates, choose, judge_all, ruined
from measure import LOOKS, Judged, judge_patient, measure
from unet_graph import graph, part

from node.domain.findings import ModelFacts
from node.domain.plain import to_plain
from node.inference import segmenter_golden
from node.inference.layout import Layout
from node.inference.manifest import parse
from node.inference.onnx_segmenter import OnnxSegmenter
from node.training import toml
from node.training.folder import write

HERE = Path(__file__).resolve().parent
TORCH = HERE.parents[1] / ".venv" / "torch"  #: the environment that training makes for itself
REQUIREMENTS = ("torch==2.13.0", "numpy")
NO_GPU = "no GPU is found: training takes about seven hours on two processors; see --prepare for another machine"
WORKERS = 2
MEMBERS = len(cases.RECIPES)
TOLERANCE = 0.02  #: of Dice, between two trainings or two processors
SCRIPTS = tuple(sorted(path.name for path in HERE.glob("*.py")))
FACTS = ModelFacts(id=HEAD["id"], version=HEAD["version"], kind="segmenter", digest="", manufacturer="", name="")


def main() -> int:
    """See the module."""
    given = arguments()
    data = Path(os.environ.get("RADNODE_DATA", HERE.parents[2] / "shared" / "data")) / cases.FOLDER
    if not cases.names(data):
        sys.exit(f"{data}: holds no TCGA_*.npz; set RADNODE_DATA to the folder with {cases.FOLDER}")
    if given.check:
        return compare(data)
    if given.prepare:
        prepare(data, given.prepare)
        return 0
    if given.describe:
        write(HERE, described())
        return 0
    if not given.publish:
        (HERE / "model.onnx").write_bytes(assembled(given.weights) if given.weights else train(data))
    write(HERE, publish(data, (HERE / "model.onnx").read_bytes()))
    return 0


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--check", action="store_true", help="measure the graph that lies here and compare")
    asked.add_argument("--publish", action="store_true", help="measure the graph that lies here and describe it")
    asked.add_argument("--describe", action="store_true", help="write the card again, from the figures in model.toml")
    asked.add_argument("--prepare", type=Path, metavar="FOLDER", help="write what learn.py reads, and stop")
    asked.add_argument("--weights", type=Path, metavar="FOLDER", help="take the weights that learn.py wrote there")
    return parser.parse_args()


def train(data: Path) -> bytes:
    """The graph, trained anew."""
    python = torch_python()
    gpu = subprocess.run(
        [str(python), "-c", "import torch; raise SystemExit(not torch.cuda.is_available())"], check=False
    )
    print("training takes minutes" if gpu.returncode == 0 else NO_GPU, flush=True)  # noqa: T201 - progress of a command
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(data, folder)
        with ThreadPoolExecutor(WORKERS if gpu.returncode else MEMBERS) as pool:
            done = list(pool.map(lambda member: learn(python, folder, member), range(MEMBERS)))
        if any(done):
            sys.exit("training failed; see above")
        return assembled(folder)


def learn(python: Path, folder: Path, member: int) -> int:
    """Train one member; 0 where that went well."""
    order = [python, HERE / "learn.py", folder, weights(folder, member), "--member", member]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([str(word) for word in order], env=alone, check=False).returncode


def weights(folder: Path, member: int) -> Path:
    """Where the weights of a member lie."""
    return folder / f"member{member}.npz"


def assembled(folder: Path) -> bytes:
    """The graph of members whose weights `learn.py` wrote."""
    members = [dict(np.load(weights(folder, member))) for member in range(MEMBERS)]
    return graph(members, channels=LAYOUT.window[0], name=HEAD["id"])


def prepare(data: Path, folder: Path) -> None:
    """Write the patients as `learn.py` reads them, and for each member how it is trained and whom it must not see."""
    folder.mkdir(exist_ok=True)
    split, patients = cases.split(cases.names(data)), []
    for name in split.names:
        patient = cases.read(data, name)
        np.savez_compressed(folder / f"{name}.npz", image=patient.image, mask=np.packbits(patient.mask))
        level, spread = cases.scale(patient)
        place = {"spacing": patient.spacing, "centre": patient.centre}
        patients.append({"name": name, **place, "level": level, "spread": spread})
    members = [
        {"unseen": unseen, "steps": steps, "batch": batch, "mixed": cases.MIXED}
        for unseen, (steps, batch) in zip(split.unseen, cases.RECIPES, strict=True)
    ]
    index = {"seed": cases.SEED, "patients": patients, "members": members}
    (folder / "index.json").write_text(json.dumps(index))


def torch_python() -> Path:
    """The interpreter of an environment with torch, made where there is none."""
    python = TORCH / "bin" / "python"
    links = [folder for folder in os.environ.get("PIP_FIND_LINKS", "").split() if Path(folder).is_dir()]
    if subprocess.run([str(python), "-c", "import torch"], check=False).returncode if python.exists() else True:
        if not any(list(Path(folder).glob("torch-2.13.0*.whl")) for folder in links):
            print("no torch 2.13.0 in $PIP_FIND_LINKS: the package index's large build is taken")  # noqa: T201
        subprocess.run([sys.executable, "-m", "venv", str(TORCH)], check=True)
        found = [word for folder in links for word in ("--find-links", folder)]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *found, *REQUIREMENTS], check=True)
    return python


def segmenter(model: bytes, layout: Layout) -> OnnxSegmenter:
    """The graph with a layout, on one processor."""
    return OnnxSegmenter(FACTS, layout, model, modality="MR")


def on_choice(work: tuple[Path, bytes, str, int]) -> tuple[list[Drawn], list[Drawn]]:
    """What is drawn with every layout on a patient of the choice, and on a ruined copy."""
    data, model, name, number = work
    patient, unseeing = cases.read(data, name), part(model, cases.split(cases.names(data)).drawers(name))
    tried = [segmenter(unseeing, each) for each in candidates(LAYOUT)]
    plain = list(judge_all(tried, name, patient.volume(), patient.mask))
    return plain, list(judge_all(tried, name, *ruined(patient, number)))


def on_patient(work: tuple[Path, bytes, Layout, str]) -> Judged:
    """Everything that is drawn on one patient."""
    data, model, layout, name = work
    split = cases.split(cases.names(data))
    return judge_patient(lambda members: segmenter(part(model, members), layout), cases.read(data, name), split)


def measured(data: Path, model: bytes) -> tuple[Layout, dict[str, Any]]:
    """The layout with what was chosen, and every figure."""
    split = cases.split(cases.names(data))
    with ProcessPoolExecutor(WORKERS) as pool:
        drawn = list(pool.map(on_choice, [(data, model, name, i) for i, name in enumerate(split.choice)]))
        chosen = choose(candidates(LAYOUT), [plain for plain, _ in drawn], [bad for _, bad in drawn])
        print(chosen.figures, chosen.layout.trust, flush=True)  # noqa: T201 - progress of a command
        judged = list(pool.map(on_patient, [(data, model, chosen.layout, name) for name in sorted(split.names)]))
    return chosen.layout, {**measure(judged), "chosen": chosen.figures}


def publish(data: Path, model: bytes) -> dict[str, bytes]:
    """File name to content of the whole package."""
    return package(model, *measured(data, model))


def described() -> dict[str, bytes]:
    """File name to content, with the figures and the layout that `model.toml` holds: for a change of words."""
    stated = tomllib.loads((HERE / "model.toml").read_text())
    layout = parse(stated, at="model.toml").segmenter
    assert layout is not None  # noqa: S101 - of a segmenter
    return package((HERE / "model.onnx").read_bytes(), layout, {**stated["performance"], "looks": LOOKS})


def package(model: bytes, layout: Layout, performance: dict[str, Any]) -> dict[str, bytes]:
    """What the figures and the golden images make of a graph."""
    draw = segmenter(model, layout).draw
    golden = {
        "tolerance": {"voxels": 0.02, "centroid_mm": 0.5, "trust": 0.05},
        "cases": [{**case, "expect": segmenter_golden.answer(case, draw)} for case in golden_cases()],
    }
    manifest: dict[str, Any] = {**HEAD, "segmenter": without_none(to_plain(layout)), "performance": performance}
    files = {
        "model.onnx": model,
        PLOT: plot(performance["each_patient"]),
        "golden.json": (json.dumps(golden, indent=1) + "\n").encode(),
        "card.md": card(manifest).encode(),
        **{name: (HERE / name).read_bytes() for name in SCRIPTS},
    }
    manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    parse(to_plain(manifest), at="model.toml")
    return {**files, "model.toml": toml.dumps(manifest).encode()}


def without_none(plain: Any) -> Any:
    """TOML has no word for nothing."""
    return {k: without_none(v) for k, v in plain.items() if v is not None} if isinstance(plain, dict) else plain


def compare(data: Path) -> int:
    """Measure the graph that lies here and compare with `model.toml`."""
    stated = tomllib.loads((HERE / "model.toml").read_text())["performance"]
    _, found = measured(data, (HERE / "model.onnx").read_bytes())
    wrong = 0
    for name in ("mean", "median", "percentile_10", "worst"):
        was, now = stated["dice"][name], found["dice"][name]
        apart = abs(was - now) > TOLERANCE
        wrong += apart
        print(f"Dice {name}: {now:.3f}, model.toml {was:.3f}{'  DIFFERS' if apart else ''}")  # noqa: T201
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
