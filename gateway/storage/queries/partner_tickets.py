"""Tickets as a service provider sees them: its own, and those it was given to serve.

A ticket has a state for whoever looks: for its own provider that of the ticket, for the one it was
given to that of the request.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, insert, or_, select, update

from gateway.domain.ticket import TicketState
from gateway.storage.queries import outsources
from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.identity import connector
from gateway.storage.tables.partner import ticket_outsource, ticket_remark
from gateway.storage.tables.tickets import ticket

#: States as providers spell them.
STATES = {state.name.lower(): state for state in TicketState}

#: States that a ticket can have for whom it was given to.
_GIVEN = frozenset({outsources.PENDING, outsources.IN_PROGRESS, outsources.CLOSED})


@dataclass(frozen=True, slots=True)
class Remark:
    """A provider's own words on a ticket; fields as in the table."""

    external_reference: str | None = None
    preparer_external_reference: str | None = None
    operator_reference: str | None = None
    externally_processed: bool = False
    vehicle_battery_voltage: str | None = None


@dataclass(frozen=True, slots=True)
class PartnerTicket:
    """A ticket as one provider sees it.

    Attributes:
        number: what people know it by.
        uuid: the same for machines; also the name of its channel.
        state: for this provider.
        tenant_id: the garage.
        connector_uuid: the connector at the vehicle; ``None`` only while prepared.
        outsource_id: the request it was given away or got with.
        outsource_provider_id: who was asked.
        outsource_state: how far that has come.
        source_provider_id: who asked, where it is not this provider's own.
        remark: this provider's words on it.
    """

    number: int
    uuid: UUID
    state: str
    tenant_id: int
    connector_uuid: UUID | None
    connection_uuid: UUID
    reference: str
    operator_id: str | None
    cancelled_reason: int
    model_id: int
    vin: str
    voucher_code: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    held_until: datetime | None
    outsource_id: UUID | None
    outsource_provider_id: int | None
    outsource_state: str | None
    source_provider_id: int | None
    remark: Remark


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets; ``None`` does not narrow.

    Attributes:
        states: names of states.
        customer_id: the garage.
        number: the ticket's.
        externally_processed: marked so by this provider.
        created_after: UTC.
        created_before: UTC.
    """

    states: Collection[str]
    customer_id: int | None = None
    number: int | None = None
    externally_processed: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def listed(
    connection: Connection, provider_id: int, wanted: Wanted, *, offset: int, limit: int
) -> Page[PartnerTicket]:
    """Return tickets of a provider, oldest first."""
    query = _tickets(provider_id).where(_in_states(provider_id, wanted.states))
    for condition in _narrowed(wanted):
        query = query.where(condition)
    query = query.order_by(ticket.c.id)
    return fetch_page(
        connection, query, lambda row: _ticket(row, provider_id), offset=offset, limit=limit
    )


def find(
    connection: Connection, provider_id: int, uuid: UUID, states: Collection[str] = tuple(STATES)
) -> PartnerTicket | None:
    """Return a ticket of a provider that is in one of these states for it."""
    query = _tickets(provider_id).where(ticket.c.uuid == uuid, _in_states(provider_id, states))
    row = connection.execute(query).one_or_none()
    return None if row is None else _ticket(row, provider_id)


# Any: values of columns of different types.
def remark(connection: Connection, provider_id: int, number: int, changes: dict[str, Any]) -> None:
    """Change a provider's own words on a ticket; what is not named stays."""
    key = {"ticket_id": number, "provider_id": provider_id}
    same = and_(*(ticket_remark.c[name] == value for name, value in key.items()))
    if not changes:
        return
    changed = connection.execute(update(ticket_remark).where(same).values(changes))
    if not changed.rowcount:
        connection.execute(insert(ticket_remark).values(key | changes))


# Any, here and below: a row's type is that of the columns selected.
def _tickets(provider_id: int) -> Select[Any]:
    remarks = [ticket_remark.c[name] for name in Remark.__dataclass_fields__]
    return (
        select(
            ticket,
            connector.c.uuid.label("connector_uuid"),
            ticket_outsource.c.id.label("outsource_id"),
            ticket_outsource.c.provider_id.label("outsource_provider_id"),
            ticket_outsource.c.state.label("outsource_state"),
            *remarks,
        )
        .outerjoin(connector, connector.c.id == ticket.c.connector_id)
        .outerjoin(
            ticket_outsource,
            and_(
                ticket_outsource.c.ticket_id == ticket.c.id,
                ticket_outsource.c.state != outsources.CANCELLED,
            ),
        )
        .outerjoin(
            ticket_remark,
            and_(
                ticket_remark.c.ticket_id == ticket.c.id,
                ticket_remark.c.provider_id == provider_id,
            ),
        )
    )


def _in_states(provider_id: int, states: Collection[str]) -> ColumnElement[bool]:
    numbers = sorted(int(STATES[name]) for name in states)
    own = and_(ticket.c.provider_id == provider_id, ticket.c.state.in_(numbers))
    given = and_(
        ticket_outsource.c.provider_id == provider_id,
        ticket_outsource.c.state.in_(sorted(_GIVEN.intersection(states))),
    )
    return or_(own, given)


def _narrowed(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.customer_id is not None:
        conditions.append(ticket.c.tenant_id == wanted.customer_id)
    if wanted.number is not None:
        conditions.append(ticket.c.id == wanted.number)
    if wanted.created_after is not None:
        conditions.append(ticket.c.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(ticket.c.created_at < wanted.created_before)
    if wanted.externally_processed is not None:
        is_set = ticket_remark.c.externally_processed.is_(True)
        # Nothing remarked means not processed.
        unset = or_(ticket_remark.c.ticket_id.is_(None), ~is_set)
        conditions.append(is_set if wanted.externally_processed else unset)
    return conditions


def _ticket(row: Row[Any], provider_id: int) -> PartnerTicket:
    is_own = row.provider_id == provider_id
    served_elsewhere = is_own and row.outsource_id is not None
    said = {name: getattr(row, name) for name in Remark.__dataclass_fields__}
    said["externally_processed"] = bool(said["externally_processed"])
    return PartnerTicket(
        number=row.id,
        uuid=row.uuid,
        state=TicketState(row.state).name.lower() if is_own else row.outsource_state,
        tenant_id=row.tenant_id,
        connector_uuid=row.connector_uuid,
        connection_uuid=row.connection_uuid,
        reference=row.reference,
        operator_id=None if served_elsewhere else row.operator_id,
        cancelled_reason=row.cancelled_reason,
        model_id=row.model_id,
        vin=row.vin,
        voucher_code=row.voucher_code,
        created_at=row.created_at,
        updated_at=row.updated_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        held_until=row.held_until,
        outsource_id=row.outsource_id,
        outsource_provider_id=row.outsource_provider_id,
        outsource_state=row.outsource_state,
        source_provider_id=None if is_own else row.provider_id,
        remark=Remark(**said),
    )
