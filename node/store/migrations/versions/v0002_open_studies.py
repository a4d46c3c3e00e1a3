"""Find the few studies that are not examined yet without walking all that ever came."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"

OPEN = text("examined_at IS NULL OR last_at > examined_at OR held_until IS NOT NULL")


def upgrade() -> None:
    """One partial index."""
    op.create_index("ix_study_open", "study", ["study_uid"], sqlite_where=OPEN, postgresql_where=OPEN)
