"""Of which order splines are along each axis of an image; nothing is computed here."""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way between two grids.

    Attributes:
        orders: Of the splines along each axis.
        across: The axis of thick slices: none of them takes a value that it does not hold.
    """

    orders: Triple = (1, 1, 1)
    across: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Splines:
    """
    How values between voxels are found.

    Attributes:
        order: Of the splines: 0 is the nearest voxel, 1 linear, 3 cubic.
        across: The order across thick slices.
        thick: Slices are thick where the one longest side of a voxel is more than so many times its shortest, on the
            grid that values come from or else on the one that they go to; None: never.
    """

    order: int = 1
    across: int = 1
    thick: float | None = None

    def way(self, *spacings: tuple[float, float, float]) -> Way:
        """What this is along each axis, between grids of these spacings."""
        across = self._across(*spacings)
        z, y, x = (self.across if axis == across else self.order for axis in range(3))
        return Way((z, y, x), across)

    def _across(self, *spacings: tuple[float, float, float]) -> int | None:
        for spacing in spacings:
            longest = max(spacing)
            if self.thick is not None and longest / min(spacing) > self.thick:
                return spacing.index(longest) if spacing.count(longest) == 1 else None
        return None


LINEAR = Splines()
STRAIGHT = Way()
