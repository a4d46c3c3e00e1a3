"""Patients by their ID alone, as an issuer that is absent contradicts none."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """One table, filled from one header of each patient."""
    patient = op.create_table(
        "patient",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("id_key", sa.String(), nullable=False),
    )
    op.create_index("ix_patient_id_key", "patient", ["id_key"])
    instance = sa.table("instance", sa.column("number"), sa.column("patient"), sa.column("header"))
    first = sa.select(sa.func.min(instance.c.number)).group_by(instance.c.patient).scalar_subquery()
    rows = op.get_bind().execute(sa.select(instance.c.patient, instance.c.header).where(instance.c.number.in_(first)))
    found = [{"key": row.patient, "id_key": _without_issuer(json.loads(row.header)["patient"])} for row in rows]
    if found:
        op.bulk_insert(patient, found)


def _without_issuer(patient: dict[str, str]) -> str:
    """As `node.store.instances` had it in this revision."""
    return hashlib.sha256(json.dumps({**patient, "issuer": ""}, sort_keys=True).encode()).hexdigest()
