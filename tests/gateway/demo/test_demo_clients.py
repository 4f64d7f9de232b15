"""Portal, workshop and desk: what they make of answers; the whole story is told end to end."""

from __future__ import annotations

import io
from typing import Any

import pytest
from trio.testing import MockClock

from gateway.demo.desk import PATIENCE, Desk
from gateway.demo.http import StoryError
from gateway.demo.portal import Portal
from gateway.demo.presenter import PlainPresenter
from gateway.demo.service import DiagnosticService, ecus_of, key_for
from gateway.demo.workshop import Ecu, Session, Workshop
from gateway.demo.world import DeskCredentials
from gateway.domain.ticket import TicketState
from tests.gateway.demo.answering import Gateway

MODEL = {
    "id": 5,
    "name": "Golf VII",
    "vehicle_make_name": "VW",
    "vehicle_model_group_name": "Golf",
}
VARIANT = {"id": 14, "name": "1.2 TSI"}
ENGINE = Ecu("engine", {"request_id": 0x7E0, "response_id": 0x7E8})


# --- the customer ----------------------------------------------------------------------------


def catalogue(**changes: object) -> Gateway:
    return Gateway(
        {
            "GET /v1/vehicles/search": {"model": MODEL, "model_variant": VARIANT},
            "GET /v1/vehicles/model-variants": {"result": [{"id": 15, "name": "1.4 TSI"}]},
            "GET /v1/product-groups": {"result": [{"id": 1}, {"id": 2}]},
            "GET /v1/products": lambda query: (
                200,
                {"result": [{"id": 10, "item_number": "100203"}]}
                if query["product_group_id"] == "2"
                else {"result": [{"id": 9, "item_number": "1"}]},
            ),
            "GET /v1/product-prerequisites": {
                "result": [{"id": 3}, {"id": 4, "options": [{"value": "12V"}, {"value": "24V"}]}]
            },
            **changes,
        }
    )


def portal_at(gateway: Gateway) -> Portal:
    portal = Portal("http://gateway.example", "ws://gateway.example/ws/customer")
    gateway.answering(portal.client)
    return portal


async def test_a_customer_chooses_by_vin_and_item_number() -> None:
    order = await portal_at(catalogue()).choose("WVWZZZAUZHP341562", "100203")
    assert order.vehicle == "VW Golf VII 1.2 TSI"
    assert (order.model_id, order.variant_id, order.product["id"]) == (5, 14, 10)
    assert order.answers == [
        {"definition_id": 3, "value": "true"},
        {"definition_id": 4, "value": "12V"},
    ]


async def test_a_vin_that_leaves_the_variant_open_takes_the_first() -> None:
    gateway = catalogue(**{"GET /v1/vehicles/search": {"model": MODEL, "model_variant": None}})
    assert (await portal_at(gateway).choose("WVWZZZAUZHP341562", "100203")).variant_id == 15


async def test_a_vin_without_a_model_and_a_product_not_offered_end_the_story() -> None:
    gateway = catalogue(**{"GET /v1/vehicles/search": {"model": None, "model_variant": None}})
    with pytest.raises(StoryError, match="leads to no model"):
        await portal_at(gateway).choose("WVWZZZAUZHP341562", "100203")
    with pytest.raises(StoryError, match="no product 999 is offered"):
        await portal_at(catalogue()).choose("WVWZZZAUZHP341562", "999")


async def test_the_order_is_what_was_chosen() -> None:
    gateway = catalogue(**{"POST /v1/tickets": {"id": "7"}, "POST /v1/cart/calculate-prices": {}})
    portal = portal_at(gateway)
    order = await portal.choose("WVWZZZAUZHP341562", "100203")
    await portal.price(order, "WVWZZZAUZHP341562", voucher="SPRING")
    assert gateway.bodies[-1]["voucher"] == "SPRING"
    assert await portal.order(order, "WVWZZZAUZHP341562", 123_456_789, "job 7") == {"id": "7"}
    sent = gateway.bodies[-1]
    assert (sent["connector_id"], sent["reference"]) == (123_456_789, "job 7")
    assert (sent["product_ids"], sent["product_prerequisites"]) == ([10], order.answers)


async def test_a_state_that_never_comes_ends_the_story(autojump_clock: MockClock) -> None:
    portal = portal_at(catalogue())
    portal._take({"action": "ticket", "message": {"state": 1}})
    await portal.wait_for_state(TicketState.PENDING)
    with pytest.raises(StoryError, match=r"never showed state 7, only \[1\]"):
        await portal.wait_for_state(TicketState.CLOSED)
    with pytest.raises(StoryError, match="refused"):
        portal._take({"action": "error", "message": "no"})
    assert portal.events == 1


async def test_a_socket_nobody_answers_ends_the_story() -> None:
    portal = Portal("http://127.0.0.1:9", "ws://127.0.0.1:9/ws/customer")
    with pytest.raises(StoryError, match="customer: the websocket broke"):
        await portal.follow(1)


# --- the operator ----------------------------------------------------------------------------


def workshop_at(gateway: Gateway) -> Workshop:
    workshop = Workshop("http://gateway.example", "ws://gateway.example/ws/operator")
    gateway.answering(workshop.client)
    return workshop


def session_with(*responses: str) -> tuple[Workshop, Session]:
    body = {"responses": [{"data": data} for data in responses]}
    workshop = workshop_at(Gateway({"POST /operator/v1/sessions/s/exchanges": body}))
    return workshop, Session(workshop, "s")


async def test_an_operator_signs_in_with_a_form() -> None:
    gateway = Gateway({"POST /partner/oauth2/token": {"access_token": "t"}})
    workshop = workshop_at(gateway)
    await workshop.sign_in("op-1", "secret")
    assert workshop.token == "t"
    assert "client_id=op-1" in gateway.bodies[0]


async def test_a_lease_that_somebody_else_holds_ends_the_story() -> None:
    gateway = Gateway({"POST /operator/v1/sessions": (201, {"id": "s", "lease": "reader"})})
    with pytest.raises(StoryError, match="holds the lease"):
        await workshop_at(gateway).open(ticket_id=1)


async def test_leftovers_of_this_connector_alone_are_cancelled() -> None:
    tickets = [
        {"id": 1, "connector_uuid": "mine"},
        {"id": 2, "connector_uuid": "other"},
        {"id": 3, "connector_uuid": None},
    ]
    gateway = Gateway(
        {
            "GET /operator/v1/tickets": {"result": tickets},
            "POST /operator/v1/tickets/1/cancel": {},
        }
    )
    assert await workshop_at(gateway).cancel_leftovers("mine") == 1
    assert gateway.asked[1:] == ["POST /operator/v1/tickets/1/cancel"]
    assert gateway.bodies[-1] == {"reason": 1}


async def test_values_are_read_by_udsoncan_and_counted() -> None:
    workshop, session = session_with("62F190" + b"WVWZZZAUZHP341562\0".hex())
    assert await session.read_text(ENGINE, 0xF190) == "WVWZZZAUZHP341562"
    assert workshop.exchanges == 1
    _, session = session_with("5902FF030100 2F D12100 08")
    codes = await session.trouble_codes(ENGINE)
    found = [(code.id, code.status.get_byte_as_int()) for code in codes]
    assert found == [(0x030100, 0x2F), (0xD12100, 0x08)]


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        (("7F2231",), "engine refused"),
        ((), "0 answers where one was expected"),
        (("62F19041", "62F19042"), "2 answers"),
    ],
)
async def test_what_is_no_answer_ends_the_story(responses: tuple[str, ...], reason: str) -> None:
    _, session = session_with(*responses)
    with pytest.raises(StoryError, match=reason):
        await session.read(ENGINE, 0xF190)


async def test_what_the_operators_socket_says_is_counted() -> None:
    workshop = workshop_at(Gateway())
    assert workshop._confirms({"action": "subscribed"})
    assert not workshop._confirms({"action": "news", "kind": "exchange"})
    assert workshop.news == 1
    with pytest.raises(StoryError, match="websocket refused"):
        workshop._confirms({"action": "error", "error": {"detail": "no"}})


def test_control_units_are_addressed_as_their_bus_needs_it() -> None:
    face: dict[str, Any] = {
        "ecus": [
            {"name": "engine", "request_id": 1, "response_id": 2, "logical_address": None},
            {"name": "dash", "request_id": None, "response_id": None, "logical_address": 4097},
        ]
    }
    assert ecus_of(face) == [
        Ecu("engine", {"request_id": 1, "response_id": 2}),
        Ecu("dash", {"logical_address": 4097}),
    ]


def test_keys_are_what_the_maker_computes() -> None:
    # 0 ^ 2C1B6E59, rotated left by five, plus 31337.
    assert key_for(bytes(4)) == bytes.fromhex("8370DE5C")
    assert key_for(bytes.fromhex("2C1B6E59")) == bytes.fromhex("00031337")
    assert key_for(bytes.fromhex("D3E491A6")) == bytes.fromhex("00031336")  # modulo 2**32


# --- the desk --------------------------------------------------------------------------------


def desk_at(gateway: Gateway) -> Desk:
    desk = Desk("http://gateway.example")
    gateway.answering(desk.client)
    return desk


BASE = "/backoffice/repair"


async def test_the_desk_waits_for_its_order(autojump_clock: MockClock) -> None:
    orders = [
        {"id": 1, "problem_description": None},
        {"id": 2, "problem_description": "VIN x, ref. job 7"},
    ]
    pages = iter([[], orders[:1], orders])
    gateway = Gateway(
        {
            f"POST {BASE}/api/auth/login": {"token": "1|t"},
            f"GET {BASE}/api/work-orders": lambda _query: (200, {"data": next(pages)}),
            f"GET {BASE}/api/work-orders/2": {"ticket_no": "WO-1"},
        }
    )
    desk = desk_at(gateway)
    await desk.sign_in(DeskCredentials("desk@x.example", "p", "t", "k"))
    assert await desk.wait_for_work_order("job 7") == {"ticket_no": "WO-1"}
    assert gateway.headers[-1]["authorization"] == "Bearer 1|t"


async def test_an_order_that_never_comes_ends_the_story(autojump_clock: MockClock) -> None:
    desk = desk_at(Gateway({f"GET {BASE}/api/work-orders": {"data": []}}))
    reason = f"no work order for job 7 appeared within {PATIENCE:g} s"
    with pytest.raises(StoryError, match=reason):
        await desk.wait_for_work_order("job 7")


async def test_a_vehicle_where_nobody_answers_everybody_ends_the_story() -> None:
    _, session = session_with()
    with pytest.raises(StoryError, match="nobody answered"):
        await DiagnosticService(session, [ENGINE], PlainPresenter(io.StringIO())).carry_out()
