"""Work orders move along their table and nowhere else; finished ones keep their lines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from gateway.backoffice.nouns import STATUSES
from gateway.backoffice.rules import work_orders
from gateway.backoffice.rules.customers import create_customer
from gateway.backoffice.rules.work_orders import FINISHED, MOVES
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Invalid


def _order(shop: Shop, status: str = "new") -> Values:
    customer_id = create_customer(shop, {"first_name": "Jan"})
    order_id = work_orders.open_order(shop, {"customer_id": customer_id})
    shop.change("work_order", order_id, {"status": status})
    return _read(shop, order_id)


def _read(shop: Shop, order_id: int) -> Values:
    row = shop.find("work_order", id=order_id)
    assert row is not None
    return row


def _events(shop: Shop, order_id: int) -> list[str]:
    return [row["event"] for row in shop.where("work_order_event", work_order_id=order_id)]


async def test_every_pair_of_states_is_decided(in_shop: Callable[..., Any]) -> None:
    def walk(shop: Shop) -> None:
        for was, wanted in product(STATUSES, STATUSES):
            order = _order(shop, was)
            if (was, wanted) in MOVES or was == wanted:
                work_orders.change_order(shop, order, {"status": wanted})
                assert _read(shop, order["id"])["status"] == wanted
                assert ("status_changed" in _events(shop, order["id"])) == (was != wanted)
            else:
                with pytest.raises(Invalid, match=STATUSES[was]):
                    work_orders.change_order(shop, order, {"status": wanted})
                assert _read(shop, order["id"])["status"] == was

    await in_shop(walk)


def test_every_state_is_reached_from_the_first() -> None:
    reached, todo = {"new"}, ["new"]
    while todo:
        was = todo.pop()
        fresh = {to for start, to in MOVES if start == was} - reached
        reached |= fresh
        todo += fresh
    assert reached == set(STATUSES)


async def test_completing_stamps_and_opening_again_takes_it_back(
    in_shop: Callable[..., Any],
) -> None:
    def walk(shop: Shop) -> None:
        order = _order(shop, "in_repair")
        work_orders.change_order(shop, order, {"status": "completed"})
        done = _read(shop, order["id"])
        assert done["completed_at"] == shop.now
        assert _events(shop, order["id"])[-1] == "completed"
        work_orders.change_order(shop, done, {"status": "in_repair"})
        assert _read(shop, order["id"])["completed_at"] is None

    await in_shop(walk)


@pytest.mark.parametrize("status", sorted(FINISHED))
async def test_finished_orders_keep_their_lines(in_shop: Callable[..., Any], status: str) -> None:
    def walk(shop: Shop) -> None:
        order = _order(shop)
        line = {"work_order_id": order["id"], "description": "Part", "unit_price": 1}
        line_id = work_orders.add_line(shop, line)
        shop.change("work_order", order["id"], {"status": status})
        row = shop.find("work_order_line", id=line_id)
        assert row is not None
        for attempt in (
            lambda: work_orders.add_line(shop, line),
            lambda: work_orders.change_line(shop, row, {"quantity": 2}),
            lambda: work_orders.remove_line(shop, row),
        ):
            with pytest.raises(Invalid, match=STATUSES[status]):
                attempt()
        assert shop.where("work_order_line", work_order_id=order["id"]) == [row]

    await in_shop(walk)


async def test_a_change_that_changes_nothing_leaves_no_trace(
    in_shop: Callable[..., Any],
) -> None:
    def walk(shop: Shop) -> None:
        order = _order(shop)
        same = {"status": "new", "priority": "normal", "assigned_to": None}
        work_orders.change_order(shop, order, same)
        assert _events(shop, order["id"]) == ["created"]

    await in_shop(walk)


async def test_the_trail_speaks_in_names(in_shop: Callable[..., Any]) -> None:
    def walk(shop: Shop) -> None:
        order = _order(shop)
        other = create_customer(shop, {"first_name": "Piet", "last_name": "Pieters"})
        change = {"customer_id": other, "problem_description": "Rattles"}
        work_orders.change_order(shop, order, change)
        entries = shop.where("work_order_event", work_order_id=order["id"])
        assert [entry["description"] for entry in entries[1:]] == [
            "Customer changed from Jan to Piet Pieters",
            "Problem changed from empty to Rattles",
        ]

    await in_shop(walk)


async def test_only_unfinished_orders_are_removed(in_shop: Callable[..., Any]) -> None:
    def walk(shop: Shop) -> None:
        done, open_ = _order(shop, "completed"), _order(shop)
        with pytest.raises(Invalid):
            work_orders.remove_order(shop, done)
        work_orders.remove_order(shop, open_)
        assert shop.find("work_order", id=done["id"]) is not None
        assert shop.find("work_order", id=open_["id"]) is None

    await in_shop(walk)
