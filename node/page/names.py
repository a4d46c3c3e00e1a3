"""A person's name on paper: all its groups where they can be printed, and a word where one cannot."""

from __future__ import annotations

from collections.abc import Callable

from node.domain.page import NO_NAME, OTHER_SCRIPT, with_note


def printed_name(value: str, can_print: Callable[[str], bool]) -> str:
    """
    A value of VR PN as "Yamada, Tarou (山田, 太郎; やまだ, たろう)" (PS3.5 6.2.1.2).

    Args:
        value: Component groups separated by "=": alphabetic, ideographic, phonetic.
        can_print: Whether every character of a text has a glyph.
    """
    first, *others = [_group(group) for group in value.split("=")]
    shown = [group for group in others if group and can_print(group)]
    lost = [group for group in others if group and not can_print(group)]
    lead = first if can_print(first) else NO_NAME
    if not first and shown:
        lead, shown = shown[0], shown[1:]
    behind = f"({'; '.join(shown)})" if shown else ""
    name = with_note(lead, behind) if behind else lead
    return with_note(name, OTHER_SCRIPT) if lost else name


def _group(group: str) -> str:
    """Family name, given and middle names, prefix and suffix of one group."""
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    names = " ".join(filter(None, (prefix, given, middle, suffix)))
    return ", ".join(filter(None, (family, names)))
