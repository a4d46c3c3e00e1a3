"""Who counts as which peer. The SCP itself is tested over real sockets in tests/integration/test_receive.py."""

from __future__ import annotations

import pytest

from node.network.scp import Peer


@pytest.mark.parametrize(
    ("host", "title", "address", "known"),
    [
        ("", "CT1", "10.0.0.5", True),
        ("", "CT2", "10.0.0.5", False),
        ("10.0.0.5", "CT1", "10.0.0.5", True),
        ("10.0.0.5", "CT1", "10.0.0.6", False),
        ("10.0.0.5", "CT1", "::ffff:10.0.0.5", True),
        ("::1", "CT1", "::1", True),
        ("localhost", "CT1", "127.0.0.1", True),
        ("no-such-host.invalid", "CT1", "10.0.0.5", False),
    ],
)
def test_a_peer_is_known_by_title_and_host(host, title, address, known):
    """The title must match exactly, the address only where a host is given, in whatever clothes IPv6 puts on it."""
    assert Peer(name="ct", ae_title="CT1 ", host=host).calls_from(title, address) is known
