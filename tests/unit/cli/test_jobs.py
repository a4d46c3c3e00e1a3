"""`radnode jobs` on a ledger whose service is played by a thread, or is down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from node.cli import app
from node.store.cases import CaseRow
from node.store.ledger import Ledger
from tests.support.ledgers import an_arrival, an_instance

CONFIG = """
[node]
state_dir = "."
[peers.pacs]
ae_title = "PACS"
host = "127.0.0.1"
port = 4242
[destinations.pacs]
peer = "pacs"
"""


@pytest.fixture
def config(tmp_path) -> Path:
    """A configuration with one destination."""
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def ledger(config) -> Iterator[Ledger]:
    """The ledger that it names."""
    made = Ledger.open(f"sqlite:///{config.parent / 'ledger.sqlite'}", lambda: datetime.now(UTC))
    yield made
    made.close()


def radnode(config: Path, *arguments: str) -> Result:
    """Run one command."""
    return CliRunner().invoke(app, ["jobs", *arguments, "--config", str(config)])


def test_a_wish_for_a_whole_destination_is_answered_at_once(config, ledger):
    """No job need be named, and the operator reads what the service made of it."""
    heard = []

    def answer() -> None:
        while not heard:
            for wish in ledger.asked():
                heard.append((wish.verb, wish.job_id, wish.destination))
                ledger.answered(wish.id, "7 deliveries are due again")

    service = threading.Thread(target=answer, daemon=True)
    service.start()
    told = radnode(config, "retry", "--destination", "pacs")
    service.join(10)
    assert heard == [("deliver", "", "pacs")]
    assert told.output.strip() == "7 deliveries are due again"


def test_a_wish_is_kept_while_the_service_is_down(config, ledger):
    """It is said that nobody answered."""
    told = radnode(config, "retry", "--destination", "pacs")
    assert told.exit_code == 0
    assert "written down" in told.output
    assert len(ledger.asked()) == 1


@pytest.mark.parametrize("arguments", [("retry",), ("retry", "--destination", "pcas")])
def test_a_wish_that_means_nothing_is_a_mistake_of_usage(arguments, config, ledger):
    """Neither job nor destination, or one that is not configured: nothing is written down."""
    assert radnode(config, *arguments).exit_code == 2
    assert ledger.asked() == ()


def test_the_list_is_as_long_as_was_asked_for(config, ledger):
    """Cases that led to no job do not fill the screen after years of service."""
    for number in range(5):
        study = f"1.2.{number}"
        ledger.record([an_arrival(an_instance(f"1.3.{number}", study_uid=study))])
        case = CaseRow(study, "lung", "unmatched", {"why": "no series fits a role"}, datetime.now(UTC))
        assert ledger.examine(study, ledger.last_arrival(study), [case], [])
    assert radnode(config, "list").output.count("no series fits a role") == 5
    assert radnode(config, "list", "--limit", "2").output.count("no series fits a role") == 2


def test_a_study_that_still_arrives_is_listed(config, ledger):
    """The list is not blank while a study has not been judged yet."""
    ledger.record([an_arrival(an_instance("1.2.3"))])
    told = radnode(config, "list").output
    assert told.splitlines()[0].split() == ["job", "state", "pipeline", "study"]
    assert "arriving" in told.splitlines()[1]
