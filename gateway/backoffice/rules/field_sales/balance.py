"""What clients owe: an append-only ledger. Debts raise the balance, what clients pay lowers it."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

_NOTHING = Decimal(0)


def book(shop: Shop, client_id: int, amount: Decimal, source: str) -> tuple[Decimal, Decimal]:
    """Add ``amount`` to what a client owes; return the balance before and after.

    The client's row is held to the commit, so that two bookings at once queue. What was booked
    under ``source`` before is not booked again.
    """
    client = shop.lock("customer", client_id)
    before = client["balance"] or _NOTHING
    done = shop.find("balance_entry", source=source)
    if done is not None:
        return done["balance_after"] - done["amount"], done["balance_after"]
    after = before + amount
    shop.change("customer", client_id, {"balance": after})
    entry = {"customer_id": client_id, "amount": amount, "balance_after": after}
    shop.insert("balance_entry", entry | {"source": source, "user_id": shop.user_id})
    return before, after


def check_credit(shop: Shop, client_id: int, amount: Decimal) -> None:
    """Refuse a debt beyond a credit client's limit; raises ``Invalid``."""
    client: Values = shop.lock("customer", client_id)
    limit = client["credit_limit"]
    if client["payment_type"] != "credit" or limit is None:
        return
    owed = client["balance"] or _NOTHING
    if owed + amount > limit:
        raise broken_rule(
            f"The client owes {owed} and may owe {limit}. Another {amount} is too much."
        )


def adjust(shop: Shop, values: Values) -> int:
    """Store a correction: a credit raises the balance, a debit lowers it."""
    if values["amount"] <= 0:
        raise broken_rule("The amount must be above zero; the type says which way it goes.")
    user = shop.find("shop_user", id=shop.user_id)
    values |= {"adjustment_date": values.get("adjustment_date") or shop.now}
    values |= {"approved_by": user["name"] if user else None, "approval_date": shop.now}
    adjustment_id = shop.insert("account_adjustment", values)
    signed = values["amount"] if values["type"] == "credit" else -values["amount"]
    before, after = book(shop, values["client"], signed, f"adjustment {adjustment_id}")
    balances = {"previous_balance": before, "new_balance": after}
    shop.change("account_adjustment", adjustment_id, balances)
    return adjustment_id
