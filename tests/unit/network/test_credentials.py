"""What is wrong with the files of [tls], in words."""

from __future__ import annotations

import dataclasses
import stat
import subprocess
from datetime import UTC, datetime

import pytest

from node.network.credentials import ends, mistakes
from tests.support.peers import program
from tests.support.trust import Trust


@pytest.fixture
def trust(tmp_path):
    """An authority."""
    return Trust(tmp_path)


def test_good_files_hold_no_mistake_and_their_key_is_ours_alone(trust):
    """A trial certificate can be used at once; nobody else may read its key."""
    files = trust.issue("RADNODE")
    assert mistakes(files, "RADNODE") == []
    assert all(end > datetime.now(UTC) for end in ends(files).values())
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert subprocess.run(
        [program("openssl"), "verify", "-CAfile", str(files.ca), "-purpose", "sslserver", str(files.certificate)],
        capture_output=True,
        check=False,
    ).stdout.endswith(b"OK\n")


@pytest.mark.parametrize("title", ["RAD NODE", "A/B-C_d", "16 CHARACTERS AE"])
def test_every_ae_title_can_be_certified(trust, title):
    """Blanks and signs that no DNS name has are no obstacle."""
    assert mistakes(trust.issue(title), title) == []


def test_an_ended_certificate_is_known(trust):
    """It is no mistake in the files: renewing it needs no change of config.toml. The authority's end is told apart."""
    files = trust.issue("RADNODE", days=-1)
    assert mistakes(files, "RADNODE") == []
    found = ends(files)
    assert found["certificate"] < datetime.now(UTC) < found["ca"]


def test_every_mistake_is_told_at_once(trust, tmp_path):
    """A file that is absent, one that is no key, one that is no certificate."""
    files = trust.issue("RADNODE")
    swapped = dataclasses.replace(files, certificate=tmp_path / "absent.pem", key=files.ca, ca=files.key)
    assert mistakes(swapped, "RADNODE") == [
        f"tls.certificate: {tmp_path / 'absent.pem'} cannot be read (No such file or directory)",
        f"tls.key: {files.ca} holds no private key in PEM form",
        f"tls.ca: {files.key} holds no certificate in PEM form",
    ]


def test_a_key_of_another_certificate_is_told(trust):
    """OpenSSL would say X509_R_KEY_VALUES_MISMATCH at the first connection."""
    ours, theirs = trust.issue("RADNODE"), trust.issue("OTHER")
    [told] = mistakes(dataclasses.replace(ours, key=theirs.key), "RADNODE")
    assert told == f"tls.key: {theirs.key} is not the key of the certificate {ours.certificate}"


def test_a_certificate_of_another_title_is_told(trust):
    """Peers that bind titles to certificates, as we do, would reject us."""
    files = trust.issue("OTHER")
    [told] = mistakes(files, "RADNODE")
    assert told == f"tls.certificate: {files.certificate} names OTHER, not our AE title RADNODE"


def test_a_key_with_a_password_is_told_and_nobody_is_asked_for_it(trust, tmp_path):
    """A service has no terminal to type one at."""
    files = trust.issue("RADNODE")
    locked = tmp_path / "locked.key"
    command = [program("openssl"), "pkcs8", "-topk8", "-in", str(files.key), "-out", str(locked), "-passout", "pass:x"]
    subprocess.run(command, check=True, capture_output=True)
    [told] = mistakes(dataclasses.replace(files, key=locked), "RADNODE")
    assert "asks for a password" in told
