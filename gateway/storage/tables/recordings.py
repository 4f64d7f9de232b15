"""What is known of each session's recording; the recording itself is files."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

recording = Table(
    "recording",
    metadata,
    Column("session_id", String(32), primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("client_id", String(64), ForeignKey("operator.client_id"), nullable=False),
    Column("connector_id", Integer, ForeignKey("connector.id"), nullable=False),
    Column("connector_uuid", Uuid, nullable=False),
    Column("ticket_id", Integer),
    Column("vin", String(17)),
    # running, whole, cut, failed or removed
    Column("state", String(8), nullable=False),
    # Why it is cut, failed or removed.
    Column("detail", Text, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("frames_lost", BigInteger, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_recording_client_id_began_at", "client_id", "began_at"),
    Index("ix_recording_state_ended_at", "state", "ended_at"),
)
