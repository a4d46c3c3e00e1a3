"""
Sentences that can be said in another language: each remembers the English template that it was made from.

A `Said` is an English `str` to everyone who does not ask. What prints for a reader calls `render` on it, last. An
f-string or a `join` makes a plain `str` of it, which has forgotten its template: sentences are put together with `say`
and `joined`.

The translations are `languages/*.toml`: English template = the same in the other language, with the same fields.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "de", "es"]

TAGS: Mapping[Language, tuple[str, str]] = {
    "en": ("en-US", "English (United States)"),
    "de": ("de-DE", "German (Germany)"),
    "es": ("es-ES", "Spanish (Spain)"),
}
"""Language to its tag of RFC 5646 and what that means in English."""

UNTRANSLATED = "[en] "
"""Stands before an English sentence inside a text of another language, so that the text does not lie about itself."""

_FOLDER = Path(__file__).parent / "languages"
_DECIMAL: Mapping[Language, str] = {"en": ".", "de": ",", "es": ","}


class Said(str):
    """
    A sentence in English, with the template and the values that it was made of.

    Attributes:
        template: As in `str.format`, with named fields only; a field may ask for a form: "{why:sentence}" (`_formed`).
        values: What stands in the fields. Those that are `Said` are rendered with the sentence; numbers get the decimal
            mark of the language; any other text is a name, and stays as it is.
        name: Whether it is a name that may have a translation, rather than a sentence that lacks one when it has none.
    """

    template: str
    values: Mapping[str, object]
    name: bool

    def __new__(
        cls, text: str, template: str = "", values: Mapping[str, object] | None = None, *, name: bool = False
    ) -> Said:
        """Made by `say`, `named`, `figure` and `joined`."""
        said = super().__new__(cls, text)
        said.template, said.values, said.name = template or text, dict(values or {}), name
        return said


def say(template: str, /, **values: object) -> Said:
    """Fill a template: `say("The lungs are cut off at the {end}.", end=say("top"))`."""
    return Said(_Speaker("en").vformat(template, (), values) if values else template, template, values)


def named(text: str) -> Said:
    """A name from outside ("EGFR mutation") that is shown in the reader's language where the catalogue knows it."""
    return text if isinstance(text, Said) else Said(text, name=True)


def figure(value: float, digits: int = 1) -> Said:
    """A number with so many digits after the decimal mark of the language."""
    template = f"{{value:.{digits}f}}"
    return Said(template.format(value=value), template, {"value": value})


def joined(parts: Iterable[str], separator: str = " ") -> Said:
    """Texts side by side; empty ones are left out, and of a single one nothing is changed."""
    values = {f"part{place}": text for place, text in enumerate(filter(None, parts))}
    template = separator.join(f"{{{key}}}" for key in values)
    return Said(separator.join(map(str, values.values())), template, values)


def told(text: str) -> Said:
    """A text that is a sentence, wherever it comes from: one without translation is marked when it is rendered."""
    return text if isinstance(text, Said) else Said(text)


def sentence(text: str) -> Said:
    """The text with a full stop, and a capital where it begins with a plain lower-case word."""
    return say("{text:sentence}", text=told(text))


def render(text: str, language: Language) -> str:
    """
    A sentence as the reader sees it.

    What the catalogue does not know (a sentence of a site's own model package) is said in English behind `[en]`.
    """
    if language == "en":
        return str(text)
    said = told(text)
    template = catalogue(language).get(said.template)
    if template is None and _speaks(said):
        return str(said) if said.name else f"{UNTRANSLATED}{said}"
    template = said.template if template is None else template
    return _Speaker(language).vformat(template, (), said.values) if said.values else template


def spoken(value: Any, language: Language) -> Any:
    """Every sentence inside plain values as the reader sees it; what is no `Said` (codes, names, numbers) stays."""
    if isinstance(value, Said):
        return render(value, language)
    if isinstance(value, dict):
        return {key: spoken(each, language) for key, each in value.items()}
    return [spoken(each, language) for each in value] if isinstance(value, list) else value


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """English template to template in the language; empty for English."""
    if language == "en":
        return {}
    translations: dict[str, str] = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return translations


def remembered(said: str) -> Any:
    """A sentence as values that `json` writes; `recalled` makes it of them. A plain text stays one."""
    if not isinstance(said, Said):
        return said
    if said.name:
        return {"name": str(said)}
    values = {key: remembered(value) if isinstance(value, str) else value for key, value in said.values.items()}
    return {"say": said.template, "values": values}


def recalled(plain: Any) -> str:
    """
    What `remembered` was given.

    Raises:
        ValueError: It is nothing that `remembered` made.
    """
    if isinstance(plain, str):
        return plain
    try:
        if "name" in plain:
            return named(plain["name"])
        values = {k: recalled(v) if isinstance(v, dict) else v for k, v in plain["values"].items()}
        return say(plain["say"], **values)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no sentence: {plain!r}") from error


class _Speaker(string.Formatter):
    """`str.format` in a language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        """A text in its form, a number with the decimal mark of the language."""
        if isinstance(value, str):
            return _formed(render(value, self.language) if isinstance(value, Said) else value, format_spec)
        text = format(value, format_spec)
        fraction = isinstance(value, Real) and not isinstance(value, Integral)
        return text.replace(".", _DECIMAL[self.language]) if fraction else text


def _formed(text: str, form: str) -> str:
    """
    A text as the field asks for it.

    "ended": with a full stop where it has no end; "sentence": likewise, with a capital where it begins with a plain
    lower-case word; "capital": with a capital.
    """
    if form == "capital":
        return text[:1].upper() + text[1:]
    if form not in {"ended", "sentence"}:
        return format(text, form)
    text = text.strip()
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    begins_plainly = text[:2].isalpha() and text[:2].islower()
    return ended[0].upper() + ended[1:] if form == "sentence" and begins_plainly else ended


def _speaks(said: Said) -> bool:
    """Whether there are words of its own in a sentence: "{name}: {value} {unit}" needs no translation."""
    if not said.values:
        return any(map(str.isalpha, said.template))
    words = "".join(literal for literal, *_ in string.Formatter().parse(said.template))
    return any(map(str.isalpha, words))
