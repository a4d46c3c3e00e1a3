"""Numbers of performance, against values that can be known otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from node.training.curves import decision_curve, ece, reliability
from node.training.judge import auc, judge, operating_point
from node.training.recalibration import sigmoid
from node.training.shares import Shares, wilson
from node.training.tabular import resample
from tests.unit.training.test_tabular import QUICK, table

PLAIN = replace(QUICK, mixes=(0.0,))


def test_auc_is_what_scikit_learn_says():
    """With ties, for one row and for many."""
    rng = np.random.default_rng(0)
    p, y = np.round(rng.random((4, 60)), 1), rng.random((4, 60)) < 0.3
    assert auc(p, y) == pytest.approx([roc_auc_score(a, b) for a, b in zip(y, p, strict=True)])


def test_wilson_interval_of_a_textbook_case():
    """Newcombe, Stat Med 17:857 (1998): 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20)[0] == pytest.approx(0)


def test_calibration_error_of_honest_and_of_bold_answers():
    """Honest answers have next to none; answers that are 0.2 too high have 0.2."""
    rng = np.random.default_rng(0)
    p = rng.uniform(0.1, 0.7, (1, 20_000))
    y = rng.random(20_000) < p[0]
    assert ece(p, y) < 0.02
    assert ece(p + 0.2, y) == pytest.approx(0.2, abs=0.02)


def test_operating_point_counts_at_the_prevalence():
    """Threshold, sensitivity and specificity by hand, and over repeats their means: no answers are averaged before."""
    p = np.array([[0.9, 0.6, 0.4, 0.55, 0.3, 0.2]])
    y = np.array([True, True, True, False, False, False])
    point = operating_point(p, y, Shares(repeats=1))
    assert (point.threshold, point.sensitivity, point.specificity) == pytest.approx((0.5, 2 / 3, 2 / 3))
    assert point.sensitivity_interval[0] < 2 / 3 < point.sensitivity_interval[1]
    twice = operating_point(np.concatenate([p, np.where(y, 1.0, 0.0)[None]]), y, Shares(repeats=2))
    assert (twice.sensitivity, twice.specificity) == pytest.approx((5 / 6, 5 / 6))


def test_a_real_effect_is_found_and_noise_is_not():
    """Held-out AUC is far above chance with an effect, and chance lies in its interval without one."""
    strong, noise = judge(table(200), QUICK), judge(table(200, effect=0.0), QUICK)
    assert strong.auc > 0.75
    assert strong.auc_interval[0] > 0.65
    assert strong.brier < strong.brier_of_prevalence
    assert noise.auc_interval[0] < 0.55
    assert noise.auc < 0.6


def test_a_model_that_knows_the_cohort_does_not_shine_across_it():
    """Across cohorts each is tested by a model of the other; within, only its own patients are compared."""
    data = table(240)
    leak = data.features.copy()
    leak[:, 2] = np.where(data.cohorts == "north", 60, 40)
    rng = np.random.default_rng(3)
    target = rng.random(240) < sigmoid(np.where(data.cohorts == "north", 1.5, -1.5))
    found = judge(type(data)(names=data.names, features=leak, target=target, cohorts=data.cohorts), QUICK)
    assert found.auc > 0.75
    assert max(found.within.values()) < 0.65
    assert len(found.across) == 2
    assert all(pair is None or pair[1][0] < 0.55 for pair in found.across.values())


def test_no_model_is_trained_on_a_cohort_with_too_few_patients_of_a_class():
    """However many rows the one patient with the target has: it cannot be in several folds."""
    data = table(160)
    one = data.target & (data.cohorts == "north")
    groups = np.where(one, np.flatnonzero(one)[0], np.arange(160))
    assert list(judge(replace(data, groups=groups), QUICK).across) == ["trained on south, tested on north"]


def test_reliability_counts_every_patient_once():
    """Groups of equal size, stated against observed, with the score interval of what was observed."""
    p, y = np.linspace(0.05, 0.95, 50), np.arange(50) % 2 == 0
    groups = reliability(p[None], y)
    assert [g.n for g in groups] == [10] * 5
    assert sum(g.events for g in groups) == 25
    assert groups[0].stated < groups[-1].stated
    assert all(g.interval == wilson(g.events, g.n) and g.observed == g.events / g.n for g in groups)


def test_equal_answers_are_in_one_group():
    """Whatever the order of the rows; and the intervals are those of patients, not of their answers in each repeat."""
    p = np.array([0.1] * 3 + [0.2] * 30 + [0.3] * 7)
    y = np.arange(40) % 3 == 0
    groups = reliability(p[None], y)
    assert [g.n for g in groups] == [33, 7]
    assert groups == reliability(p[None, ::-1], y[::-1])
    again = reliability(np.tile(p, (5, 1)), y)
    assert [(g.n / 5, g.observed, g.interval) for g in again] == [(g.n, g.observed, g.interval) for g in groups]


def test_the_calibration_error_is_that_of_the_table():
    """One estimator: what the card tells of it can be counted from its own groups."""
    found = judge(table(200), QUICK)
    groups = found.reliability
    assert sum(g.n for g in groups) == 400
    distance = sum(g.n * abs(g.stated - g.observed) for g in groups) / 400
    assert found.calibration.ece == pytest.approx(distance)


def test_net_benefit_of_a_perfect_model_is_the_prevalence():
    """And acting on everyone is worth what Vickers and Elkin's formula says."""
    y = np.arange(100) < 20
    for point in decision_curve(y.astype(float)[None], y):
        assert point.model == pytest.approx(0.2)
        assert point.all == pytest.approx(0.2 - 0.8 * point.threshold / (1 - point.threshold))


def test_a_baseline_is_judged_in_the_same_folds_and_subgroups_are_counted():
    """The model itself as its own baseline has the same AUC; a subgroup with too few events has none."""
    data = table(200)
    some = np.arange(200) < 100
    few = np.flatnonzero(data.target)[:3]
    found = judge(
        data, PLAIN, baselines={"itself": data}, subgroups={"half": some, "few": np.isin(np.arange(200), few)}
    )
    assert found.baselines["itself"] == (found.auc, found.auc_interval)
    assert found.subgroups["half"].n == 100
    assert found.subgroups["half"].events == data.target[:100].sum()
    assert found.subgroups["few"].auc is None
    assert found.baseline_subgroups["itself"]["half"] == found.subgroups["half"]


def test_constants_are_no_measurement():
    """No AUC, interval or slope where every model told everyone the same, in whichever part of the patients."""
    noise = table(200, effect=0.0)
    some = np.arange(200) < 100
    found = judge(
        noise, replace(QUICK, strengths=(1e-4,), mixes=(1.0,)), baselines={"itself": noise}, subgroups={"half": some}
    )
    assert (found.auc, found.auc_interval, found.calibration.slope, found.calibration.slope_interval) == (None,) * 4
    assert (found.folds, found.folds_alike) == (10, 10)
    assert set(found.within.values()) == set(found.across.values()) == set(found.baselines.values()) == {None}
    assert (found.subgroups["half"].auc, found.subgroups["half"].alike) == (None, True)
    assert judge(noise, PLAIN).folds_alike < 10


def test_without_recalibration_a_model_that_found_nothing_still_has_an_auc():
    """Platt scaling turns what was learned of noise into nothing; without it there is something to measure."""
    noise = table(200, effect=0.0, seed=6)
    shrunk, plain = (
        judge(noise, replace(PLAIN, strengths=(0.03,))),
        judge(noise, replace(PLAIN, strengths=(0.03,), recalibrate=False)),
    )
    assert shrunk.folds_alike > 0
    assert plain.folds_alike == 0
    assert plain.auc_interval[0] < 0.5


def test_rows_of_one_patient_do_not_make_intervals_narrower():
    """Four equal rows each: shares have the intervals of the patients, counted by a bootstrap that one can repeat."""
    once = table(80)
    fourfold = replace(once.rows(np.repeat(np.arange(80), 4)), groups=np.repeat(np.arange(80), 4))
    found = judge(fourfold, replace(PLAIN, replicates=40)).operating_point
    p = np.random.default_rng(0).random((2, 80))
    shares = Shares.of(fourfold, PLAIN), Shares(repeats=2)
    few, many = (operating_point(np.repeat(p, 4, axis=1), fourfold.target, each) for each in shares)
    alone = operating_point(p, once.target, Shares(repeats=2))
    assert few.sensitivity == many.sensitivity == alone.sensitivity
    assert np.ptp(few.sensitivity_interval) == pytest.approx(np.ptp(alone.sensitivity_interval), rel=0.35)
    assert np.ptp(many.sensitivity_interval) < 0.7 * np.ptp(alone.sensitivity_interval)
    assert found.sensitivity_interval[0] < found.sensitivity < found.sensitivity_interval[1]
    rng, y = np.random.default_rng(PLAIN.seed), fourfold.target
    told, drawn = np.repeat(p, 4, axis=1) >= y.mean(), [resample(fourfold, rng) for _ in range(10 * PLAIN.replicates)]
    by_hand = [told[:, i][:, y[i]].mean() for i in drawn if y[i].any()]
    assert few.sensitivity_interval == pytest.approx(tuple(np.percentile(by_hand, [2.5, 97.5])))


def test_a_share_of_all_has_the_interval_of_as_many_patients():
    """Whatever is drawn, all of it holds: a bootstrap would say that nothing is uncertain."""
    data = replace(table(40), groups=np.repeat(np.arange(10), 4))
    everyone = np.full(40, 2)
    assert Shares.of(data, PLAIN).interval(everyone, everyone) == wilson(10, 10)
    assert Shares.of(data, PLAIN).interval(0 * everyone, everyone) == wilson(0, 10)
