"""What several commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from node.config import Config, read_config
from node.errors import LedgerError
from node.store.ledger import Ledger

ConfigOption = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time
    typer.Option("--config", help="config.toml; else $RADNODE_CONFIG, ./config.toml, built-in defaults."),
]


def configuration(path: Path | None) -> Config:
    """Read the configuration; its mistakes end the command with status 2."""
    return read_config(path)


def open_ledger(config: Config) -> Ledger:
    """
    Open the service's ledger beside a running service, or without one.

    Raises:
        LedgerError: There is none yet.
    """
    if config.node.ledger_url is None and not (config.node.state_dir / "ledger.sqlite").exists():
        raise LedgerError(
            "there is no ledger yet",
            at=str(config.node.state_dir),
            do="start `radnode serve` once, or name another --config",
        )
    return Ledger.open(config.ledger_url, lambda: datetime.now(UTC))
