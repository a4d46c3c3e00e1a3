"""A package is what its hashes say, or it is nothing."""

import json
import shutil
import subprocess
import sys

import pytest

from node.domain.order import Extraction
from node.errors import ModelFailed
from node.inference.manifest import parse
from node.inference.package import ENGINES, find_packages, load_package, shipped_models
from tests.support.packages import HEAD, refusing, write_package


@pytest.fixture
def egfr(tmp_path):
    """A copy of the shipped lung-egfr."""
    return shutil.copytree(shipped_models() / "lung-egfr", tmp_path / "lung-egfr")


def test_every_shipped_package_loads():
    """Each folder of the shipped models is whole, and its engine is one of ours."""
    for folder in find_packages([shipped_models()]).values():
        assert load_package(folder).manifest.engine in ENGINES


def test_the_shipped_egfr_model_answers_its_golden_case():
    """lung-egfr passes its own verification, and says what outputs must say."""
    package = load_package(shipped_models() / "lung-egfr")
    package.verify()
    facts = package.facts
    assert (facts.gene, facts.hgnc_id, facts.uncertain, facts.prevalence) == ("EGFR", "HGNC:3236", True, 0.19685)
    assert "25 events for 9 inputs" in facts.exploratory
    assert facts.operating_point is not None
    assert len(facts.digest) == 64


@pytest.mark.parametrize("name", ["model.onnx", "golden.json", "card.md", "train.py"])
def test_an_altered_file_stops_the_model(egfr, name):
    """One changed byte of any file ends in an error that names the package, the file and the cure."""
    content = bytearray((egfr / name).read_bytes())
    content[len(content) // 2] ^= 1
    (egfr / name).write_bytes(content)
    with pytest.raises(ModelFailed, match=rf"lung-egfr \d+\.\d+\.\d+ .*{name}.*SHA-256 differs; restore the package"):
        load_package(egfr)


def test_a_weight_file_altered_after_loading_is_never_run(egfr):
    """The bytes that are run are the bytes that were hashed."""
    package = load_package(egfr)
    (egfr / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(ModelFailed, match=r"model\.onnx"):
        package.open()


def test_absent_and_stray_files_are_told(egfr):
    """A file that is missing, or that nobody listed, stops the model; what tools leave behind does not."""
    (egfr / "__pycache__").mkdir()
    (egfr / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"")
    load_package(egfr)
    (egfr / "notes.txt").write_text("mine")
    with pytest.raises(ModelFailed, match=r"does not list notes\.txt"):
        load_package(egfr)
    (egfr / "notes.txt").unlink()
    (egfr / "card.md").unlink()
    with pytest.raises(ModelFailed, match=r"card\.md cannot be read"):
        load_package(egfr)


def test_the_digest_counts_content_and_not_layout(egfr, tmp_path):
    """A comment in the manifest changes nothing; a changed key changes the digest."""
    package = load_package(egfr)
    before, version = package.digest, package.manifest.version
    text = (egfr / "model.toml").read_text()
    (egfr / "model.toml").write_text("# a comment\n" + text)
    assert load_package(egfr).digest == before
    (egfr / "model.toml").write_text(text.replace(f'version = "{version}"', 'version = "9.9.9"'))
    assert load_package(egfr).digest != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "one"}, "no semantic version"),
        ({"hgnc_id": "7059"}, "HGNC:1234"),
        ({"engine": "magic"}, "'magic' is none of"),
        ({"kind": "oracle"}, "'oracle' is none of"),
        ({"surprise": 1}, "has no surprise"),
        ({"name": None}, "name"),
        ({"refusal": None}, "needs .refusal."),
        ({"engine": "onnx"}, r"needs \[\[inputs\]\]"),
        ({"engine": "onnx", "inputs": [{"name": "a", "source": "feature:original_shape_Flatness"}]}, r"\[extraction\]"),
        ({"engine": "onnx", "kind": "segmenter"}, r"\[segmenter\] goes with"),
        ({"declared": {"age": [90.0, 18.0]}}, "declared.age must rise"),
        ({"inputs": [{"name": "age", "source": "guess:age"}]}, "guess:age"),
        ({"inputs": [{"name": "a", "source": "clinical:age"}] * 2}, "same name"),
    ],
)
def test_a_wrong_manifest_says_what_is_wrong(tmp_path, change, message):
    """Missing, unknown and contradicting keys end in an error that names the file and the key."""
    with pytest.raises(ModelFailed, match=rf"(?s)model\.toml: .*{message}"):
        load_package(refusing(tmp_path, **change))


def test_a_model_is_given_features_as_its_package_says():
    """Also where it says what the default is; one that reads none takes the pipeline's, whatever it says."""
    coarse, plain = Extraction(spacing_mm=3.0), Extraction()
    shape = {"name": "a", "source": "feature:original_shape_Flatness"}
    head = {**HEAD, "engine": "onnx", "training": {"prevalence": 0.5, "sentence": "None."}, "files": {}}
    reading = parse({**head, "inputs": [shape], "extraction": {"spacing_mm": 1.0, "bin_width": 25.0}}, at="toy")
    assert reading.extraction == plain
    assert reading.extraction_in(coarse) == plain
    clinical = parse({**head, "inputs": [{"name": "age", "source": "clinical:age"}], "extraction": {}}, at="toy")
    assert clinical.extraction_in(coarse) == coarse


@pytest.mark.parametrize("content", [None, b"id = ", b"\xff"])
def test_what_is_no_manifest_is_an_error(tmp_path, content):
    """An absent or unreadable model.toml is an error of the tree."""
    if content is not None:
        (tmp_path / "model.toml").write_bytes(content)
    with pytest.raises(ModelFailed, match=r"model\.toml"):
        load_package(tmp_path)


def test_the_folder_carries_the_id(tmp_path):
    """A package in a folder of another name is refused: pipelines name models by folder."""
    folder = refusing(tmp_path).rename(tmp_path / "other")
    with pytest.raises(ModelFailed, match="id is mgmt, but its folder is called other"):
        load_package(folder)


def test_a_sites_own_package_counts_before_the_shipped_one(tmp_path):
    """Of two folders with the same package the later is found; folders without a manifest, or absent, are none."""
    shipped, own = refusing(tmp_path / "shipped"), refusing(tmp_path / "own")
    (tmp_path / "own" / "empty").mkdir()
    assert find_packages([tmp_path / "shipped"]) == {"mgmt": shipped}
    assert find_packages([tmp_path / "shipped", tmp_path / "own", tmp_path / "absent"]) == {"mgmt": own}


def test_another_golden_answer_fails_verification(egfr):
    """A model that answers otherwise than when it was made is stopped, and the difference is told."""
    package = load_package(egfr)
    golden = json.loads((egfr / "golden.json").read_text())
    golden["cases"][1]["expect"]["probability"] += 0.01
    plain = {**_plain(egfr)}
    write_package(egfr, {k: v for k, v in plain.items() if k != "files"}, golden_json=json.dumps(golden).encode())
    with pytest.raises(ModelFailed, match=r"golden case differs: .*probability is 0\.\d+, not 0\.\d+"):
        load_package(egfr).verify()
    assert package.digest != load_package(egfr).digest


def test_an_empty_golden_file_verifies_nothing(tmp_path):
    """A package without golden cases does not pass."""
    folder = refusing(tmp_path)
    write_package(folder, _without_files(folder), golden_json=b'{"cases": []}')
    with pytest.raises(ModelFailed, match="no cases"):
        load_package(folder).verify()


def test_reading_manifests_loads_no_engine():
    """The serving process reads facts and digests without onnxruntime or any image library."""
    code = (
        "import sys; from node.inference.package import *; load_package(shipped_models() / 'lung-egfr').facts; "
        "print(sorted({'onnxruntime', 'SimpleITK', 'radiomics', 'highdicom', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def _plain(folder):
    from node.inference.package import read_manifest

    return read_manifest(folder)


def _without_files(folder):
    return {key: value for key, value in _plain(folder).items() if key != "files"}
