"""What the engines are told, and how their troubles are told apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.config import DatabaseSettings
from gateway.storage.engine import is_outage, make_engine, time_limited, without_time_limit
from tests.support.postgres import Databases

HASTY = DatabaseSettings(threads=1, statement_timeout=0.02, connect_timeout=7, busy_timeout=1.5)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url, HASTY)
    try:
        yield engine
    finally:
        engine.dispose()


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    return error


@pytest.mark.slow
def test_postgresql_stops_what_takes_too_long(postgres_databases: Databases) -> None:
    with (
        postgres_databases.fresh() as url,
        opened(url) as engine,
        engine.connect() as connection,
    ):
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == "20ms"
        with pytest.raises(OperationalError, match="statement timeout") as caught:
            connection.execute(text("SELECT pg_sleep(5)"))
        assert is_outage(caught.value)


@pytest.mark.slow
def test_an_upgrade_takes_as_long_as_it_needs(postgres_databases: Databases) -> None:
    with postgres_databases.fresh() as url, opened(url) as engine:
        with engine.begin() as connection:
            without_time_limit(connection)
            connection.execute(text("SELECT pg_sleep(0.05)"))
        with engine.connect() as connection:  # the same one, out of the pool
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "20ms"


def test_sqlite_waits_for_locks_as_configured(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/a.db") as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 1500


def test_sqlite_stops_what_takes_too_long(tmp_path: Path) -> None:
    forever = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with opened(f"sqlite:///{tmp_path}/a.db") as engine, engine.connect() as connection:
        with pytest.raises(OperationalError) as caught, time_limited(connection, 0.02):
            connection.execute(forever)
        assert is_outage(caught.value)


def test_a_server_that_answers_nothing_is_given_up() -> None:
    with opened("postgresql+psycopg://nobody@127.0.0.1:1/none") as engine:
        taken: dict[str, object] = {}
        monkey = engine.dialect.connect
        engine.dialect.connect = lambda *_args, **given: (taken.update(given), monkey(**given))[1]  # type: ignore[method-assign]
        with pytest.raises(OperationalError) as caught:
            engine.connect()
    assert is_outage(caught.value)
    assert (taken["connect_timeout"], taken["tcp_user_timeout"]) == (7, 7000)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError("", None, sqlite_error(sqlite3.SQLITE_BUSY)), True),
        (OperationalError("", None, sqlite_error(sqlite3.SQLITE_FULL)), True),
        (OperationalError("", None, sqlite_error(sqlite3.SQLITE_ERROR)), False),
        (OperationalError("", None, psycopg.errors.DiskFull()), True),
        (OperationalError("", None, psycopg.errors.CannotConnectNow()), True),
        (InternalError("", None, psycopg.errors.ReadOnlySqlTransaction()), True),
        (InternalError("", None, psycopg.errors.InFailedSqlTransaction()), False),
        (ProgrammingError("", None, psycopg.errors.UndefinedTable()), False),
        (PoolTimeoutError(), True),
        (ValueError(), False),
    ],
)
def test_troubles_are_told_from_mistakes(error: DBAPIError, expected: bool) -> None:
    assert is_outage(error) is expected


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="needs a file"):
        make_engine(url)


def test_a_connection_that_breaks_fails_with_its_own_error(tmp_path: Path) -> None:
    def work() -> None:
        with engine.connect() as connection, time_limited(connection, 5.0):
            connection.begin()
            connection.invalidate()
            raise RuntimeError("the server went away")

    with (
        opened(f"sqlite:///{tmp_path}/a.db") as engine,
        pytest.raises(RuntimeError, match="the server went away"),
    ):
        work()
