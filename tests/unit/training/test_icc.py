"""The intraclass correlation, held against the example of the paper that it comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from node.training.icc import icc, interval

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], np.float64
)
"""Six targets, four judges: table 2 of Shrout and Fleiss, Psychol Bull 86:420 (1979)."""


def test_it_is_that_of_shrout_and_fleiss():
    """ICC(2,1) = .29, table 4."""
    assert icc(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)


def test_judges_who_agree_reach_one():
    """Every way of measuring gives the same."""
    assert icc(np.repeat([[1.0], [2.0], [5.0]], 4, axis=1)) == pytest.approx(1.0)


def test_a_systematic_difference_counts_as_disagreement():
    """One judge who always says more lowers it, however consistent: absolute agreement."""
    same = np.random.default_rng(0).normal(0, 1, (30, 1)) + np.zeros((1, 3))
    assert icc(same + np.array([0, 0, 2])) < 0.6


def test_lesions_that_are_all_alike_have_none():
    """Nothing varies, so no share of the variance is anything's."""
    assert math.isnan(icc(np.ones((4, 3))))


def test_the_interval_holds_it_and_narrows_with_more_lesions():
    """95 % of bootstrap samples."""
    rng = np.random.default_rng(1)

    def spread(n):
        values = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.5, (n, 4))
        low, high = interval(values)
        assert low < icc(values) < high
        return high - low

    assert spread(200) < spread(15)
