"""Where the files that travel with radnode are: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _home() -> Path:
    inside = _PACKAGE / "_shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


def models() -> Path:
    """Folder with the shipped model packages."""
    return _home() / "models"


def config() -> Path:
    """The shipped config.toml, which is also the built-in default."""
    return _home() / "config.toml"
