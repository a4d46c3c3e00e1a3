"""Every sentence that the sources, and the shipped models, can say to a reader."""

from __future__ import annotations

import ast
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import node
from node import shipped
from node.domain.cards import heard
from node.domain.language import Said, catalogue

ROOT = Path(node.__file__).parent


def calls_of_say() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `say` of node.domain.language, with its place; `demo.show` has a `say` of its own."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name != "language.py" and not _imports_say(tree):
            continue
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "say":
                yield f"{path.relative_to(ROOT)}:{call.lineno}", call


def literal(call: ast.Call) -> str | None:
    """The template of a call, None where it is no literal."""
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def templates() -> dict[str, str]:
    """Template to the place where it is said, without those that hold no word ("{name}: {value}")."""
    found = {text: place for place, call in calls_of_say() if (text := literal(call)) is not None}
    return {text: place for text, place in found.items() if any(map(str.isalpha, words_of(text)))}


def words_of(template: str) -> str:
    """What of a template is no field."""
    return "".join(text for text, *_ in string.Formatter().parse(template))


def fields_of(template: str) -> set[tuple[str, str]]:
    """Names and forms of the fields of a template."""
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(template) if name}


def card_sentences() -> dict[str, str]:
    """What the shipped models say of themselves (English) to the place where they say it."""
    found: dict[str, str] = {}
    for path in sorted(shipped.models().glob("*/model.toml")):
        card = tomllib.loads(path.read_text(encoding="utf-8"))
        said = [card["name"], card.get("target", ""), card["intended_use"], *card.get("limits", [])]
        said += [card.get("exploratory", "").removeprefix("exploratory: "), card["training"]["sentence"]]
        said += [condition["text"] for condition in card.get("conditions", [])]
        found |= {text: str(path) for text in said if text}
    return found


def untranslated(said: Said, language: str) -> Iterator[str]:
    """The templates in a sentence, and in the sentences inside it, that have no translation."""
    speaks = any(map(str.isalpha, words_of(said.template) if said.values else said.template))
    if speaks and said.template not in catalogue(language):
        yield said.template
    for value in said.values.values():
        if isinstance(value, Said):
            yield from untranslated(value, language)


def _imports_say(tree: ast.Module) -> bool:
    return any(
        isinstance(each, ast.ImportFrom)
        and each.module == "node.domain.language"
        and any(name.name == "say" for name in each.names)
        for each in ast.walk(tree)
    )


def card_templates() -> list[str]:
    """Card sentences as the catalogue must know them: the parts of generated ones, the others as they stand."""
    return sorted({text for sentence in card_sentences() for text in untranslated(heard(sentence), "en")})
