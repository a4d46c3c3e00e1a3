"""Ledgers for tests: a clock that is set by hand, small instances, orders and results, and a real PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom

from node.domain.clinical import Clinical
from node.domain.document import ResultKind
from node.domain.order import Input, LesionRules, LesionSource, Order, Pipeline
from node.domain.rules import Role
from node.domain.series import Frame, Instance, Patient
from node.store import results
from node.store.instances import Arrival
from node.store.ledger import Ledger
from node.store.results import Manifest, ResultFile
from tests.support.peers import free_port, missing

START = datetime(2026, 11, 1, 10, 15, tzinfo=UTC)
CT = "1.2.840.10008.5.1.4.1.1.2"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SR = "1.2.840.10008.5.1.4.1.1.88.34"
ANNA = Patient("ANNA-1", "HOSPITAL")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Go on by seconds=…, hours=…; the new time."""
        self.now += timedelta(**by)
        return self.now


def an_instance(sop_uid: str, study_uid: str = "1.2.1", **changes: Any) -> Instance:
    """One CT slice as its header tells it; its digest follows from all of it."""
    plain = Instance(
        sop_uid=sop_uid,
        sop_class=CT,
        series_uid=f"{study_uid}.1",
        study_uid=study_uid,
        patient=ANNA,
        modality="CT",
        transfer_syntax="1.2.840.10008.1.2.1",
        frame_uid="1.2.9",
        attributes={"SeriesDescription": ("Thorax",), "ImageType": ("ORIGINAL", "PRIMARY", "AXIAL")},
        frames=(Frame((0.0, 1.5, -2.25), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),),
    )
    changed = replace(plain, **changes)
    return changed if changed.digest else replace(changed, digest=sha256(repr(changed).encode()))


def an_arrival(instance: Instance, received_at: datetime = START, **changes: Any) -> Arrival:
    """One received file."""
    path = f"spool/kept/{instance.study_uid}/{instance.series_uid}/{instance.sop_uid}.{instance.digest[:16]}.dcm"
    made = Arrival(instance=instance, path=path, calling_ae="CT1", received_at=received_at, size_bytes=1000)
    return replace(made, **changes)


def an_order(
    study_uid: str = "1.2.1", revision: int = 1, sop_uids: tuple[str, ...] = ("1.1",), **changes: Any
) -> Order:
    """A work order of the pipeline "lung"."""
    inputs = tuple(
        Input(
            sop_uid=uid, sop_class=CT, series_uid="1.2.3", study_uid=study_uid, digest=uid, content=uid, path=f"p/{uid}"
        )
        for uid in sop_uids
    )
    made = Order(
        installation="test",
        node_version="0",
        pipeline=Pipeline(
            name="lung", number=0, roles={"ct": Role(modality="CT")}, lesion=LesionRules(), send_to=("pacs", "archive")
        ),
        study_uid=study_uid,
        patient_key="k",
        revision=revision,
        roles={"ct": inputs},
        lesion=(LesionSource(kind="model", model="lung-lesion"),),
        models={},
        clinical=Clinical(),
        written_at=START,
    )
    return replace(made, **changes)


def a_result(order: Order, attempt: int = 1, **changes: Any) -> tuple[dict[str, bytes], Manifest]:
    """Files and manifest of one attempt: a SEG and an SR (their bytes mean nothing) and the order."""
    contents = {kind: f"{kind} of {order.job_id}".encode() for kind in ("seg", "sr")}
    files = tuple(
        ResultFile(
            name=f"{kind}.dcm",
            kind=kind,
            sop_class=sop_class,
            sop_uid=f"2.25.{int(sha256(contents[kind])[:20], 16)}",
            series_uid="2.25.7",
            series_description=kind,
            sha256=sha256(contents[kind]),
        )
        for kind, sop_class in (("seg", SEG), ("sr", SR))
    )
    order_json = order.to_json().encode()
    made = Manifest(
        job_id=order.job_id,
        attempt=attempt,
        state="succeeded",
        document={"id": order.job_id, "lesions": []},
        files=files,
        order_sha256=sha256(order_json),
    )
    return {"seg.dcm": contents["seg"], "sr.dcm": contents["sr"], "order.json": order_json}, replace(made, **changes)


def sha256(content: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(content).hexdigest()


class PostgreSQL:
    """A PostgreSQL server of our own, on loopback, whose tables live in as many schemas as tests ask for."""

    def __init__(self, port: int) -> None:
        self._port, self._schemas = port, 0

    def url(self) -> str:
        """URL of an empty ledger."""
        import psycopg

        self._schemas += 1
        schema = f"ledger{self._schemas}"
        with psycopg.connect(
            host="127.0.0.1", port=self._port, user="radnode", dbname="postgres", autocommit=True
        ) as c:
            c.execute(f"CREATE SCHEMA {schema}")
        where = f"postgresql+psycopg://radnode@127.0.0.1:{self._port}/postgres"
        return f"{where}?options=-csearch_path%3D{schema}"

    def drop_connections(self) -> None:
        """End every other session, as a restart of the server does."""
        import psycopg

        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'radnode'"
        with psycopg.connect(
            host="127.0.0.1", port=self._port, user="radnode", dbname="postgres", autocommit=True
        ) as c:
            c.execute(f"{others} AND pid <> pg_backend_pid()")


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL server in a folder of its own and stop it afterwards."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        missing("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb")
    tools = binaries[-1].parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="radnode-pg-"))
    try:
        if as_user:
            shutil.chown(folder, "postgres")
        port = free_port()
        data = str(folder / "data")
        _run(folder, *as_user, tools / "initdb", "-D", data, "-U", "radnode", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -p {port}"
        control = [*as_user, tools / "pg_ctl", "-D", data, "-w"]
        _run(folder, *control, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield PostgreSQL(port)
        finally:
            _run(folder, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, *command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def recorded(ledger: Ledger, root: Path, order: Order, objects: Mapping[ResultKind, Path]) -> None:
    """A result made of real objects, in its folder below `root` and in the ledger, on its way to "pacs"."""
    contents = {f"{kind}.dcm": path.read_bytes() for kind, path in objects.items()}
    files = [
        ResultFile.of(f"{kind}.dcm", kind, pydicom.dcmread(path), contents[f"{kind}.dcm"])
        for kind, path in objects.items()
    ]
    manifest = Manifest(job_id=order.job_id, attempt=1, state="succeeded", document={}, files=tuple(files))
    folder = root / results.folder_of(order.job_id, 1)
    manifest = results.write(folder, {**contents, results.ORDER: order.to_json().encode()}, manifest)
    assert ledger.restore(order, manifest, ("pacs",))
