"""The one door to SQL: synchronous SQLAlchemy in worker threads behind one limiter.

SQLAlchemy's async side does not run on Trio, so a query is a plain function that takes a
``Connection`` and runs in a thread:

    ticket = await database.read(tickets.find, ticket_id)
    ticket = await database.write(tickets.close, ticket_id, now)

``read`` may run side by side; ``write`` is one transaction, committed when the function returns
and rolled back when it raises. On SQLite writes queue for one writer (``BEGIN IMMEDIATE``), so
that none of them meets "database is locked", and WAL lets reads go on meanwhile.

A thread is never abandoned: cancelling the caller waits for the query, which the engine's own
statement timeout bounds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

P = ParamSpec("P")
R = TypeVar("R")

#: Threads that may wait for the database at once. SQLite gains nothing from more readers than
#: cores; PostgreSQL's pool is sized the same, so a thread never waits for a connection.
DEFAULT_THREADS = 8

#: How long SQLite waits for a lock another process holds (a backup, `gateway db ...`).
BUSY_TIMEOUT_MS = 5_000


class Database:
    """Owns the engine and its threads; made by :func:`open_database`, dead after its block."""

    def __init__(self, engine: Engine, threads: int = DEFAULT_THREADS) -> None:
        self.engine = engine
        self._threads = trio.CapacityLimiter(threads)
        self._writer = trio.Lock() if engine.dialect.name == "sqlite" else None

    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``query(connection, ...)`` in a thread and return what it returns."""
        return await self._in_thread(partial(self._read, query, *args, **kwargs))

    async def write(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``query(connection, ...)`` in a transaction: commit on return, roll back on error."""
        call = partial(self._write, query, *args, **kwargs)
        if self._writer is None:
            return await self._in_thread(call)
        async with self._writer:
            return await self._in_thread(call)

    async def _in_thread(self, call: Callable[[], R]) -> R:
        return await trio.to_thread.run_sync(call, limiter=self._threads)

    # Any: the query's own arguments, already checked by the signatures above.
    def _read(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        with self.engine.connect() as connection:
            return query(connection, *args, **kwargs)

    def _write(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        with self.engine.connect() as connection, connection.begin():
            if self._writer is not None:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            return query(connection, *args, **kwargs)


@asynccontextmanager
async def open_database(url: str, *, threads: int = DEFAULT_THREADS) -> AsyncIterator[Database]:
    """Open the database at ``url`` (SQLAlchemy form) and close its pool at the end.

    Raises:
        sqlalchemy.exc.OperationalError: it cannot be reached.
    """
    engine = make_engine(url, threads=threads)
    try:
        yield Database(engine, threads)
    finally:
        engine.dispose()


def make_engine(url: str, *, threads: int = DEFAULT_THREADS) -> Engine:
    """Build the engine with the pragmas and limits that this product relies on."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_size=threads, max_overflow=0, pool_pre_ping=True)
    engine = create_engine(
        url, pool_size=threads, max_overflow=0, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


# Any: a DB-API connection has no useful static type across drivers.
def _prepare_sqlite(connection: Any, _record: object) -> None:
    # autocommit: SQLAlchemy's begin() then emits nothing, and `_write` begins the transaction
    # itself, immediately, instead of upgrading a read lock half-way (which can deadlock).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()
