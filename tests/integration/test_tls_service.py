"""TLS as a person sets it up: in config.toml, told by `radnode check`, used by `radnode serve`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from node.demo.archive import Archive
from node.network.tls import Credentials
from tests.support.peers import program, until
from tests.support.series import image_series
from tests.support.service import Service
from tests.support.trust import Trust, dcmtk

pytestmark = pytest.mark.slow


def section(files: Credentials) -> str:
    """The [tls] table."""
    return f'[tls]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\nca = "{files.ca}"\n'


def radnode(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of ours, to its end."""
    command = [sys.executable, "-m", "node", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture
def trust(tmp_path):
    """The hospital's authority."""
    return Trust(tmp_path / "trust")


def small_study(folder: Path) -> list[Path]:
    """Three slices: too few, so that the answer is a "not evaluated" SR."""
    folder.mkdir()
    for number, ds in enumerate(image_series(np.random.default_rng(5).normal(size=(3, 32, 32)) * 100)):
        pydicom.dcmwrite(folder / f"{number}.dcm", ds, enforce_file_format=True)
    return sorted(folder.iterdir())


def test_a_study_comes_and_its_report_goes_by_tls_alone(tmp_path, trust):
    """DCMTK sends by TLS, the SR arrives at an archive that takes nothing else, and `check` says all this."""
    files = small_study(tmp_path / "study")
    with Archive("ORTHANC", tmp_path / "pacs", tls=trust.issue("ORTHANC")) as pacs:
        ours = section(trust.issue("RADNODE"))
        node = Service(tmp_path / "node", pacs_port=pacs.port, pacs="tls = true", receive="tls = true", sections=ours)
        with node:
            told = radnode("check", "--config", node.config).stdout
            assert "the door takes only TLS" in told
            assert f"ORTHANC at 127.0.0.1:{pacs.port} answered C-ECHO by TLS" in told

            to = ["-aet", "SCANNER", "-aec", "RADNODE", "127.0.0.1", str(node.port)]
            plain = subprocess.run([program("storescu"), *to, *files], capture_output=True, check=False, timeout=180)
            assert plain.returncode != 0
            options = dcmtk(trust.issue("SCANNER"))
            subprocess.run([program("storescu"), *options, *to, *files], check=True, timeout=180)

            until(lambda: pacs.stores, within_s=90, what="the SR")
        [sr] = pacs.stores
        assert sr.sop_class == "1.2.840.10008.5.1.4.1.1.88.34"
        assert sr.calling_ae == "RADNODE"
        assert b"association.rejected" in node.log_bytes()


def test_wrong_files_are_told_by_check_and_at_start(tmp_path, trust):
    """`check` says WRONG and goes on to the rest; `serve` ends with status 2 and the same words."""
    files = trust.issue("RADNODE")
    files.key.write_bytes(trust.issue("OTHER").key.read_bytes())
    node = Service(tmp_path / "node", receive="tls = true", sections=section(files))
    words = f"tls.key: {files.key} is not the key of the certificate {files.certificate}"

    checked = radnode("check", "--config", node.config)
    served = radnode("serve", "--config", node.config)

    assert checked.returncode == 1
    assert f"WRONG  certificate: {words}" in checked.stdout.splitlines()
    assert "database" in checked.stdout
    assert served.returncode == 2
    assert words in served.stderr


def test_a_certificate_that_ends_soon_is_told_before_it_has_ended(tmp_path, trust):
    """By `check` on a line of its own, and by the service in its log, when it starts and every day."""
    files = trust.issue("RADNODE", days=5.5)
    with Service(tmp_path / "node", receive="tls = true", sections=section(files)) as node:
        until(lambda: b"certificate.ending" in node.log_bytes(), within_s=30, what="a warning")
        checked = radnode("check", "--config", node.config)

    assert b"it ends in 5 days" in node.log_bytes()
    [line] = [each for each in checked.stdout.splitlines() if each.startswith("WRONG")]
    assert line.startswith("WRONG  certificate: ends on ")
    assert ", in 5 days: renew it; the door takes only TLS" in line
    assert any(each.startswith("ok     ca: valid until ") for each in checked.stdout.splitlines())


def test_make_certs_prints_what_config_toml_needs(tmp_path, trust):
    """The command that `make certs` runs makes files that a configuration takes as they are."""
    folder = tmp_path / "certs"
    command = [sys.executable, "-m", "node.demo.certs", str(folder), "RADNODE", "PACS 1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert {file.name for file in folder.iterdir()} == {
        "ca.pem",
        "RADNODE.pem",
        "RADNODE.key",
        "PACS_1.pem",
        "PACS_1.key",
    }
    node = Service(tmp_path / "node", receive="tls = true", sections=done.stdout[done.stdout.index("[tls]") :])
    checked = radnode("check", "--config", node.config)
    assert "ok     certificate: valid until" in checked.stdout
