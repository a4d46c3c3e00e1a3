"""Train one member, where torch is: `python learn.py CASES OUT.npz --seed N --steps N [N …]`; `train.py` calls it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from augment import Case
from network import RATE, UNet, fit


def cases(folder: Path) -> list[Case]:
    """What `train.py` prepared, in the order that it wrote down."""
    found = []
    for each in json.loads((folder / "index.json").read_text()):
        with np.load(folder / f"{each['name']}.npz") as stored:
            image, mask = stored["image"], stored["mask"]
        found.append(Case(name=each["name"], image=image, mask=mask, spacing=tuple(each["spacing"]),
                          centre=tuple(each["centre"])))  # fmt: skip
    return found


def save(model: UNet, path: Path) -> None:
    """Weights by name, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **{name: value.numpy() for name, value in model.state_dict().items()})
    part.replace(path)


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)  # one processor for each member, and sums in one order
    found, average = cases(given.cases), None
    for cycle, steps in enumerate(given.steps):  # each from where the last one ended, at half its learning rate
        average = fit(
            found,
            steps=steps,
            seed=given.seed + 1000 * cycle,
            say=say,
            save=lambda model: save(model, given.out),
            start=average,
            peak=RATE / 2**cycle,
        )


if __name__ == "__main__":
    main()
