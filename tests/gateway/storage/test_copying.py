"""A gateway outgrows SQLite: everything arrives, or nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
)

import gateway.backoffice.schema  # noqa: F401 - its tables are copied too
from gateway.storage import columns, copying, tables
from gateway.storage.copying import Copied, CopyError, copy_between, copy_database
from gateway.storage.database import make_engine
from gateway.storage.migrations.schema import upgrade_engine
from gateway.storage.tables.identity import audit
from tests.support.postgres import Databases

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)

#: A schema of two tables, which is made in no time.
SMALL = MetaData()
ENTRY = Table(
    "entry",
    SMALL,
    Column("id", Integer, primary_key=True),
    Column("at", columns.UtcDateTime, nullable=False),
    Column("text", Text),
    Column("detail", columns.Json),
)
TREE = Table(
    "tree",
    SMALL,
    Column("id", Integer, primary_key=True),
    Column("parent", ForeignKey("tree.id")),
)
ENTRIES = [
    {"id": 3 * n + 1, "at": NOW, "text": "Zoë", "detail": {"n": n, "list": [True, None, "€"]}}
    for n in range(1202)
]
#: Rows that point to later ones.
BRANCHES = [(1, 3), (2, None), (3, 2)]


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of either engine."""
    if request.param == "sqlite":
        with opened(f"sqlite:///{tmp_path}/target.db") as engine:
            yield engine
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.empty() as url, opened(url) as engine:
        yield engine


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database of the small schema with 1,205 rows; the small schema is the program's."""
    monkeypatch.setattr(copying, "load_all", lambda: SMALL)
    monkeypatch.setattr(copying, "_check_source", SMALL.create_all)
    monkeypatch.setattr(copying, "_prepare", SMALL.create_all)
    with opened(f"sqlite:///{tmp_path}/source.db") as engine:
        SMALL.create_all(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN")
            connection.execute(insert(ENTRY), ENTRIES)
            connection.execute(insert(TREE), [{"id": one, "parent": up} for one, up in BRANCHES])
            connection.commit()
        yield engine


def ignore(_: Copied) -> None:
    """Follow nothing."""


def rows(engine: Engine, table: Table) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        query = select(table).order_by(*table.primary_key)
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.slow
def test_the_whole_schema_is_made_and_filled(target: Engine, tmp_path: Path) -> None:
    entry = {"action": "copied", "actor": "Zoë", "subject": "s", "detail": {"a": [None]}}
    with opened(f"sqlite:///{tmp_path}/whole.db") as source:
        upgrade_engine(source)
        with source.connect() as connection:
            connection.execute(insert(audit), [entry | {"id": n, "at": NOW} for n in (5, 9)])
        assert copy_database(source, target, ignore) == 2
        for table in tables.load_all().sorted_tables:
            assert rows(source, table) == rows(target, table), table.name


@pytest.mark.slow
def test_every_row_arrives_as_it_was(source: Engine, target: Engine) -> None:
    told: list[Copied] = []
    assert copy_database(source, target, told.append) == 1205
    assert told == [
        Copied("entry", 500, 1205),
        Copied("entry", 1000, 1205),
        Copied("entry", 1202, 1205),
        Copied("tree", 1205, 1205),
    ]
    assert rows(target, ENTRY) == rows(source, ENTRY)
    assert rows(target, TREE) == BRANCHES


@pytest.mark.slow
def test_numbers_go_on_behind_the_highest(source: Engine, target: Engine) -> None:
    copy_database(source, target, ignore)
    with target.connect() as connection:
        added = connection.execute(insert(ENTRY), {"at": NOW})
        assert added.inserted_primary_key == (3605,)


@pytest.mark.slow
def test_a_target_with_rows_is_left_alone(source: Engine, target: Engine) -> None:
    copy_database(source, target, ignore)
    with pytest.raises(CopyError, match="has rows in entry, tree: copy into an empty database"):
        copy_database(source, target, ignore)


@pytest.mark.slow
def test_a_copy_that_breaks_off_leaves_nothing(source: Engine, target: Engine) -> None:
    def give_up(copied: Copied) -> None:
        if copied.rows > 600:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_database(source, target, give_up)
    assert copy_database(source, target, ignore) == 1205


@pytest.mark.slow
def test_rows_that_do_not_arrive_undo_the_copy(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = copying._count

    def miscounted(connection: Connection, table: Table) -> int:
        count = counted(connection, table)
        return count - 1 if connection.engine is target and count == 1202 else count

    monkeypatch.setattr(copying, "_count", miscounted)
    with pytest.raises(CopyError, match="entry: 1201 of 1202 rows arrived"):
        copy_database(source, target, ignore)
    with target.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ENTRY)).scalar_one() == 0


def test_a_source_of_another_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CopyError, match="gateway db upgrade"):
        copy_between(f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db", ignore)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("nonsense", "no address of a database"),
        ("sqlite://", "no address of a database"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "Nothing was copied"),
    ],
)
def test_a_target_that_is_none_is_named(source: Engine, to: str, why: str) -> None:
    with pytest.raises(CopyError, match=why):
        copy_between(source.url.render_as_string(hide_password=False), to, ignore)
