"""The tables of README.md that are made from the code: `python -m tests.support.readme` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from node.config import Config
from node.dicom.evaluated import EVALUATED, YES_NO, Meaning
from node.domain.flat import CASE, LESION, PREDICTION
from node.domain.refusals import REFUSALS

README = Path(__file__).parents[2] / "README.md"


def configuration() -> str:
    """Every key of config.toml with its default and meaning."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    rows += [f"| {key} | {default} | {meaning} |" for key, default, meaning in _rows(Config, "")]
    return "\n".join(rows)


def refusals() -> str:
    """Every refusal code with its sentence."""
    return "\n".join(
        ["| code | what the report says |", "|---|---|", *(f"| `{c}` | {t} |" for c, t in REFUSALS.items())]
    )


def text_codes() -> str:
    """Every code of the flat text report."""
    rows = [(f"`RT-{key}`", meaning) for key, meaning in CASE.items()]
    rows += [(f"`RT`*n*`-{key}`", f"Lesion *n*: {meaning}") for key, meaning in LESION.items()]
    rows += [
        (f"`RT`*n*`-{key}-`GENE", f"AI-predicted …, lesion *n*{': ' if meaning else ''}{meaning}")
        for key, meaning in PREDICTION.items()
    ]
    return "\n".join(["| code | meaning |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in rows)])


def reader_findings() -> str:
    """What is understood of a reader's SR: names of findings, then their answers."""
    rows = [(each.quantity, "", each.name) for each in EVALUATED]
    answers = {id(each.answers): each for each in EVALUATED}
    for each in answers.values():
        kind = "yes/no" if each.answers is YES_NO else each.quantity
        rows += [(kind, f" = {level}", meaning) for level, meaning in each.answers.items()]
    lines = [f"| {what}{level} | {_codes(meaning)} | {_words(meaning)} |" for what, level, meaning in rows]
    return "\n".join(["| finding | codes (scheme value) | code meanings |", "|---|---|---|", *lines])


def _codes(meaning: Meaning) -> str:
    return ", ".join(f"{scheme} {value}" for scheme, value in sorted(meaning.codes)) or "–"


def _words(meaning: Meaning) -> str:
    return ", ".join(sorted(meaning.words))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        key = info.alias or name
        nested = _nested(info.annotation)
        if nested is None:
            yield f"`{prefix}{key}`", _default(info), info.description or ""
        else:
            many = getattr(info.annotation, "__origin__", None) is dict
            yield from _rows(nested, f"{prefix}{key}.{'NAME.' if many else ''}")


def _nested(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "*must be set*"
    if info.default is None:
        return "*none*"
    value = info.default.as_posix() if isinstance(info.default, Path) else info.default
    text = json.dumps(value).replace("|", "\\|")
    return "see `node/config/pipelines.py`" if len(text) > 60 else f"`{text}`"


def filled(text: str) -> str:
    """The README with its tables as the code has them."""
    tables = {"configuration": configuration(), "refusals": refusals(), "text-codes": text_codes()}
    tables["reader-findings"] = reader_findings()
    for name, table in tables.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        text = re.sub(f"{begin}.*{end}", lambda _, t=table, b=begin, e=end: f"{b}\n{t}\n{e}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
