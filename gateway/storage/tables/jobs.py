"""Images for transfers, and transfer jobs: what became of each, whoever is there to remember."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
)

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

#: What a provider's operators have uploaded; the bytes are in the image store, by their hash.
job_image = Table(
    "job_image",
    metadata,
    Column("provider_id", Integer, ForeignKey("service_provider.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("uploaded_by", String(64), ForeignKey("operator.client_id"), nullable=False),
    Column("uploaded_at", UtcDateTime, nullable=False),
)

transfer_job = Table(
    "transfer_job",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("client_id", String(64), ForeignKey("operator.client_id"), nullable=False),
    Column("session_id", String(32), nullable=False),
    Column("connector_id", Integer, ForeignKey("connector.id"), nullable=False),
    Column("connector_uuid", Uuid, nullable=False),
    Column("ticket_id", Integer),
    Column("direction", String(8), nullable=False),
    # The control unit as the operator named it.
    Column("ecu", Json, nullable=False),
    # The order as the connector got it.
    Column("order", LargeBinary, nullable=False),
    Column("image", String(64)),
    # The last report: where it stands, in which segment and block.
    Column("state", String(16), nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("finished", Boolean, nullable=False),
    # What an upload has read, once all of it is in the image store.
    Column("result", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_transfer_job_connector_id_created_at", "connector_id", "created_at"),
    Index("ix_transfer_job_client_id_created_at", "client_id", "created_at"),
    Index("ix_transfer_job_finished", "finished"),
)
