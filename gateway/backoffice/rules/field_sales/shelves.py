"""Stock in warehouses: movements of the shop's one ledger (``rules/stock``), by variant.

Products without a variant in a line mean their default one. A document posts once: its name is on
every movement (``source``), and what was posted under that name is not posted again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import stock
from gateway.backoffice.rules.field_sales.products import default_variant
from gateway.backoffice.shop import Shop, Values


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity of a variant in a document.

    Attributes:
        quantity: in base units; signed where the document may say so.
        cost: of one unit; ``None`` where the document does not say.
        place: of the line in the document, from 0.
    """

    product_id: int
    variant_id: int
    quantity: int
    cost: Decimal | None = None
    place: int = 0


def line_of(shop: Shop, item: Values, quantity: int, place: int, member: str = "items") -> Line:
    """Return the line that an item of a body means.

    Raises:
        Unprocessable: it names no product, or a variant of another one.
    """
    cost = item.get("unitCost")
    price = None if cost is None else Decimal(str(cost))
    if item.get("variant"):
        variant = shop.get("variant", int(item["variant"], 16))
        if item.get("product") and int(item["product"], 16) != variant["product"]:
            raise wrong_field(f"{member}.{place}.variant", "is a variant of another product.")
    elif item.get("product"):
        variant = default_variant(shop, int(item["product"], 16))
    else:
        raise wrong_field(f"{member}.{place}", "must name a product or a variant.")
    return Line(variant["product"], variant["id"], quantity, price, place)


def post(
    shop: Shop, warehouse_id: int, lines: Iterable[Line], kind: str, source: str, sign: int = 1
) -> None:
    """Move ``lines`` into a warehouse, or out of it where ``sign`` is -1; once for each source.

    Raises:
        Invalid: a quantity would fall below zero.
        Conflict: never; what was posted before is left as it is.
    """
    if shop.find("stock_movement", source=source) is not None:
        return
    stock.move(
        shop,
        [
            stock.Move(
                line.product_id,
                sign * line.quantity,
                kind,
                reason=source,
                warehouse_id=warehouse_id,
                variant_id=line.variant_id,
                unit_cost=line.cost,
                source=source,
            )
            for line in sorted(lines, key=lambda line: (line.product_id, line.variant_id))
            if line.quantity
        ],
    )


def reserve(shop: Shop, warehouse_id: int, lines: Iterable[Line], sign: int) -> None:
    """Promise ``lines`` of a warehouse to somebody, or take the promise back."""
    for line in sorted(lines, key=lambda line: (line.product_id, line.variant_id)):
        # Held like by those who move it (``rules/stock``), in the same order.
        shop.lock("product", line.product_id)
        key = {"warehouse_id": warehouse_id, "variant_id": line.variant_id}
        present = shop.find("warehouse_stock", **key)
        if present is None:
            shop.insert("warehouse_stock", key | {"product_id": line.product_id})
            present = shop.find("warehouse_stock", **key) or {}
        promised = max(0, present["reserved"] + sign * line.quantity)
        shop.change("warehouse_stock", present["id"], {"reserved": promised})


def whole(value: object, name: str) -> int:
    """Return a quantity of a free line as a whole number; raises ``Unprocessable``."""
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise wrong_field(name, "must be a whole number of base units: stock is counted.")
    return int(number)


def empty_or_refuse(shop: Shop, warehouse_id: int) -> None:
    """Refuse to lose sight of stock; raises ``Invalid`` while something lies in the warehouse."""
    lying = shop.where("warehouse_stock", warehouse_id=warehouse_id)
    if any(row["quantity"] for row in lying):
        raise broken_rule("There is stock in this warehouse. Move it out, or disable it instead.")
    for row in lying:
        shop.remove("warehouse_stock", row["id"])
