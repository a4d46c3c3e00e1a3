"""The configured peers and certificates in the network's form."""

from __future__ import annotations

from node.config import Config
from node.network.scp import Peer
from node.network.tls import Credentials


def credentials(config: Config) -> Credentials | None:
    """The node's certificate and whom it trusts, where TLS is set up."""
    tls = config.tls
    return Credentials(certificate=tls.certificate, key=tls.key, ca=tls.ca) if tls else None


def peers(config: Config) -> dict[str, Peer]:
    """All peers, by name."""
    ours = credentials(config)
    return {
        name: Peer(
            name=name,
            ae_title=p.ae_title,
            host=p.host or "",
            port=p.port or 0,
            may_send=p.may_send,
            tls=ours if p.tls else None,
        )
        for name, p in config.peers.items()
    }
