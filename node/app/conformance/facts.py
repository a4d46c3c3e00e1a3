"""What the statement is drawn from: configuration and models of the installation, and the code's own registries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_args

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.uid import UID

from node.config import Config
from node.config.sections import DestinationSection
from node.dicom.kinds import CLASS_NAMES
from node.domain.document import ALWAYS, ResultKind
from node.domain.facts import ModelFacts
from node.network.commitment import PUSH_MODEL
from node.network.contexts import STORAGE, VERIFICATION
from node.network.scu import STUDY_ROOT_FIND

SERVICES = {
    VERIFICATION: "Verification",
    PUSH_MODEL: "Storage Commitment Push Model",
    STUDY_ROOT_FIND: "Study Root Query/Retrieve Information Model - FIND",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """
    One installation.

    Attributes:
        config: Its configuration.
        models: Its usable model packages.
        version: Of radnode.
    """

    config: Config
    models: tuple[ModelFacts, ...]
    version: str

    @property
    def kinds(self) -> tuple[ResultKind, ...]:
        """Result objects that this configuration makes, in the order in which they are sent."""
        made = {kind for pipeline in self.config.resolved() for kind in pipeline.kinds}
        return tuple(kind for kind in get_args(ResultKind) if kind in (made or ALWAYS))

    @property
    def sent(self) -> tuple[ResultKind, ...]:
        """Those of them that go to a DICOM destination."""
        asked = {kind for each in self.archives.values() for kind in each.send}
        return tuple(kind for kind in self.kinds if kind in asked)

    @property
    def archives(self) -> dict[str, DestinationSection]:
        """Destinations that are reached by C-STORE."""
        return {name: each for name, each in self.config.destinations.items() if each.peer is not None}

    @property
    def committing(self) -> tuple[str, ...]:
        """Destinations that are asked to commit themselves."""
        return tuple(name for name, each in self.config.destinations.items() if each.commit)

    @property
    def asking(self) -> tuple[str, ...]:
        """Peers that may ask us to commit ourselves."""
        return tuple(name for name, each in self.config.peers.items() if each.may_ask_commitment)

    @property
    def web(self) -> tuple[str, ...]:
        """Destinations that are reached by STOW-RS."""
        return tuple(name for name, each in self.config.destinations.items() if each.stow is not None)

    @property
    def title(self) -> str:
        """Our AE title."""
        return self.config.receive.ae_title


def class_name(uid: str) -> str:
    """Name of a SOP class, as this program and the Standard call it."""
    if uid in SERVICES:
        return SERVICES[uid]
    return f"{CLASS_NAMES[uid] if uid in CLASS_NAMES else STORAGE[uid]} Storage"


def syntaxes(uids: Iterable[object]) -> str:
    """Transfer syntaxes with their names, in the order of preference."""
    return "; ".join(f"{UID(str(uid)).name} ({uid})" for uid in uids)


def attribute(keyword: str) -> tuple[str, str]:
    """
    Name and tag of an attribute: "Patient ID", "(0010,0020)".

    Raises:
        KeyError: There is no such attribute.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return dictionary_description(tag), f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def default(function: Callable[..., Any], name: str) -> Any:
    """What an argument is when nobody says otherwise."""
    return inspect.signature(function).parameters[name].default
