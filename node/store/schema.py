"""
The tables of the ledger. Times are UTC; texts that may hold anything a sender wrote are JSON in pure ASCII.

A change here needs a migration in `migrations/versions` and a new `HEAD`; a test compares the two.
"""

from __future__ import annotations

# ruff: noqa: ARG002 -- the signatures are SQLAlchemy's
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

HEAD = "0004"
"""Revision of this schema: the newest file in `migrations/versions`."""


class Moment(TypeDecorator[datetime]):
    """An aware time, kept as UTC without a zone: compares the same way in SQLite and PostgreSQL."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times (ValueError): nobody knows what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware again, in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


OPEN = "examined_at IS NULL OR last_at > examined_at OR held_until IS NOT NULL"
"""Studies that changed since they were examined, or are held: few, among all that ever came."""

metadata = MetaData()

instance = Table(
    "instance",
    metadata,
    Column("number", Integer, primary_key=True),  # order of arrival
    Column("sop_uid", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("study_uid", String, nullable=False, index=True),
    Column("series_uid", String, nullable=False),
    Column("sop_class", String, nullable=False),
    Column("patient", String, nullable=False, index=True),  # hash: whatever bytes a Patient ID is made of
    Column("path", String, nullable=False),
    Column("calling_ae", String, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("content", String, nullable=False),  # "" until judged
    Column("conflict", Boolean, nullable=False),
    Column("ours", Boolean, nullable=False),
    Column("header", Text, nullable=False),
    UniqueConstraint("sop_uid", "digest", name="uq_instance_sop_uid_digest"),
    Index(
        "ix_instance_unjudged", "study_uid", sqlite_where=text("content = ''"), postgresql_where=text("content = ''")
    ),
)

patient = Table(
    "patient",
    metadata,
    Column("key", String, primary_key=True),  # hash of Patient ID and issuer, as in `instance`
    Column("id_key", String, nullable=False, index=True),  # the same of the ID without issuer
)

unreadable = Table(
    "unreadable",
    metadata,
    Column("path", String, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("calling_ae", String, nullable=False),
    Column("received_at", Moment, nullable=False),
)

study = Table(
    "study",
    metadata,
    Column("study_uid", String, primary_key=True),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),  # grows with every change, so it also tells versions apart
    Column("examined_at", Moment),  # the `last_at` that the assembler saw
    Column("held_until", Moment),
    Column("held_why", Text, nullable=False),
    Index("ix_study_open", "study_uid", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
)

study_case = Table(
    "study_case",
    metadata,
    Column("study_uid", String, primary_key=True),
    Column("pipeline", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("study_uid", String, nullable=False),
    Column("pipeline", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),  # only ever grows: names the folder
    Column("tries", Integer, nullable=False),  # attempts that count against the limit
    Column("order_json", Text, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("reason_code", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_job_case", "study_uid", "pipeline"),
)

result_file = Table(
    "result_file",
    metadata,
    Column("sop_uid", String, primary_key=True),
    Column("job_id", String, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("job_id", String, nullable=False),
    Column("destination", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("sop_class", String, nullable=False),
    Column("sop_uid", String, nullable=False),
    Column("path", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sent_class", String, nullable=False),  # as it went out: a destination may have taken another class only
    Column("sent_uid", String, nullable=False),
    Column("commit_at", Moment),  # when to ask whether it is committed; NULL: nobody asks
    Column("commit_failures", Integer, nullable=False),
    UniqueConstraint("job_id", "destination", "seq", name="uq_delivery_job_id_destination_seq"),
    Index("ix_delivery_due", "destination", "state", "next_at"),
    Index(
        "ix_delivery_commit",
        "destination",
        "commit_at",
        sqlite_where=text("commit_at IS NOT NULL"),
        postgresql_where=text("commit_at IS NOT NULL"),
    ),
)

commitment = Table(  # what we asked a destination to commit itself to
    "commitment",
    metadata,
    Column("transaction_uid", String, primary_key=True),
    Column("destination", String, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("outcome", Text, nullable=False),
)

commitment_item = Table(
    "commitment_item",
    metadata,
    Column("transaction_uid", String, primary_key=True),
    Column("delivery", Integer, primary_key=True),
)

pledge = Table(  # what a peer asked us to commit ourselves to
    "pledge",
    metadata,
    Column("transaction_uid", String, primary_key=True),
    Column("peer", String, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_pledge_due", "state", "next_at"),
)

pledge_item = Table(
    "pledge_item",
    metadata,
    Column("transaction_uid", String, primary_key=True),
    Column("sop_uid", String, primary_key=True),
    Column("sop_class", String, nullable=False),
    Column("failure", Integer),  # 0: committed; NULL: not judged yet
    Column("keep_until", Moment),
    Index("ix_pledge_item_sop_uid", "sop_uid"),
)

intent = Table(
    "intent",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("verb", String, nullable=False),
    Column("job_id", String, nullable=False),
    Column("destination", String),
    Column("asked_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("outcome", Text, nullable=False),
)

transition = Table(
    "transition",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),  # case, job, delivery or intent
    Column("key", String, nullable=False),
    Column("subject", String, nullable=False, index=True),  # job id or case key whose story it belongs to
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False),
)

mark = Table(
    "mark",
    metadata,
    Column("name", String, primary_key=True),
    Column("set_at", Moment, nullable=False),
)
