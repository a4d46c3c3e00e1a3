"""The situations, run once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.golden.situations import situations


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """Every situation by name, with its runs."""
    return situations(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def results(ran):
    """Every result object of every situation: (name, kind, data set, situation)."""
    return [
        (f"{name} {run}".strip(), kind, ds, situation)
        for name, runs in ran.items()
        for run, situation in runs.items()
        for kind, ds in situation.result.objects.items()
    ]
