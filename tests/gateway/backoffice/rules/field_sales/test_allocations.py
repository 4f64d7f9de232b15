"""Which payment pays which invoice, terms of payment, and cheques that bounce."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import structlog
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.backoffice import schema
from gateway.backoffice.jobs import Jobs
from gateway.backoffice.rules.field_sales import allocations, payments
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

DAY = 24 * 3600.0


@pytest.fixture
def jobs(shops: Any, clock: Any) -> Jobs:
    return Jobs(shops, schema.TABLES, clock, structlog.get_logger())


async def client_of(desk: Desk, **more: Any) -> str:
    return str((await desk.make("/client", name="Garage Jansen", **more))["_id"])


async def invoices_of(desk: Desk, client: str, *totals: float, **more: Any) -> list[str]:
    """Make invoices of these totals; return their paths."""
    product = (await desk.product())["_id"]
    paths = []
    for total in totals:
        line = {"product": product, "quantity": 1, "price": total}
        made = await desk.make("/fullinvoices", client=client, items=[line], **more)
        paths.append(f"/fullinvoices/{made['_id']}")
    return paths


async def states(desk: Desk, paths: list[str]) -> list[str]:
    return [(await desk.see(path))["status"] for path in paths]


async def test_the_oldest_invoice_is_paid_first(desk: Desk) -> None:
    client = await client_of(desk)
    paths = await invoices_of(desk, client, 10, 20, 30)
    await desk.make("/payments", client=client, amount=15)
    assert await states(desk, paths) == ["paid", "partially_paid", "unpaid"]
    serial = (await desk.see(paths[2]))["serial"]
    await desk.make("/payments", client=client, amount=30, reference=serial)
    assert await states(desk, paths) == ["paid", "partially_paid", "paid"]
    # What is paid ahead goes into the next invoice.
    await desk.make("/payments", client=client, amount=20)
    paths += await invoices_of(desk, client, 5)
    assert await states(desk, paths) == ["paid"] * 4
    # What becomes void gives back what was paid of it.
    paths += await invoices_of(desk, client, 10)
    await desk.change(paths[0], status="void")
    assert await states(desk, paths) == ["void", "paid", "paid", "paid", "paid"]
    assert (await desk.see(f"/client/{client}"))["integrated_client_balance"] == 0


async def test_a_settlement_takes_precedence_over_what_was_done_by_itself(desk: Desk) -> None:
    client = await client_of(desk)
    paths = await invoices_of(desk, client, 10, 10)
    old, new = (path.rpartition("/")[2] for path in paths)
    payment = (await desk.make("/payments", client=client, amount=10))["_id"]
    assert await states(desk, paths) == ["paid", "unpaid"]
    match: dict[str, Any] = {"payments": [{"payment": payment, "amount": 10}]}
    await desk.make(
        "/settlement", client=client, invoices=[{"invoice": new, "amount": 10}], **match
    )
    assert await states(desk, paths) == ["unpaid", "paid"]
    await desk.make(
        "/settlement", 422, client=client, invoices=[{"invoice": old, "amount": 10}], **match
    )
    await desk.change(paths[1], 422, status="void")  # somebody settled it
    assert await states(desk, paths) == ["unpaid", "paid"]


async def test_terms_say_until_when_and_what_early_payers_keep(desk: Desk, clock: Any) -> None:
    term = {"name": "30 days", "days": 30, "discount_percentage": 2, "discount_days": 10}
    status, answer = await desk.door.ask("POST", "/paymentterms", json=term)
    assert status == 201
    client = await client_of(desk, paymentTerm=answer["result"]["_id"])
    paths = await invoices_of(desk, client, 100, 100)
    assert (await desk.see(paths[0]))["dueDate"] == "2026-04-01T09:30:00Z"
    own = "2026-05-05T00:00:00Z"
    (chosen,) = await invoices_of(desk, client, 1, dueDate=own)
    assert (await desk.see(chosen))["dueDate"] == own
    await desk.make("/payments", client=client, amount=98)
    assert await states(desk, paths) == ["paid", "unpaid"]
    owed = "integrated_client_balance"
    assert (await desk.see(f"/client/{client}"))[owed] == 101
    clock.advance(11 * DAY)
    late = await desk.make("/payments", client=client, amount=98)
    assert late["amount"] == 98
    assert await states(desk, paths) == ["paid", "partially_paid"]
    assert (await desk.see(f"/client/{client}"))[owed] == 3


async def test_cheques_are_cleared_on_their_day(desk: Desk, clock: Any, jobs: Jobs) -> None:
    client = await client_of(desk)
    (path,) = await invoices_of(desk, client, 10)
    body: dict[str, Any] = {
        "client": client,
        "amount": 10,
        "bank": "B",
        "dueDate": "2026-03-20T00:00:00Z",
    }
    cheque = await desk.make("/checks", checkNumber="77", **body)
    stale = await desk.make("/checks", checkNumber="78", **body)
    payment = await desk.make("/payments", client=client, amount=10, reference="77")
    await desk.make(
        "/settlement", client=client,
        invoices=[{"invoice": path.rpartition("/")[2], "amount": 10}],
        payments=[{"payment": payment["_id"], "amount": 10}],
    )  # fmt: skip
    assert cheque["status"] == (await desk.see(f"/checks/{cheque['_id']}"))["status"] == "pending"
    clock.advance(20 * DAY)
    await jobs.run_due()
    shown = await desk.see(f"/checks/{cheque['_id']}")
    assert (shown["status"], shown["clearedDate"]) == ("cleared", "2026-03-22T09:30:00Z")
    clock.advance(200 * DAY)
    await jobs.run_due()
    assert (await desk.see(f"/checks/{stale['_id']}"))["status"] == "cancelled"


async def test_a_cheque_that_bounces_opens_its_invoice_again(desk: Desk) -> None:
    client = await client_of(desk)
    paths = await invoices_of(desk, client, 10)
    body: dict[str, Any] = {
        "client": client,
        "amount": 10,
        "bank": "B",
        "dueDate": "2026-01-20T00:00:00Z",
    }
    cheque = await desk.make("/checks", checkNumber="77", **body)
    payment = await desk.make("/payments", client=client, amount=10, reference="77")
    await desk.make(
        "/settlement", client=client,
        invoices=[{"invoice": paths[0].rpartition("/")[2], "amount": 10}],
        payments=[{"payment": payment["_id"], "amount": 10}],
    )  # fmt: skip
    assert (await desk.see(f"/checks/{cheque['_id']}"))["status"] == "cleared"
    refund = await desk.make("/refund", client=client, amount=10, reason="no cover")
    path = f"/refund/{refund['_id']}"
    await desk.change(path, 400, status=None)
    await desk.change(path, status="approved")
    await desk.change(path, status="processed", reference="77")
    assert (await desk.see(f"/checks/{cheque['_id']}"))["status"] == "bounced"
    assert await states(desk, paths) == ["unpaid"]
    assert (await desk.see(f"/client/{client}"))["integrated_client_balance"] == 10
    await desk.make("/payments", client=client, amount=10)
    assert await states(desk, paths) == ["paid"]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=10))
def test_nothing_is_paid_twice_and_nothing_stays_open_beside_money(
    trial_shop: Any, moves: list[tuple[bool, int]]
) -> None:
    def story(shop: Shop) -> None:
        client = shop.insert("customer", {"client_number": 1})
        for number, (paid, amount) in enumerate(moves):
            if paid:
                payments.create_payment(shop, {"client": client, "amount": amount})
            else:
                row = {"client": client, "total": amount, "serial": str(number), "kind": "sales"}
                shop.insert("sales_invoice", row | {"status": "unpaid"})
                allocations.spread(shop, client)
        owed = sum(allocations.open_part(row) for row in shop.where("sales_invoice"))
        left = sum(allocations.left_over(row) for row in shop.where("sales_payment"))
        assert 0 in (owed, left)
        assert owed - left == sum(-amount if paid else amount for paid, amount in moves)

    trial_shop(story)


@pytest.mark.both_engines
async def test_many_at_once_leave_no_cent_behind(desk: Desk, in_shop: Any) -> None:
    client = await client_of(desk)
    product = (await desk.product())["_id"]
    (first,) = await invoices_of(desk, client, 7)
    line = {"product": product, "quantity": 1, "price": 5}
    answers: list[int] = []

    async def ask(method: str, path: str, **body: Any) -> None:
        answers.append((await desk.door.ask(method, path, json=body))[0])

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(partial(ask, "POST", "/payments", client=client, amount=4))
            nursery.start_soon(partial(ask, "POST", "/fullinvoices", client=client, items=[line]))
        for _ in range(2):
            nursery.start_soon(partial(ask, "PUT", first, status="void"))
    assert sorted(answers) == [200] * 2 + [201] * 10

    def sums(shop: Shop) -> tuple[Any, ...]:
        rows = [row for row in shop.where("sales_invoice") if row["status"] != "void"]
        parts = shop.where("payment_allocation")
        return (
            sum(row["settled"] for row in rows),
            sum(row["consumed"] for row in shop.where("sales_payment")),
            sum(row["amount"] for row in parts),
            shop.get("customer", int(client, 16))["balance"],
        )

    assert await in_shop(sums) == (20, 20, 20, 5)
