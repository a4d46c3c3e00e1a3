"""The shipped segmenter for chest CT: the dominant solid or part-solid lesion, with a trust; no learned weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.domain.facts import ModelFacts
from node.domain.findings import Drawing
from node.domain.language import joined, say
from node.domain.volume import Volume
from node.errors import ModelFailed, Refused
from node.imaging.candidates import Candidate, find_candidates
from node.imaging.lungs import find_lungs
from node.imaging.outline import outline
from node.imaging.phantom import Nodule, chest_phantom

NAMES = {
    "air": say("vessels run into it on many sides"),
    "elongation": say("it is long like a vessel"),
    "wall": say("much of it lies against the wall or the mediastinum"),
    "floor": say("it rests on the diaphragm and may be part of it"),
    "stalk": say("thick tissue joins it to the body, as with a vessel of the hilum"),
    "size": say("it is small"),
    "margin": say("another candidate is nearly as likely"),
    "extent": say("its outline does not fit the tissue it started from"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """
    How a candidate is judged. Each pair is (worthless, perfect); in between the factor is linear.

    Attributes:
        soft_hu: Above this, tissue counts as soft.
        smallest_mm: Candidates with a smaller diameter are not lesions.
        air: Share of aerated lung around it.
        elongation: Longest over middle axis.
        wall: Share of its surroundings outside the filled lung.
        floor: Share of its lower surface on the diaphragm.
        stalk: Share of its surroundings outside the filled lung, for a candidate that thick tissue joins to the body:
            one that lies on the wall is joined to it anyway, one that does not is a vessel.
        size_mm: Diameter.
        margin: How far the second-best candidate stays behind, as a share of the best.
        extent: Volume of the solid outline over that of the candidate (or its inverse).
    """

    soft_hu: float = -400.0
    smallest_mm: float = 3.0
    air: tuple[float, float] = (0.72, 0.88)
    elongation: tuple[float, float] = (2.3, 1.6)
    wall: tuple[float, float] = (0.65, 0.4)
    floor: tuple[float, float] = (0.6, 0.3)
    stalk: tuple[float, float] = (0.0, 0.2)
    size_mm: tuple[float, float] = (4.0, 8.0)
    margin: tuple[float, float] = (0.0, 0.4)
    extent: tuple[float, float] = (6.0, 3.0)


@dataclass(frozen=True, eq=False)
class _Judged:
    candidate: Candidate
    factors: Mapping[str, float]

    @property
    def quality(self) -> float:
        return float(np.prod(list(self.factors.values())))

    @property
    def weight(self) -> float:
        """What ranks candidates: how large, and how likely no vessel."""
        return self.candidate.diameter_mm**2 * self.quality


class LungLesion:
    """
    Draws the dominant solid or part-solid lesion in the filled lung. Deterministic.

    Pure ground-glass lesions are not sought, and a candidate that the first or last slice cuts is passed over.
    """

    role = ""  #: the first volume

    def __init__(self, facts: ModelFacts, parameters: Mapping[str, object] | None = None) -> None:
        """
        Args:
            facts: From the manifest.
            parameters: The manifest's table of parameters; what it leaves out keeps its default.

        Raises:
            ModelFailed: A parameter is unknown or of the wrong form.
        """
        self.facts = facts
        self.parameters = _parameters(parameters or {}, facts.id)

    def __call__(self, volumes: Mapping[str, Volume], /) -> Drawing:
        """
        Draw on the first volume.

        Raises:
            Refused: It is no CT, or shows no lung ("wrong anatomy").
        """
        volume = next(iter(volumes.values()))
        if volume.unit != "HU":
            found = say("{modality} in {unit}, not CT in HU", modality=volume.modality, unit=volume.unit)
            raise Refused("wrong anatomy", found, at=self.facts.id)
        lungs = find_lungs(volume)
        if lungs is None:
            raise Refused("wrong anatomy", say("no lung was found in the image"), at=self.facts.id)
        judged = self._ranked(find_candidates(volume, lungs, self.parameters.soft_hu))
        whole = [each for each in judged if not each.candidate.cut]
        left_out = _left_out(judged, whole)
        if not whole or whole[0].weight == 0:
            return _nothing(say("No compact soft tissue was found in the lungs."), left_out)
        best = whole[0]
        drawn = outline(volume, lungs, best.candidate)
        if not drawn.mask.any():
            return _nothing(say("No lesion stood out from the lung around it."), left_out)
        rival = whole[1].weight / best.weight if len(whole) > 1 else 0.0
        last = {
            "margin": _scale(1 - rival, self.parameters.margin),
            "extent": _scale(_misfit(drawn.solid_ml, best.candidate.diameter_mm), self.parameters.extent),
        }
        return self._drawing(drawn.mask, {**best.factors, **last}, left_out)

    def check_golden(self, golden: Mapping[str, Any], /) -> list[str]:
        """
        Draw on the phantoms that `golden.json` describes, and compare.

        Args:
            golden: {"cases": [{"name", "nodules": [{"centre", "radius_mm"}], "expect": {"voxels", "centroid_mm",
                "trust"}}], "tolerance": {"voxels" (a share), "centroid_mm", "trust"}}; see `node.imaging.phantom`.

        Returns:
            Every difference in words; empty when all is as it was.
        """
        cases = golden.get("cases", [])
        if not cases:
            return ["golden.json has no cases"]
        return [line for case in cases for line in self._differences(case, golden["tolerance"])]

    def answer(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """What the model answers on the phantom of one golden case, in the form of its "expect"."""
        nodules = [Nodule(centre=tuple(n["centre"]), radius_mm=n["radius_mm"]) for n in case["nodules"]]
        volume = chest_phantom(nodules)
        drawing = self({"ct": volume})
        mask = drawing.masks[0] if drawing.masks else np.zeros(volume.voxels.shape, bool)
        centroid = volume.geometry.point(np.argwhere(mask).mean(axis=0)) if mask.any() else np.zeros(3)
        return {
            "voxels": int(mask.sum()),
            "centroid_mm": [round(float(value), 3) for value in centroid],
            "trust": drawing.trust,
        }

    def _differences(self, case: Mapping[str, Any], tolerance: Mapping[str, float]) -> Iterator[str]:
        found, expected = self.answer(case), case["expect"]
        if abs(found["voxels"] - expected["voxels"]) > tolerance["voxels"] * expected["voxels"]:
            yield f"{case['name']}: drew {found['voxels']} voxels, not {expected['voxels']}"
        apart = float(np.linalg.norm(np.subtract(found["centroid_mm"], expected["centroid_mm"])))
        if apart > tolerance["centroid_mm"]:
            yield f"{case['name']}: centre lies {apart:.2f} mm from where it was"
        if abs(found["trust"] - expected["trust"]) > tolerance["trust"]:
            yield f"{case['name']}: trust is {found['trust']:g}, not {expected['trust']:g}"

    def _ranked(self, candidates: list[Candidate]) -> list[_Judged]:
        large = [c for c in candidates if c.diameter_mm >= self.parameters.smallest_mm]
        return sorted((_Judged(c, self._factors(c)) for c in large), key=lambda each: -each.weight)

    def _factors(self, candidate: Candidate) -> dict[str, float]:
        given = self.parameters
        return {
            "air": _scale(candidate.air, given.air),
            "elongation": _scale(candidate.elongation, given.elongation),
            "wall": _scale(candidate.wall, given.wall),
            "floor": _scale(candidate.floor, given.floor),
            "stalk": _scale(candidate.wall, given.stalk) if candidate.stalk else 1.0,
            "size": _scale(candidate.diameter_mm, given.size_mm),
        }

    @staticmethod
    def _drawing(mask: NDArray[np.bool_], factors: Mapping[str, float], left_out: str) -> Drawing:
        trust = float(np.prod(list(factors.values())))
        doubts = [NAMES[name] for name, factor in sorted(factors.items(), key=lambda item: item[1]) if factor < 0.9]
        why = say("Compact, surrounded by aerated lung, and by far the largest candidate.")
        if doubts:
            why = say("Doubts: {doubts}.", doubts=joined(doubts, "; "))
        return Drawing(masks=(mask,), trust=round(trust, 4), why=joined([why, left_out]))


def _nothing(why: str, left_out: str) -> Drawing:
    return Drawing(masks=(), trust=0.0, why=joined([why, left_out]))


def _scale(value: float, ends: tuple[float, float]) -> float:
    """0 at the first end and beyond, 1 at the second end and beyond."""
    worthless, perfect = ends
    return float(np.clip((value - worthless) / (perfect - worthless), 0, 1))


def _misfit(volume_ml: float, diameter_mm: float) -> float:
    volume_ml, expected = max(volume_ml, 1e-6), np.pi / 6 * diameter_mm**3 / 1000
    return float(max(volume_ml / expected, expected / volume_ml))


def _left_out(judged: list[_Judged], whole: list[_Judged]) -> str:
    """A sentence when something larger was passed over because the image cuts it."""
    seen = whole[0].weight if whole else 0.0
    cut = [each for each in judged if each.candidate.cut and each.weight > seen / 2]
    return say("A mass that the first or last slice cuts was passed over.") if cut else ""


def _parameters(table: Mapping[str, object], model: str) -> Parameters:
    known = {field.name for field in fields(Parameters)}
    do = say("repair [parameters] in its model.toml")
    if unknown := sorted(set(table) - known):
        raise ModelFailed(say("has no parameter {names}", names=", ".join(unknown)), at=model, do=do)
    values: dict[str, float | tuple[float, float]] = {}
    for name, value in table.items():
        single = name in ("soft_hu", "smallest_mm")
        if single and isinstance(value, (int, float)):
            values[name] = float(value)
        elif not single and isinstance(value, (list, tuple)) and len(value) == 2 and value[0] != value[1]:
            values[name] = (float(value[0]), float(value[1]))
        else:
            raise ModelFailed(say("parameter {name} is {value}", name=name, value=repr(value)), at=model, do=do)
    return Parameters(**values)  # type: ignore[arg-type]
