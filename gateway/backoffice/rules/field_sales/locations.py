"""Locations of clients: addresses of the shop, of which field sales knows more than the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.backoffice.rules import customers
from gateway.backoffice.rules.planner import clients
from gateway.backoffice.shop import Shop, Values

#: What the table needs, and a location may lack.
_BLANK = {"street": "", "house_number": "", "zipcode": "", "city": "", "type": "work"}

_DEFAULTS = {"is_primary": False, "location_type": "office", "disabled": False}

#: How people write the country that the register of addresses is for.
_DUTCH = frozenset({"", "nl", "nederland", "netherlands", "the netherlands"})


def create(shop: Shop, values: Values) -> int:
    """Store a location as an address where visits go."""
    return clients.create_address(shop, _BLANK | _DEFAULTS | _stored(shop, values))


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a location; at another place, the coordinates are another's."""
    clients.change_address(shop, row, _stored(shop, values))


# Any: columns hold what their kinds say.
def spot_of(address: Mapping[str, Any]) -> Values | None:
    """Return where an address lies, where that is known."""
    north, east = address["geocode_lat"], address["geocode_lng"]
    if not north or not east:
        return None
    return {"latitude": float(north), "longitude": float(east)}


def _stored(shop: Shop, values: Values) -> Values:
    """Return the columns that a body gives."""
    columns = dict(values)
    if "address" in columns:
        columns |= customers.parts_of(columns.pop("address"))
    for name, column in (("postal_code", "zipcode"), ("city", "city")):
        if name in columns:
            columns[column] = columns.pop(name) or ""
    if "coordinates" in columns:
        columns |= _spot(shop, columns.pop("coordinates") or {})
    if str(columns.get("country") or "").strip().lower() not in _DUTCH:
        # The register that is asked where addresses lie knows those of one country.
        columns.setdefault("geocoded_at", shop.now)
    return columns


def _spot(shop: Shop, given: Values) -> Values:
    names = (("geocode_lat", "latitude"), ("geocode_lng", "longitude"))
    told = {
        column: None if given.get(name) is None else str(given[name]) for column, name in names
    }
    return told | {"geocoded_at": shop.now if all(told.values()) else None}
