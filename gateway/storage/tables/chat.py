"""What garage and operator write to each other about a ticket."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
)

from gateway.storage.columns import UtcDateTime
from gateway.storage.tables import metadata

#: One thing said in a ticket's channel; rows are added, never changed. A ticket is one channel.
chat_message = Table(
    "chat_message",
    metadata,
    Column("id", Integer, primary_key=True),  # ascending: the order of the conversation
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("type", String(16), nullable=False),
    Column("sender", String(80), nullable=False),
    Column("sender_name", String(512), nullable=False),
    Column("content", Text, nullable=False),
    Column("file_id", Uuid, ForeignKey("file.id")),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("type IN ('text', 'attachment', 'control')", name="type"),
    Index("ix_chat_message_ticket_id_id", "ticket_id", "id"),
    sqlite_autoincrement=True,
)
