"""Numbers have no gap and no double, whoever writes at the same time and whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from gateway.backoffice import schema
from gateway.backoffice.rules.numbering import business_year, next_count, next_number
from gateway.backoffice.shop import Shop
from gateway.domain.clock import Clock
from gateway.storage.database import Database

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def test_many_writers_share_no_number(shops: Database, clock: Clock) -> None:
    numbers: list[str] = []

    def take(connection: Connection) -> str:
        return next_number(Shop(connection, schema.TABLES, 1, None, clock()), "WO", NOW)

    async def writer() -> None:
        numbers.extend([await shops.write(take) for _ in range(3)])

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(writer)
    assert sorted(numbers) == [f"WO-2026-{count:04d}" for count in range(1, 25)]


async def test_a_rollback_gives_the_number_back(in_shop: Callable[..., Any]) -> None:
    def fail(shop: Shop) -> None:
        next_number(shop, "WO", NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_shop(fail)
    assert await in_shop(next_number, "WO", NOW) == "WO-2026-0001"


async def test_garages_series_and_years_count_apart(in_shop: Callable[..., Any]) -> None:
    next_year = NOW.replace(year=2027)
    assert await in_shop(next_number, "WO", NOW) == "WO-2026-0001"
    assert await in_shop(next_number, "CN", NOW) == "CN-2026-0001"
    assert await in_shop(next_number, "WO", next_year) == "WO-2027-0001"
    assert await in_shop(next_number, "WO", NOW, tenant_id=2) == "WO-2026-0001"
    assert await in_shop(next_number, "WO", NOW) == "WO-2026-0002"


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), 2026),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), 2027),  # midnight in Amsterdam
    ],
)
def test_the_year_is_that_of_the_books(moment: datetime, year: int) -> None:
    assert business_year(moment) == year


# What happens one after another: (garage, series, rolled back).
_STEPS = st.tuples(st.sampled_from([1, 2]), st.sampled_from(["WO", "INV"]), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(_STEPS, max_size=20))
def test_any_history_leaves_no_gap(steps: list[tuple[int, str, bool]]) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.TABLES["counter"].create(engine)
    kept: dict[tuple[int, str], list[int]] = {}
    with engine.connect() as connection:
        for tenant_id, series, undone in steps:
            shop = Shop(connection, schema.TABLES, tenant_id, None, NOW)
            count = next_count(shop, series, 2026)
            if undone:
                connection.rollback()
            else:
                connection.commit()
                kept.setdefault((tenant_id, series), []).append(count)
    engine.dispose()
    assert all(counts == list(range(1, len(counts) + 1)) for counts in kept.values())
