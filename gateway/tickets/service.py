"""Tickets for doors: every change is one transaction, every read sees a whole ticket."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from gateway.domain.clock import Clock
from gateway.domain.connector import ConnectorStatus
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection, Database
from gateway.storage.queries import tickets
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.outsources import Outsource
from gateway.storage.queries.page import Page
from gateway.storage.queries.ticket_records import Note, Ticket
from gateway.tickets import life, notes, orders, outsourcing
from gateway.tickets.attention import set_attention
from gateway.tickets.basket import Basket, PricedBasket
from gateway.tickets.garages import garage_of, require_connector
from gateway.tickets.life import Report
from gateway.tickets.orders import Order
from gateway.tickets.service_center import ServiceCenter, center_of, change


class Presence(Protocol):
    """Knows which connectors are online."""

    def status(self, uuid: UUID) -> ConnectorStatus:
        """Return how the connector is right now."""
        ...


class TicketService:
    """Owned by the application.

    Args:
        database: where tickets are kept.
        presence: who is online.
        clock: wall clock.
    """

    def __init__(self, database: Database, presence: Presence, clock: Clock) -> None:
        self._database = database
        self._presence = presence
        self._clock = clock

    async def price(
        self, customer: CustomerPrincipal, basket: Basket, prepared_id: UUID | None = None
    ) -> PricedBasket:
        """Return what a basket costs this garage today, also in its own currency.

        Args:
            customer: who asks.
            basket: what they think of ordering.
            prepared_id: the prepared ticket it would carry out, whose voucher counts with it.

        Raises:
            Invalid: a product does not fit, a voucher does not hold; ``field`` names it.
        """
        now = self._clock()

        def priced(connection: Connection) -> PricedBasket:
            garage = garage_of(connection, customer.tenant_id)
            return orders.price_prepared(connection, garage, basket, prepared_id, now)

        return await self._database.read(priced)

    async def create(self, customer: CustomerPrincipal, order: Order) -> Ticket:
        """Order: write the ticket, its history and ``tickets.ticket.created``.

        Raises:
            Invalid: the order breaks a rule; ``field`` names the member.
            NotFound: the garage has no such connector.
            Conflict: the connector is offline or has an open ticket, or the service centre is
                closed.
        """
        connector = await self._database.read(
            require_connector, customer.tenant_id, order.connector_id
        )
        online = self._presence.status(connector.uuid).online
        return await self._database.write(
            orders.create, customer, order, online=online, now=self._clock()
        )

    async def prepare(
        self, operator: OperatorPrincipal, tenant_id: int, vin: str, basket: Basket
    ) -> Ticket:
        """Write an order down for a garage of the operator's provider.

        Raises:
            Invalid: the VIN or the basket breaks a rule.
            NotFound: the provider serves no such garage.
        """
        now = self._clock()
        return await self._database.write(orders.prepare, operator, tenant_id, vin, basket, now)

    async def begin(self, operator: OperatorPrincipal, ticket_id: int) -> Ticket:
        """Take a pending ticket into service; again by the same operator changes nothing.

        Raises:
            NotFound: the provider has no such ticket.
            Conflict: another operator has it, or it is not pending.
        """
        return await self._database.write(outsourcing.begin, operator, ticket_id, self._clock())

    async def close(
        self, operator: OperatorPrincipal, ticket_id: int, report: Report | None = None
    ) -> Ticket:
        """End a ticket in service; ``tickets.ticket.closed`` tells what is owed.

        Raises:
            Invalid: the note is too long or the odometer reading impossible.
            NotFound: the provider has no such ticket.
            Conflict: another operator has it, or it is not in service.
        """
        return await self._database.write(
            outsourcing.close, operator, ticket_id, report or Report(), self._clock()
        )

    async def cancel(self, operator: OperatorPrincipal, ticket_id: int, reason: int) -> Ticket:
        """End a ticket without work.

        Raises:
            Invalid: the reason is no number of a reason.
            NotFound: the provider has no such ticket.
            Conflict: another operator has it, or it is finished.
        """
        return await self._database.write(
            outsourcing.cancel, operator, ticket_id, reason, self._clock()
        )

    async def outsource(
        self, operator: OperatorPrincipal, ticket_id: int, provider_id: int
    ) -> tuple[Ticket, Outsource]:
        """Ask another provider to serve a ticket.

        Raises:
            Invalid: there is no such provider, or it is the operator's own.
            NotFound: the provider has no such ticket.
            Conflict: another operator has it, or it is neither pending nor in service.
        """
        now = self._clock()
        return await self._database.write(
            outsourcing.outsource, operator, ticket_id, provider_id, now
        )

    async def reclaim(self, operator: OperatorPrincipal, ticket_id: int) -> Ticket:
        """Take a ticket back from another provider that has not begun.

        Raises:
            NotFound: the provider has no such ticket.
            Conflict: it is not outsourced, or the other provider has begun.
        """
        return await self._database.write(outsourcing.reclaim, operator, ticket_id, self._clock())

    async def call_for_attention(self, connector: ConnectorRecord, *, wanted: bool = True) -> None:
        """Let the garage know that somebody should look after a connector, or that it did."""
        await self._database.write(set_attention, connector, wanted=wanted, now=self._clock())

    async def rate(
        self, customer: CustomerPrincipal, ticket_id: int, score: float, comment: str | None
    ) -> None:
        """Set or change how content the garage is, from -1 to 1.

        Raises:
            Invalid: the score is out of range.
            NotFound: the garage has no such ticket.
            Forbidden: the service centre asks for no scores.
        """
        await self._database.write(life.rate, customer.tenant_id, ticket_id, score, comment)

    async def require(self, operator: OperatorPrincipal, ticket_id: int) -> Ticket:
        """Return a ticket of the operator's provider.

        Raises:
            NotFound: there is none; another provider's looks the same.
        """
        return await self._database.read(life.require_ticket, operator, ticket_id)

    async def in_states(
        self,
        operator: OperatorPrincipal,
        states: Collection[TicketState],
        *,
        held: bool | None = None,
        offset: int = 0,
        limit: int = 25,
    ) -> Page[Ticket]:
        """Return the provider's tickets in these states, oldest first.

        Args:
            operator: whose provider.
            states: which.
            held: only those that wait for the end of a schedule, or only those that do not.
            offset: tickets to skip.
            limit: tickets wanted.
        """
        return await self._database.read(
            tickets.in_states,
            operator.provider_id,
            states,
            waiting=None if held is None else tickets.Waiting(self._clock(), held),
            offset=offset,
            limit=limit,
        )

    async def service_center(self, provider_id: int) -> ServiceCenter:
        """Return a provider's service centre as it is now."""
        return await self._database.read(center_of, provider_id, self._clock())

    async def change_service_center(
        self, operator: OperatorPrincipal, wanted: ServiceCenter
    ) -> ServiceCenter:
        """Open, close or schedule the service centre of the operator's provider.

        Raises:
            Invalid: a schedule lacks its end or reason, or names them in another state.
        """
        return await self._database.write(change, operator, wanted, self._clock())

    async def add_note(
        self, operator: OperatorPrincipal, ticket_id: int, text: str, names: tuple[str, ...] = ()
    ) -> tuple[Note, tuple[FileRecord, ...]]:
        """Write a note on a ticket, for the customer to read, and reserve what is attached.

        Args:
            operator: who writes.
            ticket_id: on which.
            text: up to 10 000 characters.
            names: of files whose bytes are still to come; each shows once it has them.

        Raises:
            Invalid: the text is empty or too long, or a name is of no kind that is taken.
            NotFound: the provider has no such ticket.
        """
        now = self._clock()
        return await self._database.write(notes.add, operator, ticket_id, text, names, now)

    async def active(self, customer: CustomerPrincipal, connector_id: int) -> Ticket | None:
        """Return the open ticket of one of the garage's connectors.

        Raises:
            NotFound: the garage has no such connector.
        """

        def active(connection: Connection) -> Ticket | None:
            # Portals ask for this every few seconds: what they are mostly told, in one query.
            ticket = tickets.open_for(connection, customer.tenant_id, connector_id)
            if ticket is None:
                require_connector(connection, customer.tenant_id, connector_id)
            return ticket

        return await self._database.read(active)

    async def find(self, customer: CustomerPrincipal, ticket_id: int) -> Ticket:
        """Return a ticket of the garage, in any state.

        Raises:
            NotFound: there is none; another garage's looks the same.
        """
        return await self._database.read(life.require_own_ticket, customer.tenant_id, ticket_id)
