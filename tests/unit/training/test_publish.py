"""From a table to a package: the node accepts it, it says only what was measured, and it is the same every time."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skl2onnx
from sklearn.linear_model import LogisticRegression

from node.domain.facts import ModelFacts
from node.domain.plain import canonical
from node.errors import ModelFailed
from node.inference.inputs import ModelInput
from node.inference.knowledge import knowledge
from node.inference.onnx import OnnxClassifier
from node.inference.package import load_package, shipped_models
from node.training import toml
from node.training.card import write_card
from node.training.card_check import differs
from node.training.command import train
from node.training.encode import features, inputs_of
from node.training.figures import FIGURES
from node.training.graph import build
from node.training.publish import differences, write
from node.training.tabular import Table, ensemble, fit, scaling, sigmoid
from tests.support.tables import rows, write_spec, write_table
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
    few = write_spec(tmp_path / "spec.toml", table={"features": ["extra*"]}, views=[], baselines=[], golden=[])
    rng = np.random.default_rng(1)
    extra = [{**row, **{f"extra{n}": rng.normal() for n in range(4)}} for row in rows()]
    made = train(write_table(tmp_path / "table.csv", extra), few)
    sentence = f"exploratory: {events} events for 7 inputs"
    assert tomllib.loads(made["model.toml"].decode())["exploratory"] == sentence
    assert sentence.capitalize() in made["card.md"].decode()


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
    assert card == write_card({k: v for k, v in plain.items() if k != "files"})
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
    assert package.manifest.applicability["training_refused"] <= 0.02


def test_a_wrong_head_is_told_before_anything_is_written(asked, tmp_path):
    """The manifest is parsed by the node's own code."""
    with pytest.raises(ModelFailed, match="no semantic version"):
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
    """Strings with quotes and umlauts, nested tables, lists of tables with tables inside, odd keys."""
    plain = {
        "text": 'a "quoted" \\ line\nand ü',
        "on": True,
        "n": 3,
        "x": 0.1,
        "many": [f"sentence number {n} of quite some length" for n in range(5)],
        "table": {"inner": {"a key": 1.5}, "empty": {}},
        "rows": [{"levels": {">0-25%": 0.125}}, {"levels": {}, "range": [0.0, 1.0]}],
    }
    assert canonical(tomllib.loads(toml.dumps(plain))) == canonical(plain)


def _numbers(plain):
    if isinstance(plain, dict):
        return set().union(*(_numbers(v) for v in plain.values()), set())
    if isinstance(plain, list):
        return set().union(*(_numbers(v) for v in plain), set())
    if isinstance(plain, str):
        return {float(n) for n in re.findall(r"[-+]?\d+\.\d+", plain)}
    return {float(plain)}
