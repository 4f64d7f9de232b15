"""What open work orders still wait for: reserved, but in stock until it is picked."""

from __future__ import annotations

from collections import Counter
from math import ceil

from gateway.backoffice.shop import Shop

#: Orders in these states still want their parts.
_OPEN = ("new", "diagnosing", "in_repair", "waiting_parts")


def reserved(shop: Shop, product_ids: list[int] | None = None) -> Counter[int]:
    """Return how many of each product are reserved; a part of a piece takes a whole one.

    What was picked for an order is no longer in stock, and no longer reserved.

    Args:
        shop: whose.
        product_ids: of these products alone; ``None`` for all.
    """
    left = _wanted(shop, product_ids)
    moved = shop.tables["stock_movement"]
    orders = {order_id for order_id, _ in left}
    picked = shop.select("stock_movement").where(
        moved.c.kind == "pick", moved.c.work_order_id.in_(orders)
    )
    for row in shop.rows(picked):
        left[row["work_order_id"], row["product_id"]] += row["quantity"]  # signed: it went out
    totals: Counter[int] = Counter()
    for (_, product_id), count in left.items():
        totals[product_id] += max(count, 0)
    return totals


def _wanted(shop: Shop, product_ids: list[int] | None) -> Counter[tuple[int, int]]:
    line, order = shop.tables["work_order_line"], shop.tables["work_order"]
    query = (
        shop.select("work_order_line")
        .with_only_columns(line.c.work_order_id, line.c.product_id, line.c.quantity)
        .join(order, order.c.id == line.c.work_order_id)
        .where(*shop.visible(order), order.c.status.in_(_OPEN), line.c.product_id.is_not(None))
    )
    if product_ids is not None:
        query = query.where(line.c.product_id.in_(product_ids))
    wanted: Counter[tuple[int, int]] = Counter()
    for row in shop.rows(query):
        wanted[row["work_order_id"], row["product_id"]] += ceil(row["quantity"])
    return wanted
