"""
Sentences that can be said in another language: each remembers the English template that it was made from.

A `Said` is an English `str` to everyone who does not ask. What prints for a reader calls `render` on it, last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "de", "es"]


class Said(str):
    """
    A sentence in English, with the template and the values that it was made of.

    Attributes:
        template: As in `str.format`, with named fields only.
        values: What stands in the fields; those that are `Said` are rendered with the sentence.
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, text: str, template: str = "", values: Mapping[str, object] | None = None) -> Said:
        """Made by `say`."""
        said = super().__new__(cls, text)
        said.template, said.values = template or text, dict(values or {})
        return said


def say(template: str, /, **values: object) -> Said:
    """Fill a template: `say("The lungs are cut off at the {end}.", end=say("top"))`."""
    return Said(template.format(**values), template, values)
