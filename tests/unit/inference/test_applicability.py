"""Distance to the training data: what is like it passes, what is not is refused and named."""

import json

import numpy as np
import pytest

from node.domain.findings import Fitness
from node.errors import ModelFailed
from node.inference.applicability import applies, deviate, parse, worse
from node.inference.inputs import ModelInput
from node.training.distance import applicability
from node.training.tabular import Table

INPUTS = tuple(ModelInput(name=n, source=f"feature:{n}", scale="log" if n == "size" else "linear") for n in
               ("size", "flat", "round", "yes"))  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    flat = rng.normal(0, 1, 300)
    features = np.column_stack(
        [rng.lognormal(3, 0.5, 300), flat, flat + rng.normal(0, 0.2, 300), rng.random(300) < 0.5]
    ).astype(float)
    table = Table(
        names=tuple(i.name for i in INPUTS), features=features, target=flat > 0, cohorts=np.full(300, ""),
        logs=frozenset({"size"}),
    )  # fmt: skip
    content, summary = applicability(table, INPUTS)
    return parse(content, at="toy"), summary, table


def numbers(row):
    return {item.name: float(v) for item, v in zip(INPUTS, row, strict=True) if not np.isnan(v)}


def test_hardly_anyone_of_the_training_is_refused(trained):
    """At most two per cent, and about four flagged; as the package itself says."""
    fence, summary, table = trained
    outcomes = [applies(fence, numbers(row)).outcome for row in table.features]
    assert outcomes.count("outside") / 300 <= 0.02
    assert 0.01 < outcomes.count("borderline") / 300 < 0.06
    assert summary["inputs"] == ["size", "flat", "round"]


def test_what_is_far_is_refused_in_plain_words(trained):
    """The odd input is named with its value and what the training had."""
    fitness = applies(trained[0], {"size": 20.0, "flat": 9.0, "round": 9.0})
    assert (fitness.outcome, fitness.code) == ("outside", "outside_domain")
    assert fitness.reasons[0].startswith("flat is 9, unlike the training patients (98% of them: -2.")


def test_a_combination_nobody_had_is_refused(trained):
    """Each value is usual, together they contradict each other: both are named."""
    fitness = applies(trained[0], {"size": 20.0, "flat": 1.5, "round": -1.5})
    assert fitness.outcome == "outside"
    [reason] = fitness.reasons
    assert reason.startswith("this combination of inputs is unlike the training patients: ")
    assert "flat 1.5" in reason
    assert "round -1.5" in reason


def test_what_is_missing_does_not_count(trained):
    """An unknown input hides nothing and adds nothing; nothing known is no reason."""
    fence = trained[0]
    assert applies(fence, {}).outcome == "in_domain"
    assert applies(fence, {"size": 20.0}).outcome == "in_domain"
    assert applies(fence, {"flat": 9.0}).outcome == "outside"


def test_a_value_without_logarithm_is_outside(trained):
    """A size of zero cannot be compared, and is no lesion that the model knows."""
    fitness = applies(trained[0], {"size": 0.0, "flat": 0.0})
    assert fitness.outcome == "outside"
    assert fitness.reasons[0].startswith("size is 0,")


@pytest.mark.parametrize("k", [2, 3, 17])
def test_distances_over_any_number_of_inputs_are_comparable(k):
    """Squared distances of normal data are standard normal as deviates, whatever the number of inputs."""
    squared = np.random.default_rng(0).chisquare(k, 20_000)
    z = np.array([deviate(v, k) for v in squared])
    assert z.mean() == pytest.approx(0, abs=0.06)
    assert z.std() == pytest.approx(1, abs=0.05)
    assert (z > 1.645).mean() == pytest.approx(0.05, abs=0.01)


def test_the_worse_of_two_judgements_counts():
    """With its own reasons; both where they agree."""
    fine = Fitness(outcome="in_domain")
    flagged = Fitness(outcome="borderline", reasons=("old",), code="borderline_domain")
    refused = Fitness(outcome="outside", reasons=("far",), code="outside_domain")
    assert worse(fine, flagged) == worse(flagged, fine) == flagged
    assert worse(flagged, refused) == refused
    assert worse(flagged, flagged).reasons == ("old", "old")


def test_a_file_that_contradicts_itself_stops_the_model(trained):
    """No JSON, an unknown key, a covariance of the wrong shape."""
    fence = json.loads(applicability(trained[2], INPUTS)[0])
    for content in (b"{", b'{"colour": 1}', json.dumps({**fence, "covariance": [[1.0]]}).encode()):
        with pytest.raises(ModelFailed, match=r"applicability\.json"):
            parse(content, at="toy")
