"""Transfers between warehouses: pending, in transit (it has left), completed (it has arrived)."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales import shelves
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values

STATES = Machine(
    "transfer",
    {
        "pending": ("in_transit", "cancelled"),
        "in_transit": ("completed", "cancelled"),
        "completed": (),
        "cancelled": (),
    },
)


def create(shop: Shop, values: Values) -> int:
    """Store a transfer under the next number; nothing moves yet."""
    if values["from_warehouse"] == values["to_warehouse"]:
        raise wrong_field("toWarehouse", "must be another warehouse than the source.")
    lines = _lines(shop, values["items"], "requestedQuantity")
    shelves.reserve(shop, values["from_warehouse"], lines, 1)
    values |= {
        "transfer_number": next_number(shop, "TR", shop.now),
        "status": "pending",
        "total_value": _value(values["items"]),
    }
    return shop.insert("transfer", values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a transfer, and move what its new state says.

    Raises:
        Invalid: that state does not follow, or there is not enough in stock.
    """
    status = values.get("status") or row["status"]
    STATES.check(row["status"], status)
    if "items" in values:
        _check_items(row, status)
        values["total_value"] = _value(values["items"])
    items: list[Values] = values.get("items") or row["items"]
    if row["status"] == "pending":
        _promise_again(shop, row, items, still=status == "pending")
    if status != row["status"]:
        values |= _MOVED[status](shop, row, items)
    shop.change("transfer", row["id"], values)


def _promise_again(shop: Shop, row: Values, items: list[Values], *, still: bool) -> None:
    """Give back what was promised; promise what is wanted now while it has not left."""
    source, member = row["from_warehouse"], "requestedQuantity"
    shelves.reserve(shop, source, _lines(shop, row["items"], member), -1)
    if still:
        shelves.reserve(shop, source, _lines(shop, items, member), 1)


def _check_items(row: Values, status: str) -> None:
    if row["status"] in {"completed", "cancelled"}:
        raise broken_rule(f"A {row['status']} transfer keeps its items.")
    if row["status"] == "in_transit" and status == "cancelled":
        raise broken_rule("Cancel with the items as they left; what was sent comes back.")


def _send(shop: Shop, row: Values, items: list[Values]) -> Values:
    lines = _lines(shop, items, "sentQuantity", "requestedQuantity")
    shelves.post(shop, row["from_warehouse"], lines, "transfer", _source(row, "out"), -1)
    sent = [
        item | {"sentQuantity": line.quantity} for item, line in zip(items, lines, strict=True)
    ]
    return {"items": sent, "transfer_date": shop.now}


def _arrive(shop: Shop, row: Values, items: list[Values]) -> Values:
    left = {line.variant_id: line.quantity for line in _lines(shop, row["items"], "sentQuantity")}
    lines = _lines(shop, items, "receivedQuantity", "sentQuantity", "requestedQuantity")
    for line in lines:
        if line.quantity > left.get(line.variant_id, 0):
            raise broken_rule("More cannot arrive than was sent.")
    shelves.post(shop, row["to_warehouse"], lines, "transfer", _source(row, "in"))
    came = [
        item | {"receivedQuantity": line.quantity} for item, line in zip(items, lines, strict=True)
    ]
    return {"items": came, "completed_date": shop.now}


def _cancel(shop: Shop, row: Values, _: list[Values]) -> Values:
    if row["status"] == "in_transit":
        lines = _lines(shop, row["items"], "sentQuantity")
        shelves.post(shop, row["from_warehouse"], lines, "transfer", _source(row, "back"))
    return {}


_MOVED = {"in_transit": _send, "completed": _arrive, "cancelled": _cancel}


def _lines(shop: Shop, items: list[Values], *members: str) -> list[shelves.Line]:
    """Return the lines by the first of ``members`` that each item has."""
    return [
        shelves.line_of(shop, item, _first(item, members), place)
        for place, item in enumerate(items)
    ]


def _first(item: Values, members: tuple[str, ...]) -> int:
    return next((int(item[name]) for name in members if item.get(name) is not None), 0)


def _value(items: list[Values]) -> Decimal:
    return sum(
        (
            Decimal(str(item.get("unitCost") or 0))
            * _first(item, ("sentQuantity", "requestedQuantity"))
            for item in items
        ),
        Decimal(0),
    )


def _source(row: Values, way: str) -> str:
    return f"transfer {row['id']} {way}"
