from __future__ import annotations

from datetime import datetime

import pytest
import trio

from gateway.domain.ticket import TicketState
from gateway.rest.operator import sessions
from gateway.rest.operator.sessions import OpenSession
from protocols.link.messages import (
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    SessionClose,
    SessionOpen,
)
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, IsoTpOptions
from tests.gateway.operators import ENGINE, MINE, SECOND, Floor, uuid_of

pytestmark = pytest.mark.slow

NOWHERE = "0" * 32


async def test_a_session_on_a_connector_holds_the_lease(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    assert session["lease"] == "writer"
    assert (session["state"], session["ticket_id"]) == ("active", None)
    assert session["connector_uuid"] == str(uuid_of(MINE))
    assert session["connector_id"] == MINE
    assert session["ws"] == "ws://localhost/ws/operator"
    opened = datetime.fromisoformat(session["opened_at"])
    expires = datetime.fromisoformat(session["expires_at"])
    assert (expires - opened).total_seconds() == floor.sessions.limits.lifetime
    assert device.of(SessionOpen) == [SessionOpen(session["id"], True, 30_000)]
    assert await floor.done("GET", f"/sessions/{session['id']}") == session
    assert await floor.done("GET", "/sessions") == {"result": [session], "total": 1}


async def test_an_exchange_goes_to_the_vehicle_and_back(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    path = f"/sessions/{session['id']}/exchanges"
    answer = await floor.done("POST", path, {"ecu": ENGINE, "request": "22 f1 90"})
    (response,) = answer["responses"]
    assert (response["ecu"], response["data"]) == (0x7E8, "62F190")
    assert (response["negative"], response["pending"]) == (None, 0)
    assert datetime.fromisoformat(response["sent_at"]) <= datetime.fromisoformat(
        response["received_at"]
    )
    (asked,) = device.asked()
    assert (asked.target, asked.request) == (CanTarget(0x7E0, 0x7E8), bytes.fromhex("22F190"))
    assert (await floor.done("GET", f"/sessions/{session['id']}"))["exchanges"] == 1


@pytest.mark.parametrize(
    ("ecu", "target"),
    [
        ({"logical_address": "0x1001"}, DoipTarget(0x1001)),
        ({"functional": True}, FunctionalTarget()),
        ({"functional": True, "bus": "fd0"}, FunctionalTarget("fd0")),
        (
            {"request_id": "0x18DA10F1", "response_id": "0x18DAF110"},
            CanTarget(0x18DA10F1, 0x18DAF110, extended=True),
        ),
        (
            {
                "request_id": "0x6F1",
                "response_id": "0x612",
                "addressing": "extended",
                "target_address": "0x12",
                "source_address": "0xF1",
                "padding": "none",
                "stmin": "0xF3",
            },
            CanTarget(
                0x6F1,
                0x612,
                mode="extended",
                target_address=0x12,
                source_address=0xF1,
                isotp=IsoTpOptions(padding=-1, stmin=0xF3),
            ),
        ),
        ({"functional": True, "request_id": "0x700"}, CanTarget(0x700)),
    ],
)
async def test_control_units_are_named_in_every_way(
    floor: Floor, ecu: dict[str, object], target: object
) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    body = {"ecu": ecu, "request": "3E00"}
    await floor.done("POST", f"/sessions/{session['id']}/exchanges", body)
    assert device.asked()[0].target == target


async def test_what_the_vehicle_says_is_told_as_it_is(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    path = f"/sessions/{session['id']}/exchanges"

    def several(request: ExchangeRequest) -> ExchangeResult:
        refusal = ExchangeResponse(0x7E9, bytes.fromhex("7F2231"), 2, 10, 30)
        return ExchangeResult(request.id, (ExchangeResponse(0x7E8, b"\x62", 0, 10, 20), refusal))

    device.answer = several
    answer = await floor.done("POST", path, {"ecu": {"functional": True}, "request": "22F190"})
    assert [one["ecu"] for one in answer["responses"]] == [0x7E8, 0x7E9]
    assert answer["responses"][1]["negative"] == {"code": 0x31, "name": "requestOutOfRange"}
    assert answer["responses"][1]["pending"] == 2
    device.answer = lambda request: ExchangeResult(request.id)
    answer = await floor.done("POST", path, {"ecu": ENGINE, "request": "3E80"})
    assert answer == {"responses": []}


@pytest.mark.parametrize(
    ("failure", "status"),
    [("no_response", 504), ("transport", 504), ("unknown_bus", 400), ("refused", 503)],
)
async def test_a_vehicle_that_does_not_answer_is_no_mistake_of_the_gateway(
    floor: Floor, failure: str, status: int
) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    device.answer = lambda request: ExchangeResult(request.id, failure=failure, detail="so it is")
    problem = await floor.refused(
        "POST",
        f"/sessions/{session['id']}/exchanges",
        {"ecu": ENGINE, "request": "3E00"},
        status=status,
        code=f"vehicle.{failure}",
    )
    assert "so it is" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"ecu": ENGINE, "request": "22F19"}, 400, "exchange.hex", "request"),
        ({"ecu": ENGINE, "request": "xyz0"}, 400, "exchange.hex", "request"),
        ({"ecu": ENGINE, "request": " "}, 400, "exchange.empty", "request"),
        ({"ecu": ENGINE, "request": "00" * 4096}, 413, "exchange.too_large", "request"),
        ({"ecu": {}, "request": "3E00"}, 400, "exchange.ecu", "ecu"),
        (
            {"ecu": {**ENGINE, "functional": True}, "request": "3E00"},
            400,
            "exchange.ecu",
            "response_id",
        ),
        ({"ecu": {"logical_address": 65536}, "request": "3E00"}, 400, "exchange.ecu", None),
        ({"ecu": {"id": 1}, "request": "3E00"}, 400, "body.field", "ecu.id"),
        ({"ecu": ENGINE}, 400, "body.field", "request"),
        ({"ecu": ENGINE, "request": 7}, 400, "body.field", "request"),
        ([], 400, "body.field", None),
    ],
)
async def test_bad_exchanges_never_leave_the_gateway(
    floor: Floor, body: object, status: int, code: str, field: str | None
) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    path = f"/sessions/{session['id']}/exchanges"
    problem = await floor.refused("POST", path, body, status=status, code=code)
    if field is not None:
        assert problem["field"] == field
    assert device.asked() == []
    assert (await floor.done("GET", f"/sessions/{session['id']}"))["exchanges"] == 0


async def test_the_second_session_reads_until_the_first_has_ended(floor: Floor) -> None:
    device = await floor.plug_in()
    first = await floor.open_session()
    second = await floor.open_session(token="mate")
    assert second["lease"] == "reader"
    path = f"/sessions/{second['id']}"
    body = {"ecu": ENGINE, "request": "3E00"}
    for way, sent in ((f"{path}/exchanges", body), (f"{path}/lease", None)):
        await floor.refused("POST", way, sent, status=409, code="session.no_lease", token="mate")
    assert device.asked() == []
    answer = await floor.call("DELETE", f"/sessions/{first['id']}")
    assert answer.status_code == 204
    taken = await floor.done("POST", f"{path}/lease", token="mate")
    assert taken["lease"] == "writer"
    await floor.done("POST", f"{path}/exchanges", body, token="mate")
    assert len(device.asked()) == 1


async def test_an_ended_session_is_gone(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    await floor.call("DELETE", f"/sessions/{session['id']}")
    assert device.of(SessionClose) == [SessionClose(session["id"])]
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/lease"),
        ("POST", "/exchanges"),
    ):
        await floor.refused(
            method, f"/sessions/{session['id']}{path}", status=404, code="session.unknown"
        )
    assert (await floor.done("GET", "/sessions"))["total"] == 0


@pytest.mark.parametrize("token", ["mate", "far"])
async def test_foreign_sessions_look_like_none(floor: Floor, token: str) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/lease"), ("POST", "/exchanges")):
        await floor.refused(
            method,
            f"/sessions/{session['id']}{path}",
            status=404,
            code="session.unknown",
            token=token,
        )
    assert (await floor.done("GET", "/sessions", token=token))["total"] == 0
    assert (await floor.done("GET", f"/sessions/{session['id']}"))["state"] == "active"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "session.subject"),
        ({"connector_uuid": str(uuid_of(MINE)), "ticket_id": 1}, "session.subject"),
        ({"connector_uuid": "golf"}, "body.field"),
        ({"ticket_id": "1"}, "body.field"),
        ({"ticket_id": -1}, "body.field"),
        ({"ticket_id": 2**63}, "body.field"),
        ({"vin": "WVWZZZAUZHP341562"}, "body.field"),
    ],
)
async def test_a_session_needs_one_subject(
    floor: Floor, body: dict[str, object], code: str
) -> None:
    await floor.plug_in()
    await floor.refused("POST", "/sessions", body, status=400, code=code)
    assert (await floor.done("GET", "/sessions"))["total"] == 0


async def test_who_cannot_be_reached_has_no_session(floor: Floor) -> None:
    mine = {"connector_uuid": str(uuid_of(MINE))}
    await floor.refused("POST", "/sessions", mine, status=503, code="connector.offline")
    unknown = {"connector_uuid": str(uuid_of(1))}
    await floor.refused("POST", "/sessions", unknown, status=404, code="connector.unknown")
    await floor.plug_in()
    await floor.refused(
        "POST", "/sessions", mine, status=404, code="connector.unknown", token="far"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions"),
        ("POST", "/sessions"),
        ("GET", f"/sessions/{NOWHERE}"),
        ("DELETE", f"/sessions/{NOWHERE}"),
        ("POST", f"/sessions/{NOWHERE}/lease"),
        ("POST", f"/sessions/{NOWHERE}/exchanges"),
    ],
)
async def test_nobody_gets_in_without_a_token(floor: Floor, method: str, path: str) -> None:
    await floor.refused(method, path, {}, status=401, code="token.missing", token=None)
    await floor.refused(method, path, {}, status=401, code="token.unknown", token="guessed")


async def test_a_session_on_a_ticket_takes_it_into_service(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    session = await floor.done("POST", "/sessions", {"ticket_id": ticket.id}, status=201)
    assert (session["ticket_id"], session["connector_id"]) == (ticket.id, MINE)
    served = await floor.tickets.require(floor.workshop.operator, ticket.id)
    assert (served.state, served.operator_id) == (TicketState.IN_PROGRESS, "op-1")
    # The same operator may open another on it; a colleague may not.
    again = await floor.done("POST", "/sessions", {"ticket_id": ticket.id}, status=201)
    assert again["lease"] == "reader"
    await floor.refused(
        "POST",
        "/sessions",
        {"ticket_id": ticket.id},
        status=409,
        code="ticket.served_by_another",
        token="mate",
    )
    assert (await floor.done("GET", "/sessions", token="mate"))["total"] == 0


async def test_a_ticket_whose_connector_is_offline_stays_as_it_is(floor: Floor) -> None:
    device = await floor.plug_in()
    ticket = await floor.order()
    floor.links.registry.disconnect(uuid_of(MINE), 0, "unplugged")  # type: ignore[arg-type]
    device.cut()
    body = {"ticket_id": ticket.id}
    await floor.refused("POST", "/sessions", body, status=503, code="connector.offline")
    left = await floor.tickets.require(floor.workshop.operator, ticket.id)
    assert left.state is TicketState.PENDING


async def test_a_refused_ticket_leaves_no_session_and_no_lease(floor: Floor) -> None:
    device = await floor.plug_in()
    ticket = await floor.order()
    await floor.tickets.cancel(floor.workshop.operator, ticket.id, 1)
    body = {"ticket_id": ticket.id}
    await floor.refused("POST", "/sessions", body, status=409, code="ticket.wrong_state")
    assert (await floor.done("GET", "/sessions"))["total"] == 0
    assert len(device.of(SessionClose)) == 1
    assert (await floor.open_session())["lease"] == "writer"


async def test_tickets_out_of_reach_are_unknown(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    for ticket_id, token in ((ticket.id, "far"), (ticket.id + 1, "op")):
        await floor.refused(
            "POST",
            "/sessions",
            {"ticket_id": ticket_id},
            status=404,
            code="ticket.unknown",
            token=token,
        )


async def test_a_caller_who_hangs_up_while_a_ticket_is_taken_leaves_nothing(
    floor: Floor,
) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    with trio.move_on_after(0) as scope:
        await sessions._open(floor.door, floor.workshop.operator, OpenSession(None, ticket.id))
    assert scope.cancelled_caught
    assert floor.sessions.of(floor.workshop.operator) == []
    assert (await floor.open_session())["lease"] == "writer"


async def test_sessions_of_two_vehicles_do_not_mix(floor: Floor) -> None:
    first, second = await floor.plug_in(MINE), await floor.plug_in(SECOND)
    opened = [await floor.open_session(MINE), await floor.open_session(SECOND)]
    assert [session["lease"] for session in opened] == ["writer", "writer"]
    body = {"ecu": ENGINE, "request": "3E00"}
    await floor.done("POST", f"/sessions/{opened[1]['id']}/exchanges", body)
    assert (len(first.asked()), len(second.asked())) == (0, 1)
