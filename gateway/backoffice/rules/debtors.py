"""What each customer owes, whichever API billed them: an append-only ledger beside the books.

Debts raise the balance, payments lower it. The last balance stands on the customer, whose row is
held to the commit, so that two bookings at once queue.
"""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.shop import Shop
from gateway.domain.money import ZERO


def owe(shop: Shop, customer_id: int, amount: Decimal, source: str) -> tuple[Decimal, Decimal]:
    """Add ``amount`` to what a customer owes; return the balance before and after.

    What came from ``source`` before is not added again; then the balances are those of that time.
    """
    customer = shop.lock("customer", customer_id)
    done = booked(shop, source)
    if done is not None:
        return done
    before = customer["balance"] or ZERO
    after = before + amount
    shop.change("customer", customer_id, {"balance": after})
    entry = {"customer_id": customer_id, "amount": amount, "balance_after": after}
    shop.insert("balance_entry", entry | {"source": source, "user_id": shop.user_id})
    return before, after


def booked(shop: Shop, source: str) -> tuple[Decimal, Decimal] | None:
    """Return the balance before and after what came from ``source``, if anything did."""
    done = shop.find("balance_entry", source=source)
    return (
        None if done is None else (done["balance_after"] - done["amount"], done["balance_after"])
    )
