"""Declarations become tables on both engines, once."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.schema import TABLES
from gateway.backoffice.tables import build_tables
from gateway.storage.tables import identity, metadata


def test_tables_are_on_the_products_metadata_and_made_once() -> None:
    assert build_tables(DECLARATIONS.nouns, metadata) == TABLES
    assert all(metadata.tables[table.name] is table for table in TABLES.values())


def test_what_another_room_owns_is_used_as_it_is() -> None:
    assert TABLES["shop_user"] is identity.shop_user


@pytest.mark.parametrize("engine", ["sqlite", "postgresql+psycopg"])
def test_both_engines_can_make_them(engine: str) -> None:
    dialect = make_url(f"{engine}://").get_dialect()()
    for table in TABLES.values():
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "tenant_id" in text
        assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
        # PostgreSQL keeps 63 characters of a name.
        names = [str(index.name) for index in table.indexes]
        names += [str(constraint.name) for constraint in table.constraints]
        assert [name for name in names if len(name) > 63] == []


def test_every_row_belongs_to_a_garage_and_every_index_starts_there() -> None:
    for name, table in TABLES.items():
        assert not table.c.tenant_id.nullable
        assert {key.target_fullname for key in table.c.tenant_id.foreign_keys} == {"tenant.id"}
        if name != "shop_user":
            assert all(index.columns[0].name == "tenant_id" for index in table.indexes)
