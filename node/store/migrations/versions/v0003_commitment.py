"""Storage commitment: what went out under which identity, what we asked of archives, what modalities asked of us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Four columns, an index and four tables."""
    _delivery()
    _commitment()
    _pledge()


def _delivery() -> None:
    columns = (
        sa.Column("sent_class", sa.String(), nullable=False, server_default=""),
        sa.Column("sent_uid", sa.String(), nullable=False, server_default=""),
        sa.Column("commit_at", sa.DateTime()),
        sa.Column("commit_failures", sa.Integer(), nullable=False, server_default="0"),
    )
    with op.batch_alter_table("delivery") as table:
        for column in columns:
            table.add_column(column)
    op.execute("UPDATE delivery SET sent_class = sop_class, sent_uid = sop_uid")
    with op.batch_alter_table("delivery") as table:
        for name in ("sent_class", "sent_uid", "commit_failures"):
            table.alter_column(name, server_default=None)
    asked = sa.text("commit_at IS NOT NULL")
    op.create_index(
        "ix_delivery_commit", "delivery", ["destination", "commit_at"], sqlite_where=asked, postgresql_where=asked
    )


def _commitment() -> None:
    op.create_table(
        "commitment",
        sa.Column("transaction_uid", sa.String(), primary_key=True),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("answered_at", sa.DateTime()),
        sa.Column("outcome", sa.Text(), nullable=False),
    )
    op.create_table(
        "commitment_item",
        sa.Column("transaction_uid", sa.String(), primary_key=True),
        sa.Column("delivery", sa.Integer(), primary_key=True),
    )


def _pledge() -> None:
    op.create_table(
        "pledge",
        sa.Column("transaction_uid", sa.String(), primary_key=True),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ix_pledge_due", "pledge", ["state", "next_at"])
    op.create_table(
        "pledge_item",
        sa.Column("transaction_uid", sa.String(), primary_key=True),
        sa.Column("sop_uid", sa.String(), primary_key=True),
        sa.Column("sop_class", sa.String(), nullable=False),
        sa.Column("failure", sa.Integer()),
        sa.Column("keep_until", sa.DateTime()),
    )
    op.create_index("ix_pledge_item_sop_uid", "pledge_item", ["sop_uid"])
