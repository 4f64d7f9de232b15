"""When people are free: hours, leave, holidays, other appointments; how long the way is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.moments import BUSINESS_ZONE
from gateway.backoffice.rules.planner import appointments, scheduling
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import WINDOW


def hours(slots: Any) -> list[str]:
    return [f"{slot.begin.astimezone(BUSINESS_ZONE):%a %H:%M}" for slot in slots]


def test_slots_lie_within_opening_hours(trial_shop: Any) -> None:
    found = trial_shop(lambda shop: hours(scheduling.free_slots(shop, 60, WINDOW, [1])))
    assert len(found) == 5 * 17
    assert (found[0], found[16], found[17]) == ("Mon 08:00", "Mon 16:00", "Tue 08:00")


def test_appointments_and_leave_take_slots(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        begin = datetime(2026, 3, 9, 8, tzinfo=UTC)  # 09:00 here
        appointments.create(shop, visit.values(time_from=begin))
        leave = {"employee_id": 1, "leave_type_id": shop.insert("leave_type", {"name": "H"})}
        day = date(2026, 3, 10)
        times = {"start_date": day, "end_date": day, "working_days": 1, "status": "approved"}
        shop.insert("leave_request", leave | times)
        found = hours(scheduling.free_slots(shop, 60, WINDOW, [1]))
        assert found[:3] == ["Mon 08:00", "Mon 10:00", "Mon 10:30"]
        assert not any(hour.startswith("Tue") for hour in found)
        # Somebody else is free, and named.
        slots = list(scheduling.free_slots(shop, 60, WINDOW))
        assert hours(slots)[1] == "Mon 08:30"
        assert slots[1].users == (11,)

    at_client(rule)


def test_holidays_and_the_past_are_not_offered(trial_shop: Any) -> None:
    easter = (datetime(2026, 4, 6, tzinfo=UTC), datetime(2026, 4, 7, 21, tzinfo=UTC))
    found = trial_shop(lambda shop: hours(scheduling.free_slots(shop, 60, easter, [1])))
    assert found[0] == "Tue 08:00"
    today = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, 22, tzinfo=UTC))
    found = trial_shop(lambda shop: hours(scheduling.free_slots(shop, 60, today, [1])))
    assert found[0] == "Mon 11:30"  # an hour's notice after 10:30
    over = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))
    assert trial_shop(lambda shop: list(scheduling.free_slots(shop, 60, over, [1]))) == []


@given(start=st.integers(0, 600), length=st.integers(5, 300), at=st.integers(0, 600))
def test_touching_is_not_overlapping(start: int, length: int, at: int) -> None:
    zero = datetime(2026, 3, 9, tzinfo=UTC)
    taken = [(zero + timedelta(minutes=start), zero + timedelta(minutes=start + length))]
    begin, hour = zero + timedelta(minutes=at), timedelta(minutes=60)
    shared = set(range(start, start + length)) & set(range(at, at + 60))
    assert scheduling._is_free(taken, begin, hour) is not bool(shared)


def test_the_way_from_the_appointment_before(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        place = {"geocode_lat": "52.0907", "geocode_lng": "5.1214"}  # Utrecht
        shop.change("address", visit.address, place)
        row = {name: shop.get("address", visit.address)[name] for name in ("street", "city")}
        there = {"geocode_lat": "52.3676", "geocode_lng": "4.9041", "house_number": "2"}
        amsterdam = shop.insert(
            "address",
            row | there | {"customer_id": visit.client, "type": "work", "zipcode": "1011 AA"},
        )
        first = datetime(2026, 3, 9, 8, tzinfo=UTC)
        made = appointments.create(shop, visit.values(time_from=first))
        assert shop.get("appointment", made)["drive_time"] is None
        later = first + timedelta(hours=3)
        body = visit.values(time_from=later, address_id=amsterdam)
        minutes = shop.get("appointment", appointments.create(shop, body))["drive_time"]
        assert 60 < minutes < 75  # 34 km as the crow flies

    at_client(rule)


def test_distance() -> None:
    assert scheduling.distance((52.0, 5.0), (52.0, 5.0)) == 0
    assert scheduling.distance((0.0, 0.0), (0.0, 180.0)) == pytest.approx(20015, abs=1)
