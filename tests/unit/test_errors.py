"""Errors cross the border between worker and service whole."""

from __future__ import annotations

import pickle

import pytest

from node.errors import ConfigError, DeliveryFailed, InstanceRejected, ModelFailed, NodeError, Refused


@pytest.mark.parametrize(
    "error",
    [
        ModelFailed("two outputs", at="lung-egfr", do="mend the package"),
        Refused("gantry tilt", "tilted by 3 degrees", at="series 1.2"),
        DeliveryFailed("no answer", at="pacs", do="wait", retry=True, tries=3),
        InstanceRejected("too large", at="C-STORE", do="split it", status=0xA700),
        ConfigError(["a", "b"], at="config.toml"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_after_pickling(error: NodeError):
    """A model's reason must reach `radnode jobs show`, not end as a TypeError of the unpickler."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
