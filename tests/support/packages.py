"""Model packages for tests: small, real, and written anew into a folder of the test's own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from node.inference.package import MANIFEST, package_files
from node.training import toml

HEAD: dict[str, Any] = {
    "id": "mgmt",
    "version": "1.0.0",
    "name": "MGMT methylation",
    "manufacturer": "radnode",
    "kind": "classifier",
    "engine": "refusal",
    "target": "MGMT promoter methylation",
    "gene": "MGMT",
    "hgnc_id": "HGNC:7059",
    "intended_use": "None.",
    "refusal": {"text": "imaging holds no signal for this target"},
}


def write_package(folder: Path, manifest: dict[str, Any], **files: bytes) -> Path:
    """Write files (underscores in names become dots) and a manifest that lists them; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(package_files(folder))}
    (folder / MANIFEST).write_text(toml.dumps({**manifest, "files": hashes}), encoding="utf-8")
    return folder


def refusing(folder: Path, **changes: Any) -> Path:
    """A package of the refusal engine in `folder`/mgmt."""
    golden = {"cases": [{"name": "any lesion", "inputs": {}, "expect": {"code": "refusal_by_design"}}]}
    return write_package(folder / "mgmt", {**HEAD, **changes}, golden_json=json.dumps(golden).encode())
