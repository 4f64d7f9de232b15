"""Goods that come in: against a purchase order, or just so."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import ledger
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.stock import Move, bin_named, move, product_named
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO, cents


def receive_order(shop: Shop, values: Values) -> int:
    """Take in lines of a purchase order; the order's state follows from them.

    Raises:
        NotFound: there is no such order.
        Invalid: a line is another order's, or more came than is outstanding.
    """
    order = shop.lock("purchase_order", values["purchase_order_id"])
    if order["status"] in {"received", "cancelled"}:
        raise broken_rule(f"Purchase order {order['number']} is {order['status']}.")
    lines = {row["id"]: row for row in _lines(shop, order["id"])}
    taken = [_taken(shop, lines, index, given) for index, given in enumerate(values["lines"])]
    outstanding = sum(
        row["ordered_qty"] - row["received_qty"] for row in _lines(shop, order["id"])
    )
    status = "partially_received" if outstanding else "received"
    shop.change("purchase_order", order["id"], {"status": status})
    head = {"purchase_order_id": order["id"], "supplier_id": order["supplier_id"]}
    return _receipt(shop, head | {"reference": values.get("reference")}, taken)


def _lines(shop: Shop, order_id: int) -> list[Values]:
    return shop.where("purchase_order_line", purchase_order_id=order_id)


def _taken(shop: Shop, lines: dict[int, Values], index: int, given: Values) -> Values:
    line = lines.get(given["po_line_id"])
    if line is None:
        raise wrong_field(f"lines.{index}.po_line_id", "is not a line of this order.")
    received = line["received_qty"] + given["received_qty"]
    if received > line["ordered_qty"]:
        left = line["ordered_qty"] - line["received_qty"]
        raise wrong_field(f"lines.{index}.received_qty", f"is more than the {left} outstanding.")
    # The same line may be named twice, for two bins.
    line["received_qty"] = received
    shop.change("purchase_order_line", line["id"], {"received_qty": received})
    bin_named(shop, given.get("bin"), f"lines.{index}.bin")
    return {
        "product_id": line["product_id"],
        "quantity": given["received_qty"],
        "bin": given.get("bin"),
    }


def receive_direct(shop: Shop, values: Values) -> int:
    """Take in a product without an order; one delivery note of a supplier counts once."""
    product_named(shop, values["product_id"])
    supplier_id, reference = values.get("supplier_id"), values.get("reference")
    if supplier_id is not None and shop.find("supplier", id=supplier_id) is None:
        raise wrong_field("supplier_id", "is invalid.")
    known = {"supplier_id": supplier_id, "reference": reference, "purchase_order_id": None}
    if reference and supplier_id and shop.find("receipt", **known):
        raise wrong_field("reference", "was received from this supplier before.")
    bin_named(shop, values.get("bin"))
    line = {"product_id": values["product_id"], "quantity": values["quantity"]}
    head = {"supplier_id": supplier_id, "reference": reference}
    return _receipt(shop, head, [line | {"bin": values.get("bin")}])


def _receipt(shop: Shop, head: Values, lines: list[Values]) -> int:
    receipt_id = shop.insert("receipt", head | {"user_id": shop.user_id})
    shop.insert_all("receipt_line", [line | {"receipt_id": receipt_id} for line in lines])
    reason = f"Receipt {head.get('reference') or receipt_id}"
    move(
        shop,
        [
            Move(
                line["product_id"],
                line["quantity"],
                "receipt",
                bin_named(shop, line["bin"]),
                reason[:255],
            )
            for line in lines
        ],
    )
    value = sum((_worth(shop, line) for line in lines), ZERO)
    bookings = [
        ledger.debit(ledger.STOCK, value),
        ledger.credit(ledger.GOODS_RECEIVED, value),
    ]
    ledger.post_document(shop, shop.today, reason, bookings, ("receipt", receipt_id))
    return receipt_id


def _worth(shop: Shop, line: Values) -> Decimal:
    price = shop.get("product", line["product_id"])["purchase_price"]
    return cents((price or ZERO) * line["quantity"])


def order_what_is_low(shop: Shop, supplier_id: int | None = None) -> int | None:
    """Make one purchase order for all that is below its minimum and not on order yet.

    Orders up to twice the minimum. Returns the order's id, ``None`` when nothing is low.

    Raises:
        Unprocessable: there is no such supplier.
    """
    if supplier_id is not None and shop.find("supplier", id=supplier_id) is None:
        raise wrong_field("supplier_id", "is invalid.")
    table = shop.tables["product"]
    low = shop.rows(shop.select("product").where(table.c.stock_quantity < table.c.min_stock))
    wanted = {row["id"]: row["min_stock"] * 2 - row["stock_quantity"] for row in low}
    for status in ("ordered", "partially_received"):
        for order in shop.where("purchase_order", status=status):
            for line in _lines(shop, order["id"]):
                wanted.pop(line["product_id"], None)
    if not wanted:
        return None
    number = next_number(shop, "PO", shop.now)
    order_id = shop.insert("purchase_order", {"number": number, "supplier_id": supplier_id})
    shop.insert_all(
        "purchase_order_line",
        [
            {"purchase_order_id": order_id, "product_id": product_id, "ordered_qty": quantity}
            for product_id, quantity in wanted.items()
        ],
    )
    return order_id
