"""What can be found by words: entries kept by the shop in the transaction that writes a record.

The index behind them is the engine's own (``storage.full_text``). Garage and kind are the scope of
an entry's words, so that the index itself looks at no other garage's; the tenant filter of the
shop applies besides. Of what holds every word, the newest few hundred are ranked here, the same
way on every engine: a whole word counts more than the beginning of one, what a record is called
by more than the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    Table,
    bindparam,
    literal_column,
    select,
    union_all,
)

from gateway.backoffice.kinds import ID_TYPE
from gateway.backoffice.tables import Tables, visible
from gateway.storage.full_text import expression, newest, scoped, words_of

#: Matches that are ranked; older ones are left out, which bounds what a common word costs.
_MOST_RANKED = 200

#: Rows that one call of :func:`index_missing` takes.
_BATCH = 1_000


# Any: rows hold what their columns' kinds say, here and below.
class Rows(Protocol):
    """What is needed of a shop, which itself builds on this module."""

    @property
    def connection(self) -> Connection: ...
    @property
    def tables(self) -> Tables: ...
    @property
    def tenant_id(self) -> int: ...
    def visible(self, table: Table) -> list[ColumnElement[bool]]: ...
    def select(self, noun: str) -> Select[Any]: ...
    def rows(self, query: Select[Any]) -> list[dict[str, Any]]: ...
    def find(self, noun: str, **equal: object) -> dict[str, Any] | None: ...
    def count(self, noun: str, **equal: object) -> int: ...
    def insert(self, noun: str, values: dict[str, Any]) -> int: ...
    def change(self, noun: str, identifier: int, values: dict[str, Any]) -> None: ...
    def remove(self, noun: str, identifier: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Findable:
    """Where the words of a noun come from.

    Attributes:
        mark: the letter that stands for the noun in the index.
        head: columns by which people call a record.
        rest: columns that also describe it.
    """

    mark: str
    head: tuple[str, ...]
    rest: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.head, *self.rest))


#: Noun -> where its words come from.
FINDABLE: Mapping[str, Findable] = {
    "customer": Findable(
        "c",
        ("first_name", "last_name", "company_name", "client_number"),
        ("email", "phone", "mobile_phone", "phone_e164", "mobile_e164"),
    ),
    "work_order": Findable(
        "w", ("ticket_no",), ("device_brand", "device_model", "problem_description")
    ),
    "product": Findable("p", ("name", "sku")),
    "invoice": Findable("i", ("invoice_number",)),
}


def index_entry(shop: Rows, noun: str, row: Mapping[str, Any], *, new: bool = False) -> None:
    """Let ``row`` be found by the words it has now; ``new`` says that it never had an entry."""
    head, rest = (_words(row, names) for names in (FINDABLE[noun].head, FINDABLE[noun].rest))
    values = entry_of(shop.tenant_id, noun, head, rest)
    present = None if new else shop.find("search_entry", kind=noun, record_id=row["id"])
    if present is None:
        shop.insert("search_entry", {"kind": noun, "record_id": row["id"]} | values)
    elif (present["words"], present["head"]) != (values["words"], values["head"]):
        shop.change("search_entry", present["id"], values)


def entry_of(tenant_id: int, noun: str, head: list[str], rest: list[str]) -> dict[str, str]:
    """Return columns of the entry of a record with these words."""
    words = scoped(_scope(tenant_id, noun), [*head, *rest])
    return {"words": words, "head": " ".join(dict.fromkeys(head))}


def drop_entry(shop: Rows, noun: str, identifier: int) -> None:
    """Let a record not be found any more."""
    present = shop.find("search_entry", kind=noun, record_id=identifier)
    if present is not None:
        shop.remove("search_entry", present["id"])


def find_ids(shop: Rows, nouns: tuple[str, ...], text: str, most: int) -> dict[str, list[int]]:
    """Return the ids of records in which every word of ``text`` begins some word.

    Args:
        shop: whose records.
        nouns: which kinds of them.
        text: as somebody typed it; without a word in it, nothing is found.
        most: ids of each noun at most, best first.
    """
    words, dialect = words_of(text), shop.connection.dialect.name
    found: dict[str, list[int]] = {noun: [] for noun in nouns}
    if not words:
        return found
    scopes = {noun: _scope(shop.tenant_id, noun) for noun in nouns}
    query = _newest(dialect, shop.tables["search_entry"], len(scopes))
    asked = {
        f"asked_{number}": expression(dialect, scope, words)
        for number, scope in enumerate(scopes.values())
    }
    rows = shop.connection.execute(query, {"garage": shop.tenant_id, **asked}).all()
    scores = [
        (_score(words, scopes[noun], head, told), record_id, noun)
        for noun, record_id, head, told in rows
    ]
    for _, record_id, noun in sorted(scores, reverse=True):
        found[noun].append(record_id)
    return {noun: ids[:most] for noun, ids in found.items()}


def equal_ids(shop: Rows, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, list[int]]:
    """Return noun -> ids of the records in which one of the named columns equals what is given."""
    pairs = [(noun, name) for noun, columns in wanted.items() for name in columns]
    query = _equal(tuple((noun, shop.tables[noun].c[name]) for noun, name in pairs))
    values = {f"wanted_{i}": wanted[noun][name] for i, (noun, name) in enumerate(pairs)}
    found: dict[str, list[int]] = {noun: [] for noun in wanted}
    for noun, record_id in shop.connection.execute(query, {"garage": shop.tenant_id, **values}):
        found[noun].append(record_id)
    return found


def rows_of(
    shop: Rows, noun: str, columns: tuple[str, ...], ids: list[int]
) -> dict[int, dict[str, Any]]:
    """Return id -> these columns, of the records that are there."""
    table = shop.tables[noun]
    query = _shown(table, tuple(table.c[name] for name in ("id", *columns)))
    rows = shop.connection.execute(query, {"garage": shop.tenant_id, "ids": ids}).all()
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


# Built once: making one statement of four kinds takes longer than running it.
@lru_cache(maxsize=16)
def _newest(dialect: str, entries: Table, scopes: int) -> Select[Any]:
    each = [
        newest(dialect, entries, bindparam(f"asked_{number}", type_=String), _MOST_RANKED)
        for number in range(scopes)
    ]
    # As subqueries: a part of a union may not be ordered and limited by itself on SQLite.
    ids = union_all(*(select(query.subquery()) for query in each))
    chosen = select(entries.c.kind, entries.c.record_id, entries.c.head, entries.c.words)
    return chosen.where(
        *visible(entries, bindparam("garage", type_=ID_TYPE)), entries.c.id.in_(ids)
    )


@lru_cache(maxsize=16)
def _shown(table: Table, columns: tuple[Column[Any], ...]) -> Select[Any]:
    garage = bindparam("garage", type_=ID_TYPE)
    ids = bindparam("ids", type_=ID_TYPE, expanding=True)
    return select(*columns).where(*visible(table, garage), table.c.id.in_(ids))


@lru_cache(maxsize=16)
def _equal(columns: tuple[tuple[str, Column[Any]], ...]) -> CompoundSelect[Any]:
    garage = bindparam("garage", type_=ID_TYPE)
    return union_all(
        *(
            select(literal_column(f"'{noun}'"), one.table.c.id).where(
                *visible(one.table, garage), one == bindparam(f"wanted_{number}", type_=one.type)
            )
            for number, (noun, one) in enumerate(columns)
        )
    ).limit(_MOST_RANKED)


def index_missing(shop: Rows) -> int:
    """Index records of before there was an index, some thousands at a time; return how many."""
    return sum(_index_some(shop, noun) for noun in FINDABLE)


def _index_some(shop: Rows, noun: str) -> int:
    # Counting first: it is cheap, and nearly always all there is to do.
    if shop.count(noun) == shop.count("search_entry", kind=noun):
        return 0
    table, entries = shop.tables[noun], shop.tables["search_entry"]
    known = select(entries.c.record_id).where(*shop.visible(entries), entries.c.kind == noun)
    rows = shop.rows(shop.select(noun).where(table.c.id.not_in(known)).limit(_BATCH))
    for row in rows:
        index_entry(shop, noun, row, new=True)
    return len(rows)


def _words(row: Mapping[str, Any], columns: tuple[str, ...]) -> list[str]:
    return words_of(" ".join(str(row[name]) for name in columns if row.get(name) is not None))


def _scope(tenant_id: int, noun: str) -> str:
    return f"{FINDABLE[noun].mark}{tenant_id:08x}"


def _score(asked: list[str], scope: str, head: str, words: str) -> int:
    """Look at each of 200 matches: as text, because parting them took longer than finding them."""
    named, told = f" {head} ", f" {words} "
    return sum(
        4 * (f" {word} " in named) + 2 * (f" {word}" in named) + (f" {scope}{word} " in told)
        for word in asked
    )
