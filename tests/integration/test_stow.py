"""STOW-RS with Orthanc's DICOMweb plugin, through the whole of delivery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from node.app.exchange import check_servers
from tests.support.exchange import Exchanging
from tests.support.orthanc import Orthanc, orthanc
from tests.support.peers import missing, until

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@contextmanager
def dicomweb(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Orthanc with its DICOMweb plugin."""
    if not PLUGIN.exists():
        missing("orthanc-dicomweb is not installed: run ../shared/tools/install-peers")
    with orthanc(folder, {}, Plugins=[str(PLUGIN)], DicomWeb={"Enable": True}, **settings) as pacs:
        yield pacs


def test_orthanc_stores_what_is_sent_by_stow(tmp_path):
    """
    Both objects arrive byte for byte, and are `sent`; `radnode check` finds the server.
    """
    with dicomweb(tmp_path / "pacs") as pacs:
        sections = f'[destinations.web]\nstow = "http://127.0.0.1:{pacs.http_port}/dicom-web"\n'
        with Exchanging(tmp_path, sections) as node:
            job_id = node.result("web")
            node.begin()
            until(lambda: node.states(job_id) == ["sent", "sent"], what="delivery")
            sent = sorted((tmp_path / row.path).read_bytes() for row in node.ledger.deliveries(job_id))
        stored = sorted(pacs.get(f"/instances/{each}/file") for each in pacs.get("/instances"))
        [checked] = check_servers(node.config)

    assert stored == sent
    assert (checked.what, checked.good) == ("destination web", True)


def test_orthanc_asks_for_a_password(tmp_path):
    """
    With the right one, which lies in a file, it stores; with a wrong one the delivery is dead and the reason says why.
    """
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"ane": "sesame"}}
    with dicomweb(tmp_path / "pacs", **users) as pacs:
        for name, secret, expected in (("wrong", "barley", ["dead", "dead"]), ("right", "sesame\n", ["sent", "sent"])):
            state = tmp_path / name
            state.mkdir()
            (state / "secret").write_text(secret)
            table = f'url = "http://127.0.0.1:{pacs.http_port}/dicom-web"\nuser = "ane"\nsecret_file = "secret"\n'
            with Exchanging(state, f"[destinations.web.stow]\n{table}") as node:
                job_id = node.result("web")
                node.begin()
                until(lambda n=node, j=job_id, e=expected: n.states(j) == e, what=name)
                reasons = node.reasons(job_id)
            assert secret.strip() not in " ".join(reasons)
            assert ["answered 401" in reason for reason in reasons] == [name == "wrong"] * 2
