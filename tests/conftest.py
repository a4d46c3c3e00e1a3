"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog

from tests.support.peers import missing


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the real images and tables; the test is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("RADNODE_DATA", Path(__file__).parents[2] / "shared" / "data")).resolve()
    if not (folder / "ibsi-ct-phantom").is_dir():
        missing(f"real data is absent: {folder} (set RADNODE_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _logging_as_before():
    """A command that a test calls in its own process sets up logging; the next test must not find it so."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
