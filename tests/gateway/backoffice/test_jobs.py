"""What comes due is done once, and what was missed is caught up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog
import trio

from gateway.backoffice import jobs as jobs_module
from gateway.backoffice import schema
from gateway.backoffice.jobs import JOBS, Job, Jobs
from gateway.backoffice.rules import invoices, recurring
from gateway.backoffice.shop import Shop

LINE = {"description": "x", "quantity": Decimal(1), "unit_price": Decimal(10)}


def monthly(shop: Shop) -> None:
    customer = shop.insert("customer", {"client_number": 1, "first_name": "J"})
    head = {"customer_id": customer, "frequency": "monthly", "next_run_date": shop.today}
    recurring.create(shop, head | {"lines": [LINE | {"vat_rate": Decimal(21)}]})


def made(shop: Shop) -> list[str]:
    return sorted(str(row["run_key"]) for row in shop.where("invoice"))


@pytest.mark.both_engines
@pytest.mark.slow
async def test_missed_periods_are_caught_up_once(shops: Any, in_shop: Any, clock: Any) -> None:
    await in_shop(monthly)
    log = structlog.get_logger()
    jobs = [Jobs(shops, schema.TABLES, clock, log) for _ in range(2)]
    clock.now = clock() + timedelta(days=62)
    async with trio.open_nursery() as nursery:
        for node in jobs:
            nursery.start_soon(node.run_due)
    keys = await in_shop(made)
    assert keys == ["1:2026-03-02", "1:2026-04-02", "1:2026-05-02"]
    assert await jobs[0].run_due() == 0
    clock.now = clock() + timedelta(minutes=6)
    # Service levels, search index, reminders and approvals of two garages.
    assert await jobs[0].run_due() == 8
    assert await in_shop(made) == keys


@pytest.mark.both_engines
@pytest.mark.slow
async def test_nodes_whose_clocks_differ_do_what_is_due_once(
    shops: Any, in_shop: Any, clock: Any, log: Any
) -> None:
    await in_shop(monthly)
    ahead = Jobs(shops, schema.TABLES, lambda: clock() + timedelta(seconds=2), log)
    behind = Jobs(shops, schema.TABLES, clock, log)
    # The moment before midnight, local time: for one of them the new day has begun.
    midnight = jobs_module._next_day(clock())
    clock.now = midnight - timedelta(seconds=1)
    for node in (behind, ahead, behind):
        await node.run_due()
    clock.now = midnight + timedelta(seconds=1)
    assert await behind.run_due() == 0
    assert await in_shop(made) == ["1:2026-03-02"]


async def test_a_failing_job_stops_nobody(
    shops: Any, clock: Any, monkeypatch: Any, log: Any, logged: Any
) -> None:
    def broken(shop: Shop) -> None:
        if shop.tenant_id == 1:
            raise RuntimeError("bad row")

    monkeypatch.setattr(
        "gateway.backoffice.jobs.JOBS", (JOBS[0], type(JOBS[0])("b", broken, JOBS[0].following))
    )
    ran = await Jobs(shops, schema.TABLES, clock, log).run_due()
    assert ran == 3
    assert [call.kwargs["job"] for call in logged.calls] == ["b"]


async def test_a_job_of_portions_goes_on_until_nothing_is_left(
    shops: Any, clock: Any, monkeypatch: Any, log: Any
) -> None:
    left, connections = [2, 1], []

    def some(shop: Shop) -> int:
        connections.append(shop.connection)
        return left.pop() if left and shop.tenant_id == 1 else 0

    job = Job("p", some, lambda now: now + timedelta(days=1), portions=True)
    monkeypatch.setattr("gateway.backoffice.jobs.JOBS", (job,))
    jobs = Jobs(shops, schema.TABLES, clock, log)
    assert await jobs.run_due() == 2
    # Three for the first garage, each a transaction of its own, and one for the second.
    assert len(set(map(id, connections))) == len(connections) == 4
    assert await jobs.run_due() == 0


async def test_overdue_invoices_are_marked_in_portions(in_shop: Any, monkeypatch: Any) -> None:
    def story(shop: Shop) -> None:
        customer = shop.insert("customer", {"client_number": 1, "first_name": "J"})
        past = shop.today - timedelta(days=1)
        amounts = dict.fromkeys(("total_incl", "amount_paid", "amount_credited"), Decimal(0))
        for _ in range(3):
            row = {"customer_id": customer, "invoice_date": past, "due_date": past}
            shop.insert("invoice", row | amounts | {"status": "sent"})
        assert [invoices.mark_overdue(shop) for _ in range(3)] == [2, 1, 0]
        assert shop.count("invoice", status="overdue") == 3

    monkeypatch.setattr(invoices, "PORTION", 2)
    await in_shop(story)
