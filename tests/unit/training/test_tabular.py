"""Fitting a small classifier: it learns what is there, nothing that is not, and the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from node.inference.rebase import logit
from node.training.recalibration import platt, sigmoid
from node.training.tabular import Recipe, Table, _logistic, draws, ensemble, fit, resample, splits

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
    one, other = ensemble(table(), first, QUICK), ensemble(table(), second, QUICK)
    for name in ("weights", "biases", "draws"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_more_patients_make_a_narrower_ensemble():
    """The spread of the bootstrap ensemble is what few patients leave open."""
    few, many = table(80), table(1200)
    spread = [ensemble(t, fit(t, QUICK), QUICK).weights[:, 0].std() for t in (few, many)]
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
    folds = splits(data, 5, 0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(data.target)))
    assert not any(set(train) & set(test) for train, test in folds)


def test_rows_of_one_patient_stay_together():
    """In folds and in bootstrap samples: whoever has two rows is never trained on and tested."""
    data = replace(table(), groups=np.repeat(np.arange(60), 2))
    for train, test in splits(data, 5, 0):
        assert not set(data.groups[train]) & set(data.groups[test])
    drawn = resample(data, np.random.default_rng(0))
    assert all(np.count_nonzero(drawn == 2 * n) == np.count_nonzero(drawn == 2 * n + 1) for n in range(60))


def test_inputs_of_one_quantity_are_drawn_together_and_no_row_is_kept():
    """Indicators of one category stay consistent; two quantities of a draw come from different patients."""
    rng = np.random.default_rng(0)
    category, number = rng.integers(0, 3, 200), rng.normal(size=200)
    features = np.column_stack([category == 0, category == 1, number, number]).astype(float)
    data = Table(
        names=("a", "b", "x", "same as x"), features=features, target=number > 0, cohorts=np.full(200, ""),
        blocks=("category", "category", "x", "y"),
    )  # fmt: skip
    drawn = draws(data, fit(data, QUICK), QUICK)
    raw = drawn[:, :2] > 0
    assert not raw.all(axis=1).any()
    assert raw.any(axis=0).all()
    assert np.abs(drawn[:, 2] - drawn[:, 3]).max() > 0.5


def test_a_logarithm_is_weighed_where_one_is_asked_for():
    """An effect on the logarithm is found linear in it, and a factor counts the same everywhere."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(3, 1, 400)
    data = Table(
        names=("x",), features=x[:, None], target=rng.random(400) < sigmoid(2 * (np.log(x) - 3)),
        cohorts=np.full(400, ""), logs=frozenset({"x"}),
    )  # fmt: skip
    z = fit(data, QUICK).standardise(np.array([[5.0], [10.0], [20.0]]))[:, 0]
    assert z[1] - z[0] == pytest.approx(z[2] - z[1])


def test_where_nothing_is_found_everyone_is_told_the_prevalence():
    """Folds that chase noise leave no trace in the answer."""
    noise = table(150, effect=0.0, seed=3)
    model = fit(noise, replace(QUICK, strengths=(0.001,), mixes=(1.0,)))
    assert not model.weights.any()
    assert model.probability(noise.features) == pytest.approx(noise.target.mean())


def test_the_intercept_is_that_of_the_greatest_likelihood_whatever_the_share_of_l1():
    """At zero weights the log-odds of the prevalence, at others what makes the mean answer the prevalence."""
    noise = table(150, effect=0.0, seed=3)
    z = fit(noise, QUICK).standardise(noise.features)[None]
    weights, bias = _logistic(z, noise.target, 0.001, 1.0, 0)
    assert not weights.any()
    assert bias == pytest.approx(logit(noise.target.mean()))
    for mix in (0.0, 0.5, 1.0):
        weights, bias = _logistic(z, noise.target, 0.3, mix, 0)
        assert sigmoid(z[0] @ weights + bias).mean() == pytest.approx(noise.target.mean(), abs=1e-6), mix


def test_an_ensemble_that_found_nothing_is_centred_on_the_estimate():
    """Its members differ by how many events were drawn, and by nothing else."""
    noise = table(150, effect=0.0, seed=3)
    recipe = replace(QUICK, strengths=(0.001,), mixes=(1.0,), replicates=400)
    model = fit(noise, recipe)
    members = ensemble(noise, model, recipe)
    assert not members.weights.any()
    assert members.biases.mean() == pytest.approx(model.bias, abs=0.05)
