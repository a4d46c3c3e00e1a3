"""Judge: may this model be asked about this lesion? What lies outside its declaration is refused, not guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from node.domain.clinical import Clinical
from node.domain.findings import Fitness, Measurements
from node.domain.language import Said, joined, say
from node.domain.terms import WEIGHTINGS
from node.domain.volume import Volume
from node.inference.manifest import Declared

Range = tuple[float, float]

ANY = "any"
"""A word that takes whatever is stated, so that only what is not stated is flagged."""

Quantity = tuple[str, Said, float, str]
"""Key in `[declared]`, name, value, unit."""

SAME_MM = 0.01
"""Headers round: slices that are further apart by less adjoin one another."""


def judge(
    declared: Declared,
    volume: Volume,
    measurements: Measurements | None,
    clinical: Clinical,
    *,
    in_lung: bool | None = None,
    head: bool | None = None,
) -> Fitness:
    """
    Hold one image and its patient, and the lesion once there is one, against what a model declares.

    What contradicts is refused. What is declared but unknown (age, body part, kernel) is flagged, unless the pixels
    tell. The weighting of an MR image is the exception: where nothing tells it, no model that declares one is asked, as
    neither the pixels (an enhancing tumour on T1 is as bright against the brain as any on FLAIR) nor the distance to
    the training patients would show a swapped series.

    Args:
        declared: The model's `[declared]`.
        volume: The image that was measured, or is to be drawn on.
        measurements: Of this lesion; None before one is drawn.
        clinical: Of this patient.
        in_lung: Whether the lesion lies in or touches lung found in this image; None where nobody looked.
        head: Whether the image shows what has the size of a head; None where nobody looked.

    Returns:
        "outside" with every reason, else "borderline" with every reason, else "in_domain".
    """
    known = list(_known(volume, measurements, clinical))
    anatomy = list(_anatomy(declared, volume, in_lung=in_lung, head=head))
    outside = [*anatomy, *_acquisition(declared, volume), *_ranges(declared, known, usual=False)]
    if outside:
        return Fitness(outcome="outside", reasons=tuple(outside), code="wrong_anatomy" if anatomy else "outside_domain")
    unstated = _unstated(declared, volume, clinical, in_lung=in_lung)
    if borderline := [*unstated, *_ranges(declared, known, usual=True)]:
        return Fitness(outcome="borderline", reasons=tuple(borderline), code="borderline_domain")
    return Fitness(outcome="in_domain")


def _anatomy(declared: Declared, volume: Volume, *, in_lung: bool | None, head: bool | None) -> Iterator[Said]:
    plain = unicodedata.normalize("NFKD", volume.body_part.upper())  # Ä becomes A, and a mark that is no letter
    stated = re.sub(r"[^A-Z]", "", plain)
    if stated and declared.body_part and not any(word in stated for word in declared.body_part):
        yield say(
            "Body Part Examined is {stated}, which contains none of {known}",
            stated=volume.body_part, known=", ".join(declared.body_part),
        )  # fmt: skip
    if declared.organ == "lung" and in_lung is False:
        yield say("the lesion neither lies in nor touches lung found in this image")
    if declared.organ == "head" and head is False:
        yield say("nothing in the image has the size of a head")


def _acquisition(declared: Declared, volume: Volume) -> Iterator[Said]:
    """How the image was made, where the header tells."""
    if declared.modality and volume.modality != declared.modality:
        yield say("the modality is {modality}, not {wanted}", modality=volume.modality, wanted=declared.modality)
    if declared.weighting:
        yield from _weighting(declared, volume)
    if declared.sequence and volume.sequence and volume.sequence not in declared.sequence:
        yield say(
            "the MR sequence is of the family {family}, which is none of {known}",
            family=volume.sequence, known=", ".join(declared.sequence),
        )  # fmt: skip
    for name, stated, words in _made_with(declared, volume):
        if stated and ANY not in words and not any(word.casefold() in stated.casefold() for word in words):
            yield say(
                "{name} is {stated}, which contains none of {known}", name=name, stated=stated, known=", ".join(words)
            )
    if declared.contrast == "required" and volume.contrast is False:
        yield say("the image was taken without contrast agent, which the model needs")
    if declared.contrast == "forbidden" and volume.contrast:
        yield say("the image was taken with contrast agent, which the model does not allow")


def _weighting(declared: Declared, volume: Volume) -> Iterator[Said]:
    wanted = joined([WEIGHTINGS[each] for each in declared.weighting], ", ")
    if not volume.weighting:
        yield say(
            "neither the names nor the times of the series tell its weighting, or they contradict each other; the "
            "model reads {wanted} only",
            wanted=wanted,
        )
    elif volume.weighting == "other":
        yield say("the series is of another kind than {wanted}, which the model reads", wanted=wanted)
    elif volume.weighting not in declared.weighting:
        yield say(
            "the series is weighted as {found}, but the model reads {wanted} only",
            found=WEIGHTINGS[volume.weighting], wanted=wanted,
        )  # fmt: skip


def _made_with(declared: Declared, volume: Volume) -> Iterator[tuple[Said, str, tuple[str, ...]]]:
    """Name, what is stated, and what the model declares, for what it declares."""
    if declared.kernel:
        yield say("the convolution kernel"), volume.kernel, declared.kernel
    if declared.manufacturer:
        yield say("the scanner's manufacturer"), volume.manufacturer, declared.manufacturer


def _unstated(declared: Declared, volume: Volume, clinical: Clinical, *, in_lung: bool | None) -> Iterator[Said]:
    """What the model declares, and neither header nor pixels tell."""
    if declared.contrast == "required" and volume.contrast is None:
        yield say("the image does not say whether contrast agent was given, which the model needs")
    unknown = [name for name, stated, _ in _made_with(declared, volume) if not stated]
    if declared.body_part and not volume.body_part and not (declared.organ == "lung" and in_lung):
        unknown.append(say("the body part"))
    if declared.age and "age" not in clinical.values:
        unknown.append(say("the patient's age"))
    for name in unknown:
        yield say("{name} is not stated, so whether the model was made for it is not known", name=name)


def _known(volume: Volume, measurements: Measurements | None, clinical: Clinical) -> Iterator[Quantity]:
    """What is known of what `[declared]` may bound."""
    if measurements is not None:
        yield "lesion_volume_ml", say("lesion volume"), measurements.volume_ml, "mL"
    yield "pixel_spacing_mm", say("pixel spacing"), max(volume.geometry.spacing[1:]), "mm"
    age = clinical.values.get("age")
    if age is not None:
        yield "age", say("age"), float(age.value), say("years")
    thickness = volume.slice_thickness_mm
    if thickness is not None:
        yield "slice_thickness_mm", say("slice thickness"), thickness, "mm"
    # thin slices far apart leave unseen what thick ones blur; slices that overlap lose nothing
    apart = round(volume.geometry.spacing[0], 3)
    if thickness is None or apart > thickness + SAME_MM:
        yield "slice_thickness_mm", say("distance between slices"), apart, "mm"


def _ranges(declared: Declared, known: list[Quantity], *, usual: bool) -> Iterator[Said]:
    for key, name, value, unit in known:
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
