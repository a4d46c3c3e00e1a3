"""What was received: every version of every instance, once."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, literal_column, select, update

from node.domain.plain import to_plain
from node.domain.series import Frame, Instance, Patient, Stored
from node.store.database import Database, exists, scalars
from node.store.schema import instance, patient, result_file, unreadable
from node.store.studies import touch_study
from node.store.transitions import printable

UNJUDGED = instance.c.content == literal_column("''")  # as the partial index says it
CHUNK = 500
"""How many values one IN clause takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One received file, read; `path` is where it is kept, relative to the state directory."""

    instance: Instance
    path: str
    calling_ae: str
    received_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One received file that is no DICOM object that we can read."""

    path: str
    reason: str
    calling_ae: str
    received_at: datetime


class Instances(Database):
    """The recorder writes here; the assembler reads."""

    def record(self, arrivals: Sequence[Arrival]) -> None:
        """
        Remember received files, in one transaction; what is known already (same SOP UID and digest) changes nothing.

        The first version of an instance counts at once; another one waits to be judged (`unjudged`), and holds its
        study back until then. What a radnode made is remembered, but touches no study (design rule 5).

        Raises:
            LedgerError: The database failed; nothing was recorded.
        """
        with self.writing() as connection:
            known = _Known.of(connection, {arrival.instance.sop_uid for arrival in arrivals})
            rows = [row for arrival in arrivals if (row := known.row(arrival)) is not None]
            if rows:
                connection.execute(insert(instance), rows)
                _know(connection, {arrival.instance.patient for arrival in arrivals})
            times: dict[str, list[datetime]] = defaultdict(list)
            for row in rows:
                if not row["ours"]:
                    times[row["study_uid"]].append(row["received_at"])
            for study_uid, arrived in times.items():
                touch_study(connection, study_uid, arrived)

    def unreadable(self, path: str, reason: str, calling_ae: str, received_at: datetime) -> None:
        """Remember a file that could not be read; the same path again changes nothing."""
        row = {
            "path": path,
            "reason": printable(reason),
            "calling_ae": printable(calling_ae),
            "received_at": received_at,
        }
        with self.writing() as connection:
            if not exists(connection, unreadable.c.path == path):
                connection.execute(insert(unreadable).values(row))

    def unreadables(self) -> tuple[Unreadable, ...]:
        """All files that could not be read, oldest first."""
        with self.reading() as connection:
            rows = connection.execute(select(unreadable).order_by(unreadable.c.received_at, unreadable.c.path))
            return tuple(Unreadable(r.path, r.reason, r.calling_ae, r.received_at) for r in rows)

    def unjudged(self, limit: int = 100) -> tuple[tuple[Stored, Stored], ...]:
        """Versions that nobody has compared yet, oldest first, each with the first version of the same instance."""
        with self.reading() as connection:
            oldest_first = instance.c.number + 0  # not the bare key, or SQLite walks the whole table in its order
            waiting = connection.execute(select(instance).where(UNJUDGED).order_by(oldest_first).limit(limit)).all()
            first = {r.sop_uid: r for r in waiting}
            for uid in first:
                first[uid] = connection.execute(_all().where(instance.c.sop_uid == uid).limit(1)).one()
        return tuple((_stored(r), _stored(first[r.sop_uid])) for r in waiting)

    def judge(self, sop_uid: str, digest: str, *, content: str, conflict: bool) -> None:
        """
        Settle what a version shows, and have its studies examined again: it may carry a newer header or a conflict.

        Args:
            sop_uid: The instance.
            digest: Its version.
            content: Digest of the first version that shows the same; the version's own when none does.
            conflict: Whether it contradicts the first version.
        """
        this = and_(instance.c.sop_uid == sop_uid, instance.c.digest == digest)
        with self.writing() as connection:
            connection.execute(update(instance).where(this).values(content=content, conflict=conflict))
            studies = select(instance.c.study_uid).distinct().where(instance.c.sop_uid == sop_uid, ~instance.c.ours)
            for study_uid in scalars(connection, studies):
                touch_study(connection, study_uid)

    def versions(self, sop_uid: str) -> tuple[Stored, ...]:
        """All versions of one instance, oldest first."""
        return self._select(instance.c.sop_uid == sop_uid)

    def made_here(self, sop_uid: str) -> bool:
        """Whether a radnode made this instance."""
        with self.reading() as connection:
            return _made_here(connection, sop_uid)

    def study(self, study_uid: str) -> tuple[Stored, ...]:
        """All versions that may feed a case of this study: without what a radnode made; oldest first."""
        return self._select(instance.c.study_uid == study_uid, ~instance.c.ours)

    def objects_of(self, whose: Patient, sop_classes: Collection[str]) -> tuple[Stored, ...]:
        """
        All versions of this patient's objects of these SOP classes in any study, without ours; oldest first.

        Who lacks an issuer is the one patient who has the same ID with an issuer; of two such patients, neither.
        """
        return self._select(self._is(whose), instance.c.sop_class.in_(sorted(sop_classes)), ~instance.c.ours)

    def patient_studies(self, whose: Patient) -> tuple[str, ...]:
        """Study UIDs under which this patient, as in `objects_of`, has instances."""
        query = select(instance.c.study_uid).distinct().where(self._is(whose), ~instance.c.ours)
        with self.reading() as connection:
            return scalars(connection, query.order_by(instance.c.study_uid))

    def studies_referenced(self, sop_uids: Collection[str]) -> tuple[str, ...]:
        """Study UIDs that contain any of these instances."""
        found: set[str] = set()
        with self.reading() as connection:
            for some in _chunks(sorted(sop_uids)):
                query = select(instance.c.study_uid).distinct().where(instance.c.sop_uid.in_(some), ~instance.c.ours)
                found.update(scalars(connection, query))
        return tuple(sorted(found))

    def _is(self, whose: Patient) -> ColumnElement[bool]:
        key, bare = _key(whose), _bare(whose)
        with self.reading() as connection:
            alike = {key, bare, *scalars(connection, select(patient.c.key).where(patient.c.id_key == bare))}
        return instance.c.patient.in_(alike if len(alike - {bare}) == 1 else {key})

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[Stored, ...]:
        with self.reading() as connection:
            return tuple(_stored(row) for row in connection.execute(_all().where(*conditions)))


def _all() -> Any:
    return select(instance).order_by(instance.c.number)


class _Known:
    """What the ledger knows of the instances of one batch, kept up to date while the batch goes through."""

    def __init__(self, digests: dict[str, set[str]], ours: set[str]) -> None:
        self._digests, self._ours = digests, ours

    @classmethod
    def of(cls, connection: Connection, sop_uids: Collection[str]) -> _Known:
        digests: dict[str, set[str]] = defaultdict(set)
        ours: set[str] = set()
        for some in _chunks(sorted(sop_uids)):
            columns = (instance.c.sop_uid, instance.c.digest, instance.c.ours)
            for row in connection.execute(select(*columns).where(instance.c.sop_uid.in_(some))):
                digests[row.sop_uid].add(row.digest)
                ours.update([row.sop_uid] if row.ours else [])
            ours.update(scalars(connection, select(result_file.c.sop_uid).where(result_file.c.sop_uid.in_(some))))
        return cls(digests, ours)

    def row(self, arrival: Arrival) -> dict[str, Any] | None:
        """The row that an arrival adds; None when it is known."""
        this = arrival.instance
        if this.digest in self._digests[this.sop_uid]:
            return None
        ours = this.ours or this.sop_uid in self._ours
        counts_at_once = ours or not self._digests[this.sop_uid]
        self._digests[this.sop_uid].add(this.digest)
        self._ours.update([this.sop_uid] if ours else [])
        return {
            "sop_uid": this.sop_uid,
            "digest": this.digest,
            "study_uid": this.study_uid,
            "series_uid": this.series_uid,
            "sop_class": this.sop_class,
            "patient": _key(this.patient),
            "path": arrival.path,
            "calling_ae": printable(arrival.calling_ae),
            "received_at": arrival.received_at,
            "size_bytes": arrival.size_bytes,
            "content": this.digest if counts_at_once else "",
            "conflict": False,
            "ours": ours,
            "header": json.dumps(to_plain(this)),  # pure ASCII
        }


def _made_here(connection: Connection, sop_uid: str) -> bool:
    recorded = exists(connection, result_file.c.sop_uid == sop_uid)
    return recorded or exists(connection, instance.c.sop_uid == sop_uid, instance.c.ours)


def _know(connection: Connection, patients: Collection[Patient]) -> None:
    rows = {_key(each): _bare(each) for each in patients}
    for some in _chunks(sorted(rows)):
        known = scalars(connection, select(patient.c.key).where(patient.c.key.in_(some)))
        if new := [{"key": key, "id_key": rows[key]} for key in some if key not in known]:
            connection.execute(insert(patient), new)


def _key(whose: Patient) -> str:
    return hashlib.sha256(json.dumps(to_plain(whose), sort_keys=True).encode()).hexdigest()


def _bare(whose: Patient) -> str:
    """Key of the same Patient ID without an issuer."""
    return _key(replace(whose, issuer=""))


def _stored(row: Row[Any]) -> Stored:
    return Stored(
        instance=_instance(json.loads(row.header)),
        path=row.path,
        received_at=row.received_at,
        content=row.content,
        conflict=row.conflict,
        calling_ae=row.calling_ae,
    )


def _instance(plain: dict[str, Any]) -> Instance:
    """The same as `from_plain(Instance, …)`, thirty times faster: a study has thousands of them."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
    values["patient"] = Patient(**plain["patient"])
    values["attributes"] = {key: tuple(texts) for key, texts in plain["attributes"].items()}
    values["frames"] = tuple(Frame(tuple(f["position"]), tuple(f["orientation"])) for f in plain["frames"])
    return Instance(**values)


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while some := list(islice(rest, CHUNK)):
        yield some


def count_instances(connection: Connection) -> dict[str, int]:
    """Figures for `Ledger.counts`."""
    rows = select(func.count()).select_from
    return {
        "instances": connection.execute(rows(instance)).scalar_one(),
        "unjudged": connection.execute(rows(instance).where(UNJUDGED)).scalar_one(),
        "conflicts": connection.execute(rows(instance).where(instance.c.conflict)).scalar_one(),
        "unreadable": connection.execute(rows(unreadable)).scalar_one(),
    }
