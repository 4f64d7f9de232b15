"""Appointments: the status that follows, what must agree, whose hour it is, what a visit does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.rules.planner import appointments, scheduling
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)
STAMPS = [stamp for stamp, _ in appointments.STATUSES]


@given(st.sets(st.sampled_from(STAMPS)))
def test_the_status_follows_from_the_stamps(given_: set[str]) -> None:
    row = {stamp: (MONDAY if stamp in given_ else None) for stamp in STAMPS}
    order = ["canceled", "visited", "not_visited", "confirmed", "sent", "planned", "prepared"]
    known = dict(appointments.STATUSES)
    present = {known[stamp] for stamp in given_} | {"prepared"}
    assert appointments.status_of(row) == min(present, key=order.index)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"address_id": 999}, "address_id"),
        ({"services": [999]}, "services"),
        ({"users": [2]}, "users"),  # the other garage's
        ({"appointment_type_id": 999}, "appointment_type_id"),
        ({"customer_id": 999}, "client_id"),
        ({"time_from": MONDAY, "time_to": MONDAY}, "time_to"),
        ({"plan_to": MONDAY - timedelta(days=30)}, "plan_to"),
        ({"appointment_or_invite": "invite", "time_from": MONDAY}, "appointment_or_invite"),
    ],
)
def test_what_does_not_agree_is_refused(at_client: Any, more: Any, field: str) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        with pytest.raises(Unprocessable) as refused:
            appointments.create(shop, visit.values(**more))
        assert list(refused.value.errors) == [field]
        assert shop.where("appointment") == []

    at_client(rule)


def test_nobody_is_at_two_places(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        appointments.create(shop, visit.values(time_from=MONDAY))
        half = MONDAY + timedelta(minutes=30)
        with pytest.raises(Unprocessable, match="Owner 1"):
            appointments.create(shop, visit.values(time_from=half))
        appointments.create(shop, visit.values(time_from=half, users=[11]))
        appointments.create(shop, visit.values(time_from=MONDAY + timedelta(hours=1)))
        waiting = appointments.create(shop, visit.values())
        row = shop.get("appointment", waiting)
        with pytest.raises(Unprocessable):
            appointments.plan(shop, row, {"time_from": half})

    at_client(rule)


def test_planning_at_once_takes_the_first_free_time(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        for expected in (7, 8):  # UTC; the garage opens at 8 here
            made = appointments.create(shop, visit.values(plan_appointment=True))
            row = shop.get("appointment", made)
            assert row["time_from"] == datetime(2026, 3, 9, expected, tzinfo=UTC)
            assert row["time_to"] - row["time_from"] == timedelta(minutes=row["time"])

    at_client(rule)


def test_a_visit_opens_an_order_and_moves_the_item(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        made = appointments.create(shop, visit.values(time_from=MONDAY))
        appointments.visit(shop, shop.get("appointment", made), {})
        row = shop.get("appointment", made)
        order = shop.get("work_order", row["work_order_id"])
        assert (order["customer_id"], order["device_model"]) == (visit.client, "Boiler")
        assert order["problem_description"] == "Maintenance: Boiler"
        assert shop.get("item", visit.item)["plan_next_date"] == date(2027, 3, 31)
        with pytest.raises(Invalid, match="visited"):
            appointments.plan(shop, row, {"time_from": MONDAY})
        with pytest.raises(Invalid, match="took place"):
            appointments.cancel(shop, row)

    at_client(rule, recurring=True, plan_cycle=12, date_from=date(2026, 1, 31))


def test_a_missed_visit_leaves_the_item_due(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        made = appointments.create(shop, visit.values(time_from=MONDAY))
        due = shop.get("item", visit.item)["plan_next_date"]
        appointments.miss(shop, shop.get("appointment", made), {})
        assert appointments.status_of(shop.get("appointment", made)) == "not_visited"
        assert shop.get("item", visit.item)["plan_next_date"] == due
        assert shop.where("work_order") == []

    at_client(rule, date_from=date(2026, 3, 9))


def test_cancelling_tells_who_had_confirmed(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        made = appointments.create(shop, visit.values(time_from=MONDAY))
        waiting = shop.get("appointment", appointments.create(shop, visit.values()))
        with pytest.raises(Invalid, match="no time"):
            appointments.confirm(shop, waiting, {})
        appointments.confirm(shop, shop.get("appointment", made), {})
        appointments.cancel(shop, shop.get("appointment", made))
        assert shop.find("appointment", id=made) is None
        assert shop.where("outgoing_mail")[-1]["subject"].startswith("Cancelled: Monday 9 March")
        appointments.create(shop, visit.values(time_from=MONDAY))  # the hour is free again

    at_client(rule)


@pytest.mark.both_engines
@pytest.mark.slow
async def test_one_of_many_gets_the_hour(in_shop: Any) -> None:
    visit = await in_shop(make_visit)
    await in_shop(scheduling.hold)  # so that nobody has to make the row that is held
    outcomes: list[str] = []

    async def book() -> None:
        try:
            await in_shop(appointments.create, visit.values(time_from=MONDAY))
        except Unprocessable:
            outcomes.append("engaged")
        else:
            outcomes.append("booked")

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(book)
    assert sorted(outcomes) == ["booked"] + ["engaged"] * 5
