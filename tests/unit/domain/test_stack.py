"""Positions to stacks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.series import Frame
from node.domain.stack import arrange, find_gap
from node.domain.volume import LoadRules

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
RULES = LoadRules(min_slices=3)


def frames(places, orientation=AXIAL, shear=0.0):
    """Frames at these distances along their normal, each shifted sideways by `shear` millimetres a millimetre."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    return [Frame(tuple(float(v) for v in normal * d + column * shear * d), tuple(orientation)) for d in places]


def oblique(angle):
    """Cosines of a plane that was turned about two axes."""
    c, s = np.cos(angle), np.sin(angle)
    rows = np.array([[1, 0, 0], [0, c, s]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return tuple(float(v) for v in rows.ravel())


@given(
    count=st.integers(4, 40),
    spacing=st.floats(0.3, 8),
    start=st.floats(-500, 500),
    angle=st.floats(-3, 3),
    seed=st.integers(0, 99),
)
def test_order_follows_the_normal_whatever_order_the_planes_came_in(count, spacing, start, angle, seed):
    """Shuffled planes of any orientation come back in ascending order, with their spacing and without a problem."""
    shuffled = np.random.default_rng(seed).permutation(count)
    best = arrange(frames(start + spacing * shuffled, oblique(angle)), RULES).best

    assert [shuffled[i] for i in best.order] == list(range(count))
    assert best.spacing_mm == pytest.approx(spacing, rel=1e-6)
    assert best.problem is None


@given(count=st.integers(6, 40), data=st.data())
def test_a_missing_slice_is_found_wherever_it_is(count, data):
    """Taking one inner slice away is a gap, in the words of the loader and of the assembler alike."""
    away = data.draw(st.integers(1, count - 2))
    left = frames([2.5 * n for n in range(count) if n != away])

    assert arrange(left, RULES).best.problem.code == "missing slices"
    assert find_gap(left, RULES).startswith("1 slices are missing")


def test_scattered_arrivals_are_a_gap():
    """Half of a series that is still arriving is a gap, even where the usual gap is already a double one."""
    assert "missing" in find_gap(frames([0, 2, 4, 6, 8, 9, 11, 13]), RULES)


def test_a_whole_stack_has_no_gap():
    """Neither a whole stack nor a single slice nor a scout across it makes the assembler wait."""
    whole = frames(range(10))

    assert find_gap(whole, RULES) is None
    assert find_gap(whole[:1], RULES) is None
    assert find_gap([*whole, *frames([0], (0, 1, 0, 0, 0, -1))], RULES) is None


def test_two_spacings_are_not_missing_slices():
    """A chest at 1 mm with an abdomen at 5 mm is non-uniform: waiting for slices would be in vain."""
    both = frames([*range(20), *range(24, 60, 5)])

    assert arrange(both, RULES).best.problem.code == "non-uniform spacing"
    assert find_gap(both, RULES) is None


@pytest.mark.parametrize(("jitter", "code"), [(0.05, None), (0.3, "non-uniform spacing")])
def test_spacing_may_deviate_within_tolerance(jitter, code):
    """A gap may differ from the usual one by a tenth of it, not more."""
    problem = arrange(frames([0, 1, 2, 3 + jitter, 4, 5, 6]), RULES).best.problem

    assert (problem.code if problem else None) == code


@pytest.mark.parametrize(("shear", "code"), [(0.0, None), (0.004, None), (np.tan(np.radians(15)), "gantry tilt")])
def test_uncorrected_tilt_is_found_from_positions(shear, code):
    """Slices that wander sideways along the stack are refused, rounding is not."""
    problem = arrange(frames(range(30), shear=shear), RULES).best.problem

    assert (problem.code if problem else None) == code


def test_mixed_orientations():
    """Planes that are not parallel are no stack."""
    problem = arrange([*frames(range(5)), *frames(range(5), (0, 1, 0, 0, 0, -1))], RULES).best.problem

    assert problem.code == "mixed orientations"
    assert "5 of 10" in problem.found


def test_too_few_slices():
    """A stack shorter than the pipeline asks for is refused with both numbers."""
    problem = arrange(frames(range(9)), LoadRules(min_slices=10)).best.problem

    assert (problem.code, problem.found) == ("too few slices", "9 slices, at least 10 are needed")


def test_the_complete_phase_wins_over_the_longer_one_with_a_gap():
    """Completeness counts before the number of slices."""
    split = arrange(frames([*range(10), *range(8), 9, 10]), RULES, {"Phase": [1] * 10 + [2] * 10})

    assert split.split_by == "Phase"
    assert [s.label for s in split.stacks] == ["1", "2"]
    assert split.best.order == tuple(range(10))
    assert split.stacks[1].problem.code == "missing slices"


def test_the_latest_of_equal_phases_wins_by_number_not_by_text():
    """Acquisition 10 is later than acquisition 9."""
    split = arrange(frames([*range(6), *range(6)]), RULES, {"Acquisition": ["10"] * 6 + ["9"] * 6})

    assert split.best.label == "10"


def test_images_worth_more_win_before_later_ones():
    """The note says so; worth nothing, they are told apart as ever."""
    label = {"ImageType": ["M_FFE"] * 6 + ["PHASE MAP"] * 6}
    twice = frames([*range(6), *range(6)])
    split, plain = arrange(twice, RULES, label, [4] * 6 + [0] * 6), arrange(twice, RULES, label)

    assert (split.best.label, plain.best.label) == ("M_FFE", "PHASE MAP")
    assert "then magnitude, in-phase or water images before others, then the latest" in split.note(12)
    assert "then the most slices, then the latest" in plain.note(12)


def test_more_slices_win_before_images_worth_more():
    """A whole stack is worth most."""
    split = arrange(frames([*range(5), *range(6)]), RULES, {"Kind": ["M"] * 5 + ["P"] * 6}, [4] * 5 + [0] * 6)

    assert split.best.label == "P"
    assert "magnitude" not in split.note(11)


def test_the_label_that_leaves_whole_stacks_is_taken():
    """A label that cuts a phase to pieces loses against one that keeps it whole."""
    labels = {"Time": [str(n) for n in range(12)], "Phase": ["a"] * 6 + ["b"] * 6}
    split = arrange(frames([*range(6), *range(6)]), RULES, labels)

    assert split.split_by == "Phase"
    assert split.best.order == tuple(range(6, 12))


def test_repeats_that_nothing_tells_apart_are_refused():
    """Two images at one position without any difference are no stack, and no gap either."""
    twice = frames([*range(6), *range(6)])

    assert "nothing tells them apart" in arrange(twice, RULES, {"Phase": [1] * 12}).best.problem.found
    assert find_gap(twice, RULES) is None
