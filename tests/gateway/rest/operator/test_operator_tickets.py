from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.domain.ticket import TicketState
from tests.gateway.operators import MINE, Floor, uuid_of
from tests.gateway.workshops import GOLF

pytestmark = pytest.mark.slow


async def serve(floor: Floor) -> int:
    """Order and begin to serve a ticket; return its number."""
    await floor.plug_in()
    ticket = await floor.order()
    await floor.done("POST", "/sessions", {"ticket_id": ticket.id}, status=201)
    return ticket.id


async def test_a_ticket_is_shown_whole(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    shown = await floor.done("GET", f"/tickets/{ticket.id}")
    assert shown["state"] == "pending"
    assert shown["uuid"] == str(ticket.uuid)
    assert (shown["connector_id"], shown["connector_uuid"]) == (MINE, str(uuid_of(MINE)))
    assert (shown["vin"], shown["vehicle"][0]) == (GOLF, "Volkswagen")
    assert [line["item_number"] for line in shown["products"]] == ["100203"]
    assert Decimal(shown["total"]) == ticket.total
    assert shown["currency"] == "EUR"
    assert (shown["operator_id"], shown["finished_at"]) == (None, None)


async def test_lists_are_by_state_and_page(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    for query, total in (("", 1), ("?state=pending", 1), ("?state=closed, cancelled", 0)):
        found = await floor.done("GET", f"/tickets{query}")
        assert (found["total"], len(found["result"])) == (total, total)
    counted = await floor.done("GET", "/tickets?limit=0")
    assert (counted["total"], counted["result"], counted["limit"]) == (1, [], 0)
    beyond = await floor.done("GET", "/tickets?offset=1")
    assert (beyond["total"], beyond["result"], beyond["offset"]) == (1, [], 1)
    assert (await floor.done("GET", "/tickets", token="far"))["total"] == 0
    await floor.done("POST", f"/tickets/{ticket.id}/cancel", {"reason": 3})
    assert (await floor.done("GET", "/tickets"))["total"] == 0
    assert (await floor.done("GET", "/tickets?state=cancelled"))["total"] == 1


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("state=lost", "ticket.state", "state"),
        ("state=pending,", "ticket.state", "state"),
        ("limit=1001", "parameter.invalid", "limit"),
        ("limit=ten", "parameter.invalid", "limit"),
        ("offset=-1", "parameter.invalid", "offset"),
    ],
)
async def test_bad_lists_are_refused(floor: Floor, query: str, code: str, field: str) -> None:
    problem = await floor.refused("GET", f"/tickets?{query}", status=400, code=code)
    assert problem["field"] == field


async def test_closing_ends_ticket_and_sessions(floor: Floor) -> None:
    number = await serve(floor)
    body = {"note": "All faults cleared.", "odometer_reading": 84_213}
    closed = await floor.done("POST", f"/tickets/{number}/close", body)
    assert (closed["state"], closed["operator_id"]) == ("closed", "op-1")
    assert closed["finished_at"] is not None
    assert (await floor.done("GET", "/sessions"))["total"] == 0
    await floor.refused(
        "POST", f"/tickets/{number}/close", body, status=409, code="ticket.wrong_state"
    )
    assert (await floor.open_session())["lease"] == "writer"


async def test_a_closed_ticket_leaves_other_sessions_alone(floor: Floor) -> None:
    number = await serve(floor)
    other = await floor.open_session(token="mate")
    await floor.done("POST", f"/tickets/{number}/close", {})
    assert (await floor.done("GET", f"/sessions/{other['id']}", token="mate"))["state"] == "active"


async def test_cancelling_ends_the_sessions_too(floor: Floor) -> None:
    number = await serve(floor)
    cancelled = await floor.done("POST", f"/tickets/{number}/cancel", {"reason": 2})
    assert cancelled["state"] == "cancelled"
    assert (await floor.done("GET", "/sessions"))["total"] == 0


async def test_only_who_serves_a_ticket_ends_it(floor: Floor) -> None:
    number = await serve(floor)
    for what in ("close", "cancel"):
        await floor.refused(
            "POST",
            f"/tickets/{number}/{what}",
            {},
            status=409,
            code="ticket.served_by_another",
            token="mate",
        )
    left = await floor.tickets.require(floor.workshop.operator, number)
    assert left.state is TicketState.IN_PROGRESS
    assert (await floor.done("GET", "/sessions"))["total"] == 1


async def test_a_pending_ticket_cannot_be_closed(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    await floor.refused(
        "POST", f"/tickets/{ticket.id}/close", {}, status=409, code="ticket.wrong_state"
    )


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("close", {"note": "x" * 10_001}, "ticket.note_too_long"),
        ("close", {"odometer_reading": -1}, "ticket.odometer_invalid"),
        ("close", {"odometer_reading": 10_000_000}, "ticket.odometer_invalid"),
        ("close", {"odometer_reading": "84213"}, "body.field"),
        ("close", {"report": "done"}, "body.field"),
        ("close", None, "body.missing"),
        ("cancel", {"reason": 0}, "body.field"),
        ("cancel", {"reason": 32_768}, "body.field"),
        ("cancel", None, "body.missing"),
    ],
)
async def test_bad_endings_change_nothing(
    floor: Floor, what: str, body: dict[str, object] | None, code: str
) -> None:
    number = await serve(floor)
    await floor.refused("POST", f"/tickets/{number}/{what}", body, status=400, code=code)
    left = await floor.tickets.require(floor.workshop.operator, number)
    assert (left.state, left.odometer_reading) == (TicketState.IN_PROGRESS, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/tickets/{}"), ("POST", "/tickets/{}/close"), ("POST", "/tickets/{}/cancel")],
)
async def test_tickets_out_of_reach_are_unknown(floor: Floor, method: str, path: str) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    body: dict[str, object] | None = None if method == "GET" else {}
    for number, token in ((ticket.id, "far"), (ticket.id + 1, "op"), (2**63 - 1, "op")):
        await floor.refused(
            method, path.format(number), body, status=404, code="ticket.unknown", token=token
        )
    for number in (2**63, 10**30, -1):
        await floor.refused(method, path.format(number), body, status=404, code="http.not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tickets"),
        ("GET", "/tickets/1"),
        ("POST", "/tickets/1/close"),
        ("POST", "/tickets/1/cancel"),
    ],
)
async def test_nobody_gets_in_without_a_token(floor: Floor, method: str, path: str) -> None:
    await floor.refused(method, path, {}, status=401, code="token.missing", token=None)
