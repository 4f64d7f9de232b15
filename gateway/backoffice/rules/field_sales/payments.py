"""Payments, refunds and settlements: how what clients owe goes down again."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales import allocations, balance, cheques, turnover
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

#: A document of a settlement, and what of it is settled.
Part = tuple[Values, Decimal]

#: What a payment says for good: it is booked.
_FIXED = ("client", "rep", "amount")


def create_payment(shop: Shop, values: Values) -> int:
    """Store a payment, and take it off what the client owes."""
    if (values.get("amount") or 0) < 0:
        raise wrong_field("amount", "must not be below 0. Refund instead.")
    values["date"] = values.get("date") or shop.now
    payment_id = shop.insert("sales_payment", values)
    if values.get("amount"):
        against = turnover.paid(values["amount"], values.get("payment_method"))
        source = f"sales payment {payment_id}"
        balance.book(shop, values.get("client"), -values["amount"], source, against)
    if values.get("client") and values.get("amount"):
        _pay_named(shop, payment_id, values)
        allocations.spread(shop, values["client"])
    return payment_id


def _pay_named(shop: Shop, payment_id: int, values: Values) -> None:
    """Pay the invoice whose serial the payment's reference is, before all others."""
    serial = values.get("reference")
    named = serial and shop.find("sales_invoice", client=values["client"], serial=serial)
    if named and named["status"] != "void" and allocations.open_part(named) > 0:
        allocations.allocate(shop, payment_id, named["id"])


def change_payment(shop: Shop, row: Values, values: Values) -> None:
    """Change how a payment is described; raises ``Invalid`` for what is booked."""
    for name in _FIXED:
        if name in values and values[name] != row[name]:
            raise broken_rule(f"The {name} of a payment is booked and stays. Refund it instead.")
    shop.change("sales_payment", row["id"], values)


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
        against = turnover.paid(-row["amount"], None)
        balance.book(shop, row["client"], row["amount"], f"refund {row['id']}", against)
        values["processed_at"] = values.get("processed_at") or shop.now
        cheques.bounce(shop, row["client"], values.get("reference") or row["reference"])
    shop.change("refund", row["id"], values)


def settle(shop: Shop, values: Values) -> int:
    """Match payments with invoices of one client.

    Raises:
        Invalid: the sums differ, more is settled than is open, or somebody else's is among them.
    """
    # Before its documents, as everywhere: else two at once would wait for each other.
    shop.lock("customer", values["client"])
    invoices = _parts(shop, values, "invoices", "invoice", "sales_invoice")
    payments = _parts(shop, values, "payments", "payment", "sales_payment")
    total = sum((amount for _, amount in invoices), Decimal(0))
    if total != sum((amount for _, amount in payments), Decimal(0)):
        raise broken_rule("The invoices and the payments must add up to the same sum.")
    for row, _ in (*invoices, *payments):
        # What was allocated by itself gives way.
        key = "invoice_id" if "serial" in row else "payment_id"
        allocations.release(shop, **{key: row["id"]})
    _check_open(shop, invoices, payments)
    values |= {"total_amount": total, "status": "completed", "settlement_date": shop.now}
    settlement_id = shop.insert("settlement", values)
    _match(shop, invoices, payments, settlement_id)
    for row, _ in payments:
        cheques.present(shop, values["client"], row["reference"])
    allocations.spread(shop, values["client"])
    return settlement_id


def _check_open(shop: Shop, invoices: list[Part], payments: list[Part]) -> None:
    for row, amount in invoices:
        left = allocations.open_part(shop.get("sales_invoice", row["id"]))
        if amount > left or row["status"] == "void":
            raise broken_rule(f"Invoice {row['serial']} has {left} open.")
    for row, amount in payments:
        left = allocations.left_over(shop.get("sales_payment", row["id"]))
        if amount > left:
            raise broken_rule(f"Payment {row['id']} has {left} left.")


def _match(shop: Shop, invoices: list[Part], payments: list[Part], settlement_id: int) -> None:
    """Put the payments into the invoices, one after the other as far as each goes."""
    queue = [(row["id"], amount) for row, amount in payments]
    for invoice, amount in invoices:
        wanted = amount
        while wanted > 0:
            payment_id, left = queue.pop(0)
            most = min(wanted, left)
            allocations.allocate(shop, payment_id, invoice["id"], most, settlement_id)
            wanted -= most
            if left > most:
                queue.insert(0, (payment_id, left - most))


def _parts(shop: Shop, values: Values, member: str, key: str, noun: str) -> list[Part]:
    """Return the rows of a settlement with their amounts, in the order of their ids."""
    found: list[Part] = []
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
