"""Judge: may this model be asked about this lesion? What lies outside its declaration is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from node.domain.clinical import Clinical
from node.domain.findings import Fitness, Measurements
from node.domain.language import Said, say
from node.domain.volume import Volume
from node.inference.manifest import Declared

Range = tuple[float, float]


def judge(
    declared: Declared, volume: Volume, measurements: Measurements, clinical: Clinical, *, in_lung: bool | None
) -> Fitness:
    """
    Hold one lesion, its image and its patient against what a model declares.

    What is unknown (age, Body Part Examined) is no reason to refuse; what contradicts is.

    Args:
        declared: The model's `[declared]`.
        volume: The image that was measured.
        measurements: Of this lesion.
        clinical: Of this patient.
        in_lung: Whether the lesion lies in or touches lung found in this image; None where nobody looked.

    Returns:
        "outside" with every reason, else "borderline" with every reason, else "in_domain".
    """
    known = _known(volume, measurements, clinical)
    anatomy = list(_anatomy(declared, volume, in_lung=in_lung))
    outside = [*anatomy, *_acquisition(declared, volume), *_ranges(declared, known, usual=False)]
    if outside:
        return Fitness(outcome="outside", reasons=tuple(outside), code="wrong_anatomy" if anatomy else "outside_domain")
    if borderline := [*_contrast_unstated(declared, volume), *_ranges(declared, known, usual=True)]:
        return Fitness(outcome="borderline", reasons=tuple(borderline), code="borderline_domain")
    return Fitness(outcome="in_domain")


def _anatomy(declared: Declared, volume: Volume, *, in_lung: bool | None) -> Iterator[Said]:
    stated = re.sub(r"[^A-Z]", "", volume.body_part.upper())
    if stated and declared.body_part and not any(word in stated for word in declared.body_part):
        yield say(
            "Body Part Examined is {stated}, which contains none of {known}",
            stated=volume.body_part, known=", ".join(declared.body_part),
        )  # fmt: skip
    if declared.organ == "lung" and in_lung is False:
        yield say("the lesion neither lies in nor touches lung found in this image")


def _acquisition(declared: Declared, volume: Volume) -> Iterator[Said]:
    """How the image was made, where the header tells."""
    if declared.modality and volume.modality != declared.modality:
        yield say("the modality is {modality}, not {wanted}", modality=volume.modality, wanted=declared.modality)
    if declared.sequence and volume.sequence and volume.sequence not in declared.sequence:
        yield say(
            "the MR sequence is of the family {family}, none of {known}",
            family=volume.sequence, known=", ".join(declared.sequence),
        )  # fmt: skip
    for name, stated, words in (
        (say("the convolution kernel"), volume.kernel, declared.kernel),
        (say("the scanner's manufacturer"), volume.manufacturer, declared.manufacturer),
    ):
        if words and stated and not any(word.casefold() in stated.casefold() for word in words):
            yield say(
                "{name} is {stated}, which contains none of {known}", name=name, stated=stated, known=", ".join(words)
            )
    given = contrast_given(volume.contrast)
    if declared.contrast == "required" and given is False:
        yield say("the image was taken without contrast agent, which the model needs")
    if declared.contrast == "forbidden" and given:
        yield say("the image was taken with contrast agent, which the model does not allow")


def contrast_given(agent: str) -> bool | None:
    """Whether Contrast/Bolus Agent (0018,0010) says that contrast was given; None where it says nothing."""
    words = re.sub(r"[^A-Z]", "", agent.upper())
    if not words:
        return None
    return words not in {"NO", "NONE", "WITHOUT", "NOCONTRAST", "WITHOUTCONTRAST", "N", "OHNE", "NATIV", "SIN", "NA"}


def _contrast_unstated(declared: Declared, volume: Volume) -> Iterator[Said]:
    if declared.contrast == "required" and contrast_given(volume.contrast) is None:
        yield say("the image does not say whether contrast agent was given, which the model needs")


def _known(volume: Volume, measurements: Measurements, clinical: Clinical) -> dict[str, tuple[Said, float, str]]:
    """Key in `[declared]` to name, value and unit; without what is unknown."""
    known = {
        "lesion_volume_ml": (say("lesion volume"), measurements.volume_ml, "mL"),
        "pixel_spacing_mm": (say("pixel spacing"), max(volume.geometry.spacing[1:]), "mm"),
    }
    age = clinical.values.get("age")
    if age is not None:
        known["age"] = (say("age"), float(age.value), say("years"))
    if volume.slice_thickness_mm is not None:
        known["slice_thickness_mm"] = (say("slice thickness"), volume.slice_thickness_mm, "mm")
    else:
        known["slice_thickness_mm"] = (say("distance between slices"), volume.geometry.spacing[0], "mm")
    return known


def _ranges(declared: Declared, known: dict[str, tuple[Said, float, str]], *, usual: bool) -> Iterator[Said]:
    for key, (name, value, unit) in known.items():
        bounds: Range | None = getattr(declared, f"{key}_usual" if usual else key)
        if bounds is None or bounds[0] <= value <= bounds[1]:
            continue
        shown = say("{value:.0f}", value=float(value)) if value >= 100 else say("{value:.3g}", value=float(value))
        values = {"name": name, "shown": shown, "unit": unit, "low": bounds[0], "high": bounds[1]}
        if usual:
            yield say(
                "{name} is {shown} {unit}, outside the range of its training data ({low:g} to {high:g} {unit})",
                **values,
            )
        else:
            yield say(
                "{name} is {shown} {unit}, outside what the model was made for ({low:g} to {high:g} {unit})", **values
            )
