"""Price lists, and measure units that are multiples of each other."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import pricing
from gateway.backoffice.shop import Shop, Values


def create_list(shop: Shop, values: Values) -> int:
    """Store a price list with the name of whoever made it."""
    user = shop.find("shop_user", id=shop.user_id)
    if user is not None:
        values["createdby"] = {"_id": f"{user['id']:024x}", "name": user["name"]}
    return shop.insert("price_list", values)


def create_item(shop: Shop, values: Values) -> int:
    """Store the price of a variant; raises ``Unprocessable`` for another product's."""
    _check_variant(shop, values)
    return shop.insert("price_list_item", values)


def change_item(shop: Shop, row: Values, values: Values) -> None:
    """Change a price; raises like :func:`create_item`."""
    _check_variant(shop, row | values)
    shop.change("price_list_item", row["id"], values)


def _check_variant(shop: Shop, values: Values) -> None:
    if shop.get("variant", values["variant_id"])["product"] != values["product_id"]:
        raise wrong_field("variant_id", "names a variant of another product.")


def price_of(shop: Shop, variant: Values, client_id: int | None) -> Decimal:
    """Return what a client pays for a variant, by the rules of the whole shop."""
    client = shop.find("customer", id=client_id) if client_id else None
    return pricing.price_of(shop, client, shop.get("product", variant["product"]), variant)


def create_unit(shop: Shop, values: Values) -> int:
    """Store a unit; raises ``Unprocessable`` unless its factor is above zero."""
    _check_factor(values)
    return shop.insert("measure_unit", values)


def change_unit(shop: Shop, row: Values, values: Values) -> None:
    """Change a unit; raises ``Invalid`` when it would be a multiple of itself."""
    _check_factor(values)
    seen, parent = {row["id"]}, values.get("parent")
    while parent is not None:
        if parent in seen:
            raise broken_rule("A unit cannot be a multiple of itself, not even by way of others.")
        seen.add(parent)
        parent = shop.get("measure_unit", parent)["parent"]
    shop.change("measure_unit", row["id"], values)


def _check_factor(values: Values) -> None:
    if values.get("factor") is not None and values["factor"] <= 0:
        raise wrong_field("factor", "must be greater than 0.")


def units_of_families(shop: Shop, names: list[object]) -> list[object]:
    """Return the ids of the units in the families of these names."""
    table = shop.tables["measure_unit_family"]
    families = shop.rows(shop.select("measure_unit_family").where(table.c.name.in_(names)))
    return [int(unit, 16) for family in families for unit in family["measureunits"] or []]


def base_quantity(shop: Shop, quantity: Decimal, unit_id: int | None) -> Decimal:
    """Return a quantity in the unit at the root: times the factors on the way there."""
    while unit_id is not None:
        unit = shop.get("measure_unit", unit_id)
        quantity, unit_id = quantity * unit["factor"], unit["parent"]
    return quantity
