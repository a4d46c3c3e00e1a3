"""Conditions on DICOM attributes: which instances fill a role of a pipeline, and why others do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from node.domain.acquisition import MODALITIES, not_axial
from node.domain.sequence import sighting
from node.domain.series import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    What one attribute must satisfy; everything that is set must hold.

    Attributes:
        equals: The values joined by a backslash equal this text (case-insensitive).
        matches: Regular expression found in some value.
        excludes: Regular expression found in no value; an absent attribute passes.
        minimum: Smallest allowed number, inclusive, for every value.
        maximum: Largest allowed number, inclusive, for every value.
        includes: Each of these is one of the values (case-insensitive).
        lacks: None of these is one of the values (case-insensitive); an absent attribute passes.
    """

    equals: str | None = None
    matches: str | None = None
    excludes: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    includes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def failure(self, values: tuple[str, ...]) -> str | None:
        """Why these values do not satisfy the condition, in words; None when they do."""
        folded = [v.strip().casefold() for v in values]
        needs_value = self.equals is not None or self.matches is not None or self.includes
        if not values and (needs_value or self.minimum is not None or self.maximum is not None):
            return "is absent"
        if self.equals is not None and "\\".join(folded) != self.equals.strip().casefold():
            return f"is not {self.equals!r}"
        if self.matches is not None and not any(re.search(self.matches, v) for v in values):
            return f"does not match {self.matches!r}"
        if self.excludes is not None and any(re.search(self.excludes, v) for v in values):
            return f"matches the excluded {self.excludes!r}"
        for wanted in self.includes:
            if wanted.strip().casefold() not in folded:
                return f"does not include {wanted!r}"
        for unwanted in self.lacks:
            if unwanted.strip().casefold() in folded:
                return f"includes {unwanted!r}"
        return self._out_of_range(values)

    def _out_of_range(self, values: tuple[str, ...]) -> str | None:
        if self.minimum is None and self.maximum is None:
            return None
        for text in values:
            try:
                number = float(text)
            except ValueError:
                return "is no number"
            if self.minimum is not None and number < self.minimum:
                return f"is {number:g}, below {self.minimum:g}"
            if self.maximum is not None and number > self.maximum:
                return f"is {number:g}, above {self.maximum:g}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """
    A place in a pipeline that one image series fills.

    Attributes:
        sequence: MR weighting that the series must be recognised as ("flair", "t1", "t2"); "" for any.
        contrast: Whether contrast agent must, or must not, have been given; None: either.
    """

    modality: str
    where: Mapping[str, Condition] = field(default_factory=dict)
    sequence: Literal["", "flair", "t1", "t2"] = ""
    contrast: bool | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """
    How well one series fills one role.

    Attributes:
        instances: The instances of the series that meet every condition.
        conditions: How many conditions they met (the modality is one).
        why_not: Why no instance of the series fits, in words naming the attribute; "" when some do.
        why: What the weighting rests on, where the role asks for one.
        named: Whether a name of the series tells of contrast agent, where the role asks.
        barred: Why no instance can become part of a volume although all conditions are met; "" when some can.
    """

    instances: tuple[Instance, ...]
    conditions: int
    why_not: str
    why: str = ""
    named: bool = False
    barred: str = ""


def fit(role: Role, series: tuple[Instance, ...]) -> Fit:
    """
    Judge one series, instance by instance: a scout or a dose page inside it does not spoil the rest.

    Instances that no volume can be made of are left out as long as there are others. Where there are none they stay, so
    that the case is refused with that reason if nothing better fills the role.
    """
    fitting, reasons = [], []
    for instance in series:
        if reason := _failure(role, instance):
            reasons.append(reason)
        else:
            fitting.append(instance)
    if not fitting:
        return Fit((), 1 + len(role.where), reasons[0] if reasons else "has no instance")
    usable = tuple(instance for instance in fitting if not _bar(instance))
    chosen = usable or tuple(fitting)
    seen = sighting(chosen[0].attributes) if _is_recognised(role) else None
    return Fit(
        chosen, 1 + len(role.where), "", seen.why if seen else "",
        named=role.contrast is not None and seen is not None and seen.named, barred="" if usable else _bar(chosen[0]),
    )  # fmt: skip


def _bar(instance: Instance) -> str:
    """Why no volume can be made of an instance, "" where its header gives no reason."""
    if instance.sop_class not in MODALITIES:
        return f"SOP class {instance.sop_class} is no CT, MR or PET image"
    kind = not_axial(instance.attributes.get("ImageType", ()))
    return f"Image Type says {kind}" if kind else ""


def _failure(role: Role, instance: Instance) -> str | None:
    if instance.modality != role.modality:
        return f"Modality is {instance.modality or 'absent'}, not {role.modality}"
    for keyword, condition in role.where.items():
        if reason := condition.failure(instance.attributes.get(keyword, ())):
            return f"{keyword} {reason}"
    return _unlike(role, instance) if _is_recognised(role) else None


def _is_recognised(role: Role) -> bool:
    return bool(role.sequence) or role.contrast is not None


def _unlike(role: Role, instance: Instance) -> str | None:
    """Why an MR image does not look like the weighting, or the contrast, that the role asks for."""
    seen = sighting(instance.attributes)
    if role.sequence and seen.family != role.sequence:
        return f"is no {role.sequence.upper()}: {seen.why}"
    if role.contrast is not None and seen.contrast is not role.contrast:
        asked = "after" if role.contrast else "before"
        return f"was not recognised as taken {asked} contrast agent: {seen.why}"
    return None
