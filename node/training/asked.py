"""Words of the command line to what they mean."""

from __future__ import annotations

from collections.abc import Sequence

from node.training.brought import Wishes
from node.training.foreign import refused


def wishes_of(
    *,
    configuration: str,
    orientation: str,
    spacing: str,
    lesion: Sequence[str],
    roles: Sequence[str],
    modality: str,
    graphs: Sequence[str],
    mirror: Sequence[str],
    ignore: Sequence[str],
) -> Wishes:
    """
    What a person said.

    Raises:
        ModelFailed: Something cannot be understood.
    """
    if modality not in ("", "CT", "MR", "PT"):
        raise refused(f"{modality!r} is not CT, MR or PT", at="--modality", do="correct it")
    return Wishes(
        configuration=configuration,
        orientation=orientation,
        spacing=_spacing(spacing),
        lesion=tuple(lesion),
        roles=dict(_role(each) for each in roles),
        modality=modality,
        graphs=tuple(sorted({*graphs})),
        mirror=_mirror(mirror),
        ignore=tuple(ignore),
    )


def _spacing(text: str) -> tuple[float, float, float] | None:
    if not text:
        return None
    try:
        x, y, z = (float(each) for each in text.split(","))
    except ValueError as error:
        raise refused(f"{text!r} is not three numbers such as 1,1,1", at="--spacing", do="correct it") from error
    if not min(x, y, z) > 0:
        raise refused(f"{text!r} is not above zero", at="--spacing", do="correct it")
    return x, y, z


def _mirror(said: Sequence[str]) -> tuple[int, ...]:
    axes = {each.strip() for text in said for each in text.split(",")}
    if wrong := sorted(axes - {"0", "1", "2"}):
        raise refused(f"{wrong[0]!r} is none of the axes 0,1,2", at="--mirror", do="correct it")
    return tuple(sorted(map(int, axes)))


def _role(text: str) -> tuple[int, str]:
    number, _, role = text.partition("=")
    if not number.isdigit() or not role:
        raise refused(f"{text!r} is not of the form 0=flair", at="--role", do="correct it")
    return int(number), role
