"""Servers that are spoken to over HTTP, in place of a DICOM peer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from node.config.base import HttpUrl, Section

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ServerSection(Section):
    """A server; just its URL may stand in place of the table."""

    url: HttpUrl = Field(description="Base URL.")
    secret_file: Path | None = Field(None, description="File that holds a bearer token.")
    ca: Path | None = Field(None, description="PEM file: authorities for its certificate, in place of the usual ones.")
    timeout_s: float = Field(60, gt=0, description="Seconds for the connection, and for each wait for an answer.")

    @property
    def has_secret(self) -> bool:
        """Whether something goes along that nobody else may read."""
        return self.secret_file is not None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _in_the_clear(self) -> ServerSection:
        parts = urlsplit(self.url)
        if self.has_secret and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("a secret goes out by https:// only")
        return self


class StowSection(ServerSection):
    """A DICOMweb server."""

    url: HttpUrl = Field(description="Base URL for STOW-RS, before `/studies`.")
    user: str = Field("", description="User for basic authentication; without one the secret is a bearer token.")
    secret_file: Path | None = Field(None, description="File that holds the password or token.")
    secret_env: str | None = Field(None, description="Environment variable that holds the password or token.")
    timeout_s: float = Field(30, gt=0, description="Seconds for the connection, and for each wait for an answer.")

    @property
    def has_secret(self) -> bool:
        """Whether something goes along that nobody else may read."""
        return self.secret_file is not None or self.secret_env is not None

    @model_validator(mode="after")
    def _one_secret(self) -> StowSection:
        if self.secret_file and self.secret_env:
            raise ValueError("set one of `secret_file` and `secret_env`")
        if self.user and not self.has_secret:
            raise ValueError("`user` needs `secret_file` or `secret_env`")
        return self


class FhirSection(ServerSection):
    """A FHIR R4 server."""

    url: HttpUrl = Field(description="Base URL of a FHIR R4 server; it gets each result as one bundle.")
    secret_file: Path | None = Field(None, description="File that holds a bearer token; read anew for each bundle.")
