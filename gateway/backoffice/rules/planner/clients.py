"""Clients as the planner makes and removes them: with addresses and the people to speak to.

The row is the customer of all three APIs (``rules/customers``).
"""

from __future__ import annotations

import re

from gateway.backoffice.refusal import Unprocessable, broken_rule, wrong_field
from gateway.backoffice.rules import customers
from gateway.backoffice.rules.planner import appointments
from gateway.backoffice.shop import Shop, Values

#: The Netherlands in the planner's table of countries.
NETHERLANDS = 157

_DUTCH_ZIP = re.compile(r"^\s*(\d{4})\s*([A-Za-z]{2})\s*$")
_NEEDED = ("street", "house_number", "zipcode", "city")
_PLACE = {"street", "house_number", "house_number_addition", "zipcode", "city", "country_id"}


def create(shop: Shop, values: Values) -> int:
    """Store a client, the addresses and the people that come along.

    Raises:
        Unprocessable: there is no name, or an address lacks parts.
    """
    blocks = values.pop("address", None) or {}
    people = values.pop("contactPerson", None) or []
    if not values.get("last_name") and not values.get("company_name"):
        raise wrong_field("last_name", "is required, or company_name.")
    values["add_contact_person"] = bool(people)
    values["work_address_same_as_invoice_address"] = not blocks.get("work")
    client_id = customers.create_customer(shop, values)
    for kind in ("invoice", "work"):
        block = {name: value for name, value in (blocks.get(kind) or {}).items() if value != ""}
        if block:
            _check_block(kind, block)
            create_address(shop, block | {"customer_id": client_id, "type": kind})
    for person in people:
        _add_person(shop, client_id, person)
    return client_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a client; raises ``Unprocessable`` when no name would be left."""
    changed = row | values
    if not changed["last_name"] and not changed["company_name"] and not changed["first_name"]:
        raise wrong_field("last_name", "is required, or company_name.")
    customers.change_customer(shop, row, values)


def remove(shop: Shop, row: Values) -> None:
    """Remove a client and their items; what was not yet planned is cancelled.

    Raises:
        Invalid: appointments are planned, orders open or invoices unpaid.
    """
    customers.remove_customer(shop, row)
    for one in appointments.open_of(shop, row["id"]):
        stamp = {"canceled_at": shop.now, "deleted_at": shop.now}
        shop.change("appointment", one["id"], stamp)
    for item in shop.where("item", customer_id=row["id"]):
        shop.remove("item", item["id"])


def create_address(shop: Shop, values: Values) -> int:
    """Store an address; raises ``Unprocessable`` for a second invoice address."""
    _check_only(shop, values, None)
    return shop.insert("address", _spelled(values))


def change_address(shop: Shop, row: Values, values: Values) -> None:
    """Change an address; at another place, the coordinates are another's."""
    _check_only(shop, row | values, row["id"])
    values = _spelled(row | values, values)
    moved = any(row[name] != values[name] for name in _PLACE & values.keys())
    if moved:
        unknown = dict.fromkeys(("geocode_lat", "geocode_lng", "geocoded_at"))
        values = unknown | values
    if values:
        shop.change("address", row["id"], values)


def remove_address(shop: Shop, row: Values) -> None:
    """Remove an address; raises ``Invalid`` while an item or a coming appointment is there."""
    item = shop.find("item", address_id=row["id"])
    if item is not None:
        raise broken_rule(f"The item {item['name']} is at this address. Move it first.")
    table = shop.tables["appointment"]
    coming = shop.select("appointment").where(
        table.c.address_id == row["id"],
        table.c.canceled_at.is_(None),
        table.c.visited_at.is_(None),
        (table.c.time_to > shop.now)
        | (table.c.time_from.is_(None) & (table.c.plan_to > shop.now)),
    )
    if shop.rows(coming.limit(1)):
        raise broken_rule("An appointment is to be at this address. Cancel it first.")
    shop.remove("address", row["id"])


def _check_block(kind: str, block: Values) -> None:
    lacking = [name for name in _NEEDED if name not in block]
    if lacking:
        paths = [f"address.{kind}.{name}" for name in lacking]
        raise Unprocessable({path: [f"The {path} field is required."] for path in paths})


def _check_only(shop: Shop, address: Values, own_id: int | None) -> None:
    if address["type"] != "invoice":
        return
    other = shop.find("address", customer_id=address["customer_id"], type="invoice")
    if other is not None and other["id"] != own_id:
        raise wrong_field("type", "must be work: this client has an invoice address already.")


def _spelled(address: Values, given: Values | None = None) -> Values:
    """Return what was given, a Dutch postal code as ``1234 AB``."""
    values = dict(address if given is None else given)
    match = _DUTCH_ZIP.match(values.get("zipcode") or "")
    if match and (address.get("country_id") or NETHERLANDS) == NETHERLANDS:
        values["zipcode"] = f"{match[1]} {match[2].upper()}"
    return values


def _add_person(shop: Shop, client_id: int, person: Values) -> None:
    def text(*names: str, most: int = 255) -> str:
        found = [str(person[name]).strip() for name in names if person.get(name)]
        return " ".join(found)[:most]

    email = text("email", most=254)
    row = {
        "customer_id": client_id,
        "name": text("name") or text("first_name", "last_name"),
        "email": email if "@" in email else None,
        "phone": text("phone", most=64) or text("mobile_phone", most=64) or None,
        "details": person,
    }
    shop.insert("contact_person", row)
