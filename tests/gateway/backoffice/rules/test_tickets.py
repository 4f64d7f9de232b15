"""A closed ticket becomes a work order of its garage: once, whole, and for the right customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice import schema
from gateway.backoffice.rules.customers import create_customer
from gateway.backoffice.rules.tickets import CONSUMER, TOPIC, TicketBooking, lines_of
from gateway.backoffice.shop import Shop
from gateway.bus.consumers import DurableConsumer
from gateway.domain.clock import Clock
from gateway.domain.events import Event
from gateway.storage.database import Connection, Database
from gateway.storage.queries import events

VIN = "WVWZZZAUZHW123456"

CLOSED = {
    "ticket_id": 4711,
    "uuid": "7f2c7e6e-6a53-4b62-9c39-1f6d27a6f1a1",
    "tenant_id": 1,
    "connector_id": 123456789,
    "vin": VIN,
    "vehicle": {
        "make": "Volkswagen", "model_group": "Golf", "model": "Golf VII", "variant": "2.0 TDI",
    },
    "reference": "",
    "note": "Camera calibrated, no codes left",
    "odometer_reading": 123456,
    "finished_at": "2026-02-27T15:04:05Z",
    "currency": "EUR",
    "lines": [
        {
            "product_id": 1, "item_number": "JF-100", "name": "Camera calibration",
            "quantity": 1, "gross": "100.00", "net": "89.00",
        },
        {
            "product_id": 2, "item_number": "JF-200", "name": "Injector coding",
            "quantity": 3, "gross": "30.00", "net": "10.00",
        },
    ],
    "total": "104.00",
}  # fmt: skip

EVENT = Event(TOPIC, "ticket:4711", 1, CLOSED, datetime(2026, 2, 27, 15, 4, 5, tzinfo=UTC))


@pytest.fixture
def book(shops: Database, clock: Clock) -> Callable[..., Any]:
    booking = TicketBooking(schema.TABLES, clock)

    async def run(event: Event = EVENT, **changes: Any) -> None:
        changed = replace(event, payload=event.payload | changes)
        await shops.write(booking, changed)

    return run


async def test_the_order_tells_the_ticket(book: Any, repair: Any, contracts: Any) -> None:
    await book()
    status, page = await repair.ask("GET", f"/work-orders?q={VIN}")
    contracts("repair").check("get", "/work-orders", status, page)
    (order,) = page["data"]
    assert order["ticket_no"] == "WO-2026-0001"
    assert order["status"]["slug"] == "new"
    assert order["customer"]["name"] == "Walk-in customer"
    assert (order["device_brand"], order["device_model"]) == ("Volkswagen", "Golf VII 2.0 TDI")
    lines = [(x["description"], x["quantity"], x["unit_price"]) for x in order["lines"]]
    assert lines == [
        ("Camera calibration", 1, 89),
        ("3 x Injector coding", 1, 10),  # 10.00 does not divide by 3
        ("Adjustment to the ticket's total", 1, 5),
    ]
    totals = order["total_excl"], order["total_vat"], order["total_incl"]
    assert totals == (104, 21.84, 125.84)
    assert [note["note"] for note in order["notes"]] == [CLOSED["note"]]
    assert order["notes"][0]["author"] == {"id": 0, "name": "Diagnostics gateway"}
    _, trail = await repair.ask("GET", f"/v1/work-orders/{order['id']}/timeline")
    contracts("repair").check("get", "/v1/work-orders/{id}/timeline", 200, trail)
    assert [entry["event"] for entry in trail["data"]] == ["note_added", "created"]
    assert "4711" in trail["data"][1]["description"]


async def test_a_ticket_is_booked_once(book: Any, in_shop: Any) -> None:
    await book()
    await book()
    assert len(await in_shop(lambda shop: shop.where("work_order"))) == 1
    await book(ticket_id=4712)
    orders = await in_shop(lambda shop: shop.where("work_order"))
    assert [order["ticket_no"] for order in orders] == ["WO-2026-0001", "WO-2026-0002"]


async def test_not_even_a_removed_order_is_made_again(book: Any, in_shop: Any) -> None:
    await book()
    await in_shop(lambda shop: shop.remove("work_order", 1))
    await book()
    assert await in_shop(lambda shop: shop.where("work_order")) == []


async def test_a_failure_in_the_middle_leaves_nothing(book: Any, in_shop: Any) -> None:
    with pytest.raises(KeyError):
        await book(lines=[{"quantity": 1, "net": "1.00"}])  # a line without a name
    for noun in ("work_order", "customer", "device", "counter"):
        assert await in_shop(lambda shop, noun=noun: shop.where(noun)) == []
    await book()
    orders = await in_shop(lambda shop: shop.where("work_order"))
    assert [order["ticket_no"] for order in orders] == ["WO-2026-0001"]


async def test_the_year_is_that_of_the_closing(book: Any, in_shop: Any) -> None:
    await book(finished_at="2025-12-31T22:30:00Z")
    await book(ticket_id=2, finished_at="2025-12-31T23:30:00Z")
    orders = await in_shop(lambda shop: shop.where("work_order"))
    assert [order["ticket_no"] for order in orders] == ["WO-2025-0001", "WO-2026-0001"]


async def test_garages_keep_apart(book: Any, in_shop: Any) -> None:
    await book()
    await book(replace(EVENT, tenant_id=2))
    for tenant_id in (1, 2):
        orders = await in_shop(lambda shop: shop.where("work_order"), tenant_id=tenant_id)
        assert [order["ticket_no"] for order in orders] == ["WO-2026-0001"]
        people = await in_shop(lambda shop: shop.where("customer"), tenant_id=tenant_id)
        assert len(people) == 1


@pytest.mark.parametrize(
    "reference", ["Jan Jansen", "  jan   JANSEN ", "2", "Jansen Transport BV"]
)
async def test_a_reference_finds_the_customer(book: Any, in_shop: Any, reference: str) -> None:
    def people(shop: Shop) -> None:
        create_customer(shop, {"first_name": "Piet", "last_name": "Jansen"})
        person = {"first_name": "Jan", "last_name": "Jansen"}
        company = {"company_name": "Jansen Transport BV"} if "BV" in reference else {}
        create_customer(shop, person | company)

    await in_shop(people)
    await book(reference=reference)
    (order,) = await in_shop(lambda shop: shop.where("work_order"))
    assert order["customer_id"] == 2
    # From now on the vehicle alone is enough.
    await book(ticket_id=2, reference="")
    orders = await in_shop(lambda shop: shop.where("work_order"))
    assert [row["customer_id"] for row in orders] == [2, 2]
    (device,) = await in_shop(lambda shop: shop.where("device"))
    assert (device["vin"], device["odometer_reading"]) == (VIN, 123456)


async def test_two_of_one_name_are_nobody(book: Any, in_shop: Any) -> None:
    for _ in range(2):
        await in_shop(create_customer, {"first_name": "Jan", "last_name": "Jansen"})
    await book(reference="Jan Jansen")
    (order,) = await in_shop(lambda shop: shop.where("work_order"))
    assert order["customer_id"] == 3
    assert "Jan Jansen" in order["problem_description"]


async def test_the_walk_in_customer_is_made_once(book: Any, in_shop: Any) -> None:
    for ticket_id in (1, 2, 3):
        await book(ticket_id=ticket_id, vin=f"VIN{ticket_id}")
    people = await in_shop(lambda shop: shop.where("customer"))
    assert [person["origin"] for person in people] == ["walk-in"]


async def test_a_bare_ticket_is_booked_as_well(book: Any, in_shop: Any) -> None:
    absent = dict.fromkeys(("vin", "vehicle", "reference", "note", "odometer_reading"))
    await book(**absent, lines=[], total="0.00")
    (order,) = await in_shop(lambda shop: shop.where("work_order"))
    assert (order["device_id"], order["device_brand"]) == (None, None)


async def test_long_texts_do_not_stop_the_queue(book: Any, in_shop: Any) -> None:
    vehicle = dict.fromkeys(("make", "model", "variant"), "x" * 300)
    line = CLOSED["lines"][0] | {"name": "y" * 400}  # type: ignore[index]
    await book(vehicle=vehicle, lines=[line], reference="z" * 255, total="89.00")
    (order,) = await in_shop(lambda shop: shop.where("work_order"))
    assert len(order["device_brand"]) == len(order["device_model"]) == 100
    (row,) = await in_shop(lambda shop: shop.where("work_order_line"))
    assert len(row["description"]) == 255


async def test_the_consumer_books_what_the_outbox_holds(
    shops: Database, clock: Clock, in_shop: Any
) -> None:
    def publish(connection: Connection) -> None:
        for ticket_id in (1, 2):
            payload = CLOSED | {"ticket_id": ticket_id}
            events.append(connection, replace(EVENT, payload=payload))
            events.append(connection, replace(EVENT, type="tickets.ticket.created"))

    await shops.write(publish)
    consumer = DurableConsumer(CONSUMER, TicketBooking(schema.TABLES, clock), [TOPIC])
    async with trio.open_nursery() as nursery:
        await nursery.start(consumer.run, shops, structlog.get_logger())
        # Database threads run in real time, so the clock cannot jump here.
        with trio.fail_after(10):
            while consumer.statistics().position < 4:  # noqa: ASYNC110 - it tells nobody
                await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    assert consumer.statistics().handled == 2
    orders = await in_shop(lambda shop: shop.where("work_order"))
    assert [order["ticket_id"] for order in orders] == [1, 2]


_CENTS = st.integers(0, 1_000_000).map(lambda n: str(Decimal(n).scaleb(-2)))
_LINE = st.fixed_dictionaries(
    {"name": st.text(max_size=20), "quantity": st.integers(1, 50), "net": _CENTS}
)


@given(st.lists(_LINE, max_size=10), _CENTS)
def test_lines_always_add_up_to_the_total(lines: list[dict[str, Any]], fee: str) -> None:
    total = sum((Decimal(line["net"]) for line in lines), Decimal(fee))
    made = lines_of({"lines": lines, "total": str(total)})
    assert sum((x["quantity"] * x["unit_price"] for x in made), Decimal()) == total
    assert all(x["unit_price"] == x["unit_price"].quantize(Decimal("0.01")) for x in made)
