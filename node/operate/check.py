"""`radnode check`: is everything that the node needs in order? One line each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from node.config import Config
from node.errors import LedgerError, ModelFailed
from node.inference.package import find_packages, load_package
from node.network.credentials import ENDING, ends
from node.network.credentials import mistakes as tls_mistakes
from node.network.scu import echo
from node.operate.peers import credentials, peers
from node.store.ledger import Ledger

GB = 10**9


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was checked."""

    what: str
    good: bool
    found: str


def check(config: Config) -> Iterator[Line]:
    """Look at configuration, certificates, models, peers, disk and database, in this order."""
    yield Line("configuration", good=True, found=f"{len(config.pipelines)} pipelines, {len(config.peers)} peers")
    yield from _tls(config)
    yield from _models(config)
    yield from _peers(config)
    yield _disk(config)
    yield from _ledger(config)


def _tls(config: Config) -> Iterator[Line]:
    if (tls := credentials(config)) is None:
        return
    if wrong := tls_mistakes(tls, config.receive.ae_title):
        yield from (Line("certificate", good=False, found=mistake) for mistake in wrong)
        return
    used = "the door takes only TLS" if config.receive.tls else "the door takes no TLS"
    for name, end in ends(tls).items():
        left = end - datetime.now(UTC)
        if left > ENDING:
            yield Line(name, good=True, found=f"valid until {end:%Y-%m-%d}; {used}")
        else:
            when = f"ends on {end:%Y-%m-%d}, in {left.days} days" if left.days >= 0 else f"ended on {end:%Y-%m-%d}"
            yield Line(name, good=False, found=f"{when}: renew it; {used}")


def _models(config: Config) -> Iterator[Line]:
    folders = find_packages(config.model_dirs)
    wanted = {m for p in config.pipelines for m in p.models}
    wanted |= {s.removeprefix("model:") for p in config.pipelines for s in p.lesion.sources if s.startswith("model:")}
    for name in sorted((wanted | set(config.models)) - set(folders)):
        yield Line(f"model {name}", good=False, found="the configuration names it, but it is not installed")
    for name, folder in sorted(folders.items()):
        try:
            package = load_package(folder)
            package.verify()
            yield Line(f"model {name}", good=True, found=f"{package.facts.version}, hashes and golden case agree")
        except ModelFailed as error:
            yield Line(f"model {name}", good=False, found=str(error))


def _peers(config: Config) -> Iterator[Line]:
    for name, p in peers(config).items():
        if not (p.host and p.port):
            yield Line(f"peer {name}", good=True, found="sends to us only; nothing to ask")
            continue
        problem = echo(p, config.receive.ae_title, timeout_s=5)
        found = problem or f"{p.ae_title} at {p.host}:{p.port} answered C-ECHO{' by TLS' if p.tls else ''}"
        yield Line(f"peer {name}", good=not problem, found=found)


def _disk(config: Config) -> Line:
    folder: Path = config.node.state_dir
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Line("disk", good=False, found=f"{folder} is no folder that we can write; state_dir must be one")
    free = shutil.disk_usage(folder).free / GB
    wanted = config.receive.low_disk_gb
    return Line(
        "disk", good=free > wanted, found=f"{free:.1f} GB free at {folder}, C-STORE is refused below {wanted:g} GB"
    )


def _ledger(config: Config) -> Iterator[Line]:
    if config.node.ledger_url is None and not (config.node.state_dir / "ledger.sqlite").exists():
        yield Line("database", good=True, found="none yet; `radnode serve` makes it")
        return
    try:
        ledger = Ledger.open(config.ledger_url, lambda: datetime.now(UTC))
        counts = ledger.counts()
        ledger.close()
    except LedgerError as error:
        yield Line("database", good=False, found=str(error))
        return
    deliveries = counts.pop("deliveries")
    told = (f"{name} {_listed(value) if isinstance(value, dict) else value}" for name, value in counts.items())
    yield Line("database", good=True, found=", ".join(told))
    for name, states in deliveries.items():
        yield _deliveries(name, states)


def _listed(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "none"


def _deliveries(name: str, states: Mapping[str, int]) -> Line:
    told = _listed(states)
    if "dead" in states:
        told += f"; see `radnode jobs list --undelivered`, then `radnode jobs retry --destination {name}`"
    return Line(f"deliveries to {name}", good="dead" not in states, found=told)
