"""Writes are whole or nothing, and what the database refuses is a conflict, not a surprise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.backoffice import writing
from gateway.backoffice.catalogue.repair.customers import CUSTOMERS
from gateway.backoffice.catalogue.repair.work_orders import LINES, ORDERS
from gateway.backoffice.rules.customers import create_customer
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Conflict, NotFound


async def test_a_clash_is_a_conflict_and_leaves_nothing(in_shop: Callable[..., Any]) -> None:
    def twice(shop: Shop, values: Values) -> int:
        create_customer(shop, values | {"client_number": 7})
        return create_customer(shop, values | {"client_number": 7})

    resource = replace(CUSTOMERS, create=twice)
    with pytest.raises(Conflict, match="Read it again"):
        await in_shop(writing.create, resource, {"first_name": "Jan"}, None)
    assert await in_shop(lambda shop: shop.where("customer")) == []


async def test_a_change_that_clashes_is_a_conflict(in_shop: Callable[..., Any]) -> None:
    def take_number(shop: Shop, row: Values, _values: Values) -> None:
        shop.change("customer", row["id"], {"client_number": 1})

    for name in ("Jan", "Piet"):
        await in_shop(create_customer, {"first_name": name})
    resource = replace(CUSTOMERS, change=take_number)
    with pytest.raises(Conflict):
        await in_shop(writing.change, resource, 2, {}, None)


async def test_what_others_refer_to_is_not_torn_out(in_shop: Callable[..., Any]) -> None:
    def tear(shop: Shop, row: Values) -> None:
        table = shop.tables["work_order"]
        shop.connection.execute(table.delete().where(table.c.id == row["id"]))

    await in_shop(create_customer, {"first_name": "Jan"})
    await in_shop(writing.create, ORDERS, {"customer_id": 1}, None)
    with pytest.raises(Conflict):  # its trail refers to it
        await in_shop(writing.remove, replace(ORDERS, remove=tear), 1, None)
    assert len(await in_shop(lambda shop: shop.where("work_order"))) == 1


async def test_a_plain_resource_is_stored_as_it_is_given(in_shop: Callable[..., Any]) -> None:
    plain = replace(LINES, create=None, change=None, remove=None)
    await in_shop(create_customer, {"first_name": "Jan"})
    await in_shop(writing.create, ORDERS, {"customer_id": 1}, None)
    body = {"description": "Part", "unit_price": 10}
    made = await in_shop(writing.create, plain, body, 1)
    changed = await in_shop(writing.change, plain, made["id"], {"quantity": 2}, 1)
    assert changed["line_total_excl"] == 2 * made["line_total_excl"]
    assert await in_shop(writing.change, plain, made["id"], {}, 1) == changed
    assert await in_shop(writing.remove, plain, made["id"], 1) == changed
    with pytest.raises(NotFound):
        await in_shop(writing.remove, plain, made["id"], 1)
