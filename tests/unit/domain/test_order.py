"""The work order."""

from __future__ import annotations

from pathlib import Path

from node.domain.order import Order

BEFORE = Path(__file__).with_name("order_before_unite_parts.json")


def test_an_order_of_an_older_version_keeps_its_id():
    """
    A job that waits in a ledger while radnode is updated is still the same job: its id names the folder of its result.
    """
    order = Order.from_json(BEFORE.read_text())

    assert order.job_id == "05ab3b5545b02dbc51dd456c28c3b2a5ef347f122a33da234cc0ae235cf57bb1"
