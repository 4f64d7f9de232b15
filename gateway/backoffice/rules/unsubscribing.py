"""Mailboxes that want no more letters: each once, whatever the case of its letters."""

from __future__ import annotations

from gateway.backoffice.moments import Moment
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.shop import Shop, Values


def unsubscribe(shop: Shop, values: Values) -> int:
    """Note a mailbox; raises ``Unprocessable`` when it is noted already."""
    values["email"] = values["email"].lower()
    if shop.find("unsubscribed_email", email=values["email"]) is not None:
        raise wrong_field("email", "is unsubscribed already.")
    return shop.insert("unsubscribed_email", values)


def check(shop: Shop, values: Values) -> Values:
    """Tell whether a mailbox is unsubscribed, and since when."""
    row = shop.find("unsubscribed_email", email=values["email"].lower())
    if row is None:
        return {"is_unsubscribed": False}
    return {"is_unsubscribed": True, "unsubscribe_date": Moment().render(row["created_at"])}


def wants_mail(shop: Shop, email: str) -> bool:
    """Tell whether letters may go to a mailbox."""
    return shop.find("unsubscribed_email", email=email.strip().lower()) is None
