"""What can be found by words: entries kept by the shop in the transaction that writes a record.

The index behind them is the engine's own (``storage.full_text``). An entry's first word names
garage and kind, so that the index itself looks at no other garage's; the tenant filter of the
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
from gateway.storage.full_text import MOST_WORDS, newest, words_of

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
        head: columns by which people call a record.
        rest: columns that also describe it.
    """

    head: tuple[str, ...]
    rest: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """All of them."""
        return frozenset((*self.head, *self.rest))


#: Noun -> where its words come from.
FINDABLE: Mapping[str, Findable] = {
    "customer": Findable(
        ("first_name", "last_name", "company_name", "client_number"),
        ("email", "phone", "mobile_phone", "phone_e164", "mobile_e164"),
    ),
    "work_order": Findable(
        ("ticket_no",), ("device_brand", "device_model", "problem_description")
    ),
    "product": Findable(("name", "sku")),
    "invoice": Findable(("invoice_number",)),
}


def index_entry(shop: Rows, noun: str, row: Mapping[str, Any], *, new: bool = False) -> None:
    """Let ``row`` be found by the words it has now; ``new`` says that it never had an entry."""
    head, rest = (_words(row, names) for names in (FINDABLE[noun].head, FINDABLE[noun].rest))
    # Each word once: what matters is whether it is there.
    told = list(dict.fromkeys([_scope(shop, noun), *head, *rest]))
    values = {"words": " ".join(told[:MOST_WORDS]), "head": " ".join(dict.fromkeys(head))}
    present = None if new else shop.find("search_entry", kind=noun, record_id=row["id"])
    if present is None:
        shop.insert("search_entry", {"kind": noun, "record_id": row["id"]} | values)
    elif (present["words"], present["head"]) != (values["words"], values["head"]):
        shop.change("search_entry", present["id"], values)


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
    entries = shop.tables["search_entry"]
    ids = newest(shop.connection, entries, _scope(shop, noun), words, _MOST_RANKED)
    query = (
        shop.select("search_entry")
        .with_only_columns(entries.c.record_id, entries.c.head, entries.c.words)
        .where(entries.c.id.in_(ids), entries.c.kind == noun)
    )
    ranked = sorted(
        shop.rows(query), key=lambda entry: (-_score(entry, words), -entry["record_id"])
    )
    return [int(entry["record_id"]) for entry in ranked[:most]]


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


def _scope(shop: Rows, noun: str) -> str:
    # The section sign keeps it apart from everything that somebody may type.
    return f"\N{SECTION SIGN}{shop.tenant_id}{noun.replace('_', '')}"


def _score(entry: Mapping[str, Any], words: list[str]) -> int:
    head, all_words = entry["head"].split(), set(entry["words"].split())
    return sum(
        4 * (word in head) + 2 * any(one.startswith(word) for one in head) + (word in all_words)
        for word in words
    )
