"""What others are told of a ticket: events written in the transaction that changes it.

Every payload holds ``ticket_id``, ``uuid``, ``tenant_id``, ``connector_id``, ``connector_uuid``
(both ``None`` while prepared), ``state`` (its name), ``vin``, ``vehicle`` (make, model_group,
model, variant), ``reference`` and ``held_until`` (``None`` unless ordered during a schedule of the
service centre). A closed one adds what the back office needs:

    note, odometer_reading, started_at, finished_at, operator_id
    currency, lines, total     money as text, lines add up to total

A maker's service fee is a line of its own behind the line it came with, under item number
``SERVICE-FEE`` and the same product id.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from gateway.domain.events import Event
from gateway.storage.queries.ticket_records import Step, Ticket

#: Item number of the line that passes a maker's fee on.
SERVICE_FEE = "SERVICE-FEE"


def ticket_event(ticket: Ticket, step: Step, note: str = "") -> Event:
    """Return the event of a step; the type is ``tickets.ticket.`` and the step's."""
    payload: dict[str, object] = {
        "ticket_id": ticket.id,
        "uuid": str(ticket.uuid),
        "tenant_id": ticket.tenant_id,
        "connector_id": ticket.connector_id,
        "connector_uuid": None if ticket.connector_uuid is None else str(ticket.connector_uuid),
        "state": ticket.state.name.lower(),
        "vin": ticket.vin,
        "vehicle": dict(
            zip(("make", "model_group", "model", "variant"), ticket.vehicle, strict=True)
        ),
        "reference": ticket.reference,
        "held_until": None if ticket.held_until is None else ticket.held_until.isoformat(),
    }
    if step.type == "closed":
        payload |= _settlement(ticket, note)
    return Event(
        type=f"tickets.ticket.{step.type}",
        subject=f"ticket:{ticket.id}",
        tenant_id=ticket.tenant_id,
        payload=payload,
        occurred_at=step.at,
    )


def _settlement(ticket: Ticket, note: str) -> dict[str, object]:
    return {
        "note": note,
        "odometer_reading": ticket.odometer_reading,
        "operator_id": ticket.operator_id,
        "started_at": ticket.started_at.isoformat() if ticket.started_at else None,
        "finished_at": ticket.finished_at.isoformat() if ticket.finished_at else None,
        "currency": ticket.currency,
        "lines": list(_lines(ticket)),
        "total": str(ticket.total),
    }


def _lines(ticket: Ticket) -> Iterator[dict[str, object]]:
    for line in ticket.lines:
        yield _line(
            line.product_id, line.item_number, line.name, line.quantity, line.gross, line.net
        )
        if line.service_fee:
            fee = line.service_fee
            name = f"Original equipment service fee, {ticket.vehicle[0]}"
            yield _line(line.product_id, SERVICE_FEE, name, 1, fee, fee)


def _line(
    product_id: int, item_number: str, name: str, quantity: int, gross: Decimal, net: Decimal
) -> dict[str, object]:
    return {
        "product_id": product_id,
        "item_number": item_number,
        "name": name,
        "quantity": quantity,
        "gross": str(gross),
        "net": str(net),
    }
