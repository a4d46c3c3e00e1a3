"""A trial authority with its certificates, and DCMTK's options for them."""

from __future__ import annotations

from pathlib import Path

from node.demo.certs import found, issue
from node.network.tls import Credentials


class Trust:
    """One authority, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._authority = found(folder)

    def issue(self, ae_title: str, **settings: object) -> Credentials:
        """Files for an application entity."""
        return issue(self._authority, self.folder, ae_title, **settings)


def dcmtk(credentials: Credentials) -> tuple[str, ...]:
    """How a DCMTK program is told to speak TLS with these files, and to check the other side."""
    return ("+tls", str(credentials.key), str(credentials.certificate), "+cf", str(credentials.ca))
