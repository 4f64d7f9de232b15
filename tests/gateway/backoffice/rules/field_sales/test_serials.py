"""Serials of invoices have no gap and no double, whoever asks at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from gateway.backoffice.rules.field_sales import serials
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid
from tests.gateway.backoffice.desk import Desk

pytestmark = [pytest.mark.both_engines, pytest.mark.slow]

#: At the same time; more than the database has threads.
MANY = 12


@dataclass
class Counting:
    """A counter for a rep, and a warehouse with ten of a product."""

    desk: Desk
    product: str
    warehouse: str
    rep: str
    counter: str

    async def next(self) -> tuple[int, Any]:
        body = {"rep": self.rep, "warehouse": self.warehouse, "invoice_type": "sales"}
        path = "/safe-invoice-serial-counter/next"
        answer: tuple[int, Any] = await self.desk.door.ask("POST", path, json=body)
        return answer

    async def sell(self, quantity: int, **more: Any) -> tuple[int, Any]:
        items = [{"product": self.product, "quantity": quantity}]
        body = {"rep": self.rep, "warehouse": self.warehouse, "items": items} | more
        answer: tuple[int, Any] = await self.desk.door.ask("POST", "/fullinvoices", json=body)
        return answer


async def add_counter(desk: Desk, warehouse: str, **more: Any) -> tuple[str, str]:
    """Make a rep with a counter; return the ids of both."""
    count = len(await desk.see("/rep"))
    person = {"email": f"r{count}@example.test", "role": "rep", "password": "s3cret word"}
    rep = (await desk.make("/rep", 201, name="R", **person))["_id"]
    key = {"rep": rep, "warehouse": warehouse, "invoice_type": "sales"}
    made = await desk.make("/safe-invoice-serial-counter", 201, **key, **more)
    return rep, made["_id"]


@pytest.fixture
async def counting(desk: Desk) -> Counting:
    product = (await desk.product())["_id"]
    warehouse = await desk.stocked(product, 10)
    return Counting(desk, product, warehouse, *await add_counter(desk, warehouse, prefix="A-"))


async def at_once(*calls: Callable[[], Awaitable[tuple[int, Any]]]) -> list[tuple[int, Any]]:
    """Return the answers to calls that are made together."""
    answers: list[tuple[int, Any]] = []

    async def call(one: Callable[[], Awaitable[tuple[int, Any]]]) -> None:
        answers.append(await one())

    async with trio.open_nursery() as nursery:
        for one in calls:
            nursery.start_soon(call, one)
    return answers


def printed(answers: list[tuple[int, Any]]) -> list[str]:
    return sorted(answer["data"]["serial"] for status, answer in answers if status == 201)


async def test_whoever_asks_at_once_gets_another_number(counting: Counting) -> None:
    answers = await at_once(*[counting.next] * MANY)
    given = sorted(answer["data"]["next_serial"] for _, answer in answers)
    assert given == list(range(1, MANY + 1))
    counter = await counting.desk.see(f"/safe-invoice-serial-counter/{counting.counter}")
    assert counter["current_serial"] == MANY


async def test_refused_invoices_leave_no_gap(counting: Counting) -> None:
    # Ten are there: of twelve that take one or far too many, the former come through.
    answers = await at_once(
        *[lambda: counting.sell(1), lambda: counting.sell(100)] * (MANY // 2),
    )
    assert sorted(status for status, _ in answers) == [201] * 6 + [422] * 6
    assert printed(answers) == [f"A-{number:06d}" for number in range(1, 7)]
    assert await counting.desk.levels() == {counting.warehouse: 4}


async def test_counters_that_print_alike_share_no_number(counting: Counting) -> None:
    other, _ = await add_counter(counting.desk, counting.warehouse, prefix="A-")
    second = Counting(counting.desk, counting.product, counting.warehouse, other, counting.counter)
    answers = await at_once(*[lambda: counting.sell(1), lambda: second.sell(1)] * 4)
    assert printed(answers) == [f"A-{number:06d}" for number in range(1, 9)]


async def test_a_number_given_by_hand_is_passed_over(counting: Counting) -> None:
    answers = await at_once(*[lambda: counting.sell(1, serial="A-000002")] * 4)
    refused = [status for status, _ in answers if status != 201]
    assert (printed(answers), set(refused) <= {400, 409}) == (["A-000002"], True)
    taken = [(await counting.sell(1))[1]["data"]["serial"] for _ in range(2)]
    assert taken == ["A-000001", "A-000003"]


async def test_returns_count_apart(counting: Counting) -> None:
    key = {"rep": counting.rep, "warehouse": counting.warehouse, "invoice_type": "return"}
    await counting.desk.make("/safe-invoice-serial-counter", 201, **key, prefix="A-")
    await counting.desk.make("/safe-invoice-serial-counter", 422, **key)
    for quantity in (1, -1):
        status, answer = await counting.sell(quantity)
        assert (status, answer["data"]["serial"]) == (201, "A-000001")


async def test_a_counter_does_not_go_back_behind_what_was_given_out_meanwhile(
    counting: Counting, in_shop: Callable[..., Any]
) -> None:
    number = int(counting.counter, 16)
    read_before = await in_shop(Shop.get, "serial", number)
    await at_once(*[counting.next] * 2)
    with pytest.raises(Invalid, match="2 is given out"):
        await in_shop(serials.change, read_before, {"current_serial": 1})
    path = f"/safe-invoice-serial-counter/{counting.counter}"
    await counting.desk.change(path, current_serial=41)
    assert (await counting.next())[1]["data"]["formatted_serial"] == "A-000042"
