"""Orthanc as the PACS, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.peers import free_port, missing, program, until


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    dicom_port: int
    http_port: int
    ae_title: str = "ORTHANC"

    def get(self, path: str) -> Any:
        """JSON of a REST path, or bytes of a file."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            body = answer.read()
        return body if path.endswith("/file") else json.loads(body)

    def post(self, path: str, body: Any) -> Any:
        """JSON answer to a JSON post."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data=data, method="POST")
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def knows(self, name: str, ae_title: str, port: int) -> None:
        """Let it know a DICOM node on this machine, to send to."""
        self.put(f"/modalities/{name}", [ae_title, "127.0.0.1", port])

    def put(self, path: str, body: Any) -> None:
        """A JSON put."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        request = urllib.request.Request(url, data=json.dumps(body).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310

    def series(self, modality: str) -> list[dict[str, Any]]:
        """All series of a modality, with their instances."""
        listed = [self.get(f"/series/{uid}") for uid in self.get("/series")]
        return [each for each in listed if each["MainDicomTags"].get("Modality") == modality]

    def instances(self, modality: str) -> list[bytes]:
        """The files of all instances of a modality."""
        return [self.get(f"/instances/{i}/file") for series in self.series(modality) for i in series["Instances"]]


@contextmanager
def orthanc(folder: Path, modalities: dict[str, tuple[str, str, int]], **settings: Any) -> Iterator[Orthanc]:
    """
    Start Orthanc; `modalities` maps a name to (AE title, host, port).

    Orthanc 1.10 binds every address, so it runs only where the network is loopback alone (tests/isolated).
    """
    binary = program("Orthanc")
    if not os.environ.get("RADNODE_ISOLATED"):
        missing("Orthanc binds every address: run the tests through `make test` or tests/isolated")
    folder.mkdir(parents=True, exist_ok=True)
    pacs = Orthanc(free_port(), free_port())
    document = {
        "Name": "PACS",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": pacs.ae_title,
        "DicomPort": pacs.dicom_port,
        "HttpPort": pacs.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "UnknownSopClassAccepted": True,
        "DicomModalities": {name: list(entry) for name, entry in modalities.items()},
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(document))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([binary, str(folder / "orthanc.json")], stdout=log, stderr=log)
        try:
            until(lambda: _alive(pacs), within_s=60, what="Orthanc")
            yield pacs
        finally:
            process.terminate()
            process.wait(20)


def _alive(pacs: Orthanc) -> bool:
    try:
        return bool(pacs.get("/system"))
    except urllib.error.HTTPError as answer:
        return answer.code == 401  # it is there, and wants a password
    except OSError:
        return False
