"""The ledger as a whole: opening, upgrading, many threads, many processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from node.errors import LedgerError, LedgerFull
from node.store import schema
from node.store.ledger import Ledger
from tests.support.ledgers import ANNA, START, Clock, a_result, an_arrival, an_instance, an_order


def test_migrations_make_exactly_the_tables_of_the_schema(ledger):
    """
    What the migrations build and what the code queries do not differ.
    """
    with ledger.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)

    assert differences == []


def test_head_names_the_newest_migration():
    """
    An opened ledger is upgraded exactly when it is older than the newest migration.
    """
    config = Config()
    config.set_main_option("script_location", "node.store:migrations")
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_what_was_recorded_is_there_after_opening_again(ledger, url, clock):
    """
    A second opening finds the rows of the first and migrates nothing.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    ledger.close()

    again = Ledger.open(url, clock)
    [stored] = again.versions("1.1")
    again.close()

    assert stored.instance == an_instance("1.1")


def test_a_ledger_of_a_newer_radnode_is_refused(ledger, url, clock):
    """
    An unknown schema revision is never touched.
    """
    with ledger.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(LedgerError, match="9999"):
        Ledger.open(url, clock)


def test_a_ledger_of_an_older_radnode_is_upgraded_and_keeps_its_rows(ledger, url, clock):
    """
    From every revision to the newest one, whatever the ledger holds.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    order = an_order()
    ledger.restore(order, a_result(order)[1], ("pacs",))
    with ledger.writing() as connection:
        for table in ("commitment", "commitment_item", "pledge", "pledge_item", "patient"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP INDEX ix_delivery_commit"))
        for column in ("sent_class", "sent_uid", "commit_at", "commit_failures"):
            connection.execute(text(f"ALTER TABLE delivery DROP COLUMN {column}"))
        connection.execute(text("DROP INDEX ix_study_open"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ledger.close()

    again = Ledger.open(url, clock)
    with again.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert "ix_study_open" in {index["name"] for index in inspect(connection).get_indexes("study")}
    assert len(again.versions("1.1")) == 1
    assert again.patient_studies(replace(ANNA, issuer="")) == ("1.2.1",)
    known = again.deliveries(order.job_id)
    assert [(d.sent_class, d.sent_uid, d.commit_failures) for d in known] == [
        (d.sop_class, d.sop_uid, 0) for d in known
    ]
    again.close()


def test_a_full_disk_is_told_apart_from_a_broken_database(tmp_path, clock):
    """
    What failed for want of space may be tried again later: nothing of it was written.
    """
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    ledger.record([an_arrival(an_instance("1.1"))])

    @event.listens_for(ledger._engine, "connect")
    def _no_growth(connection, _record):
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")

    ledger._engine.dispose()
    with pytest.raises(LedgerFull):
        ledger.record([an_arrival(an_instance(f"1.2.{n}")) for n in range(500)])
    assert ledger.versions("1.2.0") == ()
    ledger.close()


def test_the_queries_of_the_loops_do_not_walk_whole_tables(tmp_path, clock):
    """
    What is asked every second stays cheap when a hundred thousand studies have come and gone.
    """
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    asked = []
    event.listen(ledger._engine, "before_cursor_execute", lambda _c, _cur, sql, values, *_: asked.append((sql, values)))
    ledger.due_studies(START)
    ledger.unjudged()
    ledger.queued(limit=1)
    ledger.due_deliveries("pacs", START, limit=1)
    plans = []
    with ledger.reading() as connection:
        for sql, values in [each for each in asked if each[0].startswith("SELECT")]:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            plans += [row.detail for row in rows if row.detail.startswith("SCAN") and "INDEX ix_" not in row.detail]
    ledger.close()
    assert len(asked) >= 4
    assert plans == []


@pytest.mark.parametrize(
    "url",
    ["mysql://root@localhost/x", "nonsense", "sqlite:////proc/no/such/place.sqlite"],
    ids=["mysql", "nonsense", "dir"],
)
def test_a_url_that_cannot_be_used_is_a_ledger_error(url, clock):
    """
    The operator reads what is wrong, not a stack of foreign exceptions.
    """
    with pytest.raises(LedgerError):
        Ledger.open(url, clock)


def test_a_file_that_is_no_database_is_a_ledger_error(tmp_path, clock):
    """
    A damaged ledger stops the start; it is not overwritten.
    """
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database" * 100)

    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(f"sqlite:///{path}", clock)
    assert path.read_bytes().startswith(b"this is no database")


def test_an_error_message_does_not_carry_the_row(ledger):
    """
    Whatever fails inside the database, no value of a row reaches the message.
    """
    with pytest.raises(LedgerError) as caught:
        write(ledger, "INSERT INTO study (study_uid, held_why) VALUES ('1.2.3', :f)", f="NAME^SECRET")

    assert "SECRET" not in str(caught.value)


def test_sqlite_keeps_what_was_committed(tmp_path, clock):
    """
    The settings that survive a power cut are on for every connection.
    """
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    with ledger.reading() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "synchronous", "busy_timeout")
        ]
    ledger.close()

    assert pragmas == ["delete", 2, 30000]


def test_a_transaction_that_fails_leaves_nothing(ledger):
    """
    Either all rows of a write are there or none.
    """
    one = "INSERT INTO result_file (sop_uid, job_id) VALUES ('1', 'a')"
    with pytest.raises(LedgerError):
        write(ledger, one, one)

    assert not ledger.made_here("1")


def test_writers_lose_no_update(ledger, url, clock):
    """
    Four writers on connections of their own read, then write (SQLite's deferred transactions would lose updates).
    """
    ledger.record([an_arrival(an_instance("1.1"))])

    def increment() -> None:
        own = Ledger.open(url, clock)
        for _ in range(20):
            with own.writing() as connection:
                count = connection.execute(text("SELECT size_bytes FROM instance")).scalar()
                connection.execute(text("UPDATE instance SET size_bytes = :n"), {"n": count + 1})
        own.close()

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.reading() as connection:
        assert connection.execute(text("SELECT size_bytes FROM instance")).scalar() == 1000 + 80


def test_a_job_is_started_once(ledger, url, clock):
    """
    Of several that want to start one job over connections of their own, one does.
    """
    queue(ledger, an_order())
    ledgers = [Ledger.open(url, clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        attempts = list(pool.map(lambda each: each.start(an_order().job_id), ledgers))
    for each in ledgers:
        each.close()

    assert sorted(attempts, key=str) == [1, None, None, None]


def test_two_processes_open_a_new_ledger_at_once(url):
    """
    The command line may be first to open the ledger, in the same moment as the service.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert pool.map(open_in_process, [url] * 2) == [True] * 2


def test_a_killed_writer_leaves_a_usable_ledger(tmp_path, clock):
    """
    A process killed in the middle of a transaction leaves nothing of it behind, and no lock.
    """
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    script = (
        "import os, signal\nfrom datetime import UTC, datetime\nfrom sqlalchemy import insert\n"
        "from node.store.ledger import Ledger\nfrom node.store.schema import result_file\n"
        f"ledger = Ledger.open({url!r}, lambda: datetime.now(UTC))\n"
        "with ledger.writing() as c:\n"
        "    c.execute(insert(result_file).values(sop_uid='1', job_id='a'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False)
    ledger = Ledger.open(url, clock)

    assert done.returncode == -9
    assert not ledger.made_here("1")
    ledger.record([an_arrival(an_instance("1.1"))])
    assert sqlite3.connect(tmp_path / "ledger.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.close()


def test_a_new_ledger_says_so_until_it_was_rebuilt(ledger):
    """
    A rebuild that a crash interrupts is done again.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    before = ledger.needs_rebuild()
    ledger.rebuilt()
    ledger.rebuilt()

    assert before
    assert not ledger.needs_rebuild()


def test_counts_tell_what_is_there(ledger):
    """
    The status line counts instances, studies, jobs by state, and deliveries by destination and state.
    """
    order = an_order()
    ledger.record([an_arrival(an_instance("1.1"))])
    queue(ledger, order)
    ledger.finish(order.job_id, ledger.start(order.job_id), a_result(order)[1], ["pacs"])
    counts = ledger.counts()

    assert (counts["instances"], counts["studies"], counts["unjudged"], counts["unreadable"]) == (1, 1, 0, 0)
    assert counts["jobs"] == {"succeeded": 1}
    assert counts["deliveries"] == {"pacs": {"pending": 2}}


def queue(ledger: Ledger, *orders) -> None:
    """Queue orders the way the assembler does."""
    for order in orders:
        if ledger.last_arrival(order.study_uid) is None:
            ledger.record([an_arrival(an_instance(f"9.{order.study_uid}", order.study_uid))])
        assert ledger.examine(order.study_uid, ledger.last_arrival(order.study_uid), (), (order,))


def write(ledger: Ledger, *statements: str, **values: str) -> None:
    """Run statements in one transaction."""
    with ledger.writing() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def open_in_process(url: str) -> bool:
    """Open and close a ledger from a process of its own."""
    ledger = Ledger.open(url, Clock(START))
    found = ledger.needs_rebuild()
    ledger.close()
    return found
