"""One box for everything: customers, orders, products and invoices by what people remember.

Every word must begin a word of the record, in any order; exact numbers come first, then the rest
by how well it fits (``finding``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.backoffice.finding import equal_ids, find_ids, rows_of
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.phones import e164
from gateway.backoffice.shop import Shop, Values

#: Hits of each kind.
MOST_HITS = 10


@dataclass(frozen=True, slots=True)
class _Group:
    """One of the four groups of an answer.

    Attributes:
        noun: what is in it.
        exact: turns what was typed into column -> value of the records that go first.
        columns: that are shown.
        shown: a row, as the answer has it; ``None`` for the columns as they are.
    """

    noun: str
    exact: Callable[[str], Mapping[str, str]]
    columns: tuple[str, ...]
    shown: Callable[[Values], Values] = dict


def _reachable(text: str) -> Mapping[str, str]:
    number = e164(text) if any(char.isdigit() for char in text) else None
    phones = dict.fromkeys(("phone_e164", "mobile_e164"), number) if number else {}
    return {**phones, "email": text.lower()}


def _person(row: Values) -> Values:
    return {"id": row["id"], "name": full_name(row)}


_GROUPS = {
    "customers": _Group(
        "customer", _reachable, ("id", "first_name", "last_name", "company_name"), _person
    ),
    "work_orders": _Group(
        "work_order", lambda text: {"ticket_no": text.upper()}, ("id", "ticket_no", "status")
    ),
    "products": _Group("product", lambda text: {"sku": text}, ("id", "name", "sku", "price_excl")),
    "invoices": _Group(
        "invoice",
        lambda text: {"invoice_number": text.upper()},
        ("id", "invoice_number", "status", "total_incl"),
    ),
}


def search(shop: Shop, text: str, kinds: frozenset[str]) -> dict[str, list[Values]]:
    """Return the hits of each kind; those of kinds that are not asked for stay empty."""
    wanted = text.strip()
    groups = {name: one for name, one in _GROUPS.items() if name in kinds and wanted}
    exact = {one.noun: one.exact(wanted) for one in groups.values()}
    first = equal_ids(shop, exact) if exact else {}
    others = find_ids(shop, tuple(exact), wanted, MOST_HITS)
    return {name: [] for name in _GROUPS} | {
        name: _hits(shop, one, first[one.noun] + others[one.noun]) for name, one in groups.items()
    }


def _hits(shop: Shop, group: _Group, ids: list[int]) -> list[Values]:
    best = list(dict.fromkeys(ids))
    rows = rows_of(shop, group.noun, group.columns, best) if best else {}
    return [group.shown(rows[one]) for one in best if one in rows][:MOST_HITS]
