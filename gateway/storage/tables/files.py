"""Files that people attach to chats and notes; their bytes are in a file store."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
)

from gateway.storage.columns import UtcDateTime
from gateway.storage.tables import metadata

#: Reserved first; stored once its bytes are there. A reservation that nobody fills is deleted.
file = Table(
    "file",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False, index=True),
    Column("note_id", Uuid, ForeignKey("ticket_note.id"), index=True),
    Column("name", String(255), nullable=False),
    Column("content_type", String(100), nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime),
    Column("store_key", String(64), unique=True),
    Column("size", BigInteger),
    Column("sha256", LargeBinary(32)),
    Index("ix_file_reserved", "stored_at", "created_at"),
)
