"""What vehicles' messages mean: files that operators uploaded; their bytes are in the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

description = Table(
    "description",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("client_id", String(64), ForeignKey("operator.client_id"), nullable=False),
    Column("name", String(120), nullable=False),
    # pdx or dbc
    Column("kind", String(8), nullable=False),
    # How the identification numbers of the vehicles begin that it describes.
    Column("vin_prefix", String(17), nullable=False),
    # The CAN bus that a DBC file describes; empty for every one.
    Column("bus", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    # What was found in it: control units, messages.
    Column("content", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_description_provider_id_vin_prefix", "provider_id", "vin_prefix"),
)
