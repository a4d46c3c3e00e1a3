"""What a person may say about a model from elsewhere, and what was read of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.imaging.reorient import is_orientation
from node.inference.layout import Layout
from node.training.foreign import refused

ROLES: Mapping[str, tuple[str, ...]] = {
    "flair": ("flair", "t2flair", "t2f", "t2wflair"),
    "t1c": ("t1c", "t1ce", "t1gd", "t1wce", "t1cw", "t1wgd", "t1post", "t1contrast", "t1gad", "t1km"),
    "t1": ("t1", "t1w", "t1n", "t1native"),
    "t2": ("t2", "t2w"),
    "adc": ("adc",),
    "dwi": ("dwi",),
    "ct": ("ct",),
    "pet": ("pet", "pt"),
}
"""Role of a pipeline to what people call such a channel, in lower case without signs between."""

COARSEST_MM = 25.0

_MODALITIES = {"ct": "CT", "pet": "PT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """
    What the files do not say, said by a person.

    Attributes:
        configuration: Of nnU-Net's plans, where there are several.
        orientation: What the first, second and third array axis ran towards at training, such as "SPL".
        spacing: Millimetres along the same axes, where the files name none.
        lesion: Labels that are lesion, where there are several.
        roles: Channel number to role, where its name is none that we know.
        modality: Modality (0008,0060), where the files name none.
        graphs: Names of the ONNX files, each once, where there are several.
        mirror: Axes of nnU-Net's window that further passes mirror, each and together.
        ignore: Unknown steps after the network that a person declares to be without effect on the label chosen.
    """

    configuration: str = ""
    orientation: str = ""
    spacing: tuple[float, float, float] | None = None
    lesion: tuple[str, ...] = ()
    roles: Mapping[int, str] = field(default_factory=dict)
    modality: str = ""
    graphs: tuple[str, ...] = ()
    mirror: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.orientation and not is_orientation(self.orientation):
            raise refused(f"{self.orientation!r} is no orientation such as SPL", at="--orientation", do="correct it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """
    A model as its own files describe it.

    Attributes:
        framework: Who trained it, in words.
        name: What it is called.
        version: Its own, or 1.0.0.
        graphs: The ONNX files; what they answer is averaged.
        layout: How our engine does what the files say.
        modality: Modality (0008,0060).
        target: What is drawn.
        read: Where something stands, and what it says.
        differs: What our engine does otherwise than the framework, in sentences.
        said: What a person said at import.
        source: Data that it was trained on, in its makers' words.
        citation: Whom to cite.
        licence: Of model or data, as the files say.
    """

    framework: str
    name: str
    version: str
    graphs: tuple[Path, ...]
    layout: Layout
    modality: str
    target: str
    read: Mapping[str, str]
    differs: Sequence[str]
    said: Sequence[str] = ()
    source: str = ""
    citation: str = ""
    licence: str = ""


def coarsest(spacing: Sequence[float]) -> tuple[float, float, float]:
    """Largest voxels that are still drawn on; frameworks know no limit, and thick slices are nothing unusual."""
    most = max(COARSEST_MM, 3 * max(spacing))
    return most, most, most


def graphs_in(folders: Sequence[Path], wishes: Wishes) -> tuple[Path, ...]:
    """
    The ONNX files of a source: the only one, or those that a person named.

    Raises:
        ModelFailed: There is none, several and nobody said which, or one that was named is not there.
    """
    every = [path for folder in folders for path in sorted(folder.glob("*.onnx"))]
    found = [path for path in every if not wishes.graphs or path.name in wishes.graphs]
    absent = [name for name in wishes.graphs if name not in {path.name for path in found}]
    at, names = str(folders[0]), ", ".join(path.name for path in every)
    if not every:
        raise refused("holds no *.onnx", at=at, do="export the network to ONNX")
    if absent:
        do = "give each file's name with a --graph of its own"
        raise refused(f"holds {names}, no {', '.join(absent)}", at=at, do=do)
    if len(found) > max(1, len(wishes.graphs)):
        do = "say with --graph which one, or which ones are to be averaged, as nnU-Net does with its folds"
        raise refused(f"holds {names}", at=at, do=do)
    return tuple(found)


def role_of(name: str) -> str:
    """The role that a channel's name stands for, "" for none that we know."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((role for role, names in ROLES.items() if plain in names), "")


def roles_of(names: Sequence[str], wishes: Wishes, at: str) -> tuple[str, ...]:
    """
    Roles of the channels, in their order; a single channel of no known name is the first series ("").

    Raises:
        ModelFailed: One of several channels has a name that we do not know, or two have one role.
    """
    roles = tuple(wishes.roles.get(i, role_of(name)) for i, name in enumerate(names))
    if len(names) == 1:
        return roles
    for number, role in enumerate(roles):
        if not role:
            do = f"say with --role {number}=ROLE which series of a pipeline it is"
            raise refused(f"channel {number} is called {names[number]!r}, which is no role", at=at, do=do)
    if len({*roles}) < len(roles):
        raise refused(f"two channels are the same role: {', '.join(roles)}", at=at, do="say which with --role N=ROLE")
    return roles


def modality_of(roles: Sequence[str], named: str, wishes: Wishes, at: str) -> str:
    """
    Modality (0008,0060) of the series that is drawn on.

    Raises:
        ModelFailed: Neither names nor a person say it.
    """
    if wishes.modality:
        return wishes.modality
    known = {"CT": "CT", "MR": "MR", "MRI": "MR", "PT": "PT", "PET": "PT"}.get(named.upper(), "")
    if not known and roles and roles[0]:
        known = _MODALITIES.get(roles[0], "MR")
    if not known:
        raise refused(f"{named!r} is no modality", at=at, do="say with --modality CT, MR or PT what it draws on")
    return known


def chosen(names: Mapping[str, int], wishes: Wishes, at: str) -> tuple[tuple[int, ...], str]:
    """
    Numbers of the classes that are lesion, and what they are called.

    Args:
        names: Name to number of everything that is not background.

    Raises:
        ModelFailed: There are several and nobody said which, or one is not there.
    """
    listed = ", ".join(names)
    if not names:
        raise refused("names nothing but background", at=at)
    wanted = wishes.lesion or (tuple(names) if len(names) == 1 else ())
    if not wanted:
        raise refused(
            f"names {listed}", at=at, do="say with --lesion which of them is the lesion; several may be given"
        )
    if absent := [name for name in wanted if name not in names]:
        raise refused(f"names {listed}, not {', '.join(absent)}", at=at, do="correct --lesion")
    return tuple(sorted(names[name] for name in wanted)), " and ".join(wanted)


def said_of(wishes: Wishes) -> list[str]:
    """What a person said at import, as sentences for the card."""
    spacing = "" if wishes.spacing is None else " x ".join(f"{mm:g}" for mm in wishes.spacing)
    words = {
        "configuration": wishes.configuration,
        "orientation": wishes.orientation,
        "spacing in mm": spacing,
        "lesion": ", ".join(wishes.lesion),
        "roles": ", ".join(f"channel {number} is {role}" for number, role in wishes.roles.items()),
        "modality": wishes.modality,
        "graphs whose answers are averaged": ", ".join(wishes.graphs) if len(wishes.graphs) > 1 else "",
        "axes that are mirrored": ", ".join(map(str, wishes.mirror)),
        "steps left out, as without effect on the label drawn": ", ".join(wishes.ignore),
    }
    told = [f"{what}: {text}" for what, text in words.items() if text]
    return [f"Not from the files, but said by whoever imported it: {'; '.join(told)}."] if told else []
