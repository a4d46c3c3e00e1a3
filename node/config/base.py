"""What every table of config.toml shares: no unknown keys, no changes once read, and a few kinds of values."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ae_title(text: str) -> str:
    if not 1 <= len(text.strip()) <= 16 or not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]+", text):
        raise ValueError(
            "an AE title has 1 to 16 characters, no backslash and no control character (PS3.5 table 6.2-1)"
        )
    return text.strip()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or "@" in text:
        raise ValueError("a base URL is http(s)://host[:port]/path, without user, query and fragment")
    _ = parts.port  # raises ValueError when it is none
    return text.rstrip("/")


AETitle = Annotated[str, AfterValidator(_ae_title)]
Pattern = Annotated[str, AfterValidator(_pattern)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Share = Annotated[float, Field(gt=0, lt=1)]
SourceName = Annotated[str, Field(pattern=r"^(rtstruct|seg|seed|model:[a-z0-9-]+)$")]


class Section(BaseModel):
    """A table of config.toml: unknown keys are mistakes, values do not change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
