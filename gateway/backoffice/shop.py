"""One garage's rows inside one transaction.

Every statement of the back office goes through a :class:`Shop`, which adds the tenant filter
(``tables.visible``); no other module of the back office writes ``tenant_id`` into a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from gateway.backoffice.finding import FINDABLE, drop_entry, index_entry
from gateway.backoffice.moments import business_day
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.tables import Tables, visible
from gateway.backoffice.trail import FOLLOWED, difference, follows, note
from gateway.domain.errors import NotFound

#: Rows that work by itself changes in one transaction: on SQLite it keeps the only writer, and
#: everybody at the desk waits.
PORTION = 100

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
        role: the user's role; empty when the gateway itself acts.
        depth: how many automation rules led here, one after the other.
        sealer: for secrets in bodies; ``None`` where no caller brings any.
        home: address of this gateway as the caller reaches it; empty where nobody calls.
    """

    connection: Connection
    tables: Tables
    tenant_id: int
    user_id: int | None
    now: datetime
    role: str = ""
    depth: int = 0
    sealer: Sealer | None = None
    home: str = ""

    @property
    def today(self) -> date:
        """The business day."""
        return business_day(self.now)

    def visible(self, table: Table, *, removed: bool = False) -> list[ColumnElement[bool]]:
        """Return the conditions that keep a query within this garage, without removed rows."""
        return visible(table, self.tenant_id, removed=removed)

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

    def get(self, noun: str, identifier: int) -> Values:
        """Return the row with this id; raises ``NotFound``, for removed and foreign ones too."""
        row = self.find(noun, id=identifier)
        if row is None:
            raise NotFound("backoffice.not_found", f"No such {noun.replace('_', ' ')}.")
        return row

    def lock(self, noun: str, identifier: int) -> Values:
        """Return the row, held against other writers until the transaction ends.

        SQLite has a single writer, so there every write transaction holds everything.

        Raises:
            NotFound: there is none.
        """
        table = self.tables[noun]
        # Its key stays, so those who only refer to the row need not wait; and two who each wrote
        # a reference before they came here do not wait for each other for ever.
        held = self.select(noun).with_for_update(key_share=True)
        query = held.where(table.c.id == identifier)
        rows = self.rows(query)
        return rows[0] if rows else self.get(noun, identifier)

    def hold(self, noun: str, row: Values) -> Values:
        """Return a row as it is now, held to the commit: who changes it at once finds it changed.

        The client of a document is held before it, as by all that books for clients: else the two
        would wait for each other.

        Raises:
            NotFound: it is gone.
        """
        client = row.get("client")
        if client and self.find("customer", id=client) is not None:
            self.lock("customer", client)
        return self.lock(noun, row["id"])

    def count(self, noun: str, *conditions: ColumnElement[bool], **equal: object) -> int:
        """Return how many rows there are."""
        table = self.tables[noun]
        chosen = [*conditions, *(table.c[name] == value for name, value in equal.items())]
        query = select(func.count()).select_from(table).where(*self.visible(table), *chosen)
        return int(self.connection.execute(query).scalar_one())

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
        identifier = int(result.inserted_primary_key[0])  # type: ignore[index] # one row, one key
        if noun in FINDABLE:
            index_entry(self, noun, {"id": identifier, **values}, new=True)
        if noun in FOLLOWED and not FOLLOWED[noun]:
            note(self, noun, identifier, "added", difference(noun, {}, values))
        return identifier

    def insert_all(self, noun: str, rows: list[Values]) -> None:
        """Store several new rows."""
        for row in rows:
            self.insert(noun, row)

    def change(self, noun: str, identifier: int, values: Values) -> None:
        """Change columns of one row."""
        table = self.tables[noun]
        mine = [table.c.id == identifier, *self.visible(table)]
        stamped = values | {"updated_at": self.now}
        followed = follows(noun, frozenset(values)) and self.find(noun, id=identifier)
        self.connection.execute(update(table).where(*mine).values(**stamped))
        if followed:
            changes = difference(noun, followed, values)
            if changes:
                note(self, noun, identifier, "changed", changes)
        if noun in FINDABLE and not values.keys().isdisjoint(FINDABLE[noun].columns):
            row = self.find(noun, id=identifier)
            if row is not None:
                index_entry(self, noun, row)

    def remove(self, noun: str, identifier: int) -> None:
        """Remove one row: mark it where the noun is soft, delete it otherwise."""
        table = self.tables[noun]
        if noun in FINDABLE:
            drop_entry(self, noun, identifier)
        if noun in FOLLOWED and self.find(noun, id=identifier) is not None:
            note(self, noun, identifier, "removed", {})
        if "deleted_at" in table.c:
            self.change(noun, identifier, {"deleted_at": self.now})
            return
        mine = [table.c.id == identifier, *self.visible(table)]
        self.connection.execute(delete(table).where(*mine))
