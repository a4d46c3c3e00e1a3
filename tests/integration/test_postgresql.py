"""A real PostgreSQL: one radnode works, another waits, and a lost connection is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from node.errors import LedgerError
from node.store.ledger import Ledger
from node.store.lock import ServiceLock
from tests.support.ledgers import Clock, PostgreSQL, an_arrival, an_instance, postgresql_server
from tests.support.peers import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A server of our own on a free port."""
    with postgresql_server() as server:
        yield server


def test_a_standby_waits_for_the_one_at_work(server):
    """
    The second radnode says that it waits, and takes over when the first lets go.
    """
    url, waiting, took_over = server.url(), threading.Event(), threading.Event()
    first, second = ServiceLock(url), ServiceLock(url)
    assert first.acquire(threading.Event())

    def stand_by() -> None:
        if second.acquire(threading.Event(), waiting=waiting.set, every_s=0.05):
            took_over.set()

    thread = threading.Thread(target=stand_by)
    thread.start()
    assert waiting.wait(10)
    early = took_over.is_set()
    first.release()
    thread.join(10)

    assert not early
    assert took_over.is_set()
    assert second.held()
    second.release()


def test_a_standby_can_be_stopped(server):
    """
    SIGTERM ends a radnode that is still waiting.
    """
    url, stop = server.url(), threading.Event()
    first, second = ServiceLock(url), ServiceLock(url)
    first.acquire(stop)
    taken = second.acquire(stop, waiting=stop.set, every_s=5)
    second.release()
    first.release()

    assert not taken


def test_a_lost_connection_is_a_lost_lock(server):
    """
    When the server ends the session, a standby takes over and the former holder notices.
    """
    url = server.url()
    first, second = ServiceLock(url), ServiceLock(url)
    first.acquire(threading.Event())
    before = first.held()
    server.drop_connections()
    took_over = second.acquire(threading.Event(), every_s=0.05)

    assert (before, took_over) == (True, True)
    assert not first.held()
    assert second.held()
    first.release()
    second.release()


def test_the_ledger_goes_on_after_the_server_was_restarted(server):
    """
    Connections that died between two transactions are replaced; what was committed is there.
    """
    ledger = Ledger.open(server.url(), Clock())
    ledger.record([an_arrival(an_instance("1.1"))])
    server.drop_connections()
    ledger.record([an_arrival(an_instance("1.2"))])

    assert len(ledger.study("1.2.1")) == 2
    ledger.close()


def test_a_connection_that_dies_inside_a_transaction_is_a_ledger_error(server):
    """
    The error names no value, nothing of the transaction is kept, and the next one works.
    """
    ledger = Ledger.open(server.url(), Clock())
    with pytest.raises(LedgerError):
        interrupted(ledger, server)

    assert not ledger.made_here("1.5")
    ledger.record([an_arrival(an_instance("1.1"))])
    ledger.close()


def test_a_server_that_is_not_there_is_said_so_without_the_password():
    """
    The operator reads where the ledger should be, not how to get in.
    """
    url = f"postgresql+psycopg://radnode:sesame@127.0.0.1:{free_port()}/radnode"
    for use in (lambda: Ledger.open(url, Clock()), lambda: ServiceLock(url).acquire(threading.Event())):
        with pytest.raises(LedgerError) as caught:
            use()
        assert "sesame" not in str(caught.value)


def interrupted(ledger: Ledger, server: PostgreSQL) -> None:
    """Write, lose the connection, and try to commit."""
    with ledger.writing() as connection:
        connection.execute(text("INSERT INTO result_file (sop_uid, job_id) VALUES ('1.5', 'a')"))
        server.drop_connections()
