from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.moments import BUSINESS_ZONE
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.rules.opening import check_hours, due, is_quiet, passed

WEEK = {**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-17:00"), "sat": "09:00-12:00"}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BUSINESS_ZONE)


@pytest.mark.parametrize(
    ("start", "hours", "until"),
    [
        ("2026-03-02 09:00", 4, "2026-03-02 13:00"),
        ("2026-03-02 06:00", 4, "2026-03-02 12:00"),  # not before the door opens
        ("2026-03-02 16:00", 4, "2026-03-03 11:00"),  # over night
        ("2026-03-06 16:00", 5, "2026-03-09 09:00"),  # Friday, Saturday morning, Monday
        ("2026-04-24 16:00", 13, "2026-04-28 17:00"),  # Monday is King's Day
        ("2026-03-28 11:00", 2, "2026-03-30 09:00"),  # the clocks change on that Sunday
    ],
)
def test_the_clock_runs_while_the_garage_is_open(start: str, hours: int, until: str) -> None:
    counted = timedelta(hours=hours)
    assert due(local(start), counted, WEEK, holidays=True) == local(until)
    assert passed(local(start), local(until), WEEK, holidays=True) == counted


def test_holidays_count_where_the_garage_works_on_them() -> None:
    start = local("2026-04-27 08:00")
    assert due(start, timedelta(hours=1), WEEK, holidays=False) == local("2026-04-27 09:00")
    good_friday = local("2026-04-03 08:00")
    assert due(good_friday, timedelta(hours=1), WEEK, holidays=True) == local("2026-04-03 09:00")


def test_without_hours_it_never_stops() -> None:
    start = datetime(2026, 3, 7, 22, tzinfo=UTC)
    assert due(start, timedelta(hours=30), {}, holidays=True) == start + timedelta(hours=30)
    assert passed(start, start + timedelta(hours=30), {}, holidays=True) == timedelta(hours=30)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(start=moments, minutes=st.integers(1, 6_000))
def test_what_is_due_is_when_so_much_has_passed(start: datetime, minutes: int) -> None:
    counted = timedelta(minutes=minutes)
    end = due(start, counted, WEEK, holidays=True)
    assert passed(start, end, WEEK, holidays=True) == counted


@pytest.mark.parametrize(
    "hours", [{"Monday": "08:00-17:00"}, {"mon": "8-17"}, {"mon": "17:00-08:00"}, {"mon": 3},
              {"mon": "08:00-24:30"}],
)  # fmt: skip
def test_what_is_no_table_of_hours_is_refused(hours: dict[str, object]) -> None:
    with pytest.raises(Unprocessable):
        check_hours(hours)


def test_midnight_is_an_end() -> None:
    check_hours({"fri": "20:00-24:00"})
    end = due(local("2026-03-06 20:00"), timedelta(hours=4), {"fri": "20:00-24:00"}, holidays=True)
    assert end == local("2026-03-07 00:00")


@pytest.mark.parametrize(
    ("clock", "begin", "until", "quiet"),
    [
        ("22:00", "21:00", "08:00", True),
        ("07:59", "21:00", "08:00", True),
        ("08:00", "21:00", "08:00", False),
        ("12:30", "12:00", "13:00", True),
        ("13:00", "12:00", "13:00", False),
        ("12:30", "", "", False),
    ],
)
def test_quiet_hours(clock: str, begin: str, until: str, quiet: bool) -> None:
    assert is_quiet(local(f"2026-07-01 {clock}"), begin, until) is quiet
