"""The engines as this product wants them: pragmas, limits, and how their troubles are told apart.

Whatever the limits say, a query holds its thread for a bounded time: SQLite looks at the clock
while it works, PostgreSQL stops the statement itself, and the kernel gives a server up that
acknowledges nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, Integer, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.config import DatabaseSettings

#: SQLite's virtual machine steps between two looks at the clock: about a millisecond.
_STEPS_BETWEEN_LOOKS = 20_000

_DEADLINE = "statement_deadline"

#: PostgreSQL's words for a server that is there and will take no writes now: a standby that is
#: about to be promoted, or a transaction that it gave up on while this machine stood still.
_PASSING = frozenset({"25006", "25P03"})


def make_engine(url: str, limits: DatabaseSettings | None = None) -> Engine:
    """Build the engine with the pragmas and limits that this product relies on.

    Raises:
        ValueError: the URL names a SQLite database in memory, which threads cannot share.
    """
    limits, parsed = limits or DatabaseSettings(), make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _postgresql(parsed, limits)
    if parsed.database in {None, "", ":memory:"}:
        raise ValueError("a SQLite database needs a file: sqlite:////path/to/gateway.db")
    engine = create_engine(
        parsed,
        pool_size=limits.threads,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, limits))
    return engine


@contextmanager
def time_limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Stop what SQLite does on ``connection`` after ``seconds``; PostgreSQL does so by itself."""
    # Kept: a connection that breaks meanwhile would raise for being asked once more.
    info = connection.info
    info[_DEADLINE] = monotonic() + seconds
    try:
        yield
    finally:
        # Migrations take connections from the same pool, and may take their time.
        info.pop(_DEADLINE, None)


def without_time_limit(connection: Connection) -> None:
    """Let the transaction that has begun take as long as it needs: an upgrade, a copy."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def is_outage(error: BaseException) -> bool:
    """Tell a database in trouble (gone, locked, full, too slow) from a wrong statement."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    origin = error.orig
    # Asked by its name: whoever has SQLite need not load psycopg, which takes 8 MiB.
    if getattr(origin, "sqlstate", None) in _PASSING:
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return not isinstance(origin, sqlite3.Error) or origin.sqlite_errorcode not in {
        sqlite3.SQLITE_ERROR,
        None,
    }


def _postgresql(url: URL, limits: DatabaseSettings) -> Engine:
    within = max(1, round(limits.connect_timeout))
    statement_ms = round(limits.statement_timeout * 1000)
    engine = create_engine(
        url,
        pool_size=limits.threads,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=limits.connect_timeout,
        connect_args={
            "application_name": "gateway",
            "connect_timeout": max(2, within),  # libpq knows no shorter one
            # A server whose machine is gone says nothing, and a thread would wait for hours.
            "keepalives_idle": within,
            "keepalives_interval": within,
            "keepalives_count": 3,
            "tcp_user_timeout": within * 1000,
            "options": f"-c statement_timeout={statement_ms}"
            f" -c idle_in_transaction_session_timeout={statement_ms}",
        },
    )
    # Whole numbers go as they are. Cast to a column's 32 bits, as is usual, an id that nobody
    # can have would be an error, where SQLite and people find nothing.
    kept = engine.dialect.colspecs.items()
    engine.dialect.colspecs = {kind: own for kind, own in kept if kind is not Integer}
    return engine


# Any: a DB-API connection and its pool record have no useful static type across drivers.
def _prepare_sqlite(limits: DatabaseSettings, connection: Any, record: Any) -> None:
    # autocommit: SQLAlchemy's begin() then emits nothing, and `Database.write` begins the
    # transaction itself, immediately, instead of upgrading a read lock half-way (which can
    # deadlock).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={round(limits.busy_timeout * 1000)}")
    cursor.close()
    connection.set_progress_handler(partial(_is_late, record.info), _STEPS_BETWEEN_LOOKS)


# Any: what SQLAlchemy keeps beside a connection is an open dictionary.
def _is_late(info: dict[Any, Any]) -> bool:
    deadline: float | None = info.get(_DEADLINE)
    return deadline is not None and monotonic() > deadline
