"""One box for everything (contracts/repair.yaml, Global Search)."""

from __future__ import annotations

from gateway.backoffice.access import covers
from gateway.backoffice.action import Action, Call
from gateway.backoffice.catalogue.repair.shapes import NAME_REF, OPEN, listed, members
from gateway.backoffice.kinds import Text
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import search

#: Group -> ability without which it stays empty.
_ABILITIES = {
    "customers": "customers:read",
    "work_orders": "work-orders:read",
    "products": "products:read",
    "invoices": "invoices:read",
}


async def _search(call: Call) -> object:
    held = call.user.abilities
    kinds = frozenset(name for name, needed in _ABILITIES.items() if covers(held, needed))
    return await call.read(lambda shop: search.search(shop, call.values["q"], kinds))


ACTIONS = (
    Action(
        "globalSearch",
        REPAIR,
        "GET",
        "/search",
        "Customers, orders, products and invoices",
        members(
            customers=listed(NAME_REF),
            work_orders=listed(OPEN),
            products=listed(OPEN),
            invoices=listed(OPEN),
        ),
        _search,
        query=(Input("q", Text(200), required=True),),
        ability="search:read",
        tag="search",
    ),
)
