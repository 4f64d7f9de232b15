"""Declarations -> SQLAlchemy tables, on the one metadata that Alembic compares with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ForeignKey,
    FromClause,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy.schema import SchemaItem

from gateway.backoffice.kinds import ID_TYPE, Ref
from gateway.backoffice.noun import Column, Noun
from gateway.storage.columns import UtcDateTime

#: Noun name -> its table.
Tables = Mapping[str, Table]


def visible(
    table: FromClause, garage: int | BindParameter[int], *, removed: bool = False
) -> list[ColumnElement[bool]]:
    """Return the conditions that keep a query within one garage, without removed rows."""
    conditions: list[ColumnElement[bool]] = [table.c.tenant_id == garage]
    if "deleted_at" in table.c and not removed:
        conditions.append(table.c.deleted_at.is_(None))
    return conditions


def build_tables(nouns: Iterable[Noun], metadata: MetaData) -> Tables:
    """Return the table of each noun, made on ``metadata`` where it is not there yet.

    Args:
        nouns: checked declarations (``check.check``); order does not matter.
        metadata: holds the tables of other rooms that nouns refer to.
    """
    known = tuple(nouns)
    names = {noun.name: noun.table_name for noun in known}
    return {noun.name: _table(noun, names, metadata) for noun in known}


def _table(noun: Noun, names: Mapping[str, str], metadata: MetaData) -> Table:
    present = metadata.tables.get(noun.table_name)
    if present is not None:
        return present
    items: list[SchemaItem] = [
        SqlColumn("id", ID_TYPE, primary_key=True, autoincrement=True),
        SqlColumn("tenant_id", ID_TYPE, ForeignKey("tenant.id"), nullable=False),
        SqlColumn("created_at", UtcDateTime, nullable=False),
        SqlColumn("updated_at", UtcDateTime, nullable=False),
        *([SqlColumn("deleted_at", UtcDateTime)] if noun.soft else []),
        *(_column(column, names) for column in noun.columns),
        *_constraints(noun),
    ]
    # Ids of removed rows are never given again: bookmarks and other systems hold them.
    return Table(noun.table_name, metadata, *items, sqlite_autoincrement=True)


def _column(column: Column, names: Mapping[str, str]) -> SqlColumn[object]:
    refers = column.kind.noun if isinstance(column.kind, Ref) else ""
    keys = [ForeignKey(f"{names[refers]}.id")] if refers else []
    return SqlColumn(
        column.name, column.kind.sql(), *keys, nullable=column.null, default=column.default
    )


def _constraints(noun: Noun) -> list[SchemaItem]:
    """Indexes start with the garage, because every query does."""
    unique = [(c.name,) for c in noun.columns if c.unique] + list(noun.unique)
    plain = {c.name for c in noun.columns if c.index or isinstance(c.kind, Ref)}
    # A column that begins a group has an index of its own all the same: rows come out of that in
    # the order of their ids. Where they do not, SQLite goes through all rows of the garage by id.
    plain -= {group[0] for group in unique if len(group) == 1}
    plain |= {"created_at"} if noun.dated else set()
    # What is there is counted in the index alone: without the mark, each row would be looked at.
    ids = ("id", "deleted_at") if noun.soft else ("id",)
    groups = [ids, ("updated_at",), *((name,) for name in sorted(plain)), *noun.indexes]
    return [
        *(UniqueConstraint("tenant_id", *group) for group in unique),
        # Named without the garage: PostgreSQL's 63 characters are soon full.
        *(
            Index(f"ix_{noun.table_name}_{'_'.join(group)}", "tenant_id", *group)
            for group in groups
        ),
    ]
