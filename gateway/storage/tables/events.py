"""The outbox: what happened, written in the transaction that made it happen."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

#: SQLite numbers rows itself only in a column of its own INTEGER type.
_Position = BigInteger().with_variant(Integer, "sqlite")

#: Events in the order in which their transactions committed.
outbox = Table(
    "outbox",
    metadata,
    # Never reused, so that "after position N" keeps its meaning when old rows are pruned.
    Column("position", _Position, primary_key=True, autoincrement=True),
    Column("type", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("tenant_id", Integer),
    Column("payload", Json, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

#: How far each durable consumer has come.
outbox_consumer = Table(
    "outbox_consumer",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
