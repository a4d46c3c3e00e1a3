"""What goes out and what is promised: outboxes, Storage Commitment in both roles, and their secrets, composed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from node.config import Config
from node.config.sections import DestinationSection
from node.config.servers import StowSection
from node.deliver import cstore
from node.deliver.commit import Archive, Committer, Reports
from node.deliver.fhir import FhirServer
from node.deliver.outbox import Destination, Outbox, Send
from node.errors import ConfigError
from node.network.commitment import Answer, Report, report
from node.network.office import Office
from node.network.scp import Peer
from node.operate.check import Line
from node.operate.peers import peers
from node.receive.pledge import Keeper, Terms
from node.store.ledger import Ledger
from node.store.spool import Spool

if TYPE_CHECKING:
    from node.deliver.stow import Server

Step = tuple[str, Callable[[], object], float]
"""Name, step and interval in seconds of a loop."""


class Exchange:
    """
    Args:
        config: The configuration.
        ledger: Open.
        spool: Of the state directory.
        clock: Gives the present, aware.

    Raises:
        ConfigError: A secret that the configuration names cannot be read.
    """

    def __init__(self, config: Config, ledger: Ledger, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._config, self._ledger, self._clock = config, ledger, clock
        self._state = spool.root.parent
        self._peers, self._calling_ae = peers(config), config.receive.ae_title
        self._sends = {name: self._send(name, each) for name, each in config.destinations.items()}
        self._archives = {name: self._archive(name, d) for name, d in config.destinations.items() if d.commit}
        self._reports = Reports(ledger, self._archives, clock)
        asking = {name: self._peers[name] for name, peer in config.peers.items() if peer.may_ask_commitment}
        terms = Terms(
            peers=asking,
            keep=timedelta(days=config.receive.commit_keep_days),
            gap=timedelta(seconds=config.settle.gap_wait_s),
        )
        self._keeper = Keeper(ledger, spool, terms, clock, self._report) if asking else None
        self.office = self._office()  #: what the door takes besides; None when Storage Commitment is not switched on

    def steps(self) -> Iterator[Step]:
        """All loops: one for each destination, one more for each that is asked for commitment, one for promises."""
        self._ledger.waive_commitment(self._archives)
        for name, each in self._config.destinations.items():
            to = Destination(name=name, send=self._sends[name], commit=each.commit)
            patience = timedelta(hours=each.give_up_after_h)
            outbox = Outbox(self._ledger, to, root=self._state, clock=self._clock, give_up_after=patience)
            yield f"outbox {name}", outbox.step, 0.5
        for name, archive in self._archives.items():
            committer = Committer(self._ledger, archive, self._reports, self._clock)
            yield f"commitment {name}", committer.step, 0.5
        if self._keeper is not None:
            yield "promises", self._keeper.step, 0.5

    def _office(self) -> Office | None:
        if not self._keeper and not self._archives:
            return None
        return Office(
            on_request=self._keeper.take if self._keeper else None,
            on_report=self._reports.take if self._archives else None,
        )

    def _send(self, name: str, each: DestinationSection) -> Send:
        if each.stow is not None:
            from node.deliver.stow import stow  # only who uses it pays for its library

            return partial(stow, server=server(name, each.stow))
        if each.fhir is not None:
            return FhirServer(name=name, **each.fhir.model_dump())
        return partial(cstore.deliver, peer=self._peer(each), calling_ae=self._calling_ae)

    def _archive(self, name: str, each: DestinationSection) -> Archive:
        return Archive(
            name=name,
            peer=self._peer(each),
            calling_ae=self._calling_ae,
            wait=timedelta(minutes=each.commit_wait_min),
            patience=timedelta(hours=each.give_up_after_h),
        )

    def _peer(self, each: DestinationSection) -> Peer:
        assert each.peer is not None  # noqa: S101 - the configuration has seen to it
        return self._peers[each.peer]

    def _report(self, peer: Peer, what: Report) -> Answer:
        """On the association on which the peer asked, while that is open; else on one of ours."""
        answer = self.office.reply(what) if self.office else None
        if answer is not None and answer.status is not None:
            return answer
        return report(peer, self._calling_ae, what)


def server(name: str, stow: StowSection) -> Server:
    """
    A DICOMweb server with its secret.

    Raises:
        ConfigError: The secret cannot be read.
    """
    from node.deliver.stow import Server

    return Server(
        name=name, url=stow.url, user=stow.user, secret=_secret(name, stow), ca=_ca(name, stow),
        timeout_s=stow.timeout_s,
    )  # fmt: skip


def check_servers(config: Config) -> Iterator[Line]:
    """One line for each DICOMweb or FHIR server: whether its secret can be read, and whether it lets us in."""
    for name, destination in config.destinations.items():
        if destination.fhir is not None:
            problem = FhirServer(name=name, **destination.fhir.model_dump()).reachable()
            found = problem or f"{destination.fhir.url} told what it can do"
            yield Line(f"destination {name}", good=not problem, found=found)
        if destination.stow is None:
            continue
        from node.deliver.stow import reachable

        try:
            problem = reachable(server(name, destination.stow))
        except ConfigError as error:
            problem = "; ".join(error.mistakes)
        found = problem or f"{destination.stow.url} answered a query"
        yield Line(f"destination {name}", good=not problem, found=found)


def _secret(name: str, stow: StowSection) -> SecretStr | None:
    key, found = "secret_file", ""
    if stow.secret_env is not None:
        key, found = "secret_env", os.environ.get(stow.secret_env, "").strip()
    elif stow.secret_file is not None:
        found = _read(name, key, stow.secret_file).strip()
    else:
        return None
    if not found:
        mistake = f"destinations.{name}.stow.{key}: holds nothing"
        raise ConfigError([mistake], at="config.toml", do="put the password or token there and start again")
    return SecretStr(found)


def _ca(name: str, stow: StowSection) -> Path | None:
    if stow.ca is not None and "BEGIN CERTIFICATE" not in _read(name, "ca", stow.ca):
        mistake = f"destinations.{name}.stow.ca: {stow.ca} holds no certificate in PEM form"
        raise ConfigError([mistake], at="config.toml")
    return stow.ca


def _read(name: str, key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            [f"destinations.{name}.stow.{key}: {path} cannot be read ({reason})"], at="config.toml"
        ) from error
