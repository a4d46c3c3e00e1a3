"""`[segmenter]` of `model.toml`: how an image is brought into the form that a graph takes, and its answer read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal

from node.imaging.reorient import is_orientation
from node.imaging.splines import LINEAR, Splines

Pair = tuple[float, float]
Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intensity:
    """
    What the graph's numbers mean: (value - centre) / spread * times, clipped, plus shift.

    Attributes:
        scale: "robust": median and 1.4826 times the median absolute deviation; "plain": mean and standard deviation;
            "range": smallest value and the way to the largest; "fixed": `centre` and `spread` as they stand here.
        over: What of the image the scale is taken over: "head" (found in the image), "nonzero" voxels, "filled"
            (those that are not zero in some channel, and what they enclose), the "box" around these, or "all".
        masked: Whether what is not `over` is `outside`, and not scaled.
        when: Whether the scale is taken "before" the image is brought to `spacing_mm`, or "after" it.
        before: Raw values are clipped to this range first; None leaves them.
        centre: For "fixed".
        spread: For "fixed".
        times: Factor on scaled values.
        after: Scaled values are clipped to this range; None leaves them.
        shift: Added last.
        outside: Value of what lies outside the image, in the graph's numbers.
    """

    scale: Literal["robust", "plain", "range", "fixed"] = "robust"
    over: Literal["head", "nonzero", "filled", "box", "all"] = "all"
    masked: bool = False
    when: Literal["before", "after"] = "before"
    before: Pair | None = None
    centre: float = 0.0
    spread: float = 1.0
    times: float = 1.0
    after: Pair | None = None
    shift: float = 0.0
    outside: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """
    What a drawing must show to be believed. Each pair is (worthless, perfect); in between the factor is linear.

    The trust is the product of the factors. What a model does not give stays out of it.

    Attributes:
        certainty: Dice that the drawing has if the probabilities are true: 2 sum(p inside) / (voxels + sum(p)).
        agreement: Mean Dice between the drawing and what each flipped image by itself gives.
        share: The drawing's voxels among all above the threshold.
        size_ml: Volume of the drawing.
        end: Its area on the first or last slice of the image, as a share of its largest area.
    """

    certainty: Pair | None = None
    agreement: Pair | None = None
    share: Pair | None = None
    size_ml: Pair | None = None
    end: Pair | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """
    From a volume to the graph, and back.

    The volume's axes are put into the order `axes` without interpolation, cut to what `intensity.over` finds, brought
    to `spacing_mm`, scaled, and passed through the graph window by window; probabilities of overlapping windows are
    averaged (Isensee et al., Nat Methods 2021;18:203) and brought back to the volume's grid.

    Attributes:
        role: Whose volume is drawn on; "" for the first.
        channels: Roles of the graph's channels, where it takes more than one; the first is `role`. The others are
            brought to its grid.
        form: "slices": the graph takes (n, neighbours, rows, columns) and draws the middle slice; "patch": it takes
            (n, channels, slices, rows, columns). It answers (n, classes, …) on the same grid.
        axes: What the three axes run towards, of L, R, A, P, S, I.
        most_tilt_deg: An image whose axes lie further from these is refused.
        spacing_mm: Of the graph's grid. Where `form` is "slices", the first is the least distance: slices are
            averaged to reach it, and never made up.
        smooth: Whether an image that becomes coarser is smoothed first, so that nothing aliases.
        fit: How the grid lies over the image; see `Reslice.to`.
        interpolate: How values on the grid are found.
        interpolate_back: How what the graph answers is found on the volume's grid; no order above 1.
        back: What is brought back: the "probability"; the graph's "answer" for each class, or their "shares" (softmax),
            which are then taken for a probability on the volume's grid.
        crop: Whether the image is cut to what `intensity.over` finds.
        coarsest_mm: An image whose voxels, in the order `axes`, are larger is refused.
        window: Voxels of one window; where `form` is "slices", the first is the number of neighbours.
        neighbour_mm: Wanted distance between neighbours; 0 for adjacent ones.
        overlap: Of adjacent windows, as a share of their size.
        steps: "even": windows lie evenly, and overlap more where that needs it; "fixed": each begins so far after the
            one before, and the last is moved back into the image.
        weights: Of a window's voxels: "bell": Gaussian around its middle; "peak": around the voxel after it where its
            size is even; "even": all the same.
        average: What is averaged where windows overlap, and over passes: the "probability", or the graph's "answer"
            before it.
        flips: For each further pass, the axes of the window that are flipped in it.
        activation: What turns the graph's answer into probabilities. "argmax": that of the likeliest class of
            lesion against the likeliest other class, so that 0.5 is where the likeliest class of all changes.
        classes: Those of the answer that are lesion; their probabilities are added ("softmax") or the highest counts.
        threshold: Voxels of at least this probability are drawn.
        smallest_ml: Pieces below are left out.
        smallest_share: So are pieces below this share of the largest one.
        lesions: "one": all pieces are one lesion; "each": every piece is a lesion of its own.
        intensity: Of every channel.
        intensities: Of each channel, where they differ.
    """

    form: Literal["slices", "patch"]
    window: Triple
    spacing_mm: tuple[float, float, float]
    role: str = ""
    channels: tuple[str, ...] = ()
    axes: str = "SPL"
    most_tilt_deg: float = 40.0
    coarsest_mm: tuple[float, float, float] = (10.0, 10.0, 10.0)
    smooth: bool = True
    fit: Literal["cover", "fill", "first"] = "cover"
    interpolate: Splines = LINEAR
    interpolate_back: Splines = LINEAR
    back: Literal["probability", "answer", "shares"] = "probability"
    crop: bool = True
    neighbour_mm: float = 0.0
    overlap: float = 0.5
    steps: Literal["even", "fixed"] = "even"
    weights: Literal["bell", "peak", "even"] = "bell"
    average: Literal["probability", "answer"] = "probability"
    flips: tuple[tuple[int, ...], ...] = ()
    activation: Literal["none", "sigmoid", "softmax", "argmax"] = "none"
    classes: tuple[int, ...] = (0,)
    threshold: float = 0.5
    smallest_ml: float = 0.0
    smallest_share: float = 0.0
    lesions: Literal["one", "each"] = "each"
    intensity: Intensity = field(default_factory=Intensity)
    intensities: tuple[Intensity, ...] = ()
    trust: Trust = field(default_factory=Trust)

    @property
    def scales(self) -> tuple[Intensity, ...]:
        """One for each channel that has a role of its own."""
        return self.intensities or (self.intensity,) * max(1, len(self.channels))

    @property
    def fed(self) -> int:
        """Channels that the graph takes."""
        return self.window[0] if self.form == "slices" and not self.channels else max(1, len(self.channels))


def mistakes(layout: Layout) -> Iterator[str]:
    """What contradicts itself in a layout, in words."""
    slices, spacing, back = layout.form == "slices", layout.spacing_mm, layout.interpolate_back
    wrong = {
        f"axes {layout.axes!r} is no orientation such as 'SPL'": not is_orientation(layout.axes),
        "window holds a size below 1": min(layout.window) < 1,
        "window begins with an even number of neighbours, so none is in the middle": slices
        and layout.window[0] % 2 == 0,
        "spacing_mm is not above zero": min(spacing[1:]) <= 0 or spacing[0] < 0 or not (slices or spacing[0]),
        "overlap is not from 0 to below 1": not 0 <= layout.overlap < 1,
        "interpolate or interpolate_back holds an order that is not from 0 to 5": not all(
            0 <= order <= 5 for splines in (layout.interpolate, back) for order in (splines.order, splines.across)
        ),
        "back is not 'probability' where probabilities are averaged": layout.back != "probability"
        and layout.average != "answer",
        "back is 'shares' where the likeliest of them is not taken": layout.back == "shares"
        and layout.activation != "argmax",
        "interpolate_back holds an order above 1": max(back.order, back.across) > 1,
        "threshold is not between 0 and 1": not 0 < layout.threshold < 1,
        "classes names none": not layout.classes or min(layout.classes) < 0,
        "flips names an axis that a window does not have": not {a for f in layout.flips for a in f}
        <= {*range(1 if slices else 0, 3)},
        "intensity.spread is not above zero": min(i.spread for i in layout.scales) <= 0,
        "intensity.when is 'after' over what is found before": any(
            i.when == "after" and i.over not in ("all", "nonzero") for i in layout.scales
        ),
        "channels does not begin with role, or names one twice": bool(layout.channels)
        and (layout.channels[0] != layout.role or len({*layout.channels}) < len(layout.channels)),
        "channels have no neighbours: window must begin with 1": slices
        and layout.fed > 1
        and bool(layout.channels)
        and layout.window[0] > 1,
        "intensities are not one for each of channels": bool(layout.intensities)
        and len(layout.intensities) != max(1, len(layout.channels)),
    }
    yield from (f"segmenter.{text}" for text, is_so in wrong.items() if is_so)
    for name in (f.name for f in fields(Trust)):
        ends = getattr(layout.trust, name)
        if ends and ends[0] == ends[1]:
            yield f"segmenter.trust.{name} has no width"
