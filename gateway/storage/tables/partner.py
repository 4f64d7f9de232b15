"""What providers keep through their own API: outsourced work, references, contacts, events.

A ticket that is outsourced stays one ticket of the provider that has it. Whoever is to serve it
sees it through its row in ``ticket_outsource``, until that is cancelled.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
)

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

#: One provider asks another to serve a ticket. Times as in ``ticket``.
ticket_outsource = Table(
    "ticket_outsource",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("ticket.id"), nullable=False, index=True),
    Column("source_provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("operator_id", String(64), ForeignKey("operator.client_id")),
    Column("cancelled_reason", Integer, nullable=False, default=0),
    Column("created_at", UtcDateTime, nullable=False),
    Column("assigned_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    CheckConstraint(
        "state IN ('pending', 'in_progress', 'closed', 'cancelled')", name="outsource_state"
    ),
    CheckConstraint("provider_id <> source_provider_id", name="to_another"),
    Index("ix_ticket_outsource_provider_id_state", "provider_id", "state"),
)

#: A ticket is with one other provider at a time, whatever happens side by side.
_holds = ticket_outsource.c.state != "cancelled"
Index(
    "uq_ticket_outsource_held",
    ticket_outsource.c.ticket_id,
    unique=True,
    sqlite_where=_holds,
    postgresql_where=_holds,
)

#: A provider's own words on a ticket; one row for each provider that has any.
ticket_remark = Table(
    "ticket_remark",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), primary_key=True),
    Column("external_reference", String(255)),
    Column("preparer_external_reference", String(255)),
    Column("operator_reference", String(255)),
    Column("externally_processed", Boolean, nullable=False, default=False),
    Column("vehicle_battery_voltage", String(3)),
    CheckConstraint("vehicle_battery_voltage IN ('12v', '24v')", name="battery_voltage"),
)

#: How a garage is reached.
contact_point = Table(
    "contact_point",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False, index=True),
    Column("label", String(255), nullable=False),
    Column("email_address", String(255)),
    Column("phone_number", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
)

#: Which contact point somebody of a garage is reached by.
employee_contact = Table(
    "employee_contact",
    metadata,
    Column("employee_uuid", Uuid, ForeignKey("portal_user.uuid"), primary_key=True),
    Column("contact_point_id", Uuid, ForeignKey("contact_point.id"), nullable=False, index=True),
)

#: What a provider is told, in order; written once, pruned when old.
partner_event = Table(
    "partner_event",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("type", String(64), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("payload", Json, nullable=False),
    Index("ix_partner_event_provider_id_position", "provider_id", "position"),
    sqlite_autoincrement=True,
)
