"""`radnode jobs` and `radnode check` as an operator uses them, beside a running service and without one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from node.demo.archive import Archive
from tests.integration.test_kill import complete, make
from tests.support.clients import dcmsend
from tests.support.peers import until
from tests.support.service import Service

FOREVER = (1, 1, 3)  # rejected-permanent: calling AE title not recognised (PS3.8 table 9-21)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """An archive that does not know the node yet."""
    with Archive("PACS", tmp_path_factory.mktemp("pacs")) as archive:
        archive.reject(FOREVER)
        yield archive


@pytest.fixture(scope="module")
def node(data, pacs, tmp_path_factory):
    """A node with one job that is over, and whose results nobody takes."""
    with make(tmp_path_factory.mktemp("node"), pacs) as service:
        dcmsend(service.port, data / "ibsi-ct-phantom" / "dicom")
        until(lambda: b"delivery.dead" in service.log_bytes(), within_s=90, what="a delivery that was given up")
        yield service


def radnode(node: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the node's configuration."""
    command = [sys.executable, "-m", "node", *arguments, "--config", str(node.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_job_tells_its_whole_story(node):
    """By its id or by its study: why every series fits or not, transitions, deliveries, findings."""
    [job] = node.jobs()
    listed = radnode(node, "jobs", "list").stdout
    assert job.id[:12] in listed
    assert "succeeded" in listed
    for name in (job.id[:12], job.study_uid):
        story = radnode(node, "jobs", "show", name).stdout
        for words in ("fits with 60 slices", "; chosen", "Modality is RTSTRUCT, not CT",
                      "lesion sources at hand: rtstruct", "to pacs: seg dead", "Calling AE title",
                      "AI-predicted probability"):  # fmt: skip
            assert words in story


def test_what_is_unknown_is_said(node):
    """No job, no study: status 1 and a word on where to look."""
    done = radnode(node, "jobs", "show", "ffffffffffff")
    assert done.returncode == 1
    assert "radnode jobs list" in done.stderr


def test_what_a_destination_lacks_is_wrong_and_can_be_listed(node):
    """`check` names the destination and the command; the list holds the job, whatever came after it."""
    checked = radnode(node, "check")
    assert checked.returncode == 1
    [line] = [each for each in checked.stdout.splitlines() if each.startswith("WRONG  deliveries to pacs: ")]
    assert "2 dead; see `radnode jobs list --undelivered`, then `radnode jobs retry --destination pacs`" in line
    [job] = node.jobs()
    assert job.id[:12] in radnode(node, "jobs", "list", "--undelivered").stdout


def test_a_dead_delivery_is_revived(node, pacs):
    """First the archive lets us in, then the operator asks, and SEG and SR go out."""
    assert pacs.stores == []
    pacs.reject(None)
    done = radnode(node, "jobs", "retry", "--destination", "pacs")
    assert done.returncode == 0, done.stderr
    until(lambda: complete(pacs), within_s=30, what="SEG and SR")
    [job] = node.jobs()
    assert job.id[:12] not in radnode(node, "jobs", "list", "--undelivered").stdout


def test_check_tells_every_thing_on_a_line(node, pacs):
    """Status 0 while all is in order, 1 when the archive is away; the line says which peer."""
    fine = radnode(node, "check")
    assert fine.returncode == 0, fine.stdout
    assert all(line.startswith("ok ") for line in fine.stdout.splitlines())
    for what in ("configuration", "model lung-egfr", "model lung-lesion", "peer pacs", "disk", "database"):
        assert what in fine.stdout
    pacs.leave()
    broken = radnode(node, "check")
    pacs.come_back()
    assert broken.returncode == 1
    assert [line.split(":")[0].split() for line in broken.stdout.splitlines() if not line.startswith("ok ")] == [
        ["WRONG", "peer", "pacs"]
    ]


def test_a_wish_waits_for_the_service(node):
    """With the service down the ledger is read all the same, and a wish is taken up at the next start."""
    assert node.stop() == 0
    [job] = node.jobs()
    assert job.id[:12] in radnode(node, "jobs", "list").stdout
    assert radnode(node, "jobs", "run", job.study_uid).returncode == 0
    node.start()
    until(lambda: [j.revision for j in node.jobs() if j.state == "succeeded"] == [2, 1], within_s=60, what="rev 2")
