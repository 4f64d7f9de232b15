"""Suggested orders, from the client's own history and nothing else.

For each variant that the client bought on at least two days: how long they usually wait between
two purchases, and how long it is since the last. What is due (the usual wait has passed) is
suggested in the usual quantity. Confidence is the share of the client's invoices that have it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from statistics import median

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.field_sales.prices import price_of
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)
_MOST = 20


def generate(shop: Shop, row: Values, _: Values) -> Values:
    """Fill a suggestion in; raises ``Invalid`` for one that was cancelled."""
    if row["status"] == "cancelled":
        raise broken_rule("This suggestion was cancelled. Make another one.")
    invoices = [
        one for one in shop.where("sales_invoice", client=row["client"]) if one["status"] != "void"
    ]
    bought = _bought(invoices)
    found = [_suggested(shop, row, key, times, len(invoices)) for key, times in bought.items()]
    best = sorted((one for one in found if one), key=lambda one: -one["confidence"])[:_MOST]
    placed = [one | {"priority": min(10, place + 1)} for place, one in enumerate(best)]
    insights = {"buyingPatterns": [one["reason"] for one in placed]}
    done = {"recommendations": placed, "insights": insights, "status": "completed"}
    shop.change("suggested_order", row["id"], done)
    shown = ("product", "quantity", "confidence", "reason")
    return {"recommendations": [{name: one[name] for name in shown} for one in placed]}


def _bought(invoices: list[Values]) -> dict[int, list[tuple[datetime, int]]]:
    """Return variant -> when and how much."""
    found: defaultdict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for invoice in invoices:
        for item in invoice["items"] or []:
            if item.get("variant") and item.get("base_unit_qty", 0) > 0:
                key = int(item["variant"], 16)
                found[key].append((invoice["created_at"], item["base_unit_qty"]))
    return found


def _suggested(
    shop: Shop, row: Values, variant_id: int, times: list[tuple[datetime, int]], invoices: int
) -> Values | None:
    days = sorted({when.date() for when, _ in times})
    variant = shop.find("variant", id=variant_id)
    if len(days) < 2 or variant is None:
        return None
    waits = [(later - earlier).days for earlier, later in pairwise(days)]
    usual, since = median(waits), (shop.today - days[-1]).days
    if since < usual:
        return None
    quantity = max(1, round(median(amount for _, amount in times)))
    return {
        "product": _ID.render(variant["product"]),
        "productName": variant["name"],
        "quantity": quantity,
        "price": float(Decimal(price_of(shop, variant, row["client"]))),
        "confidence": round(min(1.0, len(times) / max(1, invoices)), 2),
        "reason": f"{variant['name']}: usually every {usual:g} days, last {since} days ago.",
        "category": "frequent-buy",
    }
