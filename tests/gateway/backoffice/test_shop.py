"""A shop reaches its own garage's rows and nothing else, whatever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.backoffice.shop import Shop, Values


def _customer(shop: Shop) -> int:
    return shop.insert("customer", {"client_number": 1, "first_name": "Jan"})


def _read(shop: Shop, customer_id: int) -> Values | None:
    return shop.find("customer", id=customer_id)


async def test_rows_of_others_cannot_be_seen_or_touched(in_shop: Callable[..., Any]) -> None:
    customer_id = await in_shop(_customer)

    def intrude(shop: Shop) -> None:
        assert _read(shop, customer_id) is None
        assert shop.find_ever("customer", id=customer_id) is None
        assert shop.where("customer") == []
        shop.change("customer", customer_id, {"first_name": "Evil"})
        shop.remove("customer", customer_id)
        shop.remove("address", 1)

    await in_shop(intrude, tenant_id=2)
    row = await in_shop(_read, customer_id)
    assert (row["first_name"], row["deleted_at"], row["tenant_id"]) == ("Jan", None, 1)


async def test_soft_nouns_keep_what_is_removed(in_shop: Callable[..., Any], clock: Any) -> None:
    customer_id = await in_shop(_customer)
    clock.advance(60)
    await in_shop(lambda shop: shop.remove("customer", customer_id))
    assert await in_shop(_read, customer_id) is None
    row = await in_shop(lambda shop: shop.find_ever("customer", id=customer_id))
    assert row["deleted_at"] == row["updated_at"] == clock()
    # Removed rows do not change any more.
    await in_shop(lambda shop: shop.change("customer", customer_id, {"first_name": "X"}))
    row = await in_shop(lambda shop: shop.find_ever("customer", id=customer_id))
    assert row["first_name"] == "Jan"


async def test_hard_nouns_lose_it_and_never_give_its_id_again(
    in_shop: Callable[..., Any],
) -> None:
    def walk(shop: Shop) -> None:
        customer = _customer(shop)
        fields = {"customer_id": customer, "status": "new", "ticket_no": "WO-1"}
        line = {"work_order_id": shop.insert("work_order", fields), "description": "x"}
        first = shop.insert("work_order_line", line | {"unit_price": 1})
        shop.remove("work_order_line", first)
        assert shop.find_ever("work_order_line", id=first) is None
        assert shop.insert("work_order_line", line | {"unit_price": 1}) == first + 1

    await in_shop(walk)
