"""Customers hear of their orders, by the channel they prefer or the garage's own."""

from __future__ import annotations

from html import escape

from gateway.backoffice.nouns.workshop import STATUSES
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.rules.texting import queue_sms
from gateway.backoffice.shop import Shop, Values

#: States that mean nothing to a customer: how the shop divides its work.
_INTERNAL = frozenset({"diagnosing"})

#: An SMS of a note is cut here: two parts.
_LONGEST_SMS = 300


def tell_status(shop: Shop, order: Values, status: str) -> None:
    """Promise the customer a message that the order has a new status."""
    if status not in _INTERNAL:
        text = f"Your order {order['ticket_no']} is now: {STATUSES[status]}."
        _tell(shop, order, text)


def tell_note(shop: Shop, order: Values, note: str) -> None:
    """Promise the customer a message with a note that is meant for them."""
    _tell(shop, order, f"About your order {order['ticket_no']}: {note}")


def _tell(shop: Shop, order: Values, text: str) -> None:
    person = shop.find("customer", id=order["customer_id"])
    if person is None:
        return
    channel = person["message_channel"] or setting(shop)["tell_customers"]
    if channel == "email" and person["email"]:
        subject = f"Order {order['ticket_no']} at {garage_name(shop)}"
        queue_mail(shop, person["email"], subject, f"<p>{escape(text)}</p>")
    number = person["mobile_e164"] or person["phone_e164"]
    # Without a service that sends them they would only grow old in the queue.
    if channel == "sms" and number and shop.find("integration", slug="twilio", is_enabled=True):
        queue_sms(shop, number, text[:_LONGEST_SMS], person["id"])
