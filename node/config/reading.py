"""Reading config.toml: once, every mistake at once, with key, value and remedy."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pydantic_core
from pydantic import BaseModel, ValidationError

from node import shipped
from node.config.sections import Config
from node.config.servers import ServerSection
from node.domain.refusals import REFUSALS
from node.errors import ConfigError


def read_config(path: Path | None = None) -> Config:
    """
    Read the configuration from `path`, $RADNODE_CONFIG, ./config.toml or the built-in defaults, in this order.

    Raises:
        ConfigError: The file cannot be read, or says something wrong; holds every mistake.
    """
    found = path or (Path(env) if (env := os.environ.get("RADNODE_CONFIG")) else None)
    if found is None:
        found = Path("config.toml")
        if not found.exists():
            return parse(shipped.config().read_text(encoding="utf-8"), at="built-in defaults", base=Path.cwd())
    try:
        text = found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot be read: {error}"], at=str(found)) from error
    return parse(text, at=str(found), base=found.resolve().parent)


def parse(text: str, *, at: str, base: Path) -> Config:
    """
    Make a configuration of TOML text; relative paths are taken from `base`.

    Raises:
        ConfigError: With one line for each mistake.
    """
    try:
        config = Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"no valid TOML: {error}"], at=at) from error
    except ValidationError as error:
        raise ConfigError([_mistake(detail) for detail in error.errors()], at=at) from error
    if mistakes := list(_loose_ends(config)):
        raise ConfigError(mistakes, at=at)
    return _anchored(config, base)


def _anchored(config: Config, base: Path) -> Config:
    def at_base(path: Path | None) -> Path | None:
        return None if path is None else base / path.expanduser()

    node = config.node.model_copy(
        update={"state_dir": at_base(config.node.state_dir), "models_dir": at_base(config.node.models_dir)}
    )
    clinical = config.clinical.model_copy(update={"csv": at_base(config.clinical.csv)})
    destinations = {
        name: each.model_copy(update={kind: _server_at(getattr(each, kind), at_base) for kind in ("stow", "fhir")})
        for name, each in config.destinations.items()
    }
    tls = config.tls and config.tls.model_copy(
        update={name: at_base(getattr(config.tls, name)) for name in type(config.tls).model_fields}
    )
    return config.model_copy(update={"node": node, "clinical": clinical, "tls": tls, "destinations": destinations})


def _server_at(server: ServerSection | None, at_base: Callable[[Path | None], Path | None]) -> ServerSection | None:
    return server and server.model_copy(update={name: at_base(getattr(server, name)) for name in ("secret_file", "ca")})


def _loose_ends(config: Config) -> Iterator[str]:
    """Names that point nowhere."""
    yield from _peer_mistakes(config)
    yield from _tls_mistakes(config)
    names = [pipeline.name for pipeline in config.pipelines]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        yield f"pipelines: the name {twice!r} is used twice"
    for pipeline in config.pipelines:
        for name in pipeline.send_to:
            if name not in config.destinations:
                yield f"pipelines.{pipeline.name}.send_to: {_unknown(name, config.destinations, 'destinations')}"
        for code in pipeline.deliver_refusals:
            if code not in REFUSALS:
                yield f"pipelines.{pipeline.name}.deliver_refusals: {_unknown(code, REFUSALS, 'the refusal codes')}"


def _peer_mistakes(config: Config) -> Iterator[str]:
    for name, destination in config.destinations.items():
        if destination.peer is None:
            continue
        peer = config.peers.get(destination.peer)
        if peer is None:
            yield f"destinations.{name}.peer: {_unknown(destination.peer, config.peers, 'peers')}"
        elif peer.host is None or peer.port is None:
            yield f"destinations.{name}.peer: peers.{destination.peer} needs host and port, because we send to it"
    for name, peer in config.peers.items():
        if peer.count and (peer.host is None or peer.port is None):
            yield f"peers.{name}.count: needs host and port, because we query it"
        if peer.may_ask_commitment and (peer.host is None or peer.port is None):
            yield f"peers.{name}.may_ask_commitment: needs host and port, because we report to it"


def _tls_mistakes(config: Config) -> Iterator[str]:
    if config.tls is None:
        wanting = ["receive", *(f"peers.{name}" for name in config.peers)]
        wishes = [config.receive.tls, *(peer.tls for peer in config.peers.values())]
        for name, wish in zip(wanting, wishes, strict=True):
            if wish:
                yield f"{name}.tls: needs [tls] with our certificate, its key and the ca"
    for name, peer in config.peers.items():
        if peer.tls and (peer.host is None or peer.port is None):
            yield f"peers.{name}.tls: needs host and port: it is about calling the peer; receive.tls is about its calls"


def _unknown(name: str, known: Mapping[str, Any], where: str) -> str:
    return f"{name!r} is not among {where} ({', '.join(known) or 'none'}){_suggestion(name, list(known))}"


def _mistake(error: pydantic_core.ErrorDetails) -> str:
    """One line: the key, what is wrong with it, and what stands there now (never the value of a secret)."""
    key = ".".join(str(part) for part in error["loc"]) or "config.toml"
    if error["type"] == "extra_forbidden":
        return f"{key}: no such key{_suggestion(str(error['loc'][-1]), _all_keys())}"
    if error["type"] == "missing":
        return f"{key}: must be set"
    shown = "" if isinstance(error["input"], (dict, list)) or "url" in key else f", not {error['input']!r}"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}{shown}"


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _all_keys() -> list[str]:
    keys: list[str] = []

    def collect(model: type[BaseModel]) -> None:
        for name, info in model.model_fields.items():
            keys.append(info.alias or name)
            for kind in (info.annotation, *get_args(info.annotation)):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    collect(kind)

    collect(Config)
    return keys
