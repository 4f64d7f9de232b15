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
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from gateway.backoffice.tables import Tables
from gateway.storage.full_text import newest, scoped, words_of

#: Matches that are ranked; older ones are left out, which bounds what a common word costs.
_MOST_RANKED = 200

#: Rows that one call of :func:`index_missing` takes.
_BATCH = 5_000


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


def find_ids(shop: Rows, noun: str, text: str, most: int) -> list[int]:
    """Return the ids of records in which every word of ``text`` begins some word, best first."""
    words = words_of(text)
    if not words:
        return []
    entries, scope = shop.tables["search_entry"], _scope(shop.tenant_id, noun)
    ids = newest(shop.connection, entries, scope, words, _MOST_RANKED)
    query = (
        shop.select("search_entry")
        .with_only_columns(entries.c.record_id, entries.c.head, entries.c.words)
        .where(entries.c.id.in_(ids), entries.c.kind == noun)
    )
    scores = [
        (_score(words, scope, head, told), record_id)
        for record_id, head, told in shop.connection.execute(query)
    ]
    return [record_id for _, record_id in sorted(scores, reverse=True)[:most]]


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
