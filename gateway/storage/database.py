"""The one door to SQL: synchronous SQLAlchemy in worker threads behind one limiter.

SQLAlchemy's async side does not run on Trio, so a query is a plain function that takes a
``Connection`` and runs in a thread:

    ticket = await database.read(tickets.find, ticket_id)
    ticket = await database.write(tickets.close, ticket_id, now)

``read`` may run side by side; ``write`` is one transaction, committed when the function returns
and rolled back when it raises. On SQLite writes queue for one writer (``BEGIN IMMEDIATE``), so
that none of them meets "database is locked", and WAL lets reads go on meanwhile.

A thread is never abandoned: cancelling the caller waits for the query, which a time limit on
every statement bounds, and a write that was committed is always reported as done. A database
that cannot be reached, is locked, full or too slow shows as ``Unavailable``; whatever else a
query raises passes through unchanged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio
from sqlalchemy import Connection, Engine, Integer, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError

from gateway.domain.errors import Unavailable
from gateway.storage.queries.events import APPENDED

__all__ = [
    "Connection",  # for functions above this room that compose queries into one transaction
    "Database",
    "DatabaseStatistics",
    "make_engine",
    "open_database",
]

P = ParamSpec("P")
R = TypeVar("R")

#: Threads that may wait for the database at once. SQLite gains nothing from more readers than
#: cores; PostgreSQL's pool is sized the same, so a thread never waits for a connection.
DEFAULT_THREADS = 8

#: How long SQLite waits for a lock another process holds (a backup, `gateway db ...`).
BUSY_TIMEOUT_MS = 5_000

#: Seconds one call may spend in the database before its statement is stopped.
STATEMENT_TIMEOUT_S = 30.0

#: SQLite's virtual machine steps between two looks at the clock: about a millisecond.
_STEPS_BETWEEN_LOOKS = 20_000

_DEADLINE = "statement_deadline"


@dataclass(frozen=True, slots=True)
class DatabaseStatistics:
    """How busy the door is.

    Attributes:
        threads: worker threads allowed.
        busy: worker threads in a query now.
        waiting: calls that wait for a thread.
        waiting_writers: writes that wait for the one writer; 0 where the engine has many.
    """

    threads: int
    busy: int
    waiting: int
    waiting_writers: int


class Database:
    """Owns the engine and its threads; made by :func:`open_database`, dead after its block."""

    def __init__(
        self,
        engine: Engine,
        threads: int = DEFAULT_THREADS,
        statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    ) -> None:
        self.engine = engine
        self._threads = trio.CapacityLimiter(threads)
        self._statement_timeout_s = statement_timeout_s
        self._writer = trio.Lock() if engine.dialect.name == "sqlite" else None
        self._appended = trio.Event()

    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``query(connection, ...)`` in a thread and return what it returns.

        Raises:
            Unavailable: the database is not reachable, or did not answer in time.
        """
        return await self._in_thread(partial(self._read, query, *args, **kwargs))

    async def write(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``query(connection, ...)`` in a transaction: commit on return, roll back on error.

        Raises:
            Unavailable: the database is not reachable, locked, full, or did not answer in time.
        """
        call = partial(self._write, query, *args, **kwargs)
        if self._writer is None:
            result, appended = await self._in_thread(call)
        else:
            async with self._writer:
                result, appended = await self._in_thread(call)
        if appended:
            self._wake_readers_of_events()
        return result

    @property
    def events_appended(self) -> trio.Event:
        """Set once the next transaction with events has committed.

        Take it before reading the outbox, and wait for it after: then no event is overlooked.
        """
        return self._appended

    def statistics(self) -> DatabaseStatistics:
        """Return how busy the door is now."""
        threads = self._threads.statistics()
        writers = 0 if self._writer is None else self._writer.statistics().tasks_waiting
        return DatabaseStatistics(
            threads=int(threads.total_tokens),
            busy=threads.borrowed_tokens,
            waiting=threads.tasks_waiting,
            waiting_writers=writers,
        )

    def _wake_readers_of_events(self) -> None:
        self._appended.set()
        self._appended = trio.Event()

    async def _in_thread(self, call: Callable[[], R]) -> R:
        try:
            return await trio.to_thread.run_sync(call, limiter=self._threads)
        except (OperationalError, InterfaceError) as error:
            if _is_mistake(error):
                raise
            raise Unavailable(
                "storage.unavailable",
                "The database does not answer at present. Try again in a few seconds.",
                retry_after=5.0,
            ) from error

    # Any: the query's own arguments, already checked by the signatures above.
    def _read(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        with self.engine.connect() as connection, self._limited(connection):
            return query(connection, *args, **kwargs)

    def _write(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> tuple[R, bool]:
        with self.engine.connect() as connection:
            connection.info.pop(APPENDED, None)
            with self._limited(connection), connection.begin():
                if self._writer is not None:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                result = query(connection, *args, **kwargs)
            return result, bool(connection.info.pop(APPENDED, False))

    @contextmanager
    def _limited(self, connection: Connection) -> Iterator[None]:
        connection.info[_DEADLINE] = monotonic() + self._statement_timeout_s
        try:
            yield
        finally:
            # Migrations take connections from the same pool, and may take their time.
            connection.info.pop(_DEADLINE, None)


@asynccontextmanager
async def open_database(
    url: str,
    *,
    threads: int = DEFAULT_THREADS,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
) -> AsyncIterator[Database]:
    """Open the database at ``url`` (SQLAlchemy form) and close its pool at the end.

    Nothing is reached before the first query.

    Raises:
        ValueError: the URL names a SQLite database in memory, which threads cannot share.
    """
    engine = make_engine(url, threads=threads, statement_timeout_s=statement_timeout_s)
    try:
        yield Database(engine, threads, statement_timeout_s)
    finally:
        engine.dispose()


def make_engine(
    url: str,
    *,
    threads: int = DEFAULT_THREADS,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
) -> Engine:
    """Build the engine with the pragmas and limits that this product relies on."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            pool_size=threads,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"options": f"-c statement_timeout={int(statement_timeout_s * 1000)}"},
        )
        # Whole numbers go as they are. Cast to a column's 32 bits, as is usual, an id that nobody
        # can have would be an error, where SQLite and people find nothing.
        kept = engine.dialect.colspecs.items()
        engine.dialect.colspecs = {kind: own for kind, own in kept if kind is not Integer}
        return engine
    if parsed.database in {None, "", ":memory:"}:
        raise ValueError("a SQLite database needs a file: sqlite:////path/to/gateway.db")
    engine = create_engine(
        url, pool_size=threads, max_overflow=0, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


# Any: a DB-API connection and its pool record have no useful static type across drivers.
def _prepare_sqlite(connection: Any, record: Any) -> None:
    # autocommit: SQLAlchemy's begin() then emits nothing, and `_write` begins the transaction
    # itself, immediately, instead of upgrading a read lock half-way (which can deadlock).
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()
    connection.set_progress_handler(partial(_is_late, record.info), _STEPS_BETWEEN_LOOKS)


# Any: what SQLAlchemy keeps beside a connection is an open dictionary.
def _is_late(info: dict[Any, Any]) -> bool:
    deadline: float | None = info.get(_DEADLINE)
    return deadline is not None and monotonic() > deadline


def _is_mistake(error: OperationalError | InterfaceError) -> bool:
    """Tell a wrong statement (no such table) from a database in trouble."""
    origin = error.orig
    return isinstance(origin, sqlite3.Error) and origin.sqlite_errorcode in {
        sqlite3.SQLITE_ERROR,
        None,
    }
