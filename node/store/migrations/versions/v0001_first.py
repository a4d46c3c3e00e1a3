"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    _instance()
    _unreadable()
    _study()
    _study_case()
    _job()
    _result_file()
    _delivery()
    _intent()
    _transition()
    _mark()


def _instance() -> None:
    op.create_table(
        "instance",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("sop_uid", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("series_uid", sa.String(), nullable=False),
        sa.Column("sop_class", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("calling_ae", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.UniqueConstraint("sop_uid", "digest", name="uq_instance_sop_uid_digest"),
    )
    op.create_index("ix_instance_patient", "instance", ["patient"])
    op.create_index("ix_instance_study_uid", "instance", ["study_uid"])
    op.create_index(
        "ix_instance_unjudged",
        "instance",
        ["study_uid"],
        sqlite_where=sa.text("content = ''"),
        postgresql_where=sa.text("content = ''"),
    )


def _unreadable() -> None:
    op.create_table(
        "unreadable",
        sa.Column("path", sa.String(), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("calling_ae", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
    )


def _study() -> None:
    op.create_table(
        "study",
        sa.Column("study_uid", sa.String(), primary_key=True),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("examined_at", sa.DateTime()),
        sa.Column("held_until", sa.DateTime()),
        sa.Column("held_why", sa.Text(), nullable=False),
    )


def _study_case() -> None:
    op.create_table(
        "study_case",
        sa.Column("study_uid", sa.String(), primary_key=True),
        sa.Column("pipeline", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
    )


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(), nullable=False),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("order_json", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_job_case", "job", ["study_uid", "pipeline"])
    op.create_index("ix_job_state", "job", ["state"])


def _result_file() -> None:
    op.create_table(
        "result_file",
        sa.Column("sop_uid", sa.String(), primary_key=True),
        sa.Column("job_id", sa.String(), nullable=False),
    )


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sop_class", sa.String(), nullable=False),
        sa.Column("sop_uid", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.UniqueConstraint("job_id", "destination", "seq", name="uq_delivery_job_id_destination_seq"),
    )
    op.create_index("ix_delivery_due", "delivery", ["destination", "state", "next_at"])


def _intent() -> None:
    op.create_table(
        "intent",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("destination", sa.String()),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("answered_at", sa.DateTime()),
        sa.Column("outcome", sa.Text(), nullable=False),
    )


def _transition() -> None:
    op.create_table(
        "transition",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("ix_transition_subject", "transition", ["subject"])


def _mark() -> None:
    op.create_table(
        "mark",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("set_at", sa.DateTime(), nullable=False),
    )
