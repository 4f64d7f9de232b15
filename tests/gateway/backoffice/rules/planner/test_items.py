"""Items: their next date, what they must agree with, and their device."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.rules.planner import appointments, items
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid

DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@given(first=DAYS, late=st.integers(0, 200), cycle=st.integers(1, 240))
def test_a_visit_moves_the_date_by_the_cycle(first: date, late: int, cycle: int) -> None:
    visited = first + timedelta(days=late)
    item = {"recurring": True, "plan_cycle": cycle, "date_from": first, "visited_on": visited}
    due = items.next_date(item)
    assert due is not None
    months = (due.year - visited.year) * 12 + due.month - visited.month
    assert months == cycle
    # On the anchor's day, or the last of a shorter month: no drift.
    assert due.day == min(first.day, monthrange(due.year, due.month)[1])


@pytest.mark.parametrize(
    ("item", "due"),
    [
        ({"date_from": date(2026, 1, 31)}, date(2026, 1, 31)),
        ({"date_from": date(2026, 1, 31), "visited_on": date(2026, 2, 3)}, None),
        (
            {
                "date_from": date(2026, 1, 31),
                "visited_on": date(2026, 2, 28),
                "recurring": True,
                "plan_cycle": 1,
            },
            date(2026, 3, 31),
        ),
        (
            {
                "date_from": date(2026, 1, 1),
                "visited_on": date(2026, 1, 2),
                "recurring": True,
                "plan_cycle": 24,
                "date_to": date(2027, 12, 31),
            },
            None,
        ),
        ({}, None),
    ],
)
def test_next_dates(item: dict[str, Any], due: date | None) -> None:
    assert items.next_date(item) == due


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"recurring": True}, "plan_cycle"),
        ({"date_from": date(2026, 3, 2), "date_to": date(2026, 3, 2)}, "date_to"),
        ({"address_id": 999}, "address_id"),
    ],
)
def test_contradictions_are_refused(at_client: Any, change: dict[str, Any], field: str) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        with pytest.raises(Unprocessable) as refused:
            items.change(shop, shop.get("item", visit.item), change)
        assert list(refused.value.errors) == [field]

    at_client(rule)


def test_what_comes_back_begins_today(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        items.change(shop, shop.get("item", visit.item), {"recurring": True, "plan_cycle": 6})
        assert shop.get("item", visit.item)["plan_next_date"] == shop.today

    at_client(rule)


def test_an_item_is_a_device_of_the_customer(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        items.change(shop, shop.get("item", visit.item), {"name": "Grand piano"})
        (device,) = shop.where("device", customer_id=visit.client)
        assert device["model"] == "Grand piano"

    at_client(rule)


def test_an_item_leaves_what_is_not_confirmed(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        begin = datetime(2026, 3, 9, 9, tzinfo=UTC)
        made = appointments.create(shop, visit.values(time_from=begin))
        appointments.confirm(shop, shop.get("appointment", made), {})
        with pytest.raises(Invalid, match="confirmed"):
            items.remove(shop, shop.get("item", visit.item))
        shop.change("appointment", made, {"confirmed_at": None})
        items.remove(shop, shop.get("item", visit.item))
        assert shop.where("appointment_item") == []
        assert shop.find("item", id=visit.item) is None

    at_client(rule)
