"""Tickets by state, and what a provider does with them: join, close, cancel, outsource, reclaim.

Every state has a list of its own beside the one of all; an item of a list is found there only
while it is in that state. What a provider says of a ticket itself (references, voltage, whether
its own systems have taken it in) is kept for it alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    created,
    existing,
    guarded,
    listing,
    moment,
    moment_in_query,
    uuid_in_path,
)
from gateway.rest.partner.outsources import outsource_shape
from gateway.sessions.session import EndReason
from gateway.storage.queries import outsources, partner_tickets
from gateway.storage.queries.partner_tickets import STATES, PartnerTicket, Wanted
from gateway.tickets.life import Report
from gateway.web import parameters
from gateway.web.bodies import RowId, from_json, read_json
from gateway.web.paging import page_from

Text = Annotated[str, msgspec.Meta(max_length=255)]

#: Last part of a list's address -> states of the tickets in it.
LISTS: dict[str, tuple[str, ...]] = {
    "tickets": tuple(STATES),
    "prepared-tickets": ("prepared",),
    "pending-tickets": ("pending",),
    "in-progress-tickets": ("in_progress",),
    "outsourced-tickets": ("outsourced",),
    "closed-tickets": ("closed",),
    "cancelled-tickets": ("cancelled",),
}


class RemarkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``PUT /tickets/{id}``: what a provider says of a ticket; absent members stay."""

    external_reference: Text | msgspec.UnsetType | None = msgspec.UNSET
    preparer_external_reference: Text | msgspec.UnsetType | None = msgspec.UNSET
    operator_reference: Text | msgspec.UnsetType | None = msgspec.UNSET
    externally_processed: bool | msgspec.UnsetType = msgspec.UNSET
    vehicle_battery_voltage: Literal["12v", "24v"] | msgspec.UnsetType | None = msgspec.UNSET


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /tickets/{id}/close``: what was done, and the odometer in kilometres."""

    note: str = ""
    odometer_reading: int | None = None
    vehicle_battery_voltage: Literal["12v", "24v"] | None = None


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /tickets/{id}/cancel``."""

    cancel_reason_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class OutsourceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /tickets/{id}/outsource``: who is to serve it."""

    provider_id: RowId


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes of tickets below ``/partner/v2/tickets``."""
    routes = guarded(door, "partner_tickets")
    for name, states in LISTS.items():
        _add_list(routes, door, name, states)
    _add_remarks(routes, door)
    _add_actions(routes, door)
    return routes


def _add_list(routes: Blueprint, door: PartnerDoor, name: str, states: tuple[str, ...]) -> None:
    async def list_tickets() -> Response:
        page = page_from(request.args, door.pages)
        wanted, query = _wanted(states)
        found = await door.database.read(
            partner_tickets.listed,
            caller().provider_id,
            wanted,
            offset=page.offset,
            limit=page.limit,
        )
        return listing(query, found, ticket_shape, page)

    async def get_ticket(ticket_id: str) -> Response:
        return jsonify(ticket_shape(await _find(door, ticket_id, states)))

    path = f"/tickets/{name}"
    routes.add_url_rule(path, f"list_{name}", list_tickets, methods=["GET"])
    routes.add_url_rule(f"{path}/<ticket_id>", f"get_{name}", get_ticket, methods=["GET"])


def _add_remarks(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.put("/tickets/tickets/<ticket_id>")
    @routes.put("/tickets/prepared-tickets/<ticket_id>")
    @routes.put("/tickets/closed-tickets/<ticket_id>")
    async def change_ticket(ticket_id: str) -> Response:
        states = LISTS[request.path.split("/")[-2]]
        ticket = await _find(door, ticket_id, states)
        body = await read_json(request, RemarkBody)
        await _remark(door, ticket, body)
        return jsonify(ticket_shape(await _find(door, ticket_id, states)))


def _add_actions(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.post("/tickets/tickets/<ticket_id>/join")
    async def join(ticket_id: str) -> Response:
        ticket = await _find(door, ticket_id)
        await door.tickets.begin(caller(), ticket.number)
        return await _again(door, ticket)

    @routes.post("/tickets/tickets/<ticket_id>/close")
    async def close(ticket_id: str) -> Response:
        ticket = await _find(door, ticket_id)
        body = await _optional(CloseBody)
        report = Report(body.note, body.odometer_reading)
        await door.tickets.close(caller(), ticket.number, report)
        await door.sessions.end_ticket(ticket.number)
        if body.vehicle_battery_voltage is not None:
            remark = RemarkBody(vehicle_battery_voltage=body.vehicle_battery_voltage)
            await _remark(door, ticket, remark)
        return await _again(door, ticket)

    @routes.post("/tickets/tickets/<ticket_id>/cancel")
    async def cancel(ticket_id: str) -> Response:
        ticket = await _find(door, ticket_id)
        body = await read_json(request, CancelBody)
        moved = await door.tickets.cancel(caller(), ticket.number, body.cancel_reason_id)
        await door.sessions.end_ticket(ticket.number)
        if moved.provider_id != caller().provider_id:
            # It went back to whom it came from, and is no business of this provider any more.
            return jsonify({**ticket_shape(ticket), "state": "cancelled"})
        return await _again(door, ticket)

    @routes.post("/tickets/tickets/<ticket_id>/outsource")
    async def outsource(ticket_id: str) -> Response:
        ticket = await _find(door, ticket_id)
        body = await read_json(request, OutsourceBody)
        operator = caller()
        _, asked = await door.tickets.outsource(operator, ticket.number, body.provider_id)
        await _end_own(door, operator, ticket.number)
        return created(outsource_shape(asked, ticket.uuid, operator.provider_id))

    @routes.post("/tickets/tickets/<ticket_id>/reclaim")
    async def reclaim(ticket_id: str) -> Response:
        ticket = await _find(door, ticket_id)
        await door.tickets.reclaim(caller(), ticket.number)
        return await _again(door, ticket)


async def _end_own(door: PartnerDoor, operator: OperatorPrincipal, number: int) -> None:
    """End the operator's own sessions on a ticket; the other provider may have begun already."""
    for session in door.sessions.of(operator):
        if session.ticket_id == number:
            await door.sessions.end(session, EndReason.TICKET)


def _wanted(states: tuple[str, ...]) -> tuple[Wanted, Json]:
    """Return what the query asks for, and the same as it was applied."""
    named = request.args.get("state")
    if named and len(states) > 1:
        states = _states(named)
    wanted = Wanted(
        states,
        customer_id=parameters.integer(request.args, "customer_id"),
        number=parameters.integer(request.args, "ticket_number"),
        externally_processed=parameters.flag(request.args, "externally_processed"),
        created_after=moment_in_query("created_after"),
        created_before=moment_in_query("created_before"),
    )
    query: Json = {
        "state": ",".join(states) if named else None,
        "customer_id": wanted.customer_id,
        "ticket_number": wanted.number,
        "externally_processed": wanted.externally_processed,
        "created_after": moment(wanted.created_after),
        "created_before": moment(wanted.created_before),
    }
    return wanted, query


def _states(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in STATES:
            detail = f"There is no ticket state {name!r:.40}; the states are {', '.join(STATES)}."
            raise Invalid("ticket.state", detail, field="state")
    return tuple(dict.fromkeys(names))


async def _find(
    door: PartnerDoor, ticket_id: str, states: tuple[str, ...] = tuple(STATES)
) -> PartnerTicket:
    uuid = uuid_in_path(ticket_id, "ticket")
    found = await door.database.read(partner_tickets.find, caller().provider_id, uuid, states)
    return existing(found, "ticket")


async def _again(door: PartnerDoor, ticket: PartnerTicket) -> Response:
    return jsonify(ticket_shape(await _find(door, str(ticket.uuid))))


async def _remark(door: PartnerDoor, ticket: PartnerTicket, body: RemarkBody) -> None:
    # What was not sent is not among the members.
    changes = msgspec.to_builtins(body)
    await door.database.write(partner_tickets.remark, caller().provider_id, ticket.number, changes)


async def _optional(kind: type[CloseBody]) -> CloseBody:
    data = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    return from_json(data, kind) if data.strip() else kind()


def ticket_shape(ticket: PartnerTicket) -> Json:
    """Return a ticket as providers see it; its channel has its id."""
    is_cancelled = ticket.state == "cancelled"
    shown: Json = {
        "id": str(ticket.uuid),
        "ticket_number": ticket.number,
        "state": ticket.state,
        "customer_id": ticket.tenant_id,
        "customer_reference": ticket.reference,
        "customer_connector_id": _text(ticket.connector_uuid),
        "customer_channel_id": None if ticket.state == "prepared" else str(ticket.uuid),
        "connection_id": str(ticket.connection_uuid),
        "operator_id": ticket.operator_id,
        "operator_channel_id": None,
        "cancel_reason_id": ticket.cancelled_reason if is_cancelled else None,
        "vehicle_model_id": ticket.model_id,
        "vin": ticket.vin,
        "voucher_code": ticket.voucher_code,
        "created_at": moment(ticket.created_at),
        "updated_at": moment(ticket.updated_at),
        "assigned_at": moment(ticket.started_at),
        "service_started_at": moment(ticket.started_at),
        "finished_at": moment(ticket.finished_at),
        "held_until": moment(ticket.held_until),
        "source_provider_id": ticket.source_provider_id,
        **msgspec.to_builtins(ticket.remark),
    }
    return shown | _outsourced(ticket)


def _outsourced(ticket: PartnerTicket) -> Json:
    """Return where it went; who got it sees only where it came from."""
    given = ticket.source_provider_id is None and ticket.outsource_id is not None
    waits = ticket.outsource_state == outsources.PENDING
    return {
        "outsourced": given,
        "outsource_id": _text(ticket.outsource_id),
        "outsource_provider_id": ticket.outsource_provider_id if given else None,
        "outsource_ticket_id": str(ticket.uuid) if given else None,
        "reclaimable": given and waits,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
