"""Orders for remote work on a vehicle: tickets, their lines, answers, notes and history.

Lines and answers are copies of what the catalogue said on the day: a ticket keeps its meaning
and its price when products change. A prepared ticket is a row in state 0 that has no connector
yet; ordering it moves the same row on.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from gateway.domain.ticket import OPEN_STATES, TicketState
from gateway.storage.columns import Amount, Json, UtcDateTime
from gateway.storage.tables import metadata

ticket = Table(
    "ticket",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("connector_id", Integer, ForeignKey("connector.id")),
    Column("created_by", Uuid),
    Column("state", Integer, nullable=False),
    Column("vin", String(17), nullable=False),
    Column("model_id", Integer, ForeignKey("vehicle_model.id"), nullable=False),
    Column("variant_id", Integer, ForeignKey("vehicle_variant.id"), nullable=False),
    # Make, group, model and variant as they were called on the day: a list of four texts.
    Column("vehicle", Json, nullable=False),
    Column("reference", String(255), nullable=False, default=""),
    Column("client_metadata", Json, nullable=False),
    Column("confirmed_unattended_service", Boolean, nullable=False, default=False),
    Column("currency", String(3), nullable=False),
    # Sums over the lines: before and after discounts and voucher, fees apart, and what is owed.
    Column("gross", Amount(2), nullable=False),
    Column("net", Amount(2), nullable=False),
    Column("service_fee", Amount(2), nullable=False),
    Column("total", Amount(2), nullable=False),
    # The garage's own currency and its rate on the day; NULL where it is the one charged in.
    Column("local_currency", String(3)),
    Column("local_rate", Amount(8)),
    Column("voucher_id", Integer, ForeignKey("voucher.id")),
    Column("voucher_code", String(16)),
    # The connection made for it: milliseconds since 1970 when it was asked for, and a name.
    Column("connection_id", BigInteger, nullable=False),
    Column("connection_uuid", Uuid, nullable=False, unique=True),
    Column("operator_id", String(64), ForeignKey("operator.client_id")),
    Column("chat_state", Integer, nullable=False, default=0),
    Column("cancelled_reason", Integer, nullable=False, default=0),
    Column("odometer_reading", Integer),
    Column("csat_score", Float),
    Column("csat_comment", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    # Ordered during a schedule of the service centre: not to be served before this.
    Column("held_until", UtcDateTime),
    CheckConstraint(
        f"state = {TicketState.PREPARED:d} OR connector_id IS NOT NULL",
        name="ordered_has_connector",
    ),
    CheckConstraint("total = net + service_fee", name="total_adds_up"),
    Index("ix_ticket_tenant_id_vin", "tenant_id", "vin"),
    Index("ix_ticket_tenant_id_finished_at", "tenant_id", "finished_at"),
    Index("ix_ticket_provider_id_state", "provider_id", "state"),
    Index("ix_ticket_held_until", "held_until"),
    sqlite_autoincrement=True,
)

#: A connector serves one open ticket at a time, whatever happens side by side.
_open_states = ticket.c.state.in_(sorted(OPEN_STATES))
Index(
    "uq_ticket_open_connector",
    ticket.c.connector_id,
    unique=True,
    sqlite_where=_open_states,
    postgresql_where=_open_states,
)

ticket_line = Table(
    "ticket_line",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("product_id", Integer, ForeignKey("product.id"), nullable=False),
    Column("item_number", String(40), nullable=False),
    Column("name", String(160), nullable=False),
    Column("description", Text, nullable=False),
    Column("is_unattended", Boolean, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("gross", Amount(2), nullable=False),
    Column("net", Amount(2), nullable=False),
    Column("service_fee", Amount(2)),
    # What led from gross to net: [{description, kind, percentage, amount}], amounts as text.
    Column("discounts", Json, nullable=False),
    UniqueConstraint("ticket_id", "position"),
)

ticket_answer = Table(
    "ticket_answer",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("prerequisite_id", Integer, ForeignKey("prerequisite.id"), primary_key=True),
    Column("question", Text, nullable=False),
    Column("value", Text, nullable=False),
)

ticket_note = Table(
    "ticket_note",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False, index=True),
    Column("author", String(80), nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

#: Every change of a ticket's state, by whom and when; never changed afterwards.
ticket_event = Table(
    "ticket_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False, index=True),
    Column("type", String(40), nullable=False),
    Column("from_state", Integer),
    Column("to_state", Integer, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
)
