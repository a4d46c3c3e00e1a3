"""Reading the conformance statement as whoever connects to the node does."""

from __future__ import annotations

import re


class Statement:
    """Sections by number, each with its text and its tables."""

    def __init__(self, text: str) -> None:
        parts = re.split(r"^#{2,6} (\S+) .*$", text, flags=re.MULTILINE)
        assert len(set(parts[1::2])) == len(parts[1::2]), "two sections have one number"
        self.sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def table(self, number: str) -> list[dict[str, str]]:
        """The one table of a section: each row by its column heads."""
        lines = [line for line in self.sections[number].splitlines() if line.startswith("|")]
        head, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        assert all(len(row) == len(head) for row in rows), number
        return [dict(zip(head, row, strict=True)) for row in rows]

    def contexts(self, number: str) -> dict[str, list[str]]:
        """A table of presentation contexts: SOP Class UID to transfer syntaxes, in their order."""
        return {
            row["SOP Class UID"]: re.findall(r"\(([\d.]+)\)", row["transfer syntaxes"]) for row in self.table(number)
        }

    def value(self, number: str, name: str) -> str:
        """The value of a parameter."""
        [found] = [row["value"] for row in self.table(number) if row["parameter"] == name]
        return found
