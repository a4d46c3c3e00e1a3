"""Logging: one vocabulary of events, no patient data, one format for our own and the libraries' lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

EVENTS = frozenset(
    {
        "association.accepted",
        "association.closed",
        "association.rejected",
        "certificate.ended",
        "certificate.ending",
        "certificate.unreadable",
        "commitment.deferred",
        "commitment.made",
        "commitment.refused",
        "commitment.rejected",
        "commitment.requested",
        "delivery.dead",
        "delivery.deferred",
        "delivery.sent",
        "delivery.superseded",
        "instance.conflicted",
        "instance.not_stored",
        "instance.recorded",
        "instance.rejected",
        "instance.stored",
        "instance.unreadable",
        "intent.taken",
        "job.failed",
        "job.finished",
        "job.lost",
        "job.queued",
        "job.refused",
        "job.requeued",
        "job.started",
        "ledger.rebuilt",
        "library.logged",
        "loop.ended",
        "loop.paused",
        "model.loaded",
        "model.refused",
        "node.started",
        "node.stopped",
        "node.stopping",
        "node.waiting",
        "peer.missing",
        "pledge.deferred",
        "pledge.made",
        "pledge.rejected",
        "pledge.reported",
        "pledge.unreported",
        "result.omitted",
        "stage.finished",
        "stage.started",
        "value.dropped",
    }
)
"""Every event of the node: `noun.past_participle`. A test greps the sources against it."""

SAFE_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger", "stage", "pipeline", "model", "error", "reason", "code", "state", "at",
        "job_id", "study_uid", "series_uid", "sop_uid", "sop_class", "transfer_syntax", "calling", "called", "host",
        "port", "peer", "destination", "attempt", "revision", "count", "status", "duration_s", "wait_s", "size_bytes",
        "free_bytes", "path", "keyword", "version", "url", "worker", "workers", "loop", "verb", "signal", "state_dir",
        "tries", "digest", "exception", "pid", "ae_title", "case", "message",
    }
)  # fmt: skip
"""Keys that may appear in a log line. A key outside this list is dropped: patient data has no key to travel in."""


def configure(level: str = "INFO", *, json: bool | None = None) -> None:
    """
    Set up structlog and take over the handlers of the libraries.

    Args:
        level: Lowest level written.
        json: Whether lines are JSON; None: JSON when standard error is no terminal.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, _scrub, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.setLevel(level.upper())  # what libraries hand up is not held to the level of the root logger
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)  # their texts quote header values; as log lines they lose them
    quieten()


NOISY = (
    "pydicom",
    "pynetdicom",
    "highdicom",
    "radiomics",
    "distributed",
    "asyncio",
    "alembic",
    "sqlalchemy",
    "tornado",
    "dicomweb_client",
    "urllib3",
)


def quieten() -> None:
    """Take the handlers and levels of the libraries away; to be called again after one that sets them at import."""
    for name in [*NOISY, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in NOISY:
            library = logging.getLogger(name)
            library.handlers[:] = []
            library.propagate = True
            library.setLevel(logging.ERROR)


def _scrub(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not known to be free of patient data (design rule 9)."""
    return {key: value for key, value in event.items() if key in SAFE_KEYS or key.startswith("_")}


def _foreign(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """
    A library's line keeps its logger and level, never its text: pydicom and pynetdicom quote values of the data set.
    """
    record: logging.LogRecord | None = event.get("_record")
    name = record.name if record else "unknown"
    where = f"{record.module}:{record.lineno}" if record else ""
    kept = {key: value for key, value in event.items() if key.startswith("_") or key in {"level", "timestamp"}}
    return {**kept, "event": "library.logged", "logger": name, "at": where}
