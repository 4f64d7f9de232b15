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
from gateway.storage.queries import tickets
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.identity import Provider
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.connector_view import connector_view
from gateway.tickets.garages import garage_of, require_connector
from gateway.tickets.life import require_own_ticket
from gateway.tickets.service import Presence
from gateway.ws.customer.messages import Followed, Kind

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
        self._database = database
        self._presence = presence
        self._state_numbers = state_numbers

    async def of(self, customer: CustomerPrincipal, followed: Followed) -> Update:
        """Return the update of a thing that belongs to the customer's garage.

        Raises:
            NotFound: it does not, or is not there at all.
        """
        if isinstance(followed.id, UUID):
            return await self._connection(customer, followed.id)
        if followed.kind is Kind.TICKET:
            return await self._ticket(customer, followed.id)
        return await self._connector(customer, followed.id)

    async def _connector(self, customer: CustomerPrincipal, number: int) -> Update:
        record: ConnectorRecord = await self._database.read(
            require_connector, customer.tenant_id, number
        )
        status = self._presence.status(record.uuid)
        message = {
            **connector_view(record, status),
            "connector_id": record.id,
            "voltage": status.voltage,
            "round_trip_time": status.round_trip_ms,
        }
        return Update(f"connector:{record.id}", message)

    async def _ticket(self, customer: CustomerPrincipal, number: int) -> Update:
        def read(connection: Connection) -> tuple[Ticket, Provider]:
            ticket = require_own_ticket(connection, customer.tenant_id, number)
            return ticket, garage_of(connection, customer.tenant_id).provider

        ticket, provider = await self._database.read(read)
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
            # Services without an operator are not carried out by scripts yet.
            "is_script_composition_running": False,
            "schedule": _schedule(provider),
        }
        return Update(f"ticket:{ticket.id}", message)

    async def _connection(self, customer: CustomerPrincipal, uuid: UUID) -> Update:
        ticket = await self._database.read(tickets.find_by_connection, customer.tenant_id, uuid)
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
