"""One garage's rows inside one transaction.

Every statement of the back office goes through a :class:`Shop`, which adds the tenant filter;
no other module of the back office writes ``tenant_id`` into a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, insert, select, update

from gateway.backoffice.tables import Tables

#: A row or a part of one: column name -> value. Any: columns hold what their kinds say.
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shop:
    """What a domain function works with: whose rows, on whose behalf, when, in which transaction.

    Attributes:
        connection: the open transaction; dead when the function returns.
        tables: noun name -> table.
        tenant_id: the garage; rows of others do not exist here.
        user_id: the shop user who acts; ``None`` when the gateway itself does.
        now: the present, UTC; stamped on what is written.
    """

    connection: Connection
    tables: Tables
    tenant_id: int
    user_id: int | None
    now: datetime

    def visible(self, table: Table, *, removed: bool = False) -> list[ColumnElement[bool]]:
        """Return the conditions that keep a query within this garage, without removed rows."""
        conditions: list[ColumnElement[bool]] = [table.c.tenant_id == self.tenant_id]
        if "deleted_at" in table.c and not removed:
            conditions.append(table.c.deleted_at.is_(None))
        return conditions

    # Any: Select is generic in the row's types, which a table built at run time does not tell.
    def select(self, noun: str, *, removed: bool = False) -> Select[Any]:
        """Return a query for this garage's rows of ``noun``."""
        table = self.tables[noun]
        return select(table).where(*self.visible(table, removed=removed))

    def rows(self, query: Select[Any]) -> list[Values]:
        """Run ``query`` and return its rows."""
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def where(self, noun: str, **equal: object) -> list[Values]:
        """Return the rows whose columns equal what is given, oldest first."""
        table = self.tables[noun]
        conditions = [table.c[name] == value for name, value in equal.items()]
        return self.rows(self.select(noun).where(*conditions).order_by(table.c.id))

    def find(self, noun: str, **equal: object) -> Values | None:
        """Return the first row whose columns equal what is given, or ``None``."""
        return self._first(noun, equal, removed=False)

    def find_ever(self, noun: str, **equal: object) -> Values | None:
        """Return what ``find`` returns, or the removed row that once was it."""
        return self._first(noun, equal, removed=True)

    def _first(self, noun: str, equal: Values, *, removed: bool) -> Values | None:
        table = self.tables[noun]
        conditions = [table.c[name] == value for name, value in equal.items()]
        query = self.select(noun, removed=removed).where(*conditions).order_by(table.c.id).limit(1)
        return next(iter(self.rows(query)), None)

    def insert(self, noun: str, values: Values) -> int:
        """Store a new row and return its id."""
        stamps = {"tenant_id": self.tenant_id, "created_at": self.now, "updated_at": self.now}
        table = self.tables[noun]
        result = self.connection.execute(insert(table).values(**values, **stamps))
        return int(result.inserted_primary_key[0])  # type: ignore[index] # one row, one key

    def change(self, noun: str, identifier: int, values: Values) -> None:
        """Change columns of one row."""
        table = self.tables[noun]
        mine = [table.c.id == identifier, *self.visible(table)]
        stamped = values | {"updated_at": self.now}
        self.connection.execute(update(table).where(*mine).values(**stamped))

    def remove(self, noun: str, identifier: int) -> None:
        """Remove one row: mark it where the noun is soft, delete it otherwise."""
        table = self.tables[noun]
        if "deleted_at" in table.c:
            self.change(noun, identifier, {"deleted_at": self.now})
            return
        mine = [table.c.id == identifier, *self.visible(table)]
        self.connection.execute(delete(table).where(*mine))
