from __future__ import annotations

import socket
import sqlite3
import threading
from pathlib import Path

import pytest
import trio
import trio.testing
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from gateway.config import DatabaseSettings
from gateway.domain.errors import Unavailable
from gateway.storage.database import PAUSE, Database, make_engine, open_database
from gateway.storage.tables.catalogue import make
from gateway.storage.tables.events import outbox_consumer


def add(connection: Connection, name: str, position: int = 0) -> str:
    connection.execute(insert(outbox_consumer).values(name=name, position=position))
    return name


def names(connection: Connection) -> set[str]:
    return set(connection.execute(select(outbox_consumer.c.name)).scalars())


async def test_a_write_is_there_for_the_next_read(database: Database) -> None:
    assert await database.write(add, "one", position=3) == "one"
    assert await database.read(names) == {"one"}


async def test_an_error_rolls_the_whole_transaction_back(database: Database) -> None:
    def add_two_and_fail(connection: Connection) -> None:
        add(connection, "one")
        add(connection, "one")

    with pytest.raises(IntegrityError):
        await database.write(add_two_and_fail)
    assert await database.read(names) == set()
    assert await database.write(add, "after") == "after"


async def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await database.write(
            lambda connection: connection.execute(
                text(
                    "INSERT INTO tenant (provider_id, name, currency, number, reference, street,"
                    " postal_code, locality, country, phone, email, financial_email,"
                    " allow_tickets_without_product, created_at) VALUES"
                    " (99, 'x', 'EUR', '', '', '', '', '', '', '', '', '', false, '2026-01-01')"
                )
            )
        )


@pytest.mark.sqlite_only
async def test_the_file_is_kept_in_write_ahead_mode(database: Database) -> None:
    def modes(connection: Connection) -> tuple[str, int, int]:
        return (
            connection.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
            connection.exec_driver_sql("PRAGMA synchronous").scalar_one(),
            connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one(),
        )

    assert await database.read(modes) == ("wal", 2, 1)


async def test_readers_go_on_while_a_writer_is_in_its_transaction(database: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow_write(connection: Connection) -> None:
        add(connection, "slow")
        entered.set()
        assert leave.wait(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.write, slow_write)
        await trio.to_thread.run_sync(entered.wait, 5)
        assert await database.read(names) == set()
        leave.set()
    assert await database.read(names) == {"slow"}


async def test_many_writers_queue_instead_of_meeting_a_lock(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(database.write, add, f"writer-{number}")
    assert len(await database.read(names)) == 20


async def test_cancelling_waits_for_the_write_and_leaves_it_whole(database: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow_write(connection: Connection) -> None:
        add(connection, "first")
        entered.set()
        assert leave.wait(5)
        add(connection, "second")

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.write, slow_write)
            await trio.to_thread.run_sync(entered.wait, 5)
            scope.cancel()
            leave.set()
    assert await database.read(names) == {"first", "second"}
    assert await database.write(add, "third") == "third"


@pytest.mark.sqlite_only
async def test_statistics_count_threads_and_writers(database: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        entered.set()
        assert leave.wait(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.write, hold)
        await trio.to_thread.run_sync(entered.wait, 5)
        nursery.start_soon(database.write, add, "waits")
        await trio.testing.wait_all_tasks_blocked()
        statistics = database.statistics()
        leave.set()
    assert (statistics.threads, statistics.busy, statistics.waiting_writers) == (8, 1, 1)
    assert database.statistics().busy == 0


async def test_a_statement_without_end_is_stopped_and_the_door_stays_open(
    database_url: str,
) -> None:
    forever = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    async with open_database(database_url, DatabaseSettings(statement_timeout=0.02)) as database:
        with pytest.raises(Unavailable) as caught:
            await database.read(lambda connection: connection.execute(forever).scalar_one())
        assert caught.value.code == "storage.unavailable"
        assert await database.write(add, "after") == "after"


async def test_a_connection_taken_aside_has_no_leftover_deadline(database_url: str) -> None:
    counting = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
        " SELECT count(*) FROM n"
    )
    async with open_database(
        database_url, DatabaseSettings(threads=1, statement_timeout=0.0)
    ) as database:
        assert await database.read(names) == set()
        with database.engine.connect() as connection:
            assert connection.execute(counting).scalar_one() == 50000


@pytest.mark.sqlite_only
async def test_a_wrong_statement_is_our_mistake_not_an_outage(database: Database) -> None:
    with pytest.raises(OperationalError, match="no such table"):
        await database.read(lambda connection: connection.execute(text("SELECT * FROM nowhere")))


async def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/no/such/folder/g.db") as database:
        with pytest.raises(Unavailable) as caught:
            await database.read(names)
    assert isinstance(caught.value.__cause__, OperationalError)
    assert caught.value.retry_after == 5.0


@pytest.mark.sqlite_only
async def test_a_lock_held_elsewhere_is_unavailable(database: Database) -> None:
    def stop_waiting(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")

    await database.read(stop_waiting)  # the pool hands the same connection out again
    path = database.engine.url.database
    assert path is not None
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await database.write(add, "blocked")
        other.execute("ROLLBACK")
    other.close()
    assert await database.write(add, "free") == "free"


class Clock:
    """Seconds as the door reads them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_once_gone_nobody_tries_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Clock()
    monkeypatch.setattr("gateway.storage.database.monotonic", now)
    folder = tmp_path / "later"
    async with open_database(f"sqlite:///{folder}/g.db") as database:
        with pytest.raises(Unavailable) as tried:
            await database.read(names)
        assert isinstance(tried.value.__cause__, OperationalError)
        folder.mkdir()
        with pytest.raises(Unavailable) as told:
            await database.read(names)
        assert told.value.__cause__ is None
        assert told.value.retry_after is not None
        assert database.statistics().refused == 2
        now.now += PAUSE
        assert await database.read(lambda c: c.exec_driver_sql("SELECT 1").scalar_one()) == 1


@pytest.mark.long
async def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        limits = DatabaseSettings(threads=1, connect_timeout=2.0)
        async with open_database(url, limits) as database, trio.open_nursery() as nursery:
            since = trio.current_time()

            async def refused() -> None:
                with pytest.raises(Unavailable):
                    await database.read(names)

            for _ in range(20):  # one after the other they would take 40 seconds
                nursery.start_soon(refused)
    assert trio.current_time() - since < 20


async def test_more_than_may_wait_are_refused(database_url: str) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        entered.set()
        assert leave.wait(5)

    async with (
        open_database(database_url, DatabaseSettings(threads=1, waiting=1)) as database,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(database.read, hold)
        await trio.to_thread.run_sync(entered.wait, 5)
        nursery.start_soon(database.read, names)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable):
            await database.read(names)
        leave.set()


def test_an_id_beyond_a_columns_bits_can_be_asked_for_on_postgresql() -> None:
    engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    query = select(make.c.name).where(make.c.id == 2**40)
    assert str(query.compile(engine)).endswith("WHERE vehicle_make.id = %(id_1)s")
    engine.dispose()
