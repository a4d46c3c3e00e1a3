"""From a table to a package: the node accepts it, it says only what was measured, and it is the same every time."""

import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest
import skl2onnx
from sklearn.linear_model import LogisticRegression

from node.domain.cards import heard
from node.domain.facts import ModelFacts
from node.domain.plain import canonical
from node.domain.radiomics import NUMBERS
from node.errors import ConfigError, ModelFailed
from node.inference.inputs import ModelInput
from node.inference.knowledge import knowledge
from node.inference.manifest import parse
from node.inference.onnx import OnnxClassifier
from node.inference.package import load_package, read_manifest, shipped_models
from node.training import toml
from node.training.card import write_card
from node.training.card_check import differs
from node.training.command import train
from node.training.encode import features, inputs_of
from node.training.figures import FIGURES
from node.training.folder import write
from node.training.graph import build
from node.training.publish import differences
from node.training.recalibration import sigmoid
from node.training.tabular import Table, ensemble, fit, scaling
from tests.support.tables import HEAD, rows, write_spec, write_table
from tests.unit.training.test_tabular import QUICK as SMALL
from tests.unit.training.test_tabular import table

QUICK = replace(SMALL, mixes=(0.0,), repeats=1, replicates=40)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    return write_table(folder / "table.csv", rows()), write_spec(folder / "spec.toml")


@pytest.fixture(scope="module")
def files(asked):
    return train(*asked)


@pytest.fixture(scope="module")
def package(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "toy"
    write(folder, files)
    return load_package(folder)


def classifier(model, members, names, level=0.95):
    graph = build(model, members, level=level, name="toy")
    facts = ModelFacts(id="toy", version="0.1.0", kind="classifier", digest="", manufacturer="", name="")
    return OnnxClassifier(facts, tuple(ModelInput(name=n, source="clinical:x") for n in names), graph)


def known(names, row):
    return {n: float(v) for n, v in zip(names, row, strict=True) if not np.isnan(v)}


def test_every_word_of_the_table_is_the_node_s(tmp_path):
    """M and F in the table and in the levels are what the node calls them, so that the model is asked with them."""
    letters = [{**row, "sex": str(row["sex"])[0].upper()} for row in rows()]
    inputs = [{**item, "levels": {"M": 0.0, "F": 1.0}} if item["name"] == "female" else item for item in HEAD["inputs"]]
    subgroups = [{"name": "women", "column": "sex", "values": ["F"]}]
    spec = write_spec(tmp_path / "s.toml", inputs=inputs, subgroups=subgroups)
    made = train(write_table(tmp_path / "t.csv", letters), spec)
    plain = tomllib.loads(made["model.toml"].decode())
    assert plain["inputs"][1]["levels"] == {"male": 0.0, "female": 1.0}
    assert "left_out" not in plain["training"]


def test_training_twice_gives_identical_bytes(asked, files):
    """Every file, graph and figures among them."""
    assert train(*asked) == files


def test_the_package_loads_and_answers_its_golden_case(package):
    """What training writes, the node takes; its population is counted from the table."""
    package.verify()
    assert package.manifest.training.n == 120
    assert re.search(r"age 3\d to 8\d years, median \d\d; random numbers", package.facts.training)
    assert package.facts.holds_missing
    assert package.manifest.declared.age_usual == (min(r["age"] for r in rows()), max(r["age"] for r in rows()))


def test_few_events_are_written_wherever_the_model_speaks(asked, files, tmp_path):
    """Fewer than ten events per input: manifest, card and the facts of every output say how many."""
    events = tomllib.loads(files["model.toml"].decode())["training"]["events"]
    few = write_spec(
        tmp_path / "spec.toml",
        table={"features": ["original_*"]},
        extraction={"spacing_mm": 1.0},
        views=[],
        baselines=[],
        golden=[],
    )
    rng = np.random.default_rng(1)
    names = [f"original_firstorder_{name}" for name in ("Mean", "Range", "Entropy", "Median")]
    extra = [{**row, **{name: rng.normal() for name in names}} for row in rows()]
    made = train(write_table(tmp_path / "table.csv", extra), few)
    sentence = f"exploratory: {events} events for 7 inputs"
    assert tomllib.loads(made["model.toml"].decode())["exploratory"] == sentence
    assert sentence.capitalize() in made["card.md"].decode()


def test_few_patients_without_the_target_make_a_model_exploratory_too(tmp_path):
    """The rarer class counts, whichever it is: 113 with and 7 without carry no more than 7 with and 113 without."""
    many = [{**row, "answer": int(n >= 7)} for n, row in enumerate(rows())]
    made = train(write_table(tmp_path / "t.csv", many), write_spec(tmp_path / "s.toml"), exploratory=True)
    told = "exploratory: 7 patients without the target for 3 inputs; trained with --exploratory"
    assert tomllib.loads(made["model.toml"].decode())["exploratory"] == told
    assert told.capitalize() in made["card.md"].decode()


def test_a_model_trained_with_exploratory_says_so_whatever_its_numbers(asked, tmp_path):
    """Enough events for its one input, and still marked."""
    size = [item for item in HEAD["inputs"] if item["name"] == "size"]
    spec = write_spec(tmp_path / "s.toml", inputs=size, views=[], baselines=[], golden=[])
    plain = train(asked[0], spec)
    assert "exploratory" not in tomllib.loads(plain["model.toml"].decode())
    marked = tomllib.loads(train(asked[0], spec, exploratory=True)["model.toml"].decode())
    assert marked["exploratory"].endswith("; trained with --exploratory")


def test_a_model_that_found_nothing_is_not_called_calibrated(tmp_path):
    """Every weight is zero: no operating point, no AUC beside answers, no points for them; the card says why."""
    rng = np.random.default_rng(5)
    noise = [{**row, "answer": int(rng.random() < 0.4)} for row in rows()]
    spec = write_spec(tmp_path / "spec.toml", fit={"strengths": [0.001], "mixes": [1.0]})
    write(tmp_path / "toy", train(write_table(tmp_path / "table.csv", noise), spec))
    nothing = load_package(tmp_path / "toy")
    nothing.verify()
    assert not any(nothing.manifest.performance["weights"].values())
    assert (nothing.facts.calibrated, nothing.facts.operating_point) == (False, None)
    card = (tmp_path / "toy" / "card.md").read_text()
    assert (
        "Not shown to be calibrated: results call the answer a score, not a probability. There is no operating" in card
    )
    assert "sensitivity at" not in card
    assert "| AUC | everyone was told the same |  |" in card
    assert "All of this is of the procedure; the shipped model tells everyone the same." in card
    for item in ("discrimination statistics", "calibration statistics", "potential clinical utility"):
        assert re.search(rf"\| {item} \| 0 \| 2 \| measured of the procedure only: ", card), item
    assert not any("AUC" in limit for limit in nothing.manifest.limits)
    assert "| models of the folds that told everyone the same | 5 of 5 |  |" in card
    assert "calibration slope" not in card.partition("## Performance")[2].partition("## Reporting")[0].replace("_", "x")
    assert not differs(card, read_manifest(nothing.folder))


def test_the_slope_decides_whether_results_say_calibrated(package):
    """The facts of every output have the slope with its interval; a manifest that contradicts them is refused."""
    found = package.manifest.calibration
    assert (package.facts.slope, package.facts.slope_interval) == (found.slope, found.slope_interval)
    low, high = found.slope_interval
    assert package.facts.calibrated == (0.5 <= low <= 1 <= high <= 2)
    assert package.facts.uncertain == (not package.facts.calibrated and 0 < low <= 1 <= high)
    plain = {**read_manifest(package.folder), "calibration": {"calibrated": True, "slope_interval": [0.1, 0.6]}}
    with pytest.raises(ModelFailed, match="calibrated is true, but slope_interval"):
        parse(plain, at="model.toml")


def test_rows_of_one_patient_are_counted_as_one_patient(tmp_path):
    """Manifest, card and every output name patients; how many rows they have stands beside them."""
    double = [{**row, "who": f"patient {n // 2}", "answer": int(n // 2 % 3 == 0)} for n, row in enumerate(rows())]
    spec = write_spec(tmp_path / "spec.toml", table={"repeated": True})
    made = train(write_table(tmp_path / "table.csv", double), spec)
    training = tomllib.loads(made["model.toml"].decode())["training"]
    assert (training["n"], training["events"], training["rows"]) == (60, 20, 120)
    assert training["sentence"].startswith("Trained on 120 rows of 60 patients (")
    assert training["sentence"].endswith(", 20 of these patients with nothing.")
    assert "Prevalence 33.3 % among the rows, which the answers are made for." in made["card.md"].decode()
    card = made["card.md"].decode()
    point = {"threshold": 0.3, **dict.fromkeys(("sensitivity", "specificity"), 0.5)}
    point |= {f"{key}_interval": [0.4, 0.6] for key in ("sensitivity", "specificity")}
    shown = write_card({**tomllib.loads(made["model.toml"].decode()), "operating_point": point})
    assert "| sensitivity of rows at a probability of" in shown
    assert "Held-out answers, one of every row in every repeat" in card
    assert "The intervals are bootstrapped over patients, all rows of one together." in card
    assert "Net benefit per row of acting" in card
    assert "120 rows of 60 patients, 20 with the target, in every analysis" in card
    assert heard(training["sentence"]).template == (
        "Trained on {rows} rows of {n} patients ({population}), {events} of these patients with {target}."
    )


def test_rows_of_another_outcome_are_told_by_value(tmp_path):
    """Manifest and card count what was left out; of an unknown outcome, and of none, they say nothing."""
    other = {3: "unclear", 4: "unclear", 8: "unclear", 5: "a patient's own words", 6: "", 7: "Indeterminate"}
    table = [{**row, "answer": other.get(n, row["answer"])} for n, row in enumerate(rows())]
    made = train(write_table(tmp_path / "t.csv", table), write_spec(tmp_path / "s.toml"))
    training = tomllib.loads(made["model.toml"].decode())["training"]
    assert training["n"] == 114
    assert training["left_out"] == {"unclear": 3, "": 1}
    told = "left out were 4 rows of another outcome (3 'unclear', 1 with values that few rows have); "
    assert made["card.md"].decode().count(told) == 2


def test_a_site_s_card_claims_nothing_that_nobody_stated(files):
    """No points for data and code that are not public, nor for a test of tissue; no script that is not there."""
    card = files["card.md"].decode()
    for item in ("open science and data", "comparison with the gold standard", "image protocol quality"):
        assert re.search(rf"\| {item} \| 0 \| \d \| not stated by its makers \|", card), item
    assert "train.py" not in card
    assert "public data" not in card


def test_a_site_states_what_it_has(asked, tmp_path):
    """Points with a reason, and answers to items of TRIPOD+AI, from the specification; a script where there is one."""
    stated = {"rqs": {"open": {"points": 1, "why": "code only"}}, "tripod": {"5b": "2019 to 2024"}}
    spec = write_spec(tmp_path / "spec.toml", reporting=stated)
    card = train(asked[0], spec, also={"train.py": b""})["card.md"].decode()
    assert "| open science and data | 1 | 4 | code only |" in card
    assert "| 5b | dates of the data | 2019 to 2024 |" in card
    assert "| 18f | code sharing | train.py, spec.toml and radnode, which reads it |" in card


def test_every_item_of_tripod_is_answered_or_said_to_be_missing(files):
    """All 52 parts of the 27 items, in their order; what the manifest cannot know is not reported."""
    table = files["card.md"].decode().partition("| item | what | here |")[2]
    found = re.findall(r"^\| (\d+[a-g]?) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    assert [number for number, *_ in found if number.isdigit()] == [
        "1", "2", "4", "7", "10", "11", "13", "14", "15", "16", "17", "19", "21", "22", "24", "25", "26",
    ]  # fmt: skip
    assert len({re.sub(r"\D", "", number) for number, *_ in found}) == 27
    assert len(found) == 52
    here = {number: answer for number, _, answer in found}
    for number in ("3a", "5b", "17", "18a", "18b", "19"):
        assert here[number] == "not reported"
    assert "a person must verify it" in here["27b"]


def test_what_counts_as_reduction_of_features(asked, files, tmp_path):
    """An L1 penalty leaves inputs out; shrinking alone does not, for which the score takes points off."""
    assert re.search(r"\| feature reduction .* \| -3 \| 3 \| neither: ", files["card.md"].decode())
    spec = write_spec(tmp_path / "spec.toml", fit={"mixes": [0.5]})
    assert re.search(r"\| feature reduction .* \| 3 \| 3 \| an L1 ", train(asked[0], spec)["card.md"].decode())


def test_nothing_is_said_to_be_imputed_where_every_input_is_required(files, tmp_path):
    """Inputs, interval and the items on missing data say so; where one may lack, what it counts as."""
    required = [{**item, "required": True} for item in HEAD["inputs"]]
    whole = [row for row in rows() if row["volume_ml"]]
    spec = write_spec(tmp_path / "spec.toml", inputs=required)
    card = train(write_table(tmp_path / "table.csv", whole), spec)["card.md"].decode()
    assert "Every input is required, so nothing is imputed." in card
    assert "| 11 | missing data | every input is required for an answer, so nothing is imputed |" in card
    assert not re.search("missing input (widens|counts)|for a missing input", card)
    assert "For the estimate a missing input counts as their mean" in files["card.md"].decode()


def test_cards_say_what_their_models_are():
    """A refusal has no model and no answers, published odds ratios no patients: nothing else is said of them."""
    refusing = (shipped_models() / "glioma-mgmt" / "card.md").read_text(encoding="utf-8")
    assert "Prevalence 70.8 % among them." in refusing
    assert "which the answers are made for" not in refusing
    assert "nothing was trained" not in refusing
    assert "model.onnx" not in refusing
    published = (shipped_models() / "lung-alk" / "card.md").read_text(encoding="utf-8")
    assert "of the training patients" not in published.partition("## Reporting")[0]
    assert "Weights are logarithms of the odds ratios below" in published


def test_what_was_not_assessed_is_said():
    """Ground glass is read inside the contour, and no ICC of it was measured."""
    for name in ("lung-egfr", "lung-kras"):
        card = (shipped_models() / name / "card.md").read_text(encoding="utf-8")
        assert "Not assessed, though the contour may move them: ground_glass." in card


def test_a_check_tells_what_differs(files, tmp_path):
    """Untouched it is reproduced, a touched file is named; figures depend on the drawing library and do not count."""
    write(tmp_path, files)
    (tmp_path / FIGURES[0]).write_bytes(b"drawn by another version")
    assert differences(tmp_path, files) == []
    (tmp_path / "card.md").write_text("other")
    assert differences(tmp_path, files) == ["card.md"]


def test_the_card_is_made_of_the_manifest_alone(package, files):
    """What is read back from disk makes the very card; a changed number or a changed card is seen."""
    plain = tomllib.loads(files["model.toml"].decode())
    card = files["card.md"].decode()
    assert not differs(card, plain)
    assert differs(card.replace("| AUC | 0.", "| AUC | 1."), plain)
    plain["performance"]["auc"] += 0.1
    assert differs(card, plain)


@pytest.mark.parametrize("name", ["glioma-1p19q", "glioma-idh", "glioma-mgmt", "lung-alk", "lung-egfr", "lung-kras"])
def test_shipped_cards_are_true_and_complete(name):
    """Each shipped card is what its manifest says, and holds what reviewers ask for."""
    folder = shipped_models() / name
    plain = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
    card = (folder / "card.md").read_text(encoding="utf-8")
    assert card == write_card(plain)
    assert "## Reporting" in card
    assert "Licence: " in card
    for figure in FIGURES:
        assert (f"({figure})" in card) == (figure in plain["files"])


def test_the_readme_quotes_the_cards():
    """Every AUC in README's table is the manifest's, with its interval."""
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    for folder in sorted(shipped_models().glob("*/")):
        found = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8")).get("performance", {})
        if isinstance(found.get("auc"), float):
            low, high = found["auc_interval"]
            assert f"{found['auc']:.2f} ({low:.2f}–{high:.2f})" in text, folder.name


def test_the_card_holds_no_number_that_the_manifest_does_not_hold(files):
    """Every number with a decimal point in the card is one of the manifest, as rounded there."""
    held = _numbers(tomllib.loads(files["model.toml"].decode()))
    card = re.sub(r"\([^)]*\)|95 %|95\.0 %|ideal [01]|\btoy 0\.1\.0\b", "", files["card.md"].decode())
    for shown in re.findall(r"[-+]?\d+\.\d+", card):
        digits = len(shown.partition(".")[2])
        percent = 100 * np.array(sorted(held))
        close = np.abs(np.array([*held, *percent]) - float(shown)) <= 0.5001 * 10.0**-digits
        assert close.any(), f"{shown} stands in no key of the manifest"


def test_the_graph_computes_the_model():
    """Probability, contributions and interval of the graph are those of the arrays it was made from, gaps included."""
    data = replace(table(80), logs=frozenset({"lowers"}))
    model = fit(data, QUICK)
    members = ensemble(data, model, QUICK)
    ask = classifier(model, members, data.names, level=0.9)
    for row in (data.features[0], np.full(3, np.nan), np.array([1e5, np.nan, 50.0]), np.array([50.0, -1.0, 50.0])):
        answer = ask(known(data.names, row))
        z = model.standardise(row[None])[0]
        taken = np.where(np.isnan(row), members.draws, z)
        low, high = np.percentile((members.weights * taken).sum(axis=1) + members.biases, [5, 95])
        p = model.probability(row[None])[0]
        assert answer.probability == pytest.approx(p, abs=1e-5)
        assert answer.lower == pytest.approx(min(sigmoid(low), p), abs=1e-5)
        assert answer.upper == pytest.approx(max(sigmoid(high), p), abs=1e-5)
        assert list(answer.contributions.values()) == pytest.approx(list(z * model.weights), abs=1e-4)


def test_the_interval_widens_when_inputs_are_missing():
    """Over patients, each missing input that matters makes the interval of the log-odds wider, and all the widest."""
    data = table(300)
    model = fit(data, replace(QUICK, replicates=200))
    ask = classifier(model, ensemble(data, model, replace(QUICK, replicates=200)), data.names)

    def width(features):
        answers = [ask(known(data.names, row)) for row in features]
        return np.mean([np.log(a.upper / (1 - a.upper)) - np.log(a.lower / (1 - a.lower)) for a in answers])

    whole = data.features[~np.isnan(data.features).any(axis=1)][:40]
    widths = [width(np.where(np.arange(3) == n, np.nan, whole)) for n in range(3)]
    assert widths[0] > 1.5 * width(whole)
    assert min(widths) > 0.98 * width(whole)
    assert width(np.full((1, 3), np.nan)) > max(widths)


def test_the_graph_agrees_with_skl2onnx():
    """The same fitted logistic regression, converted by skl2onnx and written by us, gives the same probabilities."""
    import onnxruntime

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    data = Table(
        names=("a", "b", "c"), features=x, target=rng.random(200) < sigmoid(x @ [1.0, -2.0, 0.5]),
        cohorts=np.full(200, ""),
    )  # fmt: skip
    peer = LogisticRegression(C=1.0).fit(x, data.target)
    other = skl2onnx.to_onnx(peer, x[:1].astype(np.float32), options={"zipmap": False}, target_opset=17)
    session = onnxruntime.InferenceSession(other.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(["probabilities"], {"X": x.astype(np.float32)})[0][:, 1]
    blank = scaling(data)
    weights = peer.coef_[0] * blank.scale
    ours = replace(blank, weights=weights, bias=float(peer.intercept_[0] + blank.mean @ peer.coef_[0]))
    ask = classifier(ours, ensemble(data, ours, replace(QUICK, replicates=5)), data.names)
    assert [ask(known(data.names, row)).probability for row in x] == pytest.approx(expected, abs=2e-6)


def test_the_package_knows_its_population(package):
    """Distances and percentiles are read back; one input with two values only is left to the declaration."""
    held = knowledge(package)
    assert held.applicability is not None
    assert [item.name for item in held.applicability.inputs] == ["age", "size"]
    assert held.spreads["clinical:age"].percentile(95.0) == 100
    assert held.spreads["clinical:sex"].share("female") == pytest.approx(0.5, abs=0.15)
    assert package.manifest.applicability["ranges"] == ["age", "lesion_volume_ml"]
    assert 0 < package.manifest.applicability["refused"] < 0.1


@pytest.mark.parametrize("k", [59, 58])
def test_a_distance_that_is_not_judged_is_said_wherever_it_counts(k, tmp_path):
    """61 inputs of 120 patients are too many, 60 are not: progress, limits and the card tell it."""
    rng = np.random.default_rng(3)
    names = [f"original_{name}" for name in list(NUMBERS)[:k]]
    wide = [
        {**row, "volume_ml": row["volume_ml"] or "9", **{name: f"{rng.normal():.4f}" for name in names}}
        for row in rows()
    ]
    spec = write_spec(
        tmp_path / "s.toml",
        table={"features": ["original_*"]},
        extraction={"spacing_mm": 1.0},
        views=[],
        baselines=[],
        golden=[],
    )
    told = []
    made = train(write_table(tmp_path / "t.csv", wide), spec, progress=told.append)
    sentence = f"The distance to the training patients is not judged: 120 patients for {k + 2} inputs."
    few = k + 2 > 60
    assert (sentence in told) == few
    assert (sentence in tomllib.loads(made["model.toml"].decode())["limits"]) == few
    assert ("applicability.json" in made) != few
    item = re.search(r"\| 27a \|.*\|", made["card.md"].decode())[0]
    assert ("; the distance to the training patients is not judged |" in item) == few
    assert ("what lies outside of Applicability" in item) != few
    assert heard(sentence).values == {"n": 120, "k": k + 2}


def test_inputs_without_more_than_two_values_have_no_distance(asked, tmp_path):
    """That is said in the limits too, in words that are known in every language."""
    sex = [HEAD["inputs"][1]]
    spec = write_spec(tmp_path / "s.toml", inputs=sex, views=[], baselines=[], golden=[])
    limits = tomllib.loads(train(asked[0], spec)["model.toml"].decode())["limits"]
    assert "The distance to the training patients is not judged: no input has more than two values." in limits


def test_a_wrong_head_is_told_before_anything_is_written(asked, tmp_path):
    """The manifest is parsed by the node's own code."""
    with pytest.raises(ConfigError, match="no semantic version"):
        train(asked[0], write_spec(tmp_path / "spec.toml", version="one"))


def test_an_engine_that_refuses_states_what_was_measured(asked, tmp_path):
    """The table is trained on all the same; the package answers with the AUC that was found."""
    spec = write_spec(tmp_path / "spec.toml", engine="refusal", refusal={"text": "no usable signal"})
    write(tmp_path / "toy", train(asked[0], spec))
    refusing = load_package(tmp_path / "toy")
    refusing.verify()
    auc = refusing.manifest.performance["auc"]
    assert refusing.open()({}).text.startswith(f"no usable signal: held-out AUC {auc:.2f} (95 % interval ")
    assert refusing.manifest.inputs == ()


def test_a_refusal_may_rest_on_models_that_found_nothing(asked, tmp_path):
    """Then there is no AUC to state, and that is said, in words that are known in every language."""
    spec = write_spec(
        tmp_path / "spec.toml", engine="refusal", refusal={"text": "no usable signal"},
        fit={"strengths": [1e-4], "mixes": [1.0]},
    )  # fmt: skip
    write(tmp_path / "toy", train(asked[0], spec))
    text = load_package(tmp_path / "toy").open()({}).text
    assert text.startswith("no usable signal: no model of the cross-validation told two of its patients apart on 120")
    assert heard(text).values["n"] == 120


def test_training_encodes_as_the_node_does():
    """Levels become 0 or 1, unknown ones are missing; a patient outside the declaration is an error."""
    inputs = inputs_of(
        {
            "inputs": [
                {"name": "age", "source": "clinical:age", "range": [18.0, 100.0]},
                {"name": "female", "source": "clinical:sex", "levels": {"male": 0.0, "female": 1.0}},
            ]
        }
    )
    encoded = features(inputs, [{"clinical:age": 60.0, "clinical:sex": "Female"}, {"clinical:sex": "other"}])
    assert np.array_equal(encoded, [[60, 1], [np.nan, np.nan]], equal_nan=True)
    with pytest.raises(ValueError, match="training patient 1: age is 12"):
        features(inputs, [{"clinical:age": 12.0}])


def test_toml_is_read_as_it_was_written():
    """Strings with quotes and umlauts, dates, nested tables, lists of tables with tables inside, odd keys."""
    plain = {
        "text": 'a "quoted" \\ line\nand ü',
        "on": True,
        "n": 3,
        "x": 0.1,
        "day": date(2024, 5, 1),
        "at": datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        "hour": time(7, 30),
        "many": [f"sentence number {n} of quite some length" for n in range(5)],
        "table": {"inner": {"a key": 1.5}, "empty": {}},
        "rows": [{"levels": {">0-25%": 0.125}}, {"levels": {}, "range": [0.0, 1.0]}],
    }
    assert tomllib.loads(toml.dumps(plain)) == plain
    assert canonical(tomllib.loads(toml.dumps(plain))) == canonical(plain)


def _numbers(plain):
    if isinstance(plain, dict):
        return set().union(*(_numbers(v) for v in plain.values()), set())
    if isinstance(plain, list):
        return set().union(*(_numbers(v) for v in plain), set())
    if isinstance(plain, str):
        return {float(n) for n in re.findall(r"[-+]?\d+\.\d+", plain)}
    return {float(plain)}
