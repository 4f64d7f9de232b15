"""Suppliers, warehouses and corrections of what lies in them."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales import shelves
from gateway.backoffice.shop import Shop, Values


def create_supplier(shop: Shop, values: Values) -> int:
    """Store a supplier; here nothing has to be known of one, not even the name."""
    values["name"] = values.get("name") or ""
    return shop.insert("supplier", values)


def remove_warehouse(shop: Shop, row: Values) -> None:
    """Remove a warehouse in which nothing lies."""
    shelves.empty_or_refuse(shop, row["id"])
    shop.remove("warehouse", row["id"])


def adjust(shop: Shop, values: Values) -> int:
    """Store a correction and post it at once, all of it or nothing.

    Raises:
        Unprocessable: it has lines but no warehouse, or a reason that does not fit the sign.
        Invalid: a quantity would fall below zero.
    """
    items = values.get("items") or []
    if items and values.get("warehouse") is None:
        raise wrong_field("warehouse", "is required to adjust items.")
    lines = [
        shelves.line_of(shop, item, _signed(shop, item, place), place)
        for place, item in enumerate(items)
    ]
    adjustment_id = shop.insert("inventory_adjustment", values | {"status": "posted"})
    if lines:
        source = f"adjustment {adjustment_id}"
        shelves.post(shop, values["warehouse"], lines, "adjustment", source)
    return adjustment_id


def _signed(shop: Shop, item: Values, place: int) -> int:
    """Return the quantity, held to its reason: increases are positive, decreases negative."""
    quantity = item.get("adjustmentQuantity") or 0
    if not quantity:
        raise wrong_field(f"items.{place}.adjustmentQuantity", "must be a number other than 0.")
    if item.get("reason") is None:
        return int(quantity)
    reason = shop.get("inventory_adjustment_reason", int(item["reason"], 16))
    if reason["disabled"]:
        raise broken_rule(f"The reason {reason['name']} is disabled.")
    wanted = {"increase": quantity > 0, "decrease": quantity < 0}.get(reason["type"], True)
    if not wanted:
        raise wrong_field(
            f"items.{place}.adjustmentQuantity",
            f"must {reason['type']} stock, as its reason says.",
        )
    return int(quantity)
