"""What happened in the shop, told to those who act on it once it is committed."""

from __future__ import annotations

from gateway.backoffice.shop import Shop
from gateway.domain.events import Event
from gateway.storage.queries import events

#: All of them; the trigger follows.
TOPIC = "backoffice.shop"


def announce(shop: Shop, trigger: str, record_id: int) -> None:
    """Put an event into the outbox, in the transaction that makes it true.

    Args:
        shop: whose event it is.
        trigger: what happened (``rules/automation``).
        record_id: to which row.
    """
    payload = {"trigger": trigger, "id": record_id, "depth": shop.depth}
    subject = f"{trigger}:{record_id}"
    event = Event(f"{TOPIC}.{trigger}", subject, shop.tenant_id, payload, shop.now)
    events.append(shop.connection, event)
