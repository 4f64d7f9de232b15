"""Tickets as the rest of the program sees them: frozen copies of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway.domain.money import ReductionKind
from gateway.domain.ticket import OPEN_STATES, TicketState

#: Nothing follows these.
FINISHED_STATES = frozenset({TicketState.CLOSED, TicketState.CANCELLED})


@dataclass(frozen=True, slots=True)
class LineDiscount:
    """One thing that was taken off a line."""

    description: str
    kind: ReductionKind
    percentage: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A product as it was ordered: a copy, so that it keeps its name and price."""

    product_id: int
    item_number: str
    name: str
    description: str
    is_unattended: bool
    quantity: int
    gross: Decimal
    net: Decimal
    service_fee: Decimal | None
    discounts: tuple[LineDiscount, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a question before ordering."""

    prerequisite_id: int
    question: str
    value: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order, with its lines.

    Attributes:
        id: number people know it by; 0 while not stored.
        uuid: the same for machines.
        tenant_id: the garage that ordered.
        provider_id: the service provider that serves.
        connector_id: the connector at the vehicle; ``None`` only while prepared.
        connector_uuid: the same connector for machines.
        created_by: the portal user; ``None`` while prepared.
        state: see ``domain.ticket``.
        vin: 17 characters.
        model_id: the vehicle's model.
        variant_id: the vehicle's variant.
        vehicle: make, model group, model and variant as called on the day.
        reference: the customer's own words.
        client_metadata: what the portal told of itself.
        confirmed_unattended_service: the customer agreed to work without an operator.
        currency: of every amount.
        gross: all lines before anything was taken off.
        net: all lines, after discounts and voucher.
        service_fee: all makers' fees.
        total: what is owed.
        local_currency: the garage's own, ``None`` where it is the one charged in.
        local_rate: what one unit of ``currency`` was worth in it on the day.
        voucher_id: the voucher used.
        voucher_code: its code.
        connection_id: milliseconds since 1970 when the connection was asked for.
        connection_uuid: name of the connection.
        operator_id: client id of who serves it.
        chat_state: 0.
        cancelled_reason: 0 unless cancelled.
        odometer_reading: kilometres, noted at the end.
        created_at: UTC, like all times.
        updated_at: last change.
        started_at: service began.
        finished_at: closed or cancelled.
        held_until: ordered during a schedule of the service centre: not to be served before.
        lines: in the order they were asked for.
    """

    id: int
    uuid: UUID
    tenant_id: int
    provider_id: int
    connector_id: int | None
    connector_uuid: UUID | None
    created_by: UUID | None
    state: TicketState
    vin: str
    model_id: int
    variant_id: int
    vehicle: tuple[str, ...]
    reference: str
    client_metadata: dict[str, Any]  # JSON by nature: whatever portals tell of themselves
    confirmed_unattended_service: bool
    currency: str
    gross: Decimal
    net: Decimal
    service_fee: Decimal
    total: Decimal
    local_currency: str | None
    local_rate: Decimal | None
    voucher_id: int | None
    voucher_code: str | None
    connection_id: int
    connection_uuid: UUID
    operator_id: str | None
    chat_state: int
    cancelled_reason: int
    odometer_reading: int | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    held_until: datetime | None
    lines: tuple[TicketLine, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it occupies its connector."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Note:
    """Something written on a ticket."""

    id: UUID
    ticket_id: int
    author: str
    value: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ServicedVehicle:
    """A vehicle the garage had served, and when last."""

    vin: str
    make_id: int
    make_name: str
    model_group_id: int
    model_group_name: str
    model_id: int
    model_name: str
    variant_id: int
    variant_name: str
    last_serviced_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a ticket's state, for its history.

    Attributes:
        type: last word of the event's type: created, started, closed, cancelled.
        to_state: where it leads.
        actor: ``user:UUID`` or ``operator:CLIENT``.
        at: UTC.
    """

    type: str
    to_state: TicketState
    actor: str
    at: datetime
