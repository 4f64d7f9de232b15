"""Stock: an append-only ledger of movements; quantities are its sums and never below zero.

Whoever moves stock holds the product's row first, products in the order of their ids, so that
concurrent moves queue instead of failing or meeting in a deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.rules.reserving import reserved
from gateway.backoffice.shop import Shop, Values


@dataclass(frozen=True, slots=True)
class Move:
    """One change of stock.

    Attributes:
        quantity: signed.
        kind: of movement.
        bin_id: where; ``None`` for stock that lies in no bin.
        warehouse_id: where, for field sales; then of which variant.
        unit_cost: what one of them cost, where that is known.
        source: the document that moves it.
    """

    product_id: int
    quantity: int
    kind: str
    bin_id: int | None = None
    reason: str | None = None
    work_order_id: int | None = None
    warehouse_id: int | None = None
    variant_id: int | None = None
    unit_cost: Decimal | None = None
    source: str | None = None


def move(shop: Shop, moves: Iterable[Move]) -> list[int]:
    """Book all of ``moves`` or none; return the ids of the movements.

    Raises:
        Invalid: a quantity would fall below zero.
        NotFound: there is no such product.
    """
    return [_move(shop, one) for one in sorted(moves, key=lambda one: one.product_id)]


def _move(shop: Shop, one: Move) -> int:
    product = shop.lock("product", one.product_id)
    if product["is_service"]:
        raise broken_rule(f"{product['name']} is a service: it has no stock.")
    _move_in_bin(shop, product, one)
    after = product["stock_quantity"] + one.quantity
    if after < 0:
        raise broken_rule(
            f"{product['name']} has {product['stock_quantity']} in stock: "
            f"{-one.quantity} cannot be taken."
        )
    shop.change("product", product["id"], {"stock_quantity": after})
    _tell_when_low(shop, product, after)
    return shop.insert(
        "stock_movement",
        {
            "product_id": one.product_id,
            "bin_id": one.bin_id,
            "quantity": one.quantity,
            "kind": one.kind,
            "reason": one.reason,
            "user_id": shop.user_id,
            "balance_after": after,
            "work_order_id": one.work_order_id,
            "moved_at": shop.now,
            "warehouse_id": one.warehouse_id,
            "variant_id": one.variant_id,
            "unit_cost": one.unit_cost,
            "source": one.source,
        },
    )


def _move_in_bin(shop: Shop, product: Values, one: Move) -> None:
    if one.warehouse_id is not None:
        _move_in_warehouse(shop, product, one)
        return
    placed = (
        row
        for noun in ("bin_stock", "warehouse_stock")
        for row in shop.where(noun, product_id=product["id"])
    )
    binned = sum(row["quantity"] for row in placed)
    if one.bin_id is None:
        # What lies in bins and warehouses is not taken by those who name none.
        if product["stock_quantity"] - binned + one.quantity < 0:
            loose = product["stock_quantity"] - binned
            raise broken_rule(
                f"Of {product['name']} only {loose} lie outside bins. Name the bin to take from."
            )
        return
    present = shop.find("bin_stock", bin_id=one.bin_id, product_id=product["id"])
    after = (present["quantity"] if present else 0) + one.quantity
    if after < 0:
        code = shop.get("bin", one.bin_id)["code"]
        raise broken_rule(f"Bin {code} holds {after - one.quantity} of {product['name']}.")
    if present is None:
        key = {"bin_id": one.bin_id, "product_id": product["id"]}
        shop.insert("bin_stock", key | {"quantity": after})
    else:
        shop.change("bin_stock", present["id"], {"quantity": after})


def _move_in_warehouse(shop: Shop, product: Values, one: Move) -> None:
    key = {"warehouse_id": one.warehouse_id, "variant_id": one.variant_id}
    present = shop.find("warehouse_stock", **key)
    before = present["quantity"] if present else 0
    after = before + one.quantity
    if after < 0:
        raise broken_rule(
            f"The warehouse holds {before} of {product['name']}: {-one.quantity} cannot be taken."
        )
    values = {"quantity": after}
    if one.unit_cost is not None and one.quantity > 0:
        values["cost"] = one.unit_cost
    if present is None:
        shop.insert("warehouse_stock", key | {"product_id": product["id"]} | values)
    else:
        shop.change("warehouse_stock", present["id"], values)


def _tell_when_low(shop: Shop, product: Values, after: int) -> None:
    least = product["min_stock"]
    if least is not None and after < least <= product["stock_quantity"]:
        text = f"{after} left, the minimum is {least}."
        notify_admins(shop, "stock_low", f"Low stock: {product['name']}", text)


def bin_named(shop: Shop, code: str | None, field: str = "bin") -> int | None:
    """Return the id of the bin with this code; raises ``Unprocessable`` when there is none."""
    if code is None:
        return None
    row = shop.find("bin", code=code, is_active=True)
    if row is None:
        raise wrong_field(field, f"names no bin: {code}.")
    return int(row["id"])


def product_named(shop: Shop, product_id: int, field: str = "product_id") -> Values:
    """Return a product of the body; raises ``Unprocessable`` when there is none."""
    row = shop.find("product", id=product_id)
    if row is None:
        raise wrong_field(field, "is invalid.")
    return row


def adjust(shop: Shop, values: Values) -> object:
    """Correct a quantity by a signed number; raises ``Unprocessable`` for zero."""
    if values["quantity"] == 0:
        raise wrong_field("quantity", "must not be zero.")
    product_named(shop, values["product_id"])
    bin_id = bin_named(shop, values.get("bin"))
    reason = values.get("reason")
    move(shop, [Move(values["product_id"], values["quantity"], "adjustment", bin_id, reason)])
    product_id = values["product_id"]
    return level(shop.get("product", product_id), reserved(shop, [product_id])[product_id])


def transfer(shop: Shop, values: Values) -> int:
    """Move between bins; the product's total stays. Returns the movement into the new bin."""
    product_named(shop, values["product_id"])
    source = bin_named(shop, values["from_bin"], "from_bin")
    target = bin_named(shop, values["to_bin"], "to_bin")
    if source == target:
        raise wrong_field("to_bin", "must be another bin.")
    product_id, quantity = values["product_id"], values["quantity"]
    out = Move(product_id, -quantity, "transfer", source)
    ids = move(shop, [out, Move(product_id, quantity, "transfer", target)])
    return ids[1]


def create_product(shop: Shop, values: Values) -> int:
    """Store a product; its opening stock is a movement like any other."""
    opening = values.pop("stock_quantity", None) or 0
    product_id = shop.insert("product", values)
    if opening:
        move(shop, [Move(product_id, opening, "initial", reason="Opening stock")])
    return product_id


def remove_product(shop: Shop, row: Values) -> None:
    """Remove a product; raises ``Invalid`` while it is in stock or on open orders."""
    if row["stock_quantity"]:
        raise broken_rule(f"{row['stock_quantity']} are in stock. Take them out first.")
    lines = shop.where("work_order_line", product_id=row["id"])
    orders = [shop.find("work_order", id=line["work_order_id"]) for line in lines]
    done = {"completed", "picked_up", "cancelled"}
    waiting = [order["ticket_no"] for order in orders if order and order["status"] not in done]
    if waiting:
        raise broken_rule(f"Open work orders use it: {', '.join(sorted(set(waiting)))}.")
    shop.remove("product", row["id"])


def levels(shop: Shop, values: Values) -> object:
    """Return what is in stock; with ``low`` only what is below its minimum."""
    table = shop.tables["product"]
    query = shop.select("product").where(table.c.is_service.is_(False))
    if values.get("low"):
        query = query.where(table.c.stock_quantity < table.c.min_stock)
    kept = reserved(shop)
    rows = shop.rows(query.order_by(table.c.name, table.c.id))
    return [level(row, kept[row["id"]]) for row in rows]


def level(product: Values, kept: int) -> Values:
    """Return a product's stock as the API shows it; ``kept`` of it are reserved."""
    return {
        "reserved": kept,
        "available": product["stock_quantity"] - kept,
        "product_id": product["id"],
        "sku": product["sku"] or "",
        "name": product["name"],
        "quantity": product["stock_quantity"],
        "min_stock": product["min_stock"] or 0,
    }


def in_bins(shop: Shop, values: Values) -> object:
    """Return what lies in which bin."""
    stock, shelf, product = (shop.tables[name] for name in ("bin_stock", "bin", "product"))
    query = (
        shop.select("bin_stock")
        .with_only_columns(stock.c.product_id, product.c.sku, stock.c.quantity, shelf.c.code)
        .join(shelf, shelf.c.id == stock.c.bin_id)
        .join(product, product.c.id == stock.c.product_id)
        .where(stock.c.quantity > 0)
        .order_by(shelf.c.code, product.c.id)
    )
    if "bin" in values:
        query = query.where(shelf.c.code == values["bin"])
    if "product_id" in values:
        query = query.where(stock.c.product_id == values["product_id"])
    return [
        {"product_id": p, "sku": sku or "", "quantity": quantity, "bin": code}
        for p, sku, quantity, code in shop.connection.execute(query)
    ]


def create_bin(shop: Shop, values: Values) -> int:
    """Add a bin; codes are unique within a branch."""
    same = shop.find("bin", code=values["code"], branch_id=values.get("branch_id"))
    if same is not None:
        raise wrong_field("code", "has already been taken.")
    return shop.insert("bin", values)
