"""A connector calls for attention: somebody at the vehicle should look at the portal.

Raised by whoever works on the vehicle, dismissed by the garage. Whoever follows the connector
hears of both, as they write an event about it.
"""

from __future__ import annotations

from datetime import datetime

from gateway.domain.events import Event
from gateway.storage.database import Connection
from gateway.storage.queries import connectors, events
from gateway.storage.queries.connectors import ConnectorRecord

#: Type of the events.
CHANGED = "connectors.connector.attention"


def set_attention(
    connection: Connection, connector: ConnectorRecord, *, wanted: bool, now: datetime
) -> None:
    """Raise or dismiss a connector's call; the same again says nothing new."""
    if connector.calls_for_attention == wanted:
        return
    connectors.describe(connection, connector.id, {"calls_for_attention": wanted})
    payload = {
        "connector_id": connector.id,
        "connector_uuid": str(connector.uuid),
        "calls_for_attention": wanted,
    }
    subject = f"connector:{connector.id}"
    events.append(connection, Event(CHANGED, subject, connector.tenant_id, payload, now))
