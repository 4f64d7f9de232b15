"""What the operator's handlers are given, and who may reach which connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from gateway.config.sections import TICKET_NAMES
from gateway.decoding.service import DescriptionService
from gateway.domain.errors import NotFound
from gateway.domain.principal import OperatorPrincipal
from gateway.links.registry import Registry
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.storage.queries import connectors
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.tickets.service import TicketService
from gateway.web.auth import OperatorIdentity
from gateway.web.paging import PARTNER, PageProfile


@dataclass(frozen=True, slots=True)
class OperatorDoor:
    """The services behind ``/operator/v1``.

    Attributes:
        identity: knows operators by their tokens.
        database: connectors on record.
        registry: connectors online.
        sessions: live diagnostics.
        tickets: what is to be done.
        descriptions: say what messages mean.
        public_url: how clients reach this server where a proxy stands in front; may be empty.
        state_names: name of a ticket state (``in_progress``) -> what people call it.
        pages: how lists are paged.
    """

    identity: OperatorIdentity
    database: Database
    registry: Registry
    sessions: SessionService
    tickets: TicketService
    descriptions: DescriptionService | None = None
    public_url: str = ""
    state_names: Mapping[str, str] = field(default_factory=lambda: TICKET_NAMES)
    pages: PageProfile = PARTNER

    async def require_connector(self, operator: OperatorPrincipal, uuid: UUID) -> ConnectorRecord:
        """Return a connector of a garage that the operator's provider serves.

        Raises:
            NotFound: there is none; another provider's looks the same.
        """
        known = await self.database.read(connectors.by_uuid, uuid)
        if known is None or known.provider_id != operator.provider_id or known.disabled_at:
            raise NotFound(
                "connector.unknown",
                f"There is no connector {uuid}. List those you can reach.",
                field="connector_uuid",
            )
        return known
