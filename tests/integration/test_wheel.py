"""The wheel, installed in an empty environment outside the checkout, works with the models that it carries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.peers import missing

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_verifies_its_models_and_runs_a_folder(data, tmp_path):
    """`radnode models verify` and `radnode run` from the wheel alone, started in another folder."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    if not Path(uv).exists():
        missing("uv is not at hand")
    build = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(tmp_path), "--offline", str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if build.returncode:
        missing("the wheel cannot be built without the package index here: " + build.stderr[-200:])
    [wheel] = tmp_path.glob("*.whl")
    home = tmp_path / "venv"
    subprocess.run([uv, "venv", "--offline", "--python", sys.executable, str(home)], check=True, capture_output=True)
    # the dependencies are those of this environment: only radnode itself must come from the wheel
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    (next((home / "lib").iterdir()) / "site-packages" / "dependencies.pth").write_text(packages + "\n")
    python = home / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "--offline", "--no-deps", "--python", str(python), str(wheel)],
        check=True,
        capture_output=True,
    )
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}

    def radnode(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(home / "bin" / "radnode"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = subprocess.run(
        [
            str(python),
            "-c",
            "import node; from node.domain.language import catalogue; catalogue('de'); print(node.__file__)",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(home) in where.stdout
    verified = radnode("models", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "lung-egfr" in verified.stdout
    done = radnode("run", str(data / "ibsi-ct-phantom" / "dicom"), "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "EGFR" in done.stdout
