from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, String, bindparam, insert

from gateway.backoffice import schema as backoffice_schema
from gateway.storage.database import make_engine
from gateway.storage.full_text import expression, newest, scoped, words_of
from gateway.storage.migrations.schema import check_engine, upgrade_engine
from gateway.storage.tables import load_all
from gateway.storage.tables.identity import service_provider, tenant
from tests.support.postgres import Databases

ENTRIES = backoffice_schema.TABLES["search_entry"]

HERE = "k00000001"


@pytest.fixture
def empty(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a database without tables."""
    if engine_name == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path}/empty.db")
        yield engine
        engine.dispose()
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.empty() as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.mark.slow
@pytest.mark.both_engines
def test_revisions_make_the_index_that_create_all_makes(empty: Engine) -> None:
    upgrade_engine(empty)
    with empty.connect() as connection:
        assert looks_through(connection)
        connection.rollback()
    # What the engine keeps for it is no difference to the program's tables.
    assert not [one for one in check_engine(empty).differences if "full_text" in one]


@pytest.mark.both_engines
def test_the_index_goes_with_its_table(empty: Engine) -> None:
    tables = load_all()
    tables.create_all(empty)
    tables.drop_all(empty)
    tables.create_all(empty)
    with empty.connect() as connection:
        assert looks_through(connection)
        connection.rollback()


def looks_through(connection: Connection) -> bool:
    """Tell whether an entry is found by its words; rolled back by the caller."""
    stamp = datetime(2026, 1, 1, tzinfo=UTC)
    connection.execute(insert(service_provider).values(id=1, name="P", currency="EUR"))
    connection.execute(
        insert(tenant).values(id=1, provider_id=1, name="G", currency="EUR", created_at=stamp)
    )
    entry = {"tenant_id": 1, "created_at": stamp, "updated_at": stamp, "kind": "k", "head": ""}
    row = connection.execute(
        insert(ENTRIES).values(**entry, record_id=1, words=scoped(HERE, ["jan", "vos"]))
    )
    (key,) = row.inserted_primary_key or (None,)
    dialect = connection.dialect.name
    query = newest(dialect, ENTRIES, bindparam("asked", type_=String), 5)
    right, foreign = (expression(dialect, scope, ["vo", "j"]) for scope in (HERE, "k00000002"))
    assert connection.execute(query, {"asked": right}).scalars().all() == [key]
    return connection.execute(query, {"asked": foreign}).first() is None


def test_words_are_folded_parted_and_cut() -> None:
    assert words_of("Crème-brûlée  4½\tŁódź's") == ["creme", "brulee", "41", "2", "łodz", "s"]
    assert words_of("x" * 100) == ["x" * 64]
    assert len(words_of("a " * 5_000)) == 1_000


def test_words_stand_once_behind_a_scope_of_the_one_length() -> None:
    assert scoped(HERE, ["vos", "jan", "vos"]) == "k00000001vos k00000001jan"
    with pytest.raises(ValueError, match="9 characters"):
        scoped("k1", ["vos"])
