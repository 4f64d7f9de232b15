"""The database: where it is, and how long anybody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.config.kinds import Count, Seconds, Secret


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database.

    Attributes:
        url: SQLAlchemy address, a secret because it may hold a password. Not set: SQLite in
            ``data.directory``.
        threads: queries that may run at once, and PostgreSQL's pool size. More than 8 gains
            nothing on SQLite.
        waiting: queries that may wait for a thread; the next one is refused (503). Each waiting
            one holds a request's memory.
        statement_timeout: seconds a query may take until it is stopped (503). Upgrades of the
            schema take as long as they need.
        connect_timeout: seconds PostgreSQL may take to answer at all, and to acknowledge what
            was sent, until it counts as gone.
        busy_timeout: seconds SQLite waits for a lock that another process holds (a backup,
            ``gateway db ...``).
    """

    url: Secret | None = None
    threads: Count = 8
    waiting: Count = 10_000
    statement_timeout: Seconds = 30.0
    connect_timeout: Seconds = 5.0
    busy_timeout: Seconds = 5.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.connect_timeout > self.statement_timeout:
            yield "database.connect_timeout must not be longer than database.statement_timeout"
