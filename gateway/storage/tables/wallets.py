"""What garages have paid ahead, and every movement of it.

A balance is the sum of its movements; both are written in one transaction. Amounts are in the
garage's own currency.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from gateway.storage.columns import Amount, UtcDateTime
from gateway.storage.tables import metadata

#: A garage without a row has paid nothing ahead.
wallet = Table(
    "wallet",
    metadata,
    Column("tenant_id", Integer, ForeignKey("tenant.id"), primary_key=True),
    Column("balance", Amount(2), nullable=False),
    # How far below zero the balance may go.
    Column("overdraft", Amount(2), nullable=False),
    CheckConstraint("balance >= 0 - overdraft", name="within_overdraft"),
    CheckConstraint("overdraft >= 0", name="overdraft_not_negative"),
)

#: Rows are added, never changed.
wallet_movement = Table(
    "wallet_movement",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    # Signed: what came in is positive.
    Column("amount", Amount(2), nullable=False),
    Column("balance", Amount(2), nullable=False),
    Column("ticket_id", Integer, ForeignKey("ticket.id")),
    Column("reference", String(255), nullable=False),
    Column("actor", String(320), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("kind IN ('payment', 'correction', 'charge', 'refund')", name="kind_known"),
    # A ticket is charged once, and given back once.
    UniqueConstraint("ticket_id", "kind"),
    sqlite_autoincrement=True,
)
