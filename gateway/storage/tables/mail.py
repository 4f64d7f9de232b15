"""Letters on their way out, written in the transaction that gives the reason for them."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from gateway.storage.columns import UtcDateTime
from gateway.storage.tables import metadata

#: One letter to one reader. Once it is delivered or given up, its text is gone.
mail = Table(
    "mail",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recipient", String(320), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("sealed", LargeBinary),  # RFC 5322, encrypted: it may hold a code
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, index=True),  # no longer due once delivered or given up
    Column("delivered_at", UtcDateTime),
    Column("last_error", String(255)),
    sqlite_autoincrement=True,
)
