"""One box for everything: customers, orders, products and invoices by what people remember.

Every word must begin a word of the record, in any order; exact numbers come first, then the rest
by how well it fits (``finding``).
"""

from __future__ import annotations

from gateway.backoffice.finding import find_ids
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.phones import e164
from gateway.backoffice.shop import Shop, Values

#: Hits of each kind.
MOST_HITS = 10


def search(shop: Shop, text: str, kinds: frozenset[str]) -> dict[str, list[Values]]:
    """Return the hits of each kind; those of kinds that are not asked for stay empty."""
    finders = {
        "customers": _customers,
        "work_orders": _orders,
        "products": _products,
        "invoices": _invoices,
    }
    wanted = text.strip()
    return {
        name: find(shop, wanted) if name in kinds and wanted else []
        for name, find in finders.items()
    }


def _found(shop: Shop, noun: str, text: str, exact: str, number: str) -> list[Values]:
    """Return rows by their words, best first; before them the one that ``exact`` names."""
    hit = shop.find(noun, **{exact: number})
    ids = ([hit["id"]] if hit else []) + find_ids(shop, noun, text, MOST_HITS)
    return _rows(shop, noun, ids)


def _rows(shop: Shop, noun: str, ids: list[int]) -> list[Values]:
    if not ids:
        return []
    table = shop.tables[noun]
    rows = {row["id"]: row for row in shop.rows(shop.select(noun).where(table.c.id.in_(ids)))}
    return [rows[one] for one in dict.fromkeys(ids) if one in rows][:MOST_HITS]


def _customers(shop: Shop, text: str) -> list[Values]:
    rows = _found(shop, "customer", text, "email", text.lower())
    number = e164(text) if any(char.isdigit() for char in text) else None
    by_phone = [
        row
        for column in ("phone_e164", "mobile_e164")
        for row in (shop.where("customer", **{column: number}) if number else [])
    ]
    unique = {row["id"]: row for row in [*by_phone, *rows]}
    return [{"id": row["id"], "name": full_name(row)} for row in unique.values()][:MOST_HITS]


def _orders(shop: Shop, text: str) -> list[Values]:
    rows = _found(shop, "work_order", text, "ticket_no", text.upper())
    return [{name: row[name] for name in ("id", "ticket_no", "status")} for row in rows]


def _products(shop: Shop, text: str) -> list[Values]:
    rows = _found(shop, "product", text, "sku", text)
    return [{name: row[name] for name in ("id", "name", "sku", "price_excl")} for row in rows]


def _invoices(shop: Shop, text: str) -> list[Values]:
    rows = _found(shop, "invoice", text, "invoice_number", text.upper())
    names = ("id", "invoice_number", "status", "total_incl")
    return [{name: row[name] for name in names} for row in rows]
