"""
Train one member, where torch is: `python learn.py FOLDER OUT.npz --member M`; `train.py` calls it.

FOLDER is what `train.py` (or `train.py --prepare FOLDER`) wrote. It takes a GPU where there is one; nothing of radnode
is needed, so that a machine with a GPU can do it from that folder and the three files `learn`, `network`, `augment`.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from augment import CLIP, Case
from network import UNet, fit


def cases(folder: Path, index: Mapping[str, Any], unseen: Collection[str]) -> list[Case]:
    """The patients that a member learns from, in the order that was written down."""
    found = []
    for each in index["patients"]:
        if each["name"] in unseen:
            continue
        with np.load(folder / f"{each['name']}.npz") as stored:
            image, mask = stored["image"].astype(np.float32), stored["mask"]
        scaled = np.clip((image - each["level"]) / each["spread"], *CLIP) - CLIP[0]
        found.append(
            Case(
                name=each["name"],
                image=scaled.astype(np.float32),
                mask=np.unpackbits(mask)[: image.size].reshape(image.shape),
                spacing=tuple(each["spacing"]),
                centre=tuple(each["centre"]),
            )
        )
    return found


def save(model: UNet, path: Path) -> None:
    """Weights by name, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **{name: value.cpu().numpy() for name, value in model.state_dict().items()})
    part.replace(path)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--member", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order; the members share the processors
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def say(text: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} member {given.member} on {device.type}: {text}\n")
        sys.stdout.flush()

    index = json.loads((given.folder / "index.json").read_text())
    recipe = index["members"][given.member]
    found = cases(given.folder, index, recipe["unseen"])
    seed, steps, batch = index["seed"] + given.member, recipe["steps"], recipe["batch"]
    keep = functools.partial(save, path=given.out)
    fit(found, steps=steps, batch=batch, seed=seed, device=device, say=say, save=keep)


if __name__ == "__main__":
    main()
