"""The rules of the house, held by machine."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import node
from node import errors, logs
from tests.support import readme

ROOT = Path(node.__file__).parent
MODULES = sorted(p for p in ROOT.rglob("*.py") if "migrations" not in p.parts)


def test_every_event_that_is_logged_is_in_the_vocabulary_and_the_reverse():
    """The list in logs.py is the truth: nothing is logged that it lacks, and it lists nothing that is not logged."""
    used = set()
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in {"debug", "info", "warning", "error", "critical", "exception"}
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "log"
            ):
                used.add(call.args[0].value)
    assert used - logs.EVENTS == set()
    assert logs.EVENTS - used - {"library.logged"} == set()


def test_every_key_that_is_logged_is_known_to_be_free_of_patient_data():
    """A key outside SAFE_KEYS would be dropped in silence."""
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "log"
            ):
                keys = {keyword.arg for keyword in call.keywords if keyword.arg}
                assert keys <= logs.SAFE_KEYS, f"{path}: {keys - logs.SAFE_KEYS}"


def test_the_error_tree_is_drawn_as_it_is():
    """The list at the top of errors.py names every class, and no other."""
    drawn = set(re.findall(r"^\s*[*+-] (\w+)", errors.__doc__ or "", re.MULTILINE))
    real = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.NodeError)}
    assert drawn == real


def test_modules_and_functions_stay_small():
    """No module over 300 lines, no function over 50 lines without its docstring."""
    for path in MODULES:
        text = path.read_text()
        assert text.count("\n") <= 300, f"{path} has {text.count(chr(10))} lines"
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                docstring = ast.get_docstring(function, clean=False) or ""
                length = (function.end_lineno or 0) - function.lineno + 1 - docstring.count("\n") - bool(docstring)
                assert length <= 50, f"{path}: {function.name} has {length} lines"


def test_nothing_is_caught_broadly_outside_the_loops():
    """`except Exception` stands in the loop that ends the process, and nowhere else."""
    allowed = {ROOT / "operate" / "loop.py"}
    found = {path for path in MODULES if re.search(r"except (Base)?Exception\b|except:", path.read_text())}
    assert found <= allowed


@pytest.mark.parametrize("module", ["node.app.serve", "node.cli"])
def test_the_serving_process_holds_no_image_library(module):
    """Importing what serves loads neither ITK nor onnxruntime nor highdicom nor pyradiomics nor what draws pages."""
    script = f"import sys, {module}, node.work.crew; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    libraries = {
        "SimpleITK",
        "onnxruntime",
        "highdicom",
        "radiomics",
        "reportlab",
        "pypdfium2",
        "fontTools",
        "matplotlib",
    }
    assert not libraries & set(loaded)


def test_the_readme_tables_are_true():
    """Configuration keys and refusals are as the code has them; `python -m tests.support.readme` writes them."""
    text = readme.README.read_text(encoding="utf-8")
    assert readme.filled(text) == text


def test_the_changelog_names_the_version():
    """The version in pyproject.toml is the newest in the changelog."""
    import tomllib

    version = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT.parent / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == version
