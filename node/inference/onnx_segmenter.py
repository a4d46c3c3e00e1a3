"""
The engine of ONNX segmenters: what `[segmenter]` of a manifest says, done to a volume.

The graph's contract: one input, float32, (n, neighbours, rows, columns) or (n, channels, slices, rows, columns); one
output (the first counts), float32, (n, classes, …) on the same grid: probabilities, or what `activation` makes them of.
Memory holds the image cut to the head (or to what is not zero), the same on the graph's grid, and two sums on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnxruntime
from scipy import ndimage

from node.domain.drawn import NOTHING, doubts
from node.domain.facts import ModelFacts
from node.domain.findings import Drawing
from node.domain.volume import Volume
from node.errors import ModelFailed
from node.imaging.grid import Bools, Floats, components, placed
from node.inference.activation import probability_of, shares_of
from node.inference.belief import asked_of, signs, trust_of
from node.inference.layout import Layout, Triple
from node.inference.onnx_session import FOREIGN, REPORT, open_session
from node.inference.prepared import Prepared, prepare
from node.inference.segmenter_golden import differences
from node.inference.segmenter_probe import probe_differences
from node.inference.windows import Box, boxes, grouped, padding, weights_of

BATCH = 4  #: windows that pass through the graph at once
REACH = 2  #: voxels of the graph's grid around a piece from which its outline is interpolated


@dataclass(frozen=True, eq=False)
class Answer:
    """
    What the passes of the graph gave, on its own grid, shape (slice, row, column).

    Attributes:
        probability: Mean over all passes.
        passes: What each pass by itself puts above the threshold; empty where there was only one.
        answers: What is brought back for each class, (classes, slice, row, column), if not the probability.
    """

    probability: Floats
    passes: tuple[Bools, ...]
    answers: Floats | None = None


class OnnxSegmenter:
    """Draws with one graph. Deterministic on one processor."""

    def __init__(
        self, facts: ModelFacts, layout: Layout, graph: bytes, *, modality: str = "", threads: int = 1
    ) -> None:
        """
        Load a graph and check its input and output.

        Args:
            facts: What outputs say about the model.
            layout: The manifest's `[segmenter]`.
            graph: The file's bytes, checked by the caller against the manifest.
            modality: The only one that it draws on; "" for any.
            threads: Threads of onnxruntime; the answer does not depend on it.

        Raises:
            ModelFailed: The bytes are no graph, or it does not keep the contract.
        """
        self.facts = facts
        self.layout = layout
        self.role = layout.role
        self.modality = modality
        self._at = f"{facts.id} {facts.version}"
        self._session = open_session(graph, threads=threads, at=self._at)
        self._input, self._output = self._signature()

    def __call__(self, volumes: Mapping[str, Volume], /) -> Drawing:
        """
        Draw on the volume of the manifest's role; the masks lie on its grid.

        Raises:
            Refused: The image is not what the model was made for ("wrong anatomy", "unsupported image").
            ModelFailed: The role is absent, or the graph broke its promise.
        """
        prepared = self.prepare_all(volumes)
        return self.drawing(self.answer(prepared), prepared)

    def draw(self, volume: Volume) -> Drawing:
        """Draw on one volume; see `__call__`."""
        prepared = self.prepare(volume)
        return self.drawing(self.answer(prepared), prepared)

    def prepare(self, volume: Volume) -> Prepared:
        """
        A volume on the graph's grid.

        Raises:
            Refused: It is not what the model was made for.
        """
        return prepare(volume, self.layout, modality=self.modality, at=self._at)

    def prepare_all(self, volumes: Mapping[str, Volume]) -> Prepared:
        """
        The volumes of all channels on the graph's grid.

        Raises:
            Refused: They are not what the model was made for.
            ModelFailed: A role is absent.
        """
        first, *others = [self._role(volumes, role) for role in self.layout.channels or (self.role,)]
        return prepare(first, self.layout, modality=self.modality, at=self._at, others=others)

    def drawing(self, answer: Answer, prepared: Prepared) -> Drawing:
        """What an answer of the graph draws on the grid of the volume."""
        pieces = self._pieces(answer.probability, prepared)
        masks = self._outlines(answer, pieces, prepared)
        masks = sorted((mask for mask in masks if mask.any()), key=lambda mask: -int(mask.sum()))
        if not masks:
            return Drawing(masks=(), trust=0.0, why=NOTHING)
        trust, low = trust_of(self.signs(answer, prepared), self.layout.trust)
        return Drawing(masks=tuple(masks), trust=trust, why=doubts(low, asked_of(self.layout.trust)))

    def signs(self, answer: Answer, prepared: Prepared) -> dict[str, float]:
        """What the drawing that an answer gives shows, as `belief.signs` measures it; empty where nothing is drawn."""
        pieces = self._pieces(answer.probability, prepared)
        if not pieces:
            return {}
        return signs(
            answer.probability,
            np.logical_or.reduce(pieces),
            answer.passes,
            self.layout.threshold,
            prepared.voxel_ml,
            ends=(prepared.reaches_first, prepared.reaches_last),
        )

    def check_golden(self, golden: Mapping[str, Any], /) -> list[str]:
        """Draw on the images that `golden.json` describes; every difference in words (see `segmenter_golden`)."""
        return probe_differences(golden, self) if "probes" in golden else differences(golden, self.draw)

    def looks(self, prepared: Prepared) -> Literal["logits", "shares", "probabilities"]:
        """What the graph answers to one window: "shares" sum to one over the classes."""
        window = self._window
        padded = self._padded(prepared.channels, padding(_shape(prepared.grid), window))
        raw = self._run(self._seen(padded, next(boxes(_shape(padded[0]), window, 0.0)), prepared.step)[None])
        if raw.min() < 0 or raw.max() > 1:
            return "logits"
        sums = raw.sum(axis=1)
        return "shares" if raw.shape[1] > 1 and np.abs(sums - 1).max() < 1e-3 else "probabilities"

    def answer(self, prepared: Prepared) -> Answer:
        """
        Every pass of the graph over a prepared image.

        Raises:
            ModelFailed: The graph failed, or answered what are no probabilities.
        """
        flips: tuple[tuple[int, ...], ...] = ((), *self.layout.flips)
        total, passes = np.zeros((), np.float32), []
        for flip in flips:
            one = self._pass(prepared, flip)
            total = total + one
            if len(flips) > 1:
                passes.append(self._read(one) >= self.layout.threshold)
        mean = total / np.float32(len(flips))
        back = None if self.layout.back == "probability" else mean
        return Answer(
            self._read(mean), tuple(passes), shares_of(mean[None])[0] if self.layout.back == "shares" else back
        )

    def _read(self, one: Floats) -> Floats:
        """Probabilities of what `_pass` gives."""
        return np.asarray(self._probability(one[None])[0] if self.layout.average == "answer" else one[0], np.float32)

    @property
    def _window(self) -> Triple:
        """Voxels of the grid that one window answers for."""
        return self.layout.window if self.layout.form == "patch" else (1, *self.layout.window[1:])

    def _pass(self, prepared: Prepared, flip: tuple[int, ...]) -> Floats:
        """Probabilities of one pass on the whole grid, (1, …), or the graph's answers where these are averaged."""
        window, averages_answers = self._window, self.layout.average == "answer"
        added = padding(_shape(prepared.grid), window)
        padded, turned = self._padded(prepared.channels, added), tuple(axis - 3 for axis in flip)
        weight = weights_of(window, self.layout.weights)
        shape = _shape(padded[0])
        total, weights = np.zeros((1, *shape), np.float32), np.zeros(shape, np.float32)
        for group in grouped(boxes(shape, window, self.layout.overlap, self.layout.steps), self._batch):
            seen = np.stack([self._seen(padded, box, prepared.step) for box in group])
            answers = np.flip(self._run(np.flip(seen, turned)), turned)
            if not averages_answers:
                answers = self._probability(answers)[:, None]
            if len(total) != answers.shape[1]:
                total = np.zeros((answers.shape[1], *shape), np.float32)
            for box, one in zip(group, answers, strict=True):
                total[(slice(None), *box)] += weight * one.reshape(-1, *window)
                weights[box] += weight
        total /= weights
        z, y, x = (slice(before, n - after) for (before, after), n in zip(added, shape, strict=True))
        return total[:, z, y, x]

    def _padded(self, channels: Sequence[Floats], added: tuple[tuple[int, int], ...]) -> tuple[Floats, ...]:
        """Channels filled up with what lies outside images."""
        each = zip(channels, self.layout.scales, strict=True)
        return tuple(np.pad(channel, added, constant_values=scale.outside) for channel, scale in each)

    def _seen(self, padded: Sequence[Floats], box: Box, step: int) -> Floats:
        """What the graph is shown for one window: (channels or neighbours, rows, columns), or with slices between."""
        if self.layout.form == "patch":
            return np.stack([channel[box] for channel in padded])
        if self.layout.channels:
            return np.stack([channel[box][0] for channel in padded])
        reach, (grid,) = self.layout.window[0] // 2, padded
        at = np.clip(box[0].start + step * np.arange(-reach, reach + 1), 0, len(grid) - 1)
        return np.asarray(grid[at][:, box[1], box[2]], np.float32)

    def _run(self, windows: Floats) -> Floats:
        """The graph's answer for each window: (n, classes, …)."""
        try:
            (raw,) = self._session.run([self._output], {self._input: np.ascontiguousarray(windows, np.float32)})
        except FOREIGN as error:
            raise ModelFailed(f"model.onnx failed: {error}", at=self._at, do=REPORT) from error
        inner = windows.shape[2:]
        if raw.ndim != windows.ndim or raw.shape[0] != len(windows) or raw.shape[2:] != inner:
            found = f"answered shape {raw.shape} to {windows.shape}, not the same grid"
            raise ModelFailed(found, at=self._at, do=REPORT)
        if raw.shape[1] <= max(self.layout.classes):
            found = f"answered {raw.shape[1]} classes, none of them number {max(self.layout.classes)}"
            raise ModelFailed(found, at=self._at, do=REPORT)
        if self.layout.activation == "argmax" and raw.shape[1] <= len(self.layout.classes):
            found = f"answered {raw.shape[1]} classes, all of them lesion, so that none is likelier than another"
            raise ModelFailed(found, at=self._at, do=REPORT)
        return np.asarray(raw, np.float32)

    def _probability(self, raw: Floats) -> Floats:
        """Probability of lesion, (n, …) without the classes."""
        probability = probability_of(raw, self.layout)
        if not np.isfinite(probability).all() or probability.min() < -1e-4 or probability.max() > 1 + 1e-4:
            raise ModelFailed("answered what is no probability", at=self._at, do=REPORT)
        return probability

    def _pieces(self, probability: Floats, prepared: Prepared) -> list[Bools]:
        """Lesions on the graph's grid, largest first."""
        least = self.layout.smallest_ml / prepared.voxel_ml
        parts = [(box, part) for box, part in components(probability >= self.layout.threshold) if part.sum() >= least]
        if not parts:
            return []
        largest = parts[0][1].sum()
        kept = [placed(part, box, probability.shape) for box, part in parts
                if part.sum() >= self.layout.smallest_share * largest]  # fmt: skip
        return [np.logical_or.reduce(kept)] if self.layout.lesions == "one" else kept

    def _outlines(self, answer: Answer, pieces: list[Bools], prepared: Prepared) -> list[Bools]:
        """Each lesion on the grid of the volume."""
        threshold = self.layout.threshold
        around = (ndimage.binary_dilation(piece, iterations=REACH) for piece in pieces)
        if answer.answers is None:
            near = (np.where(inner, answer.probability, 0).astype(np.float32) for inner in around)
            return [prepared.back(values, threshold) for values in near]
        whole = prepared.read_back(answer.answers, lambda planes: self._probability(planes[None])[0], threshold)
        return [whole & prepared.nearest(inner) for inner in around]

    def _role(self, volumes: Mapping[str, Volume], role: str) -> Volume:
        if not role:
            return next(iter(volumes.values()))
        if role not in volumes:
            found = f"draws on the role {role}, and was given {', '.join(volumes) or 'none'}"
            raise ModelFailed(found, at=self._at, do=f"give the pipeline a series with the role {role}")
        return volumes[role]

    def _signature(self) -> tuple[str, str]:
        takes, gives = self._session.get_inputs(), self._session.get_outputs()
        rank = 4 if self.layout.form == "slices" else 5
        if len(takes) != 1 or takes[0].type != "tensor(float)" or len(takes[0].shape) != rank:
            found = f"takes {[(i.name, i.type, i.shape) for i in takes]}, not one float32 image of {rank} axes"
            raise ModelFailed(found, at=self._at, do=REPORT)
        self._check_sizes(takes[0])
        self._batch = 1 if takes[0].shape[0] == 1 else BATCH
        if not gives or gives[0].type != "tensor(float)":
            raise ModelFailed("answers nothing in float32", at=self._at, do=REPORT)
        return takes[0].name, gives[0].name

    def _check_sizes(self, taken: onnxruntime.NodeArg) -> None:
        if isinstance(taken.shape[0], int) and taken.shape[0] > 1:
            found = f"takes exactly {taken.shape[0]} windows at once"
            raise ModelFailed(found, at=self._at, do="export it for one, or for any number")
        wanted = [self.layout.fed, *self.layout.window[-len(taken.shape) + 2 :]]
        for size, expected in zip(taken.shape[1:], wanted, strict=True):
            if isinstance(size, int) and size != expected:
                found = f"takes images of {taken.shape}, while [segmenter] makes windows of {wanted}"
                raise ModelFailed(found, at=self._at, do="correct the manifest and its version")


def _shape(grid: Floats) -> Triple:
    return grid.shape[0], grid.shape[1], grid.shape[2]
