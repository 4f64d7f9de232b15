"""Sales invoices and proformas: lines with prices and taxes, totals, serials, and what they move.

A line names a product or a variant, a ``quantity`` and, where the price list should not decide, a
``price``; ``discount`` is an amount off the line. Negative quantities are what comes back. Stock
leaves the invoice's warehouse and the total joins the client's balance when the invoice is stored;
an invoice is never removed, ``void`` takes both back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from gateway.backoffice.kinds import Identifier, decimal_of
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales import (
    allocations,
    balance,
    days,
    modifiers,
    must_sell,
    offers,
    shelves,
    turnover,
)
from gateway.backoffice.rules.field_sales.prices import base_quantity, price_of
from gateway.backoffice.rules.field_sales.serials import is_carried, serial_for
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO, cents

_HUNDRED = Decimal(100)
_ID = Identifier(hexadecimal=True)

#: What a stored invoice says for good.
_FIXED = ("client", "rep", "warehouse", "items", "total", "serial")

VOID = "void"


def create_invoice(shop: Shop, values: Values) -> int:
    """Store an invoice, move its stock and book its total.

    Raises:
        Unprocessable: a line names nothing that is sold, or no number of it.
        Invalid: stock, credit or a frozen product are in the way.
    """
    offers.take_up(shop, values)
    lines = _priced(shop, values, "frozen_sales")
    values["kind"] = "return" if (values.get("total") or 0) < 0 else "sales"
    values["serial"] = _serial(shop, values, values["kind"], "SI")
    values["status"] = values.get("status") or "unpaid"
    values["due_date"] = values.get("due_date") or _due(shop, values.get("client"))
    if values.get("client") and (values.get("total") or 0) > 0:
        balance.check_credit(shop, values["client"], values["total"])
    invoice_id = shop.insert("sales_invoice", values)
    _move(shop, values, lines, f"sales invoice {invoice_id}", -1)
    if values.get("total"):
        source, against = f"sales invoice {invoice_id}", turnover.of(values)
        balance.book(shop, values.get("client"), values["total"], source, against)
    if values.get("client"):
        allocations.spread(shop, values["client"])
    must_sell.note(shop, values, lines)
    days.note(shop, values.get("rep"), shop.today)
    return invoice_id


def _due(shop: Shop, client_id: int | None) -> datetime | None:
    """Return until when a client pays, by their payment term."""
    term = allocations.term_of(shop, client_id)
    return (
        None if term is None or term["days"] is None else shop.now + timedelta(days=term["days"])
    )


def change_invoice(shop: Shop, row: Values, values: Values) -> None:
    """Change what an invoice leaves open: its status, and when it is due.

    It comes held, as do all rows that are changed (:meth:`Shop.hold`).

    Raises:
        Invalid: it is void, or the change would rewrite what was booked.
    """
    _check_fixed(row, values)
    if row["status"] == VOID and values.get("status", VOID) != VOID:
        raise broken_rule("This invoice is void. Make a new one instead.")
    if values.get("status") == VOID and row["status"] != VOID:
        _void(shop, row)
    shop.change("sales_invoice", row["id"], values)
    if values.get("status") == VOID and row["client"]:
        allocations.spread(shop, row["client"])


def _void(shop: Shop, row: Values) -> None:
    allocations.release(shop, invoice_id=row["id"])
    if shop.get("sales_invoice", row["id"])["settled"]:
        raise broken_rule("Payments are settled against this invoice. Refund them instead.")
    lines = _lines(shop, row["items"] or [])
    _move(shop, row, lines, f"void of sales invoice {row['id']}", 1)
    must_sell.note(shop, row, lines, -1)
    offers.give_back(shop, row)
    if row["total"]:
        source, against = f"void of sales invoice {row['id']}", turnover.taken_back(row)
        balance.book(shop, row["client"], -row["total"], source, against)


def statuses(shop: Shop, void: list[object]) -> list[object]:
    """Return the states of invoices that are void, or are not, as the flags in ``void`` say."""
    table = shop.tables["sales_invoice"]
    known = shop.connection.execute(
        select(table.c.status).where(*shop.visible(table)).group_by(table.c.status)
    ).scalars()
    return [status for status in known if (status == VOID) in void]


def create_proforma(shop: Shop, values: Values) -> int:
    """Store an offer: priced and numbered like an invoice, and nothing moves."""
    _priced(shop, values, "frozen_pre_sales")
    values["serial"] = _serial(shop, values, "proforma", "PF")
    values["status"] = values.get("status") or "pending"
    proforma_id = shop.insert("proforma", values)
    days.note(shop, values.get("rep"), shop.today)
    return proforma_id


def change_proforma(shop: Shop, row: Values, values: Values) -> None:
    """Change an offer; its lines are priced again. Raises ``Invalid`` once it is an invoice."""
    offers.check_open(row, values)
    if "items" in values:
        merged = row | values
        _priced(shop, merged, "frozen_pre_sales")
        values |= {"items": merged["items"], "total": merged["total"]}
    shop.change("proforma", row["id"], values)


def _check_fixed(row: Values, values: Values) -> None:
    for name in _FIXED:
        if name in values and values[name] != row[name]:
            raise broken_rule(
                f"{name} was booked and stays. Void this invoice and make another one."
            )
        values.pop(name, None)


def _serial(shop: Shop, values: Values, kind: str, series: str) -> str:
    given = values.get("serial")
    if given and is_carried(shop, kind, given):
        raise wrong_field("serial", "has already been taken.")
    return str(given or serial_for(shop, values, kind, series))


def _priced(shop: Shop, values: Values, frozen: str) -> list[shelves.Line]:
    """Price the lines in place, sum them up, and return what they would move."""
    items: list[Values] = values.get("items") or []
    lines = _lines(shop, items)
    if not lines:
        return lines
    values["items"] = [
        _priced_line(shop, item, line, values.get("client"), frozen)
        for item, line in zip(items, lines, strict=True)
    ]
    totals = (Decimal(str(item["line_total"])) for item in values["items"])
    values["total"] = sum(totals, Decimal(0))
    return lines


def _lines(shop: Shop, items: Sequence[Values]) -> list[shelves.Line]:
    return [_line(shop, item, place) for place, item in enumerate(items)]


def _line(shop: Shop, item: Values, place: int) -> shelves.Line:
    where = f"items.{place}"
    try:
        keys = {name: _known(shop, name, item.get(name)) for name in ("product", "variant")}
        quantity = decimal_of(item.get("quantity", item.get("qty", 1)))
    except (ValueError, TypeError) as error:
        raise wrong_field(where, f"has a wrong member: it {error}") from None
    unit = item.get("measureunit")
    base = base_quantity(shop, quantity, int(str(_ID.parse(unit))) if unit else None)
    return shelves.line_of(shop, keys, shelves.whole(base, f"{where}.quantity"), place)


def _known(shop: Shop, noun: str, value: object) -> object:
    if value is None:
        return None
    identifier = int(str(_ID.parse(value)))
    if shop.find(noun, id=identifier) is None:
        raise ValueError(f"names a {noun} that there is not.")
    return value


def _priced_line(
    shop: Shop, item: Values, line: shelves.Line, client_id: int | None, frozen: str
) -> Values:
    product = shop.get("product", line.product_id)
    if product[frozen]:
        raise broken_rule(f"{product['name']} is frozen: it cannot be sold now.")
    variant = shop.get("variant", line.variant_id)
    price = price_of(shop, variant, client_id)
    if item.get("price") is not None:
        price = decimal_of(
            item["price"] if not isinstance(item["price"], float) else str(item["price"])
        )
    more = modifiers.surcharge(shop, product, variant, item, f"items.{line.place}")
    discount = Decimal(str(item.get("discount") or 0))
    net = cents((price + more) * line.quantity - discount)
    rate, tax, added = _tax(shop, product, net)
    return item | {
        "variant": _ID.render(line.variant_id),
        "price": float(price),
        "modifiers_total": float(more),
        "base_unit_qty": line.quantity,
        "tax_rate": float(rate),
        "tax_amount": float(tax),
        "line_total": float(net + added),
    }


def _tax(shop: Shop, product: Values, amount: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return the rate in percent, the tax in an amount, and what of it comes on top."""
    rate = shop.find("tax_rate", id=product["tax_rate_id"]) if product["tax_rate_id"] else None
    if rate is None or rate["type"] == "N/A":
        return ZERO, ZERO, ZERO
    percent = Decimal(rate["rate"])
    if rate["type"] == "inclusive":
        return percent, cents(amount * percent / (_HUNDRED + percent)), ZERO
    on_top = cents(amount * percent / _HUNDRED)
    return percent, on_top, on_top


def _move(shop: Shop, values: Values, lines: list[shelves.Line], source: str, sign: int) -> None:
    goods = [line for line in lines if not shop.get("product", line.product_id)["is_service"]]
    if values.get("warehouse") and goods:
        shelves.post(shop, values["warehouse"], goods, "pick", source, sign)
