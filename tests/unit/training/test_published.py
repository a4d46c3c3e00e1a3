"""A model of published odds ratios says what Bayes' rule says of them."""

from itertools import product

import numpy as np
import pytest

from node.domain.plain import from_plain
from node.inference.package import shipped_models
from node.training.published import Published, _among_others, _ensemble, _linear
from node.training.spec import read_toml

ALK = from_plain(Published, read_toml(shipped_models() / "lung-alk" / "spec.toml")[0]["published"])
PRIOR = sum(ALK.prior) / 2


def test_the_mean_answer_over_patients_with_the_declared_shares_is_the_prior():
    """Every combination of findings, as often as it comes with and without the target; each is told its posterior."""
    model = _linear(ALK)
    patients = np.array(list(product((0.0, 1.0), repeat=len(ALK.findings))))
    ratio = np.array([finding.odds_ratio for finding in ALK.findings])
    without = np.array([_among_others(finding, PRIOR) for finding in ALK.findings])
    having = ratio * without / (1 - without + ratio * without)
    ill, well = (np.where(patients > 0, q, 1 - q).prod(axis=1) for q in (having, without))
    often = PRIOR * ill + (1 - PRIOR) * well
    assert often @ patients == pytest.approx([finding.common for finding in ALK.findings])
    told = model.probability(patients)
    assert told == pytest.approx(PRIOR * ill / often)
    assert often @ told == pytest.approx(PRIOR)


def test_of_whom_nothing_is_known_has_the_prior():
    """In the estimate; the members of the ensemble draw each finding as often as declared."""
    model = _linear(ALK)
    assert model.probability(np.full((1, len(ALK.findings)), np.nan)) == pytest.approx(PRIOR)
    drawn = _ensemble(ALK, model).draws + model.mean
    assert set(np.round(np.unique(drawn), 9)) == {0.0, 1.0}
    assert drawn.mean(axis=0) == pytest.approx([finding.common for finding in ALK.findings], abs=0.1)


def test_an_odds_ratio_of_one_says_nothing():
    """Whether the finding is there or not."""
    plain = {"prior": [0.1, 0.1], "sentence": "", "findings": [{"input": "x", "odds_ratio": 1.0, "common": 0.3}]}
    model = _linear(from_plain(Published, plain))
    assert model.probability(np.array([[0.0], [1.0]])) == pytest.approx(0.1)
