"""STOW-RS against a real HTTP server that misbehaves: every answer has one meaning, and no secret leaks."""

from __future__ import annotations

import ssl
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from node.deliver.stow import Server, reachable, stow
from node.errors import DeliveryFailed, InstanceUnreadable
from tests.support.peers import free_port
from tests.support.series import image_series, save
from tests.support.stow import Web, web
from tests.support.trust import Trust


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One real DICOM file."""
    return save(image_series(np.arange(64, dtype=np.int16).reshape(1, 8, 8)), tmp_path / "made")[0]


def at(says: Web, **changes: object) -> Server:
    """The server as a destination."""
    return Server(**({"name": "web", "url": says.url, "timeout_s": 5} | changes))


def refusal(path: Path, server: Server) -> DeliveryFailed:
    """How it fails."""
    with pytest.raises(DeliveryFailed) as caught:
        stow(path, server)
    return caught.value


def test_a_file_goes_out_byte_for_byte(path):
    """
    One POST to /studies, in one part that equals the file.
    """
    with web() as says:
        says.says(200)
        receipt = stow(path, at(says))

    assert (receipt.status, receipt.note) == (0, "")
    assert says.received == [path.read_bytes()]
    assert says.paths == ["/dicom-web/studies"]
    assert says.headers[0]["Accept"] == "application/dicom+json"


def test_a_large_object_goes_out_in_chunks(tmp_path):
    """
    More than dicomweb-client sends in one piece arrives whole.
    """
    [path] = save(image_series(np.arange(800 * 800, dtype=np.int32).astype(np.int16).reshape(1, 800, 800)), tmp_path)
    with web() as says:
        stow(path, at(says))

    assert says.received == [path.read_bytes()]
    assert "Content-Length" not in says.headers[0]


@pytest.mark.parametrize("code", [200, 202])
def test_a_warning_is_stored_and_kept(path, code):
    """
    Warning Reason B000 is stored with coercion, as the C-STORE status is.
    """
    with web() as says:
        says.says(code, warning=0xB000)
        receipt = stow(path, at(says))

    assert (receipt.status, receipt.note) == (0xB000, "stored with a warning: coercion of data elements")


def test_an_empty_200_is_stored(path):
    """
    Some servers answer no body; the status says that all was stored (PS3.18 table 10.5.3-1).
    """
    with web() as says:
        assert stow(path, at(says)).status == 0


@pytest.mark.parametrize("code", [200, 202, 409])
@pytest.mark.parametrize(
    ("reason", "retry", "tries"),
    [
        (0xA700, True, None),
        (0x0213, True, None),
        (0x0110, True, 3),
        (0xC000, True, 3),
        (0x0122, False, None),
        (0x0124, False, None),
        (0xA900, False, None),
    ],
)
def test_a_failure_reason_means_what_it_means_with_c_store(path, code, reason, retry, tries):
    """
    In a FailedSOPSequence it counts whatever the HTTP status is.
    """
    with web() as says:
        says.says(code, failure=reason)
        error = refusal(path, at(says))

    assert (error.retry, error.tries) == (retry, tries)
    assert f"0x{reason:04X}" in str(error)


@pytest.mark.parametrize(
    ("code", "retry", "tries", "remedy"),
    [
        (400, False, None, "URL"),
        (401, False, None, "secret"),
        (403, False, None, "account"),
        (404, False, None, "/studies"),
        (413, False, None, "larger"),
        (415, False, None, "application/dicom"),
        (307, False, None, "settings"),
        (302, False, None, "settings"),
        (408, True, None, "again"),
        (409, True, 3, "again"),
        (429, True, None, "again"),
        (500, True, None, "again"),
        (503, True, None, "again"),
    ],
)
def test_an_http_status_is_final_or_not(path, code, retry, tries, remedy):
    """
    What an operator must put right is not tried for ever; what passes is tried as long as it takes. All are one POST.
    """
    with web() as says:
        says.code = code
        error = refusal(path, at(says))

    assert (error.retry, error.tries, error.at) == (retry, tries, "web")
    assert str(code) in error.found
    assert remedy in error.do
    assert len(says.received) == 1


@pytest.mark.parametrize("kind", ["text/html", "application/dicom+json"])
def test_a_page_of_a_proxy_is_no_receipt(path, kind):
    """
    200 with a log-in page, whatever it calls itself, does not count as stored.
    """
    with web() as says:
        says.body, says.kind = b"<html>please log in</html>", kind
        error = refusal(path, at(says))

    assert (error.retry, error.tries) == (True, 3)
    assert kind in error.found


def test_who_is_away_hangs_up_or_is_silent_is_tried_again(path):
    """
    Nobody listens, the connection breaks, no answer comes in time: retried as long as it takes.
    """
    nobody = Server(name="web", url=f"http://127.0.0.1:{free_port()}/dicom-web", timeout_s=5)
    errors = [refusal(path, nobody)]
    with web() as says:
        says.code = 0
        errors.append(refusal(path, at(says)))
        says.code = 200
        says.talks.clear()
        errors.append(refusal(path, at(says, timeout_s=0.2)))

    assert [(error.retry, error.tries) for error in errors] == [(True, None)] * 3
    assert [error.found for error in errors] == ["no connection", "no connection", "no answer within 0.2 s"]


def test_a_secret_is_sent_and_never_shown(path):
    """
    As a bearer token, or with a user as basic authentication; neither the errors nor the server's description quote it.
    """
    with web() as says:
        servers = [at(says, secret=SecretStr("sesame")), at(says, user="ane", secret=SecretStr("sesame"))]
        for server in servers:
            stow(path, server)
        says.code = 401
        errors = [str(refusal(path, server)) for server in servers]

    assert [h["Authorization"] for h in says.headers[:2]] == ["Bearer sesame", "Basic YW5lOnNlc2FtZQ=="]
    assert "sesame" not in " ".join([*errors, *map(repr, servers)])


def test_only_a_certificate_that_the_ca_signed_is_trusted(path, tmp_path):
    """
    With `ca` the server is believed; without it, or with another authority, nothing is sent and it is tried again.
    """
    ours, others = Trust(tmp_path / "ours"), Trust(tmp_path / "others")
    credentials = ours.issue("WEB", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate, credentials.key)
    with web(context) as says:
        stow(path, at(says, ca=credentials.ca))
        errors = [refusal(path, at(says, ca=ca)) for ca in (None, others.issue("X").ca)]

    assert len(says.received) == 1
    assert [(error.found, error.retry) for error in errors] == [("no TLS connection", True)] * 2


def test_what_is_no_dicom_file_is_not_sent(tmp_path):
    """
    A file that was spoiled on disk is our failure, not the server's.
    """
    (tmp_path / "a.dcm").write_bytes(b"no DICOM")
    with web() as says, pytest.raises(InstanceUnreadable):
        stow(tmp_path / "a.dcm", at(says))

    assert says.received == []


def test_check_tells_whether_a_server_lets_us_in():
    """
    `radnode check` asks for one study; only a refusal or silence is a mistake.
    """
    with web() as says:
        says.code = 204
        fine = reachable(at(says))
        says.code = 403
        refused = reachable(at(says))

    assert (fine, refused, reachable(at(says))) == ("", "answered 403", "no connection")
    assert says.paths[0] == "/dicom-web/studies?limit=1"
