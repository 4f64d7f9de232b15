"""Material that comes in: it is booked once, when it becomes received, and then stays as it is."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules import ledger
from gateway.backoffice.rules.field_sales import shelves
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values

STATES = Machine(
    "receipt", {"pending": ("received", "cancelled"), "received": (), "cancelled": ()}
)


def create(shop: Shop, values: Values) -> int:
    """Store what is to come, with its sums."""
    _lines(shop, values["items"])
    number = values.get("receipt_number") or next_number(shop, "RM", shop.now)
    values |= _summed(values["items"]) | {"receipt_number": number, "status": "pending"}
    return shop.insert("receiving_material", values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a receipt that is pending; becoming received books it into the warehouse.

    Raises:
        Invalid: it is received or cancelled already.
    """
    status = values.get("status") or row["status"]
    STATES.check(row["status"], status)
    if row["status"] != "pending" and "items" in values:
        raise broken_rule(f"A {row['status']} receipt keeps its items.")
    if "items" in values:
        values |= _summed(values["items"])
    if row["status"] == "pending" and status == "received":
        lines = _lines(shop, values.get("items") or row["items"])
        shelves.post(shop, row["warehouse"], lines, "receipt", f"receiving {row['id']}")
        _book(shop, row | values)
        values["receipt_date"] = values.get("receipt_date") or row["receipt_date"] or shop.now
    shop.change("receiving_material", row["id"], values)


def _book(shop: Shop, row: Values) -> None:
    worth = row["total_amount"]
    bookings = [ledger.debit(ledger.STOCK, worth), ledger.credit(ledger.GOODS_RECEIVED, worth)]
    source = ("receiving_material", row["id"])
    ledger.post_document(shop, shop.today, f"Receipt {row['receipt_number']}", bookings, source)


def _lines(shop: Shop, items: list[Values]) -> list[shelves.Line]:
    return [
        shelves.line_of(shop, item, int(item.get("receivedQuantity") or 0), place)
        for place, item in enumerate(items)
    ]


def _summed(items: list[Values]) -> Values:
    """Return the items with their cost, and the sum: what was received times what one costs."""
    costed = [item | {"totalCost": float(_cost(item))} for item in items]
    return {"items": costed, "total_amount": sum((_cost(item) for item in items), Decimal(0))}


def _cost(item: Values) -> Decimal:
    return Decimal(str(item.get("unitCost") or 0)) * int(item.get("receivedQuantity") or 0)
