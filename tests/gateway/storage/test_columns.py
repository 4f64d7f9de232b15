from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import StatementError

from gateway.storage.columns import Amount, Json, UtcDateTime

DIALECT = sqlite.dialect()
cents = st.decimals(-(10**12), 10**12, places=2)


@given(cents)
def test_an_amount_comes_back_exactly(amount: Decimal) -> None:
    column = Amount(2)
    assert (
        column.process_result_value(column.process_bind_param(amount, DIALECT), DIALECT) == amount
    )


@given(st.lists(cents, min_size=1, max_size=20))
def test_sums_in_the_database_are_exact(amounts: list[Decimal]) -> None:
    table = Table("t", MetaData(), Column("amount", Amount(2)))
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(insert(table), [{"amount": amount} for amount in amounts])
        assert connection.execute(select(func.sum(table.c.amount))).scalar_one() == sum(amounts)
    engine.dispose()


@pytest.mark.parametrize(
    ("given_amount", "kept"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("1.004", "1.00"), ("2.675", "2.68")],
)
def test_what_is_finer_than_a_cent_is_rounded_half_up(given_amount: str, kept: str) -> None:
    column = Amount(2)
    stored = column.process_bind_param(Decimal(given_amount), DIALECT)
    assert column.process_result_value(stored, DIALECT) == Decimal(kept)


def test_unit_prices_keep_four_places() -> None:
    assert Amount(4).process_bind_param(Decimal("0.12345"), DIALECT) == 1235


def test_nothing_stays_nothing() -> None:
    assert Amount().process_bind_param(None, DIALECT) is None
    assert Amount().process_result_value(None, DIALECT) is None
    assert UtcDateTime().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_result_value(None, DIALECT) is None


def test_times_are_kept_in_utc_and_come_back_aware() -> None:
    column = UtcDateTime()
    amsterdam = datetime(2026, 7, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    stored = column.process_bind_param(amsterdam, DIALECT)
    assert stored == datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    naive = stored.replace(tzinfo=None)  # what SQLite hands back
    assert column.process_result_value(naive, DIALECT) == amsterdam
    read = column.process_result_value(amsterdam, DIALECT)
    assert read is not None
    assert read.tzinfo is UTC


def test_a_naive_time_is_refused() -> None:
    table = Table("t", MetaData(), Column("at", UtcDateTime))
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        with pytest.raises(StatementError, match="naive time"):
            connection.execute(insert(table).values(at=datetime(2026, 1, 1)))  # noqa: DTZ001
    engine.dispose()


def test_json_is_binary_json_on_postgresql() -> None:
    assert Json.compile(dialect=PGDialect()) == "JSONB"  # type: ignore[no-untyped-call]  # untyped there
    assert Json.compile(dialect=DIALECT) == "JSON"
