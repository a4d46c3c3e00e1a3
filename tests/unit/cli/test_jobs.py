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
from node.store.commitments import Decision
from node.store.ledger import Ledger
from tests.support.ledgers import a_result, an_arrival, an_instance, an_order

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


@pytest.mark.parametrize(
    ("states", "listed"),
    [
        (("unmatched", "unmatched"), ["lung", "glioma"]),
        (("unmatched", "waiting"), ["glioma"]),
        (("ready", "unmatched"), []),
    ],
)
def test_a_pipeline_that_a_study_is_not_for_is_listed_only_where_no_other_takes_it(states, listed, config, ledger):
    """A chest CT is no line under glioma; what nobody takes is one under each, with the reason."""
    ledger.record([an_arrival(an_instance("1.3.1", study_uid="1.2"))])
    cases = [
        CaseRow("1.2", name, state, {"why": f"why {name}"}, datetime.now(UTC))
        for name, state in zip(("lung", "glioma"), states, strict=True)
    ]
    assert ledger.examine("1.2", ledger.last_arrival("1.2"), cases, [])

    told = radnode(config, "list").output
    assert {name for name in ("lung", "glioma") if f"why {name}" in told} == set(listed)
    assert all(f"case  {name}: " in radnode(config, "show", "1.2").output for name in ("lung", "glioma"))


def test_pipelines_that_say_the_same_of_a_study_share_a_line(config, ledger):
    """What nobody takes fills one line, however many pipelines there are."""
    ledger.record([an_arrival(an_instance("1.3.1", study_uid="1.2"))])
    now = datetime.now(UTC)
    cases = [CaseRow("1.2", name, "unmatched", {"why": "no series fits a role"}, now) for name in ("lung", "glioma")]
    assert ledger.examine("1.2", ledger.last_arrival("1.2"), cases, [])

    assert radnode(config, "list").output.splitlines()[1:] == [
        "-             unmatched  glioma, lung 1.2  no series fits a role"
    ]


def test_a_study_that_still_arrives_is_listed(config, ledger):
    """The list is not blank while a study has not been judged yet."""
    ledger.record([an_arrival(an_instance("1.2.3"))])
    told = radnode(config, "list").output
    assert told.splitlines()[0].split() == ["job", "state", "pipeline", "study"]
    assert "arriving" in told.splitlines()[1]


def test_what_awaits_commitment_is_told_apart_from_what_is_committed(config, ledger):
    """The list counts what the archive does not vouch for yet; the story tells until when it may answer."""
    order = an_order()
    ledger.restore(order, a_result(order)[1], ("pacs",))
    first, second = ledger.deliveries(order.job_id)
    for row in (first, second):
        ledger.sent(row.id, commit=True)
    ledger.ask_commitment("1.2.3", "pacs", [first.id, second.id], datetime.now(UTC))
    ledger.commitment_answered("1.2.3", [Decision(delivery_id=first.id, verdict="committed")], "1 committed")

    assert "[1 not committed by pacs]" in radnode(config, "list").stdout
    story = radnode(config, "show", order.job_id).stdout
    assert "to pacs: seg committed, 1 try" in story
    assert "to pacs: sr sent, 1 try, waiting for commitment until 20" in story
