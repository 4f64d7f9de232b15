"""Clients of field sales are the customers of the shop."""

from __future__ import annotations

from gateway.backoffice.rules import customers
from gateway.backoffice.shop import Shop, Values


def create_client(shop: Shop, values: Values) -> int:
    """Store a client as a customer, called by the company's name."""
    values["company_name"] = values.pop("name")
    return customers.create_customer(shop, _tagged(values))


def change_client(shop: Shop, row: Values, values: Values) -> None:
    """Change a client; a person whom another API entered stays a person."""
    name = values.pop("name", None)
    if name is not None and row["company_name"]:
        values["company_name"] = name
    elif name is not None:
        first, _, last = name.partition(" ")
        values |= {"first_name": first[:100], "last_name": last[:100] or None}
    customers.change_customer(shop, row, _tagged(values))


def _tagged(values: Values) -> Values:
    if "tags" in values:
        values["tag_ids"] = [int(key, 16) for key in values.pop("tags") or []]
    if "note" in values:
        values["note"] = values["note"] or ""
    return values


def create_contact(shop: Shop, values: Values) -> int:
    """Store a contact person; who made it is the caller, unless an integration says otherwise."""
    if values.get("creator") is None:
        user = shop.find("shop_user", id=shop.user_id) or {"name": "gateway", "email": "gateway"}
        values["creator"] = {
            "_id": f"{shop.user_id or 0:024x}",
            "username": user["email"],
            "name": user["name"],
            "type": "admin",
        }
    return shop.insert("client_contact", values)
