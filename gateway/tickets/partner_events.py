"""What service providers are told of tickets, derived from the product's own events.

    created, prepared, started, released, outsourced, reclaimed, returned, closed, cancelled
    tickets.message.created            somebody said something in a ticket's channel
    tickets.service_center.changed     opened, closed, scheduled

Whoever a ticket was outsourced to hears of it as of a ticket of its own: ``created`` when it
comes, ``cancelled`` when it goes back. Payloads hold ``ticket``, ``parent_ticket`` and
``customer``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import trio

from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.event_ids import event_id, position_of
from gateway.domain.events import Event
from gateway.runtime.logs import Log
from gateway.storage.database import Connection, Database
from gateway.storage.queries import identity, outsources, partner_events, tickets
from gateway.storage.queries.partner_events import PartnerEvent
from gateway.storage.queries.ticket_records import Ticket

#: Name of the place in the outbox up to which providers were told.
CONSUMER = "partner-events"

#: Events that providers hear of.
TOPICS = (
    "tickets.ticket.*",
    "tickets.outsource.cancelled",
    "tickets.service_center.changed",
    "chat.message.created",
)

#: What an event means to whom a ticket was outsourced to, where it is not the same.
_FOR_OTHER = {
    "tickets.ticket.outsourced": "tickets.ticket.created",
    "tickets.ticket.reclaimed": "tickets.ticket.cancelled",
    "tickets.ticket.returned": "tickets.ticket.cancelled",
    "tickets.outsource.cancelled": "tickets.ticket.cancelled",
}

#: Events that are kept for providers that were away, of all providers together.
KEPT = 200_000

#: Seconds between two prunings, and between two looks where nobody calls.
PRUNE_INTERVAL = 3_600.0
LOOK_INTERVAL = 1.0

Json = dict[str, object]


def record(connection: Connection, event: Event) -> None:
    """Write down what providers are told of an event; the handler of a durable consumer."""
    for told in _told(connection, event):
        partner_events.add(connection, told)


def _told(connection: Connection, event: Event) -> Iterator[PartnerEvent]:
    payload = event.payload
    if event.type == "tickets.service_center.changed":
        body = {name: payload[name] for name in ("state", "ends_at", "message")}
        center = {"service_center": body}
        yield PartnerEvent(payload["provider_id"], event.type, event.occurred_at, center)
        return
    if payload.get("type") == "control":
        return  # for those who listen at the moment
    ticket = tickets.find(connection, int(payload["ticket_id"]))
    if ticket is not None:
        yield from _of_ticket(connection, event, ticket)
    elif "uuid" in payload:
        yield from _of_removed(connection, event)


def _of_removed(connection: Connection, event: Event) -> Iterator[PartnerEvent]:
    """Yield what is told of a prepared ticket that was taken back since."""
    garage = identity.find_tenant(connection, event.payload["tenant_id"])
    if garage is not None:
        named = _named(event.payload["uuid"], event.payload["ticket_id"])
        customer = {"id": garage.id, "name": garage.name}
        body: Json = {"ticket": named, "parent_ticket": None, "customer": customer}
        yield PartnerEvent(garage.provider_id, event.type, event.occurred_at, body)


def _of_ticket(connection: Connection, event: Event, ticket: Ticket) -> Iterator[PartnerEvent]:
    kind, more = event.type, {}
    if kind == "chat.message.created":
        kind = "tickets.message.created"
        names = ("id", "channel_id", "type", "sender")
        more = {"message": {name: event.payload[name] for name in names}}
    own = PartnerEvent(
        ticket.provider_id,
        kind,
        event.occurred_at,
        _payload(connection, ticket, parent=False) | more,
    )
    if kind != "tickets.outsource.cancelled":
        yield own
    other = _other_provider(connection, event, ticket)
    if other is not None:
        payload = _payload(connection, ticket, parent=True) | more
        yield replace(own, provider_id=other, type=_FOR_OTHER.get(kind, kind), payload=payload)


def _other_provider(connection: Connection, event: Event, ticket: Ticket) -> int | None:
    """Return whom the ticket was given to when this happened, as far as is still known."""
    request = event.payload.get("outsource")
    if request is not None:
        return int(request["provider_id"])
    asked = outsources.held(connection, ticket.id)
    return None if asked is None or asked.created_at > event.occurred_at else asked.provider_id


def _payload(connection: Connection, ticket: Ticket, *, parent: bool) -> Json:
    named = _named(str(ticket.uuid), ticket.id)
    garage = identity.find_tenant(connection, ticket.tenant_id)
    return {
        "ticket": named,
        "parent_ticket": named if parent else None,
        "customer": {"id": ticket.tenant_id, "name": "" if garage is None else garage.name},
    }


def _named(uuid: str, number: int) -> Json:
    return {"id": uuid, "number": number, "ticket_number": number}


def event_shape(event: PartnerEvent) -> Json:
    """Return an event as providers see it, over HTTP and websocket alike."""
    return {
        "id": event_id(event.position, event.occurred_at),
        "type": event.type,
        "occurred_at": event.occurred_at.isoformat(),
        "payload": event.payload,
    }


def place_after(connection: Connection, after_id: str) -> int:
    """Return the position that a client has come to, from the id of the last event it knows.

    Raises:
        NotFound: no event has or had this id, or what followed it is not kept any more.
    """
    try:
        position, _ = position_of(after_id)
    except ValueError:
        position = -1
    if not 0 < position <= partner_events.last_position(connection):
        raise NotFound("event.unknown", "There is no event of this id.", field="after_id")
    if position < partner_events.first_position(connection) - 1:
        raise NotFound(
            "event.gone",
            "Events behind this one are not kept any more. List the tickets, then go on from the "
            "newest event.",
            field="after_id",
        )
    return position


class PartnerFeed:
    """Wakes those who wait for a provider's events; a service.

    Events are not handed over: each reader reads what it lacks at its own pace, so that nothing
    piles up for a slow one and nothing is lost to it.
    """

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._readers: dict[int, list[Callable[[], None]]] = {}

    @contextmanager
    def following(self, provider_id: int, stir: Callable[[], None]) -> Iterator[None]:
        """Call ``stir`` whenever the provider has new events while the block runs."""
        readers = self._readers.setdefault(provider_id, [])
        readers.append(stir)
        try:
            yield
        finally:
            readers.remove(stir)
            if not readers:
                self._readers.pop(provider_id, None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look for new events until cancelled; prune old ones now and then."""
        position = await self._database.read(partner_events.last_position)
        task_status.started()
        prune_at = trio.current_time() + PRUNE_INTERVAL
        while True:
            appended = self._database.events_appended
            try:
                position, providers = await self._database.read(partner_events.concerned, position)
            except Unavailable:
                self._log.warning("partner events not looked at, the database is away")
                providers = frozenset()
            for provider_id in providers:
                for stir in self._readers.get(provider_id, ()):
                    stir()
            if trio.current_time() >= prune_at:
                prune_at = trio.current_time() + PRUNE_INTERVAL
                await self._prune()
            with trio.move_on_after(LOOK_INTERVAL):
                await appended.wait()

    async def _prune(self) -> None:
        try:
            await self._database.write(partner_events.prune, KEPT)
        except Unavailable:
            self._log.warning("partner events not pruned, the database is away")
