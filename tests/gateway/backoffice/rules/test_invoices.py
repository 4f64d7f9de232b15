"""Invoices get their numbers when they are sent: no gap, no double, however many at once."""

from __future__ import annotations

from typing import Any

import pytest
import trio

LINES = [{"description": "x", "qty": 1, "unit_price": 10}]


@pytest.mark.slow
@pytest.mark.both_engines
async def test_numbers_have_no_gap_under_concurrent_requests(repair: Any) -> None:
    reachable = {"first_name": "A", "email": "a@example.test"}
    await repair.ask("POST", "/customers", json=reachable)
    await repair.ask("POST", "/customers", json={"first_name": "B"})
    for number in range(12):
        # Every third has nobody to be sent to: it is refused and takes no number.
        body = {"customer_id": 2 if number % 3 == 0 else 1, "invoice_date": "2026-03-02"}
        assert (await repair.ask("POST", "/invoices", json=body | {"lines": LINES}))[0] == 201
    statuses: list[int] = []

    async def send(invoice_id: int) -> None:
        statuses.append((await repair.ask("POST", f"/invoices/{invoice_id}/send"))[0])

    async with trio.open_nursery() as nursery:
        for number in range(1, 13):
            nursery.start_soon(send, number)
            nursery.start_soon(send, number)
    assert sorted(statuses) == [200] * 8 + [422] * 16
    rows = (await repair.ask("GET", "/invoices"))[1]["data"]
    numbers = sorted(row["invoice_number"] for row in rows if row["invoice_number"])
    assert numbers == [f"INV-2026-{n:04}" for n in range(1, 9)]


async def test_what_was_sent_is_not_changed(repair: Any) -> None:
    person = {"first_name": "A", "email": "a@example.test"}
    await repair.ask("POST", "/customers", json=person)
    body = {"customer_id": 1, "invoice_date": "2026-03-02", "lines": LINES}
    await repair.ask("POST", "/invoices", json=body)
    early = {"due_date": "2026-03-01"}
    status, refused = await repair.ask("PATCH", "/invoices/1", json=early)
    assert (status, set(refused["errors"])) == (422, {"due_date"})
    assert (await repair.ask("POST", "/invoices/1/send"))[0] == 200
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/send"), ("POST", "/cancel")):
        assert (await repair.ask(method, f"/invoices/1{path}", json={}))[0] == 422
    wrong = {"lines": [{"description": "x", "qty": 0, "unit_price": "a"}]}
    status, refused = await repair.ask("POST", "/invoices", json=body | wrong)
    assert (status, set(refused["errors"])) == (422, {"lines.0.qty", "lines.0.unit_price"})
    paid = {"amount": 12.11, "paid_on": "2026-03-03"}
    assert (await repair.ask("POST", "/invoices/1/payments", json=paid))[0] == 422
    for amount, state in ((2.1, "sent"), (10, "paid")):
        body = {"amount": amount, "paid_on": "2026-03-03"}
        status, invoice = await repair.ask("POST", "/invoices/1/payments", json=body)
        assert (status, invoice["status"]) == (201, state)
