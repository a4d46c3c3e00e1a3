"""Re-basing is Bayes' rule on the odds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.findings import Estimate
from node.inference.rebase import rebase

shares = st.floats(0.01, 0.99)


def of(p: float) -> Estimate:
    return Estimate(probability=p, lower=p / 2, upper=(1 + p) / 2, contributions={"age": 0.5})


@given(p=st.floats(0.001, 0.999), trained=shares, site=shares)
def test_rebasing_there_and_back_gives_the_same(p, trained, site):
    """What is re-based to a site and back to the training population is what it was."""
    back = rebase(rebase(of(p), trained=trained, site=site), trained=site, site=trained)
    assert (back.probability, back.lower, back.upper) == pytest.approx((p, p / 2, (1 + p) / 2), abs=1e-9)
    assert back.contributions == {"age": 0.5}


@given(trained=shares, site=shares)
def test_an_average_patient_gets_the_sites_prevalence(trained, site):
    """Who is as likely as the training population is as likely as the site's."""
    assert rebase(of(trained), trained=trained, site=site).probability == pytest.approx(site)


@given(p=st.floats(0.0, 1.0), trained=shares, site=shares)
def test_the_interval_still_holds_the_estimate(p, trained, site):
    """Re-basing keeps order and range, also of what is certain."""
    e = rebase(of(p), trained=trained, site=site)
    assert 0 <= e.lower <= e.probability <= e.upper <= 1


def test_bayes_rule_by_counting():
    """Of 1000 patients, 200 positive, a finding in half of them and a tenth of the others; then 400 positive."""
    as_trained = 100 / (100 + 80)
    at_site = 200 / (200 + 60)
    assert rebase(of(as_trained), trained=0.2, site=0.4).probability == pytest.approx(at_site)


def test_tiny_probabilities_do_not_overflow():
    """A probability at the edge of a double stays one."""
    assert 0 <= rebase(of(1e-300), trained=0.99, site=0.01).probability < 1e-290
