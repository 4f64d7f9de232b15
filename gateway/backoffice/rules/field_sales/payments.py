"""Payments, refunds and settlements: how what clients owe goes down again."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales import balance
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.shop import Shop, Values

REFUNDS = Machine(
    "refund",
    {
        "pending": ("approved", "rejected"),
        "approved": ("processed", "rejected"),
        "rejected": (),
        "processed": (),
    },
)

#: What a payment says for good: it is booked.
_FIXED = ("client", "rep", "amount")


def create_payment(shop: Shop, values: Values) -> int:
    """Store a payment, and take it off what the client owes."""
    if (values.get("amount") or 0) < 0:
        raise wrong_field("amount", "must not be below 0. Refund instead.")
    values["date"] = values.get("date") or shop.now
    payment_id = shop.insert("sales_payment", values)
    if values.get("client") and values.get("amount"):
        balance.book(shop, values["client"], -values["amount"], f"sales payment {payment_id}")
    return payment_id


def change_payment(shop: Shop, row: Values, values: Values) -> None:
    """Change how a payment is described; raises ``Invalid`` for what is booked."""
    for name in _FIXED:
        if name in values and values[name] != row[name]:
            raise broken_rule(f"The {name} of a payment is booked and stays. Refund it instead.")
    shop.change("sales_payment", row["id"], values)


def create_check(shop: Shop, values: Values) -> int:
    """Store a cheque that waits for its day."""
    return shop.insert("bank_check", values | {"status": "pending"})


def create_refund(shop: Shop, values: Values) -> int:
    """Store a wish for money back; raises ``Invalid`` for more than was paid."""
    if values["amount"] <= 0:
        raise wrong_field("amount", "must be above 0.")
    if values.get("invoice"):
        invoice = shop.get("sales_invoice", values["invoice"])
        before = shop.where("refund", invoice=values["invoice"])
        gone = sum((one["amount"] for one in before if one["status"] != "rejected"), Decimal(0))
        if values["amount"] > invoice["settled"] - gone:
            raise broken_rule(f"Of this invoice {invoice['settled'] - gone} can be refunded.")
    return shop.insert("refund", values | {"status": "pending", "requested_at": shop.now})


def change_refund(shop: Shop, row: Values, values: Values) -> None:
    """Change a refund; once processed it is booked, and stays."""
    status = values.get("status") or row["status"]
    REFUNDS.check(row["status"], status)
    if status == "processed" and row["status"] != "processed":
        balance.book(shop, row["client"], row["amount"], f"refund {row['id']}")
        values["processed_at"] = values.get("processed_at") or shop.now
    shop.change("refund", row["id"], values)


def settle(shop: Shop, values: Values) -> int:
    """Match payments with invoices of one client.

    Raises:
        Invalid: the sums differ, more is settled than is open, or somebody else's is among them.
    """
    invoices = _parts(shop, values, "invoices", "invoice", "sales_invoice")
    payments = _parts(shop, values, "payments", "payment", "sales_payment")
    total = sum((amount for _, amount in invoices), Decimal(0))
    if total != sum((amount for _, amount in payments), Decimal(0)):
        raise broken_rule("The invoices and the payments must add up to the same sum.")
    for row, amount in invoices:
        settled = row["settled"] + amount
        if settled > (row["total"] or 0):
            raise broken_rule(f"Invoice {row['serial']} has {row['total'] - row['settled']} open.")
        status = "paid" if settled == row["total"] else "partially_paid"
        shop.change("sales_invoice", row["id"], {"settled": settled, "status": status})
    for row, amount in payments:
        consumed = row["consumed"] + amount
        if consumed > (row["amount"] or 0):
            raise broken_rule(f"Payment {row['id']} has {row['amount'] - row['consumed']} left.")
        shop.change("sales_payment", row["id"], {"consumed": consumed})
    values |= {"total_amount": total, "status": "completed", "settlement_date": shop.now}
    return shop.insert("settlement", values)


def _parts(
    shop: Shop, values: Values, member: str, key: str, noun: str
) -> list[tuple[Values, Decimal]]:
    """Return the rows of a settlement with their amounts, in the order of their ids."""
    found: list[tuple[Values, Decimal]] = []
    for place, part in enumerate(values[member]):
        amount = Decimal(str(part.get("amount") or 0))
        if not part.get(key) or amount <= 0:
            raise wrong_field(f"{member}.{place}", f"must name a {key} and an amount above 0.")
        found.append((shop.lock(noun, int(part[key], 16)), amount))
    if len({row["id"] for row, _ in found}) != len(found):
        raise wrong_field(member, "must name each of them once.")
    if any(row["client"] != values["client"] for row, _ in found):
        raise wrong_field(member, "must be this client's.")
    return sorted(found, key=lambda pair: int(pair[0]["id"]))
