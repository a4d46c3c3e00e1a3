"""
Train one member, where torch is: `python learn.py FOLDER OUT.npz --member M`; `train.py` calls it.

FOLDER is what `train.py` (or `train.py --prepare FOLDER`) wrote. It takes a GPU where there is one; nothing of radnode
is needed, so that a machine with a GPU can do it from that folder and the files `learn`, `network`, `augment`, `mix`.
`--after WEIGHTS.npz` takes over what the first part of the training gave, and does the second.
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
from augment import CLIP, Case, Sampler
from mix import Mixer
from network import UNet, Weights, fit

SECOND = 1000  #: added to the seed for the second part


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


def halfway(start: Weights, end: Weights) -> Weights:
    """Mean of what both parts of the training gave: firmer than either (Wortsman et al., CVPR 2022)."""
    return {
        name: (end[name] + start[name].to(end[name])) / 2 if end[name].is_floating_point() else end[name]
        for name in end
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--member", type=int, required=True)
    parser.add_argument("--after", type=Path, metavar="WEIGHTS.npz")
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
    how: dict[str, Any] = {"device": device, "say": say, "save": functools.partial(save, path=given.out)}
    if given.after:
        start = {name: torch.from_numpy(value) for name, value in np.load(given.after).items()}
    else:
        torch.manual_seed(seed)
        start = fit(Sampler(found, np.random.default_rng(seed), device), steps=steps, batch=batch, **how).state_dict()
    steps, batch, highest = recipe["mixed"]
    say(f"{steps} steps with mixed tumours")
    torch.manual_seed(seed + SECOND)
    mixer = Mixer(found, np.random.default_rng(seed + SECOND), device)
    end = fit(mixer, steps=steps, batch=batch, highest=highest, start=start, **how)
    end.load_state_dict(halfway(start, end.state_dict()))
    save(end, given.out)


if __name__ == "__main__":
    main()
