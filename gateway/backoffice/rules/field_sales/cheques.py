"""Cheques: pending, cleared on their day once settled, bounced, or cancelled because nobody came.

No operation changes a cheque. It is moved by what is done with the payment that names it by its
number (``reference``): a settlement presents it, a processed refund of that reference says that it
bounced; then the payment was none, and its invoices are open again.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.backoffice.rules.field_sales import allocations
from gateway.backoffice.shop import Shop, Values

#: A cheque that nobody presented this long after its day is void, as banks have it.
_STALE = timedelta(days=180)

#: Moved in one transaction.
_PORTION = 200


def create(shop: Shop, values: Values) -> int:
    """Store a cheque that waits for its day."""
    return shop.insert("bank_check", values | {"status": "pending"})


def present(shop: Shop, client_id: int, number: str | None) -> None:
    """Note that a payment by this cheque was settled; on its day or later that clears it."""
    cheque = _named(shop, client_id, number)
    if cheque is not None and cheque["status"] == "pending":
        shop.change("bank_check", cheque["id"], {"presented": True} | _cleared(shop, cheque))


def _cleared(shop: Shop, cheque: Values) -> Values:
    if cheque["due_date"] > shop.now:
        return {}
    return {"status": "cleared", "cleared_date": shop.now}


def bounce(shop: Shop, client_id: int, number: str | None) -> None:
    """Note that a cheque was not honoured, and open again what its payments had paid."""
    cheque = _named(shop, client_id, number)
    if cheque is None or cheque["status"] not in {"pending", "cleared"}:
        return
    gone = {"status": "bounced", "cleared_date": None, "presented": False}
    shop.change("bank_check", cheque["id"], gone)
    for payment in shop.where("sales_payment", client=client_id, reference=number):
        allocations.release(shop, settled=True, payment_id=payment["id"])
        # Nothing of it is left either: the refund took it back.
        shop.change("sales_payment", payment["id"], {"consumed": payment["amount"]})
    allocations.spread(shop, client_id)


def _named(shop: Shop, client_id: int, number: str | None) -> Values | None:
    return shop.find("bank_check", client=client_id, check_number=number) if number else None


def move_due(shop: Shop) -> int:
    """Clear what was presented and is due, cancel what is stale; return how many were moved."""
    table = shop.tables["bank_check"]
    pending = shop.select("bank_check").where(table.c.status == "pending")
    ripe = pending.where(table.c.presented.is_(True), table.c.due_date <= shop.now)
    stale = pending.where(table.c.due_date <= shop.now - _STALE)
    cleared = shop.rows(ripe.limit(_PORTION))
    for cheque in cleared:
        shop.change("bank_check", cheque["id"], _cleared(shop, cheque))
    cancelled = [row for row in shop.rows(stale.limit(_PORTION)) if not row["presented"]]
    for cheque in cancelled:
        shop.change("bank_check", cheque["id"], {"status": "cancelled"})
    return len(cleared) + len(cancelled)
