"""The axes of an image, put into the anatomical order that a model or a method expects; nothing is interpolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.domain.geometry import Geometry

AXIAL = "SPL"
"""Slices from feet to head, rows towards the back, columns to the left: the order of an ordinary axial stack."""

_TOWARDS = {
    "L": (1.0, 0.0, 0.0), "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0), "A": (0.0, -1.0, 0.0),
    "S": (0.0, 0.0, 1.0), "I": (0.0, 0.0, -1.0),
}  # fmt: skip
"""Unit steps in LPS (PS3.3 C.7.6.2.1.1: x grows to the patient's left, y to the back, z to the head)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """
    How an array is turned: first its axes are put into another order, then some of them run the other way.

    Attributes:
        order: For each new axis, the old one that it was.
        reversed: New axes that run against the old ones.
        tilt_deg: Largest angle between a new axis and the direction that was asked for.
    """

    order: tuple[int, int, int]
    reversed: tuple[int, ...]
    tilt_deg: float

    def apply(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """A view of the array, turned."""
        return np.flip(np.transpose(voxels, self.order), self.reversed)

    def undo(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """A view of a turned array, as it was before."""
        a, b, c = (self.order.index(axis) for axis in range(3))
        return np.transpose(np.flip(voxels, self.reversed), (a, b, c))

    def place(self, geometry: Geometry) -> Geometry:
        """The grid of a turned array: every voxel keeps its place in the patient."""
        z, y, x = self.sizes(geometry.shape)
        start = np.zeros(3)
        for axis in self.reversed:
            start[self.order[axis]] = (z, y, x)[axis] - 1
        affine = geometry.affine.copy()
        affine[:3, :3] = geometry.affine[:3, list(self.order)]
        affine[:3, list(self.reversed)] *= -1
        affine[:3, 3] = geometry.point(start)
        return Geometry(affine, (z, y, x))

    def sizes(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Spacing or shape along (slice, row, column), along the new axes."""
        a, b, c = self.order
        return values[a], values[b], values[c]


def is_orientation(letters: str) -> bool:
    """Whether three letters name three directions of the body that stand on one another, as "SPL" does."""
    if len(letters) != 3 or any(letter not in _TOWARDS for letter in letters):
        return False
    return bool(abs(np.linalg.det(np.array([_TOWARDS[letter] for letter in letters]))) > 0.5)


def turn_to(letters: str, geometry: Geometry) -> Turn:
    """
    The turn that brings an image nearest to an orientation.

    Args:
        letters: What the first, second and third axis shall run towards, of L, R, A, P, S, I: slices of an axial
            stack from feet to head, seen from below with the face up, are "SPL".
        geometry: Of the image.

    Raises:
        ValueError: The letters are no orientation.
    """
    if not is_orientation(letters):
        raise ValueError(f"{letters!r} is no orientation such as 'SPL'")
    cosines = np.array([_TOWARDS[letter] for letter in letters]) @ geometry.axes.T
    order = max(permutations(range(3)), key=lambda p: sum(abs(cosines[i, axis]) for i, axis in enumerate(p)))
    found = [cosines[i, axis] for i, axis in enumerate(order)]
    tilt = max(float(np.degrees(np.arccos(min(1.0, abs(c))))) for c in found)
    a, b, c = order
    return Turn((a, b, c), tuple(i for i, cosine in enumerate(found) if cosine < 0), tilt)


def to_axial(geometry: Geometry) -> Turn:
    """
    The turn that puts the axes into the order of an axial stack.

    A stack whose axes are in that order stays as it is, whichever way they run: the mesh that pyradiomics measures has
    another surface (by 0.2 to 0.5 %) on a mirrored lesion, and its published features are of the array as it lies.
    """
    turn = turn_to(AXIAL, geometry)
    return replace(turn, reversed=()) if turn.order == (0, 1, 2) else turn
