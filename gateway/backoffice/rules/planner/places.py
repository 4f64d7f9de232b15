"""Where an address lies, as the Dutch register of addresses tells (PDOK Locatieserver).

Asked only where the garage switched it on: a question tells the register the address, though not
whose it is.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from gateway.backoffice.rules.customers import address_line
from gateway.backoffice.rules.planner import scheduling
from gateway.backoffice.rules.planner.clients import NETHERLANDS
from gateway.backoffice.shop import Shop, Values

_POINT = re.compile(r"^POINT\((?P<lng>-?\d{1,3}\.\d+) (?P<lat>-?\d{1,2}\.\d+)\)$")

#: Asked in one round.
_MOST = 10


def unknown(shop: Shop) -> list[Values]:
    """Return addresses that nobody looked up yet; none where it is switched off."""
    if not scheduling.settings(shop)["geocoding"]:
        return []
    table = shop.tables["address"]
    chosen = shop.select("address").where(
        table.c.geocode_lat.is_(None),
        table.c.geocoded_at.is_(None),
        table.c.country_id == NETHERLANDS,
        table.c.street != "",
    )
    return shop.rows(chosen.order_by(table.c.id).limit(_MOST))


def question(address: Values) -> str:
    """Return path and query of the question."""
    text = f"{address_line(address)}, {address['zipcode']} {address['city']}"
    only = "type:adres"  # codespell:ignore adres
    return "/free?" + urlencode({"q": text, "fq": only, "rows": 1, "fl": "centroide_ll"})


# Any: what the register answers, JSON by nature.
def answer(document: Any) -> tuple[str, str] | None:
    """Return degrees north and east out of an answer; ``None`` when it knows no such address."""
    try:
        text = document["response"]["docs"][0]["centroide_ll"]
    except (TypeError, KeyError, IndexError):
        return None
    match = _POINT.match(text) if isinstance(text, str) else None
    return (match["lat"], match["lng"]) if match else None


def put(shop: Shop, address: Values, place: tuple[str, str] | None) -> None:
    """Put down where an address lies, unless it was moved meanwhile."""
    row = shop.find("address", id=address["id"])
    if row is None or row["updated_at"] != address["updated_at"]:
        return
    found = {"geocode_lat": place[0], "geocode_lng": place[1]} if place else {}
    shop.change("address", row["id"], {"geocoded_at": shop.now, **found})
