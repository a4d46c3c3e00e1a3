"""DCMTK's storescp as a receiver that takes some SOP classes only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from node.network.scp import Peer
from node.network.scu import echo
from tests.support.peers import free_port, program, until

VERIFICATION = "1.2.840.10008.1.1"

PROFILE = """[[TransferSyntaxes]]
[Plain]
TransferSyntax1 = LittleEndianExplicit
TransferSyntax2 = LittleEndianImplicit
[[PresentationContexts]]
[Chosen]
{contexts}
[[Profiles]]
[Default]
PresentationContexts = Chosen
"""


@contextmanager
def storescp(folder: Path, *sop_classes: str) -> Iterator[Peer]:
    """A receiver that takes these classes (and C-ECHO); what it gets lies in `folder`, byte for byte."""
    folder.mkdir(parents=True)
    lines = [f"PresentationContext{n} = {uid}\\Plain" for n, uid in enumerate((VERIFICATION, *sop_classes), 1)]
    settings = folder.with_suffix(".cfg")
    settings.write_text(PROFILE.format(contexts="\n".join(lines)))
    peer = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=free_port())
    command = [program("storescp"), "-xf", str(settings), "Default", "-od", str(folder), "+B", str(peer.port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: echo(peer, "RADNODE", 2) == "", within_s=10, what="storescp")
            yield peer
        finally:
            process.terminate()


def received(folder: Path) -> list[Dataset]:
    """What it got so far, by SOP class."""
    return sorted((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda ds: str(ds.SOPClassUID))
