"""Fitting a small classifier: it learns what is there, nothing that is not, and the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from node.training.tabular import Recipe, Table, ensemble, fit, platt, sigmoid, splits

QUICK = Recipe(strengths=(0.03, 0.3), mixes=(0.0, 0.5), repeats=2, replicates=20)


def table(n=120, seed=0, effect=1.5):
    """Two inputs that matter (one of them with gaps), one that does not; two cohorts."""
    rng = np.random.default_rng(seed)
    x = rng.normal(50, 10, (n, 3))
    target = rng.random(n) < sigmoid(effect * (x[:, 0] - 50) / 10 - 0.7 * effect * (x[:, 1] - 50) / 10 - 1)
    x[rng.random(n) < 0.1, 1] = np.nan
    cohorts = np.where(rng.random(n) < 0.5, "north", "south")
    return Table(names=("raises", "lowers", "nothing"), features=x, target=target, cohorts=cohorts)


def test_it_finds_the_direction_of_each_input():
    """Signs and order of the weights are those the data were made with."""
    model = fit(table(400), QUICK)
    assert model.weights[0] > -model.weights[1] > 0.3
    assert abs(model.weights[2]) < 0.25


def test_without_an_effect_it_answers_the_prevalence():
    """Noise is shrunk away: answers stay around the prevalence."""
    noise = table(200, effect=0.0)
    p = fit(noise, QUICK).probability(noise.features)
    assert p.mean() == pytest.approx(noise.target.mean(), abs=0.03)
    assert p.std() < 0.12


def test_the_mean_answer_is_the_training_prevalence():
    """What the site's prevalence re-bases is calibrated in the large."""
    data = table(300)
    assert fit(data, QUICK).probability(data.features).mean() == pytest.approx(data.target.mean(), abs=0.03)


def test_a_missing_input_adds_nothing_and_an_extreme_one_no_more_than_the_training_range():
    """NaN counts as the mean, values beyond the training range as its end."""
    model = fit(table(), QUICK)
    mean, far, end = model.mean.copy(), model.mean.copy(), model.mean.copy()
    gap = np.full(3, np.nan)
    far[0], end[0] = 1e6, model.high[0]
    p = model.probability(np.array([mean, gap, far, end]))
    assert p[0] == pytest.approx(p[1])
    assert p[2] == p[3] > p[0]


def test_views_teach_the_model_to_do_without():
    """Of two inputs that tell the same, the one that is often missing lends its weight to the other."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 2))
    x[:, 1] = x[:, 0] + 0.3 * x[:, 1]
    plain = Table(
        names=("kept", "often missing"),
        features=x,
        target=rng.random(300) < sigmoid(2 * x[:, 1] - 1),
        cohorts=np.full(300, "one"),
    )
    blanked = np.where([False, True], np.nan, x)
    taught = replace(plain, views={"without": blanked})
    assert fit(taught, QUICK).weights[0] > fit(plain, QUICK).weights[0]


def test_the_same_table_gives_the_same_numbers():
    """Nothing depends on the run."""
    first, second = fit(table(), QUICK), fit(table(), QUICK)
    assert np.array_equal(first.weights, second.weights)
    assert first.bias == second.bias
    for one, other in zip(ensemble(table(), first, QUICK), ensemble(table(), second, QUICK), strict=True):
        assert np.array_equal(one, other)


def test_more_patients_make_a_narrower_ensemble():
    """The spread of the bootstrap ensemble is what few patients leave open."""
    few, many = table(80), table(1200)
    spread = [ensemble(t, fit(t, QUICK), QUICK)[0][:, 0].std() for t in (few, many)]
    assert spread[1] < spread[0] / 2


def test_recalibration_undoes_overconfidence():
    """Log-odds that are twice too bold get slope one half; a cap holds."""
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 1.5, 20_000)
    target = rng.random(20_000) < sigmoid(honest)
    assert platt(2 * honest, target)[0] == pytest.approx(0.5, abs=0.02)
    assert platt(honest / 2, target)[0] == pytest.approx(2, abs=0.1)
    assert platt(honest / 2, target, most=1.0)[0] == 1.0
    assert platt(np.zeros(len(target)), target)[0] == 1.0


def test_folds_hold_every_patient_once():
    """Each patient is tested once, and never by a model that saw it."""
    data = table()
    folds = splits(data.target, 5, 0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(data.target)))
    assert not any(set(train) & set(test) for train, test in folds)
