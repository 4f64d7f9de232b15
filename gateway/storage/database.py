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
query raises passes through unchanged. Once it could not be reached, nobody tries for a moment:
whoever waits hears at once, instead of one after the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.config import DatabaseSettings
from gateway.domain.errors import Unavailable
from gateway.storage.engine import is_outage, make_engine, time_limited
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

#: Seconds nobody tries to reach a database that could not be reached. Short, because a server
#: that restarts is back in a few seconds.
PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class DatabaseStatistics:
    """How busy the door is.

    Attributes:
        threads: worker threads allowed.
        busy: worker threads in a query now.
        waiting: calls that wait for a thread.
        refused: calls that got no answer from the database, since the start.
        waiting_writers: writes that wait for the one writer; 0 where the engine has many.
    """

    threads: int
    busy: int
    waiting: int
    refused: int
    waiting_writers: int


class Database:
    """Owns the engine and its threads; made by :func:`open_database`, dead after its block."""

    def __init__(self, engine: Engine, limits: DatabaseSettings | None = None) -> None:
        self.engine = engine
        self._limits = limits = limits or DatabaseSettings()
        self._threads = trio.CapacityLimiter(limits.threads)
        self._gone_until = 0.0
        self._refused = 0
        self._writer = trio.Lock() if engine.dialect.name == "sqlite" else None
        self._appended = trio.Event()
        #: Called when a transaction with events has committed here; must not block.
        self.appended_here: Callable[[], None] = _nobody_asks

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
            self.look_again()
            self.appended_here()
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
            refused=self._refused,
            waiting_writers=writers,
        )

    def look_again(self) -> None:
        """Wake whoever waits for events: there are new ones, from here or from another node."""
        self._appended.set()
        self._appended = trio.Event()

    async def _in_thread(self, call: Callable[[], R]) -> R:
        if self._threads.statistics().tasks_waiting >= self._limits.waiting:
            raise self._unavailable()
        try:
            return await trio.to_thread.run_sync(call, limiter=self._threads)
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            raise self._unavailable() from error
        except _GoneError:
            raise self._unavailable() from None

    def _unavailable(self) -> Unavailable:
        self._refused += 1
        return Unavailable(
            "storage.unavailable",
            "The database does not answer at present. Try again in a few seconds.",
            retry_after=5.0,
        )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Yield a connection; in a thread."""
        if monotonic() < self._gone_until:
            raise _GoneError
        try:
            connection = self.engine.connect()
        except SQLAlchemyError:
            self._gone_until = monotonic() + PAUSE
            raise
        with connection, time_limited(connection, self._limits.statement_timeout):
            yield connection

    # Any: the query's own arguments, already checked by the signatures above.
    def _read(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        with self._connected() as connection:
            return query(connection, *args, **kwargs)

    def _write(self, query: Callable[..., R], *args: Any, **kwargs: Any) -> tuple[R, bool]:
        with self._connected() as connection:
            connection.info.pop(APPENDED, None)
            with connection.begin():
                if self._writer is not None:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                result = query(connection, *args, **kwargs)
            return result, bool(connection.info.pop(APPENDED, False))


class _GoneError(Exception):
    """The database could not be reached a moment ago."""


def _nobody_asks() -> None:
    """Nobody else wants to know of new events: this node is the only one."""


@asynccontextmanager
async def open_database(
    url: str, limits: DatabaseSettings | None = None
) -> AsyncIterator[Database]:
    """Open the database at ``url`` (SQLAlchemy form) and close its pool at the end.

    Nothing is reached before the first query. The URL in ``limits`` is not looked at: it may be
    left out there, and then the embedded database is meant.

    Raises:
        ValueError: the URL names a SQLite database in memory, which threads cannot share.
    """
    engine = make_engine(url, limits)
    try:
        yield Database(engine, limits)
    finally:
        engine.dispose()
