from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import trio

from gateway.backoffice.rules import paying
from gateway.backoffice.rules.customers import create_customer
from gateway.backoffice.rules.paying import Paid
from gateway.backoffice.shop import Shop


@pytest.mark.both_engines
async def test_a_payment_that_is_told_of_at_once_is_booked_once(in_shop: Any) -> None:
    def owed(shop: Shop) -> int:
        customer = create_customer(shop, {"first_name": "Jan"})
        head = {"customer_id": customer, "invoice_date": shop.today, "status": "sent"}
        return shop.insert("invoice", head | {"total_incl": Decimal(50), "invoice_number": "I-1"})

    invoice = await in_shop(owed)
    paid = Paid("mollie", "tr_1", invoice, Decimal(20))
    booked: list[bool] = []

    async def tell() -> None:
        booked.append(await in_shop(partial(paying.book, paid=paid)))

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(tell)
    assert sorted(booked) == [False] * 5 + [True]

    def look(shop: Shop) -> tuple[int, Decimal]:
        return shop.count("payment"), shop.get("invoice", invoice)["amount_paid"]

    assert await in_shop(look) == (1, Decimal(20))
