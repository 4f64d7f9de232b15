"""Whoever upgrades keeps what they have: from each earlier revision, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, MetaData, Table, insert, select, types

import gateway.backoffice.schema  # noqa: F401 - its tables are upgraded too
from gateway.storage.engine import make_engine
from gateway.storage.full_text import is_declared
from gateway.storage.migrations import schema
from gateway.storage.migrations.schema import check_engine, upgrade_engine
from tests.support.postgres import Databases

Row = dict[str, Any]  # what a column may hold

#: What constraints of the first revision want, by table and column; anything else takes anything.
WANTED: dict[tuple[str, str], Any] = {
    ("prerequisite", "type"): "text",
    ("voucher", "kind"): "percentual",
    ("discount", "kind"): "percentual",
    ("shop_user", "role"): "owner",
    ("api_token", "api"): "repair",
    ("connector", "id"): 100_000_001,
    ("ticket", "total"): 14,
}

#: Kept by the engine or by Alembic.
NOT_OURS = {"alembic_version", "sqlite_sequence"}


def earlier() -> list[str]:
    """Return the revisions that some database may still have, oldest first."""
    folder = ScriptDirectory(str(schema.HERE), version_locations=[str(schema.VERSIONS)])
    numbers = [one.revision for one in folder.walk_revisions()]
    return numbers[:0:-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of either engine."""
    if request.param == "sqlite":
        with opened(f"sqlite:///{tmp_path}/old.db") as one:
            yield one
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.empty() as url, opened(url) as one:
        yield one


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def bring_to(engine: Engine, revision: str) -> None:
    """Upgrade as far as a program of that revision did."""
    with schema._transaction(engine) as connection:
        command.upgrade(schema._config(connection, schema.VERSIONS), revision)


def tables_of(engine: Engine) -> list[Table]:
    """Return the tables as the database has them, those that are referred to first."""
    found = MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
    ours = (table for table in found.sorted_tables if table.name not in NOT_OURS)
    return [table for table in ours if is_declared(table.name, "table", {})]


def some(column: Column[Any]) -> Any:  # noqa: C901, PLR0912 - one line for each type
    """Return a value that the column takes."""
    match column.type:
        case types.Boolean():
            return True
        case types.Integer():
            return 7
        case types.Float():
            return 1.5
        case types.Numeric():
            return Decimal("1.50")
        case types.DateTime():
            return datetime(2026, 3, 2, 9, 30, tzinfo=UTC).replace(
                tzinfo=UTC if column.type.timezone else None
            )
        case types.Date():
            return date(2026, 3, 2)
        case types.Time():
            return time(9, 30)
        case types.Uuid():
            return UUID(int=7)
        case types.LargeBinary():
            return b"\x01\x02"
        case types.JSON():
            return {"n": [1, None, "€"]}
        case _ if column.type.python_type is str:
            length = getattr(column.type, "length", None) or 20
            return "2026-03-02T09:30:00"[:length]
        case other:
            raise AssertionError(f"{column}: what does {other!r} hold?")


def row_of(table: Table, there: dict[str, Row]) -> Row:
    """Return a row with every column filled that can be; references lead to rows ``there``."""
    row: Row = {}
    for column in table.columns:
        if (table.name, column.name) in WANTED:
            row[column.name] = WANTED[table.name, column.name]
        elif column.foreign_keys:
            target = next(iter(column.foreign_keys)).column
            known = there.get(target.table.name)
            row[column.name] = None if known is None else known[target.name]
        else:
            row[column.name] = some(column)
    return row


def fill(engine: Engine) -> dict[str, Row]:
    """Put a row into every table; return them by the table's name, as they are read again."""
    there: dict[str, Row] = {}
    with schema._transaction(engine) as connection:
        for table in tables_of(engine):
            connection.execute(insert(table), row_of(table, there))
            there[table.name] = dict(connection.execute(select(table)).mappings().one())
    return there


def test_there_is_an_earlier_revision() -> None:
    assert earlier()[0] == "0001"


@pytest.mark.slow
@pytest.mark.parametrize("revision", earlier())
def test_rows_of_an_earlier_revision_are_all_there_and_nothing_else(
    engine: Engine, revision: str
) -> None:
    bring_to(engine, revision)
    before = fill(engine)
    assert len(before) > 40
    upgrade_engine(engine)
    assert check_engine(engine).is_newest
    tables = {table.name: table for table in tables_of(engine)}
    with engine.connect() as connection:
        for name, row in before.items():
            kept = [column for column in tables[name].columns if column.name in row]
            assert len(kept) > 0
            found = dict(connection.execute(select(*kept)).mappings().one())
            assert found == {column.name: row[column.name] for column in kept}, name
        new = [table for name, table in tables.items() if name not in before]
        assert len(new) > 100
        assert [table.name for table in new if connection.execute(select(table)).first()] == []
