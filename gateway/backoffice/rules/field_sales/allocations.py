"""Which payment pays which invoice: by itself the oldest one first, or as somebody settles it.

What was allocated by itself is a proposal: it is taken back when a settlement says otherwise, when
the invoice becomes void, and when the payment turns out to be none. ``settled`` of an invoice and
``consumed`` of a payment are sums over the allocations; an early payment's discount counts too.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from gateway.backoffice.rules.field_sales import balance
from gateway.backoffice.shop import Shop, Values

_NOTHING, _CENT, _HUNDRED = Decimal(0), Decimal("0.01"), Decimal(100)

#: States of invoices that follow from what is paid; any other was chosen by somebody, and stays.
_FOLLOWING = ("unpaid", "partially_paid", "paid")


def open_part(invoice: Values) -> Decimal:
    """Return what is to be paid of an invoice."""
    return Decimal((invoice["total"] or _NOTHING) - invoice["settled"])


def left_over(payment: Values) -> Decimal:
    """Return what is left of a payment."""
    return Decimal((payment["amount"] or _NOTHING) - payment["consumed"])


def spread(shop: Shop, client_id: int) -> None:
    """Put what is left of a client's payments into the open invoices, both oldest first."""
    shop.lock("customer", client_id)
    invoices = _open_invoices(shop, client_id)
    for payment in _open_payments(shop, client_id):
        while invoices and left_over(shop.get("sales_payment", payment["id"])) > 0:
            invoice = allocate(shop, payment["id"], invoices[0]["id"])
            if open_part(invoice) <= 0:
                invoices.pop(0)


def _open_invoices(shop: Shop, client_id: int) -> list[Values]:
    table = shop.tables["sales_invoice"]
    query = shop.select("sales_invoice").where(
        table.c.client == client_id, table.c.total > table.c.settled, table.c.status != "void"
    )
    return shop.rows(query.order_by(table.c.id))


def _open_payments(shop: Shop, client_id: int) -> list[Values]:
    table = shop.tables["sales_payment"]
    query = shop.select("sales_payment").where(
        table.c.client == client_id, table.c.amount > table.c.consumed
    )
    return shop.rows(query.order_by(table.c.date, table.c.id))


def allocate(
    shop: Shop,
    payment_id: int,
    invoice_id: int,
    most: Decimal | None = None,
    settlement_id: int | None = None,
) -> Values:
    """Put as much as fits of a payment into an invoice, ``most`` at most; return the invoice."""
    payment, invoice = shop.get("sales_payment", payment_id), shop.get("sales_invoice", invoice_id)
    able = min(left_over(payment), left_over(payment) if most is None else most)
    discount = _discount(shop, payment, invoice, able)
    amount = min(able, open_part(invoice) - discount)
    row = {"payment_id": payment_id, "invoice_id": invoice_id, "settlement_id": settlement_id}
    made = shop.insert("payment_allocation", row | {"amount": amount, "discount": discount})
    if discount:
        balance.book(shop, invoice["client"], -discount, f"early payment {made}")
    _sum_up(shop, payment_id, invoice_id)
    return shop.get("sales_invoice", invoice_id)


def _discount(shop: Shop, payment: Values, invoice: Values, able: Decimal) -> Decimal:
    """Return what a client may keep who pays all of an invoice within the days of their term."""
    term = term_of(shop, invoice["client"])
    share = (term and term["discount_percentage"]) or _NOTHING
    if term is None or share <= 0 or invoice["settled"]:
        return _NOTHING
    last = invoice["created_at"] + timedelta(days=term["discount_days"] or 0)
    discount = (invoice["total"] * share / _HUNDRED).quantize(_CENT, ROUND_HALF_UP)
    in_time = (payment["date"] or payment["created_at"]).date() <= last.date()
    # Whoever pays everything keeps nothing.
    meant = invoice["total"] - discount <= able < invoice["total"]
    return discount if in_time and meant else _NOTHING


def term_of(shop: Shop, client_id: int | None) -> Values | None:
    """Return a client's payment term, where they have one that is in use."""
    client = shop.find("customer", id=client_id) if client_id else None
    term_id = client and client["payment_term_id"]
    term = shop.find("payment_term", id=term_id) if term_id else None
    return term if term is not None and term["is_active"] is not False else None


def release(shop: Shop, *, settled: bool = False, **equal: object) -> None:
    """Take back what was allocated by itself, and what was settled too where ``settled``.

    Args:
        shop: whose.
        settled: also what somebody settled.
        equal: ``payment_id`` or ``invoice_id``.
    """
    for row in shop.where("payment_allocation", **equal):
        if row["settlement_id"] is not None and not settled:
            continue
        invoice = shop.get("sales_invoice", row["invoice_id"])
        shop.remove("payment_allocation", row["id"])
        if row["discount"]:
            source = f"early payment {row['id']} taken back"
            balance.book(shop, invoice["client"], row["discount"], source)
        _sum_up(shop, row["payment_id"], row["invoice_id"])


def _sum_up(shop: Shop, payment_id: int, invoice_id: int) -> None:
    used = shop.where("payment_allocation", payment_id=payment_id)
    consumed = sum((row["amount"] for row in used), _NOTHING)
    shop.change("sales_payment", payment_id, {"consumed": consumed})
    paid = shop.where("payment_allocation", invoice_id=invoice_id)
    settled = sum((row["amount"] + row["discount"] for row in paid), _NOTHING)
    invoice = shop.get("sales_invoice", invoice_id)
    status = invoice["status"]
    if status in _FOLLOWING:
        status = (
            "paid" if settled == invoice["total"] else "partially_paid" if settled else "unpaid"
        )
    shop.change("sales_invoice", invoice_id, {"settled": settled, "status": status})
