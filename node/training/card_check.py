"""Whether a card is what its manifest says, for every kind of card that can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from node.training.bring_card import write_bring_card
from node.training.card import MARK, write_card
from node.training.card_segmenter import write_segmenter_card
from node.training.reporting_segmenter import HEADING, segmenter_reporting

Part = Literal["all of it", "its reporting section", "nothing of it"]


def comparable(card: str, plain: Mapping[str, Any]) -> Part:
    """What of a card can be made again: all where we wrote it, its last section where a model's own script did."""
    if MARK in card:
        return "all of it"
    return "its reporting section" if plain["kind"] == "segmenter" and HEADING in card else "nothing of it"


def differs(card: str, plain: Mapping[str, Any]) -> bool:
    """
    Whether a card is not what its manifest says, in the part that can be made again.

    Args:
        card: As it stands.
        plain: `model.toml` as read, with [files].
    """
    part = comparable(card, plain)
    if part == "all of it":
        return card != _made(plain)
    return part == "its reporting section" and "\n".join(segmenter_reporting(plain)) not in card


def _made(plain: Mapping[str, Any]) -> str:
    if plain["kind"] == "classifier":
        return write_card(plain)
    return write_bring_card(plain) if plain.get("origin") else write_segmenter_card(plain)
