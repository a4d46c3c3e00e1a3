"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.peers import missing


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the real images and tables; the test is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("RADNODE_DATA", Path(__file__).parents[2] / "shared" / "data")).resolve()
    if not (folder / "ibsi-ct-phantom").is_dir():
        missing(f"real data is absent: {folder} (set RADNODE_DATA)")
    return folder
