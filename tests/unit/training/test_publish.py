"""From a table to a package: the node accepts it, it says only what was measured, and it is the same every time."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from node.domain.findings import ModelFacts
from node.domain.plain import canonical
from node.errors import ModelFailed
from node.inference.inputs import ModelInput
from node.inference.onnx import OnnxClassifier
from node.inference.package import load_package, shipped_models
from node.training import toml
from node.training.encode import features, inputs_of
from node.training.graph import build
from node.training.publish import Project, differences, make, run, write
from node.training.tabular import ensemble, fit, sigmoid
from tests.unit.training.test_tabular import QUICK as SMALL
from tests.unit.training.test_tabular import table

QUICK = replace(SMALL, mixes=(0.0,), repeats=1, replicates=10)

HEAD = {
    "id": "toy",
    "version": "0.1.0",
    "name": "A toy",
    "manufacturer": "radnode",
    "kind": "classifier",
    "engine": "onnx",
    "target": "nothing",
    "gene": "",
    "hgnc_id": "",
    "intended_use": "Tests.",
    "limits": ["None."],
    "exploratory": "a toy",
    "inputs": [
        {"name": name, "source": f"clinical:{name}", "meaning": name, "range": [0.0, 1e6]}
        for name in ("raises", "lowers", "nothing")
    ],
    "declared": {"modality": "CT"},
    "training": {"population": "random numbers"},
    "data": [{"source": "None.", "citation": "None.", "licence": "none"}],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    script = tmp_path_factory.mktemp("models") / "toy" / "train.py"
    script.parent.mkdir()
    script.write_text("# made by a test\n")
    return Project(
        head=HEAD,
        table=table(80),
        script=script,
        golden={"gap": {"raises": 55.0}, "all": {"lowers": 40.0}},
        recipe=QUICK,
    )


@pytest.fixture(scope="module")
def files(project):
    return make(project)


def test_training_twice_gives_identical_bytes(project, files):
    """Every file, the graph among them."""
    assert make(project) == files


def test_the_package_loads_and_answers_its_golden_case(project, files):
    """What training writes, the node takes."""
    write(project.script.parent, files)
    package = load_package(project.script.parent)
    package.verify()
    assert package.manifest.training.n == 80
    assert package.facts.exploratory.startswith("exploratory: ")


def test_a_check_tells_what_differs(project, files, capsys):
    """Untouched, the package is reproduced; a touched file is named and the exit code is 1."""
    folder = project.script.parent
    write(folder, files)
    assert run(project, check=True) == 0
    (folder / "card.md").write_text("other")
    assert differences(folder, files) == ["card.md"]
    assert run(project, check=True) == 1
    assert "differs: card.md" in capsys.readouterr().out


def test_the_card_holds_no_number_that_the_manifest_does_not_hold(files):
    """Every number of the card is one of the manifest, as rounded there."""
    held = _numbers(tomllib.loads(files["model.toml"].decode()))
    card = re.sub(r"\([^)]*\)|95 %|95\.0 %|ideal [01]|\btoy 0\.1\.0\b", "", files["card.md"].decode())
    for shown in re.findall(r"[-+]?\d+\.\d+", card):
        digits = len(shown.partition(".")[2])
        percent = 100 * np.array(sorted(held))
        close = np.abs(np.array([*held, *percent]) - float(shown)) <= 0.5001 * 10.0**-digits
        assert close.any(), f"{shown} stands in no key of the manifest"


def test_the_graph_computes_the_model(project):
    """Probability, contributions and interval of the graph are those of the arrays it was made from, gaps included."""
    data, recipe = project.table, QUICK
    model = fit(data, recipe)
    weights, biases = ensemble(data, model, recipe)
    graph = build(model, weights, biases, level=0.9, name="toy")
    facts = ModelFacts(id="toy", version="0.1.0", kind="classifier", digest="", manufacturer="", name="")
    classifier = OnnxClassifier(facts, tuple(ModelInput(name=n, source="clinical:x") for n in data.names), graph)
    for row in (data.features[0], np.full(3, np.nan), np.array([1e5, -1e5, 50.0])):
        answer = classifier({n: v for n, v in zip(data.names, row, strict=True) if not np.isnan(v)})
        z = model.standardise(row[None])[0]
        low, high = np.percentile(weights @ z + biases, [5, 95])
        p = model.probability(row[None])[0]
        assert answer.probability == pytest.approx(p, abs=1e-5)
        assert answer.lower == pytest.approx(min(sigmoid(low), p), abs=1e-5)
        assert answer.upper == pytest.approx(max(sigmoid(high), p), abs=1e-5)
        assert list(answer.contributions.values()) == pytest.approx(list(z * model.weights), abs=1e-4)


def test_a_wrong_head_is_told_before_anything_is_written(project):
    """The manifest is parsed by the node's own code."""
    wrong = Project(
        head={**HEAD, "version": "one"}, table=project.table, script=project.script, golden={"gap": {}}, recipe=QUICK
    )
    with pytest.raises(ModelFailed, match="no semantic version"):
        make(wrong)


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


@pytest.mark.slow
def test_lung_egfr_is_reproduced_from_its_data(data):
    """`train.py --check` makes every file of the shipped package anew from the public table, byte for byte."""
    script = shipped_models() / "lung-egfr" / "train.py"
    environment = {**os.environ, "RADNODE_DATA": str(data)}
    made = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, env=environment, check=False
    )
    assert made.stdout.strip() == "reproduced, byte for byte", made.stdout + made.stderr
    assert Path(script).parent.name == "lung-egfr"


def _numbers(plain):
    if isinstance(plain, dict):
        return set().union(*(_numbers(v) for v in plain.values()), set())
    if isinstance(plain, list):
        return set().union(*(_numbers(v) for v in plain), set())
    if isinstance(plain, str):
        return {float(n) for n in re.findall(r"[-+]?\d+\.\d+", plain)}
    return {float(plain)}
