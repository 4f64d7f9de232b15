"""What customers owe and what the books say is one thing, whichever API bills and is paid."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

DAY = "2026-03-02"


@pytest.fixture
def desk(field_sales: Door) -> Desk:
    return Desk(field_sales)


class Books:
    """What the workshop's desk sees of the ledger."""

    def __init__(self, desk: Desk, repair: Door) -> None:
        self.desk, self.repair = desk, repair

    async def ask(self, method: str, path: str, expected: int = 200, **body: Any) -> Any:
        status, answer = await self.repair.ask(method, path, json=body or None)
        assert status == expected, (path, answer)
        return answer

    async def account(self, code: str) -> float:
        accounts = await self.ask("GET", "/general-ledger/accounts")
        return float(next(one["balance"] for one in accounts if one["code"] == code))

    async def owed(self) -> float:
        """Return what all clients owe together, after looking that the books agree."""
        clients = await self.desk.see("/client")
        total = sum(client["integrated_client_balance"] or 0 for client in clients)
        assert round(total, 2) == await self.account("1300")
        return round(total, 2)

    async def bill(self, customer: int, price: float) -> int:
        """Send a customer an invoice of the workshop at 21 %; return its id."""
        lines = [{"description": "Work", "qty": 1, "unit_price": price, "vat_pct": 21}]
        body = {"customer_id": customer, "invoice_date": DAY, "lines": lines}
        invoice = await self.ask("POST", "/invoices", 201, **body)
        await self.ask("POST", f"/invoices/{invoice['id']}/send", to="j@x.test")
        return int(invoice["id"])


@pytest.fixture
def books(desk: Desk, repair: Door) -> Books:
    return Books(desk, repair)


async def test_workshop_invoices_are_owed_by_clients_of_field_sales(books: Books) -> None:
    client = (await books.desk.make("/client", name="Jansen"))["_id"]
    invoice = await books.bill(int(client, 16), 100)
    assert await books.owed() == 121
    await books.ask("POST", f"/invoices/{invoice}/payments", 201, amount=21, paid_on=DAY)
    assert await books.owed() == 100
    lines = [{"description": "Work", "qty": 1, "unit_price": 10, "vat_pct": 21}]
    await books.ask(
        "POST", "/v1/credit-notes", 201, invoice_id=invoice, reason="late", lines=lines
    )
    assert await books.owed() == 87.9
    # And field sales gives no credit beyond the limit, whoever billed.
    await books.desk.change(f"/client/{client}", payment_type="credit", credit_limit=90)
    product = (await books.desk.product())["_id"]
    sale = {"client": client, "items": [{"product": product, "quantity": 1}]}
    status, answer = await books.desk.door.ask("POST", "/fullinvoices", json=sale)
    assert (status, "owes 87.90" in answer["error"]) == (422, True)
    assert await books.owed() == 87.9


async def sold(desk: Desk, client: str | None) -> Any:
    """Sell two at 21 % on top and one with 9 % inside, 10.00 each."""
    rates = [("High", 21, "additive"), ("Low", 9, "inclusive")]
    taxes = [await desk.make("/tax", name=n, rate=rate, type=kind) for n, rate, kind in rates]
    products = [await desk.product(sv_tax=tax["_id"]) for tax in taxes]
    items = [
        {"product": product["_id"], "quantity": quantity}
        for product, quantity in zip(products, (2, 1), strict=True)
    ]
    return await desk.make("/fullinvoices", client=client, items=items)


async def test_sales_in_the_field_are_in_the_books_and_in_the_vat_return(books: Books) -> None:
    desk = books.desk
    client = (await desk.make("/client", name="Jansen"))["_id"]
    invoice = await sold(desk, client)
    assert (invoice["total"], await books.owed()) == (34.2, 34.2)
    (quarter,) = await books.ask("GET", "/btw/periods")
    boxes = {name: quarter["boxes"][name] for name in ("1a", "1b")}
    assert boxes == {"1a": {"base": 20, "vat": 4}, "1b": {"base": 9, "vat": 1}}
    assert await books.account("8000") == 29.17

    for amount, method in ((14.2, "cash"), (10, "bank transfer")):
        await desk.make("/payments", client=client, amount=amount, paymentMethod=method)
    accounts = [await books.account(code) for code in ("1000", "1100")]
    assert (accounts, await books.owed()) == ([14.2, 10], 10)
    refund = await desk.make(
        "/refund", client=client, amount=4, reason="dent", invoice=invoice["_id"]
    )
    for status in ("approved", "processed", "processed"):
        await desk.change(f"/refund/{refund['_id']}", status=status)
    assert (await books.account("1100"), await books.owed()) == (6, 14)


async def test_what_is_void_leaves_the_books_as_they_were(books: Books) -> None:
    for client in ((await books.desk.make("/client", name="Jansen"))["_id"], None):
        invoice = await sold(books.desk, client)
        # Sold to nobody in particular, it is in the books all the same.
        assert await books.account("8000") == 29.17
        await books.desk.change(f"/fullinvoices/{invoice['_id']}", status="void")
        codes = ("1300", "1500", "8000")
        assert [await books.account(code) for code in codes] == [0, 0, 0]
    assert await books.owed() == 0


@pytest.mark.both_engines
async def test_those_who_book_at_once_wait_for_each_other(books: Books) -> None:
    desk = books.desk
    client = (await desk.make("/client", name="Jansen"))["_id"]
    product = (await desk.product())["_id"]
    place = await desk.stocked(product, 100)
    sale: dict[str, Any] = {"warehouse": place, "items": [{"product": product, "quantity": 2}]}
    customer = int(client, 16)
    bills = [await books.bill(customer, 10) for _ in range(3)]

    async def pay(bill: int) -> None:
        await books.ask("POST", f"/invoices/{bill}/payments", 201, amount=12.1, paid_on=DAY)

    async with trio.open_nursery() as nursery:
        for bill in bills:
            nursery.start_soon(pay, bill)
            nursery.start_soon(partial(desk.make, "/fullinvoices", 201, client=client, **sale))
            nursery.start_soon(partial(desk.make, "/payments", client=client, amount=5))
            nursery.start_soon(books.bill, customer, 100)
    assert await books.owed() == 3 * (20 - 5 + 121)


async def test_corrections_wait_for_an_accountant(books: Books) -> None:
    client = (await books.desk.make("/client", name="Jansen"))["_id"]
    key = {"client": client, "reason": "gift", "amount": 5}
    await books.desk.make("/adjust-account", 201, **key, type="credit")
    assert (await books.owed(), await books.account("1900")) == (5, 5)
    await books.desk.make("/adjust-account", 201, **key, type="debit")
    assert (await books.owed(), await books.account("1900")) == (0, 0)


async def test_material_that_came_in_is_on_the_account_of_stock(books: Books) -> None:
    desk = books.desk
    item = {"product": (await desk.product())["_id"], "expectedQuantity": 5}
    item |= {"receivedQuantity": 5, "unitCost": 3}
    body = {"supplier": (await desk.make("/supplier", name="Parts Ltd"))["_id"], "items": [item]}
    place = (await desk.make("/warehouse", name="Main"))["_id"]
    receipt = await desk.make("/receiving-material", warehouse=place, **body)
    assert await books.account("3000") == 0
    for _ in range(2):  # said twice, booked once
        await desk.change(f"/receiving-material/{receipt['_id']}", status="received")
    assert (await books.account("3000"), await books.account("3100")) == (15, 15)
