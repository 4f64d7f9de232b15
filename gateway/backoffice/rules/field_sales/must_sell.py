"""Lists of what must be sold: what was achieved is counted from the invoices within their days.

A sale counts at once, and what becomes void counts no more. A product that joins a list brings
what was sold of it before, unless somebody says how much was achieved; lists that get other days,
another client or another rep are counted anew.
"""

from __future__ import annotations

from sqlalchemy import or_

from gateway.backoffice.rules.field_sales.shelves import Line
from gateway.backoffice.shop import Shop, Values

#: What decides which invoices a list is about.
_SCOPE = ("client", "rep", "start_date", "end_date")


def add_product(shop: Shop, values: Values) -> int:
    """Put a product on a list."""
    row_id = shop.insert("msl_product", values)
    if values.get("achieved_quantity") is None:
        _count(shop, shop.get("msl_product", row_id))
    return row_id


def change_product(shop: Shop, row: Values, values: Values) -> None:
    """Change what a list wants of a product; another one is counted anew."""
    shop.change("msl_product", row["id"], values)
    other = any(values.get(name, row[name]) != row[name] for name in ("msl", "product", "variant"))
    if other and values.get("achieved_quantity") is None:
        _count(shop, shop.get("msl_product", row["id"]))


def change_list(shop: Shop, row: Values, values: Values) -> None:
    """Change a list; its products are counted anew when it is about other invoices."""
    shop.change("msl", row["id"], values)
    if any(values.get(name, row[name]) != row[name] for name in _SCOPE):
        for product in shop.where("msl_product", msl=row["id"]):
            _count(shop, product)


def note(shop: Shop, invoice: Values, lines: list[Line], sign: int = 1) -> None:
    """Count the lines of an invoice, or count them no more where ``sign`` is -1."""
    lists = _lists(shop, invoice) if lines else []
    for product in [row for one in lists for row in shop.where("msl_product", msl=one["id"])]:
        sold = sum(line.quantity for line in lines if _is_about(product, line))
        if sold:
            achieved = max(0, (product["achieved_quantity"] or 0) + sign * sold)
            shop.change("msl_product", product["id"], {"achieved_quantity": achieved})


def _lists(shop: Shop, invoice: Values) -> list[Values]:
    columns, made = shop.tables["msl"].c, invoice.get("created_at") or shop.now
    query = shop.select("msl").where(
        *(or_(columns[n].is_(None), columns[n] == invoice.get(n)) for n in ("client", "rep")),
        or_(columns.start_date.is_(None), columns.start_date <= made),
        or_(columns.end_date.is_(None), columns.end_date >= made),
        columns.disabled.is_not(True),
    )
    return shop.rows(query)


def _is_about(product: Values, line: Line) -> bool:
    return product["product"] == line.product_id and product["variant"] in {None, line.variant_id}


def _count(shop: Shop, product: Values) -> None:
    """Count what was sold of a product in the time of its list."""
    if product["msl"] is None or product["product"] is None:
        return
    wanted = shop.get("msl", product["msl"])
    table = shop.tables["sales_invoice"]
    query = shop.select("sales_invoice").where(
        table.c.status != "void",
        *(table.c[name] == wanted[name] for name in ("client", "rep") if wanted[name] is not None),
        *((table.c.created_at >= wanted["start_date"],) if wanted["start_date"] else ()),
        *((table.c.created_at <= wanted["end_date"],) if wanted["end_date"] else ()),
    )
    lines = [line for row in shop.rows(query) for line in _lines(shop, row["items"] or [])]
    sold = sum(line.quantity for line in lines if _is_about(product, line))
    shop.change("msl_product", product["id"], {"achieved_quantity": max(0, sold)})


def _lines(shop: Shop, items: list[Values]) -> list[Line]:
    """Return what stored items moved; each names its variant and its base quantity."""
    found = []
    for item in items:
        variant = shop.find("variant", id=int(item["variant"], 16))
        if variant is not None:
            found.append(Line(variant["product"], variant["id"], int(item["base_unit_qty"])))
    return found
