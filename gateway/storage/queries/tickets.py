"""Find tickets, their notes and their history. Writing them is ``ticket_changes``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, not_, select

from gateway.domain.money import ReductionKind
from gateway.domain.ticket import OPEN_STATES, TicketState
from gateway.storage.queries.outsources import served_by
from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.queries.ticket_records import (
    FINISHED_STATES,
    LineDiscount,
    Note,
    ServicedVehicle,
    Step,
    Ticket,
    TicketLine,
)
from gateway.storage.tables.catalogue import make, model, model_group, variant
from gateway.storage.tables.identity import connector
from gateway.storage.tables.tickets import ticket, ticket_event, ticket_line, ticket_note

#: Fields of a ticket that are columns of the same name.
PLAIN_COLUMNS = tuple(
    column.name
    for column in ticket.columns
    if column.name in Ticket.__dataclass_fields__ and column.name not in {"id", "state", "vehicle"}
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Narrows a list to tickets that are held at a moment, or to those that are not."""

    now: datetime
    held: bool


def find(
    connection: Connection,
    ticket_id: int,
    *,
    tenant_id: int | None = None,
    provider_id: int | None = None,
) -> Ticket | None:
    """Return a ticket of this garage, or one this provider serves; foreign ones are not there."""
    query = _tickets().where(ticket.c.id == ticket_id)
    if tenant_id is not None:
        query = query.where(ticket.c.tenant_id == tenant_id)
    if provider_id is not None:
        query = query.where(served_by(provider_id))
    return _one(connection, query)


def find_prepared(connection: Connection, tenant_id: int, uuid: UUID) -> Ticket | None:
    """Return a ticket that was prepared for this garage and not ordered yet."""
    query = _tickets().where(
        ticket.c.uuid == uuid,
        ticket.c.tenant_id == tenant_id,
        ticket.c.state == int(TicketState.PREPARED),
    )
    return _one(connection, query)


def find_by_connection(connection: Connection, tenant_id: int, uuid: UUID) -> Ticket | None:
    """Return the ticket of this garage that a connection was made for."""
    query = _tickets().where(ticket.c.connection_uuid == uuid, ticket.c.tenant_id == tenant_id)
    return _one(connection, query)


def open_on(connection: Connection, connector_id: int) -> Ticket | None:
    """Return the open ticket of a connector."""
    query = _tickets().where(ticket.c.connector_id == connector_id, _in_states(OPEN_STATES))
    return _one(connection, query)


def open_for(connection: Connection, tenant_id: int, connector_id: int) -> Ticket | None:
    """Return the garage's open ticket on a connector that is in use and still its own."""
    query = _tickets().where(
        ticket.c.connector_id == connector_id,
        ticket.c.tenant_id == tenant_id,
        connector.c.tenant_id == tenant_id,
        connector.c.disabled_at.is_(None),
        _in_states(OPEN_STATES),
    )
    return _one(connection, query)


def history(
    connection: Connection,
    tenant_id: int,
    *,
    vin: str | None,
    connector_id: int | None,
    offset: int,
    limit: int,
) -> Page[Ticket]:
    """Return finished tickets of a garage, newest first."""
    query = _tickets().where(ticket.c.tenant_id == tenant_id, _in_states(FINISHED_STATES))
    if vin is not None:
        query = query.where(ticket.c.vin == vin)
    if connector_id is not None:
        query = query.where(ticket.c.connector_id == connector_id)
    query = query.order_by(ticket.c.finished_at.desc(), ticket.c.id.desc())
    return _page(connection, query, offset, limit)


def prepared(
    connection: Connection, tenant_id: int, vin: str, *, offset: int, limit: int
) -> Page[Ticket]:
    """Return what was prepared for a vehicle, newest first."""
    query = _tickets().where(
        ticket.c.tenant_id == tenant_id,
        ticket.c.vin == vin,
        ticket.c.state == int(TicketState.PREPARED),
    )
    return _page(connection, query.order_by(ticket.c.id.desc()), offset, limit)


def in_states(
    connection: Connection,
    provider_id: int,
    states: Collection[TicketState],
    *,
    waiting: Waiting | None = None,
    offset: int,
    limit: int,
) -> Page[Ticket]:
    """Return a provider's tickets in these states, oldest first: the next to serve leads."""
    query = _tickets().where(ticket.c.provider_id == provider_id, _in_states(states))
    if waiting is not None:
        held = and_(ticket.c.held_until.is_not(None), ticket.c.held_until > waiting.now)
        query = query.where(held if waiting.held else not_(held))
    return _page(connection, query.order_by(ticket.c.id), offset, limit)


def serviced_vehicles(
    connection: Connection, tenant_id: int, *, offset: int, limit: int
) -> Page[ServicedVehicle]:
    """Return the vehicles of closed tickets, the latest served first, each VIN once."""
    newest = (
        select(func.max(ticket.c.id).label("id"))
        .where(ticket.c.tenant_id == tenant_id, ticket.c.state == int(TicketState.CLOSED))
        .group_by(ticket.c.vin)
        .subquery()
    )
    query = (
        select(
            ticket.c.vin,
            ticket.c.finished_at,
            make.c.id.label("make_id"),
            make.c.name.label("make_name"),
            model_group.c.id.label("group_id"),
            model_group.c.name.label("group_name"),
            model.c.id.label("model_id"),
            model.c.name.label("model_name"),
            variant.c.id.label("variant_id"),
            variant.c.name.label("variant_name"),
        )
        .join(newest, newest.c.id == ticket.c.id)
        .join(variant, variant.c.id == ticket.c.variant_id)
        .join(model, model.c.id == variant.c.model_id)
        .join(model_group, model_group.c.id == model.c.model_group_id)
        .join(make, make.c.id == model_group.c.make_id)
        .order_by(ticket.c.finished_at.desc(), ticket.c.id.desc())
    )
    return fetch_page(connection, query, _serviced, offset=offset, limit=limit)


def notes(connection: Connection, ticket_id: int, *, offset: int, limit: int) -> Page[Note]:
    """Return the notes of a ticket, oldest first."""
    query = select(ticket_note).where(ticket_note.c.ticket_id == ticket_id)
    query = query.order_by(ticket_note.c.created_at, ticket_note.c.id)
    return fetch_page(connection, query, _note, offset=offset, limit=limit)


def steps(connection: Connection, ticket_id: int) -> tuple[Step, ...]:
    """Return what happened to a ticket, in order."""
    rows = connection.execute(
        select(ticket_event)
        .where(ticket_event.c.ticket_id == ticket_id)
        .order_by(ticket_event.c.id)
    )
    return tuple(
        Step(row.type, TicketState(row.to_state), row.actor, row.occurred_at) for row in rows
    )


# Any, here and below: a row's type is that of the columns selected.
def _tickets() -> Select[Any]:
    return select(ticket, connector.c.uuid.label("connector_uuid")).outerjoin(
        connector, connector.c.id == ticket.c.connector_id
    )


def _in_states(states: Collection[TicketState]) -> ColumnElement[bool]:
    return ticket.c.state.in_(sorted(int(state) for state in states))


def _one(connection: Connection, query: Select[Any]) -> Ticket | None:
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return _ticket(row, _lines(connection, [row.id]).get(row.id, []))


def _page(connection: Connection, query: Select[Any], offset: int, limit: int) -> Page[Ticket]:
    rows = fetch_page(connection, query, lambda row: row, offset=offset, limit=limit)
    lines = _lines(connection, [row.id for row in rows.items])
    return Page(tuple(_ticket(row, lines.get(row.id, [])) for row in rows.items), rows.total)


def _lines(connection: Connection, ticket_ids: Sequence[int]) -> dict[int, list[TicketLine]]:
    rows = connection.execute(
        select(ticket_line)
        .where(ticket_line.c.ticket_id.in_(ticket_ids))
        .order_by(ticket_line.c.ticket_id, ticket_line.c.position)
    )
    found: dict[int, list[TicketLine]] = {}
    for row in rows:
        found.setdefault(row.ticket_id, []).append(_line(row))
    return found


def _line(row: Row[Any]) -> TicketLine:
    return TicketLine(
        product_id=row.product_id,
        item_number=row.item_number,
        name=row.name,
        description=row.description,
        is_unattended=row.is_unattended,
        quantity=row.quantity,
        gross=row.gross,
        net=row.net,
        service_fee=row.service_fee,
        discounts=tuple(_discount_from_json(one) for one in row.discounts),
    )


def _ticket(row: Row[Any], lines: Sequence[TicketLine]) -> Ticket:
    plain = {name: getattr(row, name) for name in PLAIN_COLUMNS}
    return Ticket(
        id=row.id,
        state=TicketState(row.state),
        vehicle=tuple(row.vehicle),
        connector_uuid=row.connector_uuid,
        lines=tuple(lines),
        **plain,
    )


def _note(row: Row[Any]) -> Note:
    return Note(row.id, row.ticket_id, row.author, row.value, row.created_at, row.updated_at)


def _serviced(row: Row[Any]) -> ServicedVehicle:
    return ServicedVehicle(
        vin=row.vin,
        make_id=row.make_id,
        make_name=row.make_name,
        model_group_id=row.group_id,
        model_group_name=row.group_name,
        model_id=row.model_id,
        model_name=row.model_name,
        variant_id=row.variant_id,
        variant_name=row.variant_name,
        last_serviced_at=row.finished_at,
    )


def _discount_from_json(one: dict[str, Any]) -> LineDiscount:
    percentage = None if one["percentage"] is None else Decimal(one["percentage"])
    kind = ReductionKind(one["kind"])
    return LineDiscount(one["description"], kind, percentage, Decimal(one["amount"]))
