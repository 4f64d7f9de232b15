"""Branches: removed only when nothing and nobody is left in them."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

_DONE = ("completed", "picked_up", "cancelled")


def remove(shop: Shop, row: Values) -> None:
    """Remove a branch.

    Raises:
        Invalid: it is the last one, or stock, people or open orders remain.
    """
    if shop.count("branch") == 1:
        raise broken_rule("This is the last branch. A garage keeps one.")
    order = shop.tables["work_order"]
    bins = [one["id"] for one in shop.where("bin", branch_id=row["id"])]
    stock = shop.tables["bin_stock"]
    remaining = {
        "bins with stock": shop.count("bin_stock", stock.c.bin_id.in_(bins), stock.c.quantity > 0),
        "employees": _employees(shop, row["id"]),
        "open work orders": shop.count(
            "work_order", order.c.status.not_in(_DONE), branch_id=row["id"]
        ),
    }
    left = [f"{count} {what}" for what, count in remaining.items() if count]
    if left:
        raise broken_rule(f"There are still {', '.join(left)}. Move them first.")
    shop.remove("branch", row["id"])


def _employees(shop: Shop, branch_id: int) -> int:
    ids = [one["user_id"] for one in shop.where("employment", branch_id=branch_id)]
    return shop.count("shop_user", shop.tables["shop_user"].c.id.in_(ids), enabled=True)
