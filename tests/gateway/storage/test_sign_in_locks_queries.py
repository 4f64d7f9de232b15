from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.database import Database
from gateway.storage.queries import credentials, sign_in_locks
from gateway.storage.queries.sign_in_locks import Guarded, Lockout, Lockouts

pytestmark = pytest.mark.both_engines

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


LOCKOUTS = Lockouts(near=LOCKOUT, wide=Lockout(attempts=7, first=30.0, longest=100.0))
HERE, THERE = Guarded("a", "192.0.2.1"), Guarded("a", "192.0.2.2")


async def count(database: Database, guarded: Guarded, at: datetime = NOW) -> datetime | None:
    return await database.write(sign_in_locks.count_attempt, guarded, at, LOCKOUTS)


async def test_attempts_are_counted_and_a_locked_one_is_not(database: Database) -> None:
    for _ in range(3):
        assert await count(database, HERE) is None
    until = NOW + timedelta(seconds=30)
    for _ in range(9):
        assert await count(database, HERE) == until
    assert await database.read(sign_in_locks.locked_until, HERE, NOW) == until
    assert await database.read(sign_in_locks.locked_until, HERE, until) is None
    assert await count(database, HERE, until) is None
    assert await count(database, HERE, until) == until + timedelta(seconds=60)
    assert await count(database, Guarded("b", "192.0.2.1")) is None


async def test_a_guesser_elsewhere_does_not_lock_the_owner_out(database: Database) -> None:
    for _ in range(9):
        await count(database, THERE)
    for _ in range(2):
        assert await count(database, HERE) is None
        await database.write(sign_in_locks.clear_attempts, HERE, NOW)


async def test_a_guesser_with_many_networks_meets_the_wide_bound(database: Database) -> None:
    for number in range(7):
        assert await count(database, Guarded("a", f"198.51.100.{number}")) is None
    assert await count(database, HERE) == NOW + timedelta(seconds=30)


async def test_coming_in_forgets_the_own_network_alone(database: Database) -> None:
    for number in range(4):
        await count(database, Guarded("a", f"198.51.100.{number}"))
    for _ in range(5):  # the owner's slips and successes; the guesser's four stay
        assert await count(database, HERE) is None
        assert await count(database, HERE) is None
        await database.write(sign_in_locks.clear_attempts, HERE, NOW)
    for number in range(3):
        assert await count(database, Guarded("a", f"203.0.113.{number}")) is None
    assert await count(database, HERE) is not None


async def test_attempts_are_pruned_and_forgotten_after_a_day(database: Database) -> None:
    await count(database, HERE)
    await count(database, Guarded("b", "192.0.2.1"), NOW + timedelta(hours=1))
    assert await database.write(credentials.prune, NOW + timedelta(hours=23)) == 0
    assert await database.write(credentials.prune, NOW + timedelta(hours=24)) == 2
    assert await database.write(credentials.prune, NOW + timedelta(hours=25)) == 2
    for day in range(9):
        assert await count(database, HERE, NOW + timedelta(days=day)) is None
