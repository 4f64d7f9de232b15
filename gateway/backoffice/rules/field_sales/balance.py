"""What clients owe: their balance (``rules/debtors``) and the garage's books move together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules import debtors, ledger
from gateway.backoffice.shop import Shop, Values

_NOTHING = Decimal(0)


def book(
    shop: Shop,
    client_id: int | None,
    amount: Decimal,
    source: str,
    against: Sequence[ledger.Booking] = (),
) -> tuple[Decimal, Decimal]:
    """Add ``amount`` to what a client owes; return the balance before and after.

    Args:
        shop: whose.
        client_id: ``None`` for a sale to nobody in particular, which is in the books alone.
        amount: negative for what they pay.
        source: the document, ``sales invoice 7``; what was booked under it is not booked again.
        against: the other side of the entry; what nobody explains waits for an accountant.
    """
    if client_id is not None:
        # Held first, in the order of all bookings: customer, then the books.
        shop.lock("customer", client_id)
    done = debtors.booked(shop, source)
    if done is not None:
        return done
    other = against or [ledger.credit(ledger.UNEXPLAINED, amount)]
    bookings = [ledger.debit(ledger.DEBTORS, amount), *other]
    ledger.post_document(shop, shop.today, source.capitalize(), bookings, _document(source))
    if client_id is None:
        return _NOTHING, _NOTHING
    return debtors.owe(shop, client_id, amount, source)


def _document(source: str) -> tuple[str, int]:
    """Return kind and number of a document: ``void of sales invoice 7``."""
    number = next(int(word) for word in source.split() if word.isdecimal())
    kind = "_".join(word for word in source.split() if not word.isdecimal())
    return kind[:32], number


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
