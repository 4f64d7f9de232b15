from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.database import Database
from gateway.storage.queries import credentials
from gateway.storage.queries.credentials import Lockout

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LOCKOUT = Lockout(attempts=3, first=30.0, longest=100.0)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, None), (2, None), (3, 30), (4, 60), (5, 100), (1_000, 100)]
)
def test_a_lock_doubles_up_to_its_longest(attempts: int, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert LOCKOUT.lock_after(attempts) == expected


@given(st.integers(1, 10**9), st.integers(1, 50), st.floats(0.1, 10**6), st.floats(0.1, 10**6))
def test_no_number_of_attempts_overflows(
    attempts: int, limit: int, first: float, more: float
) -> None:
    rest = Lockout(limit, first, first + more).lock_after(attempts)
    assert rest is None or rest <= timedelta(seconds=first + more)


async def test_attempts_are_counted_and_a_locked_one_is_not(database: Database) -> None:
    count = credentials.count_attempt
    for _ in range(3):
        assert await database.write(count, "a", NOW, LOCKOUT) is None
    until = NOW + timedelta(seconds=30)
    for _ in range(5):
        assert await database.write(count, "a", NOW, LOCKOUT) == until
    assert await database.write(count, "b", NOW, LOCKOUT) is None
    assert await database.write(count, "a", until, LOCKOUT) is None
    assert await database.write(count, "a", until, LOCKOUT) == until + timedelta(seconds=60)
    await database.write(credentials.clear_attempts, "a")
    assert await database.write(count, "a", NOW, LOCKOUT) is None


async def test_attempts_are_pruned_after_a_day(database: Database) -> None:
    await database.write(credentials.count_attempt, "a", NOW, LOCKOUT)
    await database.write(credentials.count_attempt, "b", NOW + timedelta(hours=1), LOCKOUT)
    assert await database.write(credentials.prune, NOW + timedelta(hours=23)) == 0
    assert await database.write(credentials.prune, NOW + timedelta(hours=24)) == 1
    assert await database.write(credentials.prune, NOW + timedelta(hours=25)) == 1
