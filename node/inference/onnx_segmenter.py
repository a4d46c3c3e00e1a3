"""
The engine of ONNX segmenters: what `[segmenter]` of a manifest says, done to a volume.

The graph's contract: one input, float32, (n, neighbours, rows, columns) or (n, 1, slices, rows, columns); one output
(the first counts), float32, (n, classes, …) on the same grid: probabilities, or what `activation` makes them of.
Memory holds the image cut to the head (or to what is not zero), the same on the graph's grid, and two sums on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from scipy import ndimage

from node.domain.drawn import NOTHING, doubts
from node.domain.findings import Drawing, ModelFacts
from node.domain.volume import Volume
from node.errors import ModelFailed
from node.imaging.grid import Bools, Floats, components, placed
from node.inference.belief import signs, trust_of
from node.inference.layout import Layout
from node.inference.onnx_session import FOREIGN, REPORT, open_session
from node.inference.prepared import Prepared, prepare
from node.inference.segmenter_golden import differences
from node.inference.windows import Box, bell, boxes, padding

BATCH = 4  #: windows that pass through the graph at once
REACH = 2  #: voxels of the graph's grid around a piece from which its outline is interpolated


@dataclass(frozen=True, eq=False)
class Answer:
    """
    What the passes of the graph gave, on its own grid, shape (slice, row, column).

    Attributes:
        probability: Mean over all passes.
        passes: What each pass by itself puts above the threshold; empty where there was only one.
    """

    probability: Floats
    passes: tuple[Bools, ...]


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
        return self.draw(self._drawn_on(volumes))

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

    def drawing(self, answer: Answer, prepared: Prepared) -> Drawing:
        """What an answer of the graph draws on the grid of the volume."""
        pieces = self._pieces(answer.probability, prepared)
        masks = [self._outline(answer.probability, piece, prepared) for piece in pieces]
        masks = sorted((mask for mask in masks if mask.any()), key=lambda mask: -int(mask.sum()))
        if not masks:
            return Drawing(masks=(), trust=0.0, why=NOTHING)
        trust, low = trust_of(self.signs(answer, prepared), self.layout.trust)
        return Drawing(masks=tuple(masks), trust=trust, why=doubts(low))

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
        return differences(golden, self.draw)

    def answer(self, prepared: Prepared) -> Answer:
        """
        Every pass of the graph over a prepared image.

        Raises:
            ModelFailed: The graph failed, or answered what are no probabilities.
        """
        total, passes = np.zeros(prepared.grid.shape, np.float32), []
        flips: tuple[tuple[int, ...], ...] = ((), *self.layout.flips)
        for flip in flips:
            one = np.flip(self._pass(np.flip(prepared.grid, flip), prepared.step), flip)
            total += one
            passes.append(one >= self.layout.threshold)
        return Answer(total / np.float32(len(flips)), tuple(passes) if len(flips) > 1 else ())

    def _pass(self, grid: Floats, step: int) -> Floats:
        """Probabilities of one pass on the whole grid."""
        window = self.layout.window if self.layout.form == "patch" else (1, *self.layout.window[1:])
        added = padding((grid.shape[0], grid.shape[1], grid.shape[2]), window)
        padded = np.pad(grid, added, constant_values=self.layout.intensity.outside)
        weight = bell(window)
        total, weights = np.zeros(padded.shape, np.float32), np.zeros(padded.shape, np.float32)
        shape = (padded.shape[0], padded.shape[1], padded.shape[2])
        for group in _grouped(boxes(shape, window, self.layout.overlap), BATCH):
            answers = self._run(np.stack([self._seen(padded, box, step) for box in group]))
            for box, one in zip(group, answers, strict=True):
                total[box] += weight * one.reshape(window)
                weights[box] += weight
        inner = tuple(slice(before, n - after) for (before, after), n in zip(added, padded.shape, strict=True))
        return np.asarray((total / weights)[inner], np.float32)

    def _seen(self, padded: Floats, box: Box, step: int) -> Floats:
        """What the graph is shown for one window: (neighbours, rows, columns), or (1, slices, rows, columns)."""
        if self.layout.form == "patch":
            return padded[box][None]
        reach = self.layout.window[0] // 2
        at = np.clip(box[0].start + step * np.arange(-reach, reach + 1), 0, len(padded) - 1)
        return np.asarray(padded[at][:, box[1], box[2]], np.float32)

    def _run(self, windows: Floats) -> Floats:
        """Probability of lesion for each voxel of each window: (n, …) without the classes."""
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
        probability = _probability(np.asarray(raw, np.float32), self.layout)
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

    def _outline(self, probability: Floats, piece: Bools, prepared: Prepared) -> Bools:
        """One lesion on the grid of the volume."""
        near = np.where(ndimage.binary_dilation(piece, iterations=REACH), probability, 0).astype(np.float32)
        return prepared.back(near, self.layout.threshold)

    def _drawn_on(self, volumes: Mapping[str, Volume]) -> Volume:
        if not self.role:
            return next(iter(volumes.values()))
        if self.role not in volumes:
            found = f"draws on the role {self.role}, and was given {', '.join(volumes) or 'none'}"
            raise ModelFailed(found, at=self._at, do=f"give the pipeline a series with the role {self.role}")
        return volumes[self.role]

    def _signature(self) -> tuple[str, str]:
        takes, gives = self._session.get_inputs(), self._session.get_outputs()
        rank = 4 if self.layout.form == "slices" else 5
        if len(takes) != 1 or takes[0].type != "tensor(float)" or len(takes[0].shape) != rank:
            found = f"takes {[(i.name, i.type, i.shape) for i in takes]}, not one float32 image of {rank} axes"
            raise ModelFailed(found, at=self._at, do=REPORT)
        self._check_sizes(takes[0])
        if not gives or gives[0].type != "tensor(float)":
            raise ModelFailed("answers nothing in float32", at=self._at, do=REPORT)
        return takes[0].name, gives[0].name

    def _check_sizes(self, taken: onnxruntime.NodeArg) -> None:
        channels = self.layout.window[0] if self.layout.form == "slices" else 1
        wanted = [channels, *self.layout.window[-len(taken.shape) + 2 :]]
        for size, expected in zip(taken.shape[1:], wanted, strict=True):
            if isinstance(size, int) and size != expected:
                found = f"takes images of {taken.shape}, while [segmenter] makes windows of {wanted}"
                raise ModelFailed(found, at=self._at, do="correct the manifest and its version")


def _probability(raw: Floats, layout: Layout) -> Floats:
    """Probability of lesion, (n, …), from the answer (n, classes, …)."""
    chosen = list(layout.classes)
    if layout.activation == "softmax":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray((powers / powers.sum(axis=1, keepdims=True))[:, chosen].sum(axis=1), np.float32)
    if layout.activation == "sigmoid":
        raw = np.asarray(1 / (1 + np.exp(-np.clip(raw, -60, 60))), np.float32)
    return np.asarray(raw[:, chosen].max(axis=1), np.float32)


def _grouped(items: Iterator[Box], size: int) -> Iterator[list[Box]]:
    group: list[Box] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
