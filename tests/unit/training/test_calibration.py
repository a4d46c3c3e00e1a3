"""Whether held-out answers came true, against values that are known otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from node.training.calibration import Calibration, calibration, slopes
from node.training.recalibration import sigmoid
from node.training.tabular import Table
from tests.unit.training.test_tabular import QUICK

RECIPE = replace(QUICK, replicates=50)


def answered(log_odds, target, **changes):
    """Calibration of answers to patients."""
    table = Table(
        names=("x",), features=log_odds[:, None], target=target, cohorts=np.full(len(target), ""), **changes
    )  # fmt: skip
    return calibration(sigmoid(log_odds)[None], table, RECIPE)


def patients(n, slope, offset, seed=1):
    """Log-odds that were told, and what came of them."""
    rng = np.random.default_rng(seed)
    told = rng.normal(-2.5, 3, n)
    return told, rng.random(n) < sigmoid(slope * told + offset)


def test_the_intercept_is_that_of_the_greatest_likelihood_with_the_slope_at_one():
    """The minimum that scipy finds; the difference of mean log-odds, which is less than half of it here, is not it."""
    told, target = patients(4000, 0.6, 0.5)
    likelihood = minimize(lambda a: np.logaddexp(0, np.where(target, -told - a, told + a)).sum(), 0.0)
    assert answered(told, target).intercept == pytest.approx(likelihood.x[0], abs=1e-4)
    mean, share = sigmoid(told).mean(), target.mean()
    assert answered(told, target).intercept > 2 * (np.log(share / (1 - share)) - np.log(mean / (1 - mean)))


def test_slopes_of_many_samples_are_those_of_scikit_learn():
    """Each with how often a row was drawn as its weight; a separated sample has none."""
    told, target = patients(200, 0.7, 0.3)
    rng = np.random.default_rng(0)
    counts = np.array([np.bincount(rng.integers(0, 200, 200), minlength=200) for _ in range(4)], float)
    peers = [
        LogisticRegression(C=np.inf, tol=1e-10).fit(told[:, None], target, sample_weight=row).coef_[0, 0]
        for row in counts
    ]
    assert slopes(told, target, counts) == pytest.approx(peers, abs=1e-5)
    assert np.isnan(slopes(told, told > 0, counts)).all()


def test_only_answers_that_came_true_are_called_calibrated():
    """Honest ones are; too bold, unrelated and reversed ones are not, nor what everyone was told alike."""
    for slope, shown in ((1.0, True), (0.5, False), (0.0, False), (-1.0, False)):
        found = answered(*patients(500, slope, 0.0))
        assert found.shown is shown, slope
        assert found.slope == pytest.approx(slope, abs=0.2)
        assert found.slope_interval[0] < found.slope < found.slope_interval[1]
    alike = answered(np.full(500, -1.0), patients(500, 1.0, 0.0)[1])
    assert (alike.slope, alike.slope_interval, alike.shown) == (None, None, False)


def test_an_interval_that_holds_zero_shows_nothing():
    """So few patients that the answers may be honest, or have nothing to do with them; or much too bold, or timid."""
    for interval, shown in (((-0.2, 1.4), False), ((0.4, 1.5), False), ((0.6, 2.1), False), ((0.6, 1.4), True)):
        assert Calibration(slope=0.9, slope_interval=interval, intercept=0.0, ece=0.0).shown is shown, interval


def test_rows_of_one_patient_make_no_patients_more():
    """Every patient ten times over: the interval is as wide as that of the patients, not of their rows."""
    told, target = patients(80, 1.0, 0.0)
    one = answered(told, target).slope_interval
    ten = answered(np.repeat(told, 10), np.repeat(target, 10), groups=np.repeat(np.arange(80), 10)).slope_interval
    assert (ten[1] - ten[0]) / (one[1] - one[0]) == pytest.approx(1, abs=0.3)
