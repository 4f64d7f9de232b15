"""What a subscriber is told: the state of a thing now, read when it is sent.

An update is never a difference, so one that was skipped is made good by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from gateway.domain.errors import NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.storage.database import Connection, Database
from gateway.storage.queries import tickets, unattended
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.identity import Provider
from gateway.storage.queries.unattended import RUNNING
from gateway.tickets.connector_view import connector_view
from gateway.tickets.garages import garage_of, require_connector
from gateway.tickets.life import require_own_ticket
from gateway.tickets.service import Presence
from gateway.tickets.unattended.runs import shape
from gateway.ws.customer.messages import Followed, Kind
from gateway.ws.customer.reads import SharedReads

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Update:
    """What is sent.

    Attributes:
        topic: the bus topic on which changes of it are heard.
        message: the members the documents name.
    """

    topic: str
    message: Json


#: Whose garage, and what of it.
_Key = tuple[int, Followed]


class Updates:
    """Reads what updates hold; one for all sockets.

    Args:
        database: where connectors and tickets are kept.
        presence: which connectors are online, and how they are.
        state_numbers: name of a ticket state -> number shown.
    """

    def __init__(
        self, database: Database, presence: Presence, state_numbers: Mapping[str, int]
    ) -> None:
        self._reads: SharedReads[_Key, Update] = SharedReads(database, self._read)
        self._presence = presence
        self._state_numbers = state_numbers

    async def of(self, customer: CustomerPrincipal, followed: Followed) -> Update:
        """Return the update of a thing that belongs to the customer's garage.

        Raises:
            NotFound: it does not, or is not there at all.
        """
        return await self._reads.get((customer.tenant_id, followed))

    @property
    def queries(self) -> int:
        """How often the database was asked since the start."""
        return self._reads.queries

    def _read(self, connection: Connection, key: _Key) -> Update:
        tenant_id, followed = key
        if isinstance(followed.id, UUID):
            return self._connection(connection, tenant_id, followed.id)
        if followed.kind is Kind.TICKET:
            return self._ticket(connection, tenant_id, followed.id)
        return self._connector(connection, tenant_id, followed.id)

    def _connector(self, connection: Connection, tenant_id: int, number: int) -> Update:
        record: ConnectorRecord = require_connector(connection, tenant_id, number)
        status = self._presence.status(record.uuid)
        message = {
            **connector_view(record, status),
            "connector_id": record.id,
            "voltage": status.voltage,
            "round_trip_time": status.round_trip_ms,
        }
        return Update(f"connector:{record.id}", message)

    def _ticket(self, connection: Connection, tenant_id: int, number: int) -> Update:
        ticket = require_own_ticket(connection, tenant_id, number)
        provider = garage_of(connection, tenant_id).provider
        run = unattended.find(connection, ticket.id)
        message: Json = {
            "id": ticket.id,
            "ticket_id": ticket.id,
            "ticket_uuid": str(ticket.uuid),
            "state": self._state_numbers[ticket.state.name.lower()],
            "connection_id": ticket.connection_id,
            "connection_uuid": str(ticket.connection_uuid),
            "cancelled_reason": ticket.cancelled_reason,
            "chat_state": ticket.chat_state,
            "vehicle_model_id": ticket.model_id,
            "vehicle_model_variant_id": ticket.variant_id,
            "vin": ticket.vin,
            "is_script_composition_running": run is not None and run.state == RUNNING,
            "unattended": None if run is None else shape(run),
            "schedule": _schedule(provider),
        }
        return Update(f"ticket:{ticket.id}", message)

    def _connection(self, connection: Connection, tenant_id: int, uuid: UUID) -> Update:
        ticket = tickets.find_by_connection(connection, tenant_id, uuid)
        if ticket is None:
            raise NotFound(
                "connection.unknown",
                f"You have no connection {uuid}. A ticket's updates name its connection.",
                field="connection_uuid",
            )
        # A script's own page at the portal is not offered, so there is nowhere to go.
        message: Json = {
            "connection_uuid": str(ticket.connection_uuid),
            "script_ui_wss_url": None,
            "script_ui_available": 0,
            "is_autonomous": bool(ticket.lines)
            and all(line.is_unattended for line in ticket.lines),
        }
        return Update(f"ticket:{ticket.id}", message)


def _schedule(provider: Provider) -> Json:
    if not provider.scheduler_enabled:
        return {"message": None, "until": None}
    return {
        "message": provider.scheduler_message,
        "until": _moment(provider.scheduler_active_until),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="seconds")
