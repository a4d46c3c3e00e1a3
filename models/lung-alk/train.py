"""
Makes the package `lung-alk`: published odds ratios over a declared prior. Nothing is trained.

    python models/lung-alk/train.py            write the package beside this file
    python models/lung-alk/train.py --check    make it anew and compare, byte for byte

Needs the extra `train`, and no data.
"""

from __future__ import annotations

import sys
from pathlib import Path

from node.training.command import write_or_check
from node.training.published import make

HERE = Path(__file__).resolve().parent


def package() -> dict[str, bytes]:
    """The files, from `spec.toml`."""
    return make(HERE / "spec.toml", also={"train.py": (HERE / "train.py").read_bytes()})


if __name__ == "__main__":
    sys.exit(write_or_check(HERE, package, sys.argv[1:]))
