"""Pick lists: what an order needs, from which bins, and taking it out all at once."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.stock import Move, move
from gateway.backoffice.shop import Shop, Values


def create_list(shop: Shop, values: Values) -> int:
    """Make the list of an order's products; what is short is said, not dropped.

    Raises:
        Invalid: the order has no products, or an open list.
    """
    order_id = values["work_order_id"]
    if shop.find("work_order", id=order_id) is None:
        raise wrong_field("work_order_id", "is invalid.")
    if shop.find("pick_list", work_order_id=order_id, status="open") is not None:
        raise broken_rule("This order has an open pick list already.")
    wanted = _wanted(shop, order_id)
    if not wanted:
        raise broken_rule("This order has no lines with products in stock.")
    number = next_number(shop, "PL", shop.now)
    head = {"number": number, "work_order_id": order_id}
    list_id = shop.insert("pick_list", head)
    for product_id, quantity in sorted(wanted.items()):
        for line in _allocated(shop, product_id, quantity):
            shop.insert("pick_list_line", line | {"pick_list_id": list_id})
    return list_id


def _wanted(shop: Shop, order_id: int) -> dict[int, int]:
    """Return product -> pieces; parts of a piece need a whole one."""
    wanted: dict[int, int] = {}
    for line in shop.where("work_order_line", work_order_id=order_id):
        product = line["product_id"] and shop.find("product", id=line["product_id"])
        if product and not product["is_service"]:
            pieces = -int(-line["quantity"] // 1)
            wanted[product["id"]] = wanted.get(product["id"], 0) + pieces
    return wanted


def _reserved(shop: Shop, product_id: int, bin_id: int | None) -> int:
    """Return what open lists have set aside already."""
    rows = shop.where("pick_list_line", product_id=product_id, bin_id=bin_id)
    open_lists = {row["id"] for row in shop.where("pick_list", status="open")}
    return sum(row["quantity"] for row in rows if row["pick_list_id"] in open_lists)


def _allocated(shop: Shop, product_id: int, quantity: int) -> list[Values]:
    """Split a quantity over places: one bin that has all of it, else the oldest bins first."""
    stored = shop.where("bin_stock", product_id=product_id)
    product = shop.lock("product", product_id)
    places: list[tuple[int | None, int]] = [
        (row["bin_id"], row["quantity"] - _reserved(shop, product_id, row["bin_id"]))
        for row in stored
    ]
    loose = product["stock_quantity"] - sum(row["quantity"] for row in stored)
    places.append((None, loose - _reserved(shop, product_id, None)))
    enough = [place for place in places if place[1] >= quantity]
    lines: list[Values] = []
    left = quantity
    for bin_id, free in enough[:1] or places:
        take = min(left, max(free, 0))
        if take:
            lines.append({"product_id": product_id, "bin_id": bin_id, "quantity": take})
            left -= take
    if left:
        lines.append({"product_id": product_id, "quantity": 0, "shortage": left})
    return lines


def complete(shop: Shop, row: Values, _: Values) -> None:
    """Take everything on the list out of stock, all or nothing.

    Raises:
        Invalid: it is done already, or a bin holds too little by now.
    """
    if row["status"] == "done":
        raise broken_rule(f"Pick list {row['number']} is done already.")
    lines = shop.where("pick_list_line", pick_list_id=row["id"])
    order_id, reason = row["work_order_id"], f"Pick list {row['number']}"
    move(
        shop,
        [
            Move(
                line["product_id"],
                -line["quantity"],
                "pick",
                line["bin_id"],
                reason,
                order_id,
            )
            for line in lines
            if line["quantity"]
        ],
    )
    for line in lines:
        shop.change("pick_list_line", line["id"], {"picked_quantity": line["quantity"]})
    shop.change("pick_list", row["id"], {"status": "done", "completed_at": shop.now})
