"""One partner's client, from sign-in to close."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

import msgspec
import trio
from quart import Blueprint, websocket

from gateway.config import PartnerApiSettings, Settings
from gateway.domain.clock import Clock, utc_now
from gateway.domain.connector import ConnectorStatus
from gateway.domain.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    Unavailable,
)
from gateway.domain.principal import OperatorPrincipal
from gateway.runtime.feeds import Feed, Policy
from gateway.storage.database import Database
from gateway.storage.queries import connectors, partner_events
from gateway.storage.queries.partner_events import Behind
from gateway.tickets.partner_events import PartnerFeed, event_shape, place_after
from gateway.web.auth import OperatorIdentity
from gateway.web.problems import problem_of
from gateway.web.rate_limits import Quota, RateLimiter
from gateway.ws.partner.following import Following
from gateway.ws.partner.messages import (
    Authenticate,
    ClientMessage,
    SubscribeToConnector,
    SubscribeToEvent,
    UnsubscribeFromConnector,
    UnsubscribeFromEvent,
    parse,
)
from gateway.ws.sign_in import SignedIn, first_token, received, refuse

#: Messages waiting to go out; whatever makes one more waits. A client that does not read at all is
#: cut by the server's send deadline.
QUEUE = 64

#: Events read at once.
BATCH = 50

#: Seconds until events are looked for again when the database was away.
TRY_AGAIN = 1.0

#: Messages of a client, a second and at once; one that says more is read more slowly.
MESSAGES = Quota(50.0, 200)


class Presence(Protocol):
    """Knows how connectors are."""

    def status(self, uuid: UUID) -> ConnectorStatus:
        """Return how the connector is right now."""
        ...


@dataclass(frozen=True, slots=True)
class PartnerSocketDoor:
    """What the socket needs.

    Attributes:
        identity: knows operators by their tokens.
        database: keeps events and connectors.
        feed: tells of new events.
        presence: tells how connectors are.
        settings: intervals and bounds.
        clock: wall clock; tokens end by it.
    """

    identity: OperatorIdentity
    database: Database
    feed: PartnerFeed
    presence: Presence
    settings: PartnerApiSettings
    clock: Clock = utc_now


class Parts(Protocol):
    """What there must be below; the composition root has it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def identity(self) -> OperatorIdentity: ...
    @property
    def database(self) -> Database: ...
    @property
    def partner_feed(self) -> PartnerFeed: ...
    @property
    def registry(self) -> Presence: ...


def of_parts(parts: Parts) -> Blueprint:
    """Return the route ``/ws/partner`` over the parts of a gateway."""
    settings = parts.settings.partner_api
    return blueprint(
        PartnerSocketDoor(
            parts.identity, parts.database, parts.partner_feed, parts.registry, settings
        )
    )


def blueprint(door: PartnerSocketDoor) -> Blueprint:
    """Return the route ``/ws/partner``."""
    routes = Blueprint("partner_socket", __name__)

    @routes.websocket("/ws/partner")
    async def partner_socket() -> None:
        await websocket.accept()
        try:
            token = await first_token(_token_in)
            operator = await door.identity.operator(token)
        except GatewayError as error:
            await refuse(_problem(error), error)
            return
        signed_in = SignedIn(operator, token, door.identity.operator, door.clock)
        socket = PartnerSocket(door, signed_in)
        with door.feed.following(operator.provider_id, socket.stir):
            async with trio.open_nursery() as nursery:
                for task in (socket.write, socket.read, socket.send_events, socket.send_statuses):
                    nursery.start_soon(task)
                nursery.start_soon(socket.beat)
                ended = await signed_in.ended()
                # First of all nobody writes any more: what follows is the last word.
                nursery.cancel_scope.cancel()
        await refuse(_problem(ended), ended)

    return routes


def _token_in(data: str | bytes) -> str | None:
    message = parse(data)
    return message.access_token if isinstance(message, Authenticate) else None


class PartnerSocket:
    """The conversation with one client; lives as long as its socket.

    Args:
        door: services and bounds.
        signed_in: who is at the other end.
    """

    def __init__(self, door: PartnerSocketDoor, signed_in: SignedIn[OperatorPrincipal]) -> None:
        self._door = door
        self._signed_in = signed_in
        self._out: Feed[str] = Feed(QUEUE, Policy.BLOCK)
        self._following = Following()
        self._connectors: dict[UUID, float] = {}
        self._stirred = trio.Event()
        self._changed = trio.Event()
        self._said = RateLimiter(MESSAGES)

    def stir(self) -> None:
        """Let events be looked for."""
        self._stirred.set()

    async def write(self) -> None:
        """Send what is queued, for ever."""
        async for text in self._out:
            await websocket.send(text)

    async def read(self) -> None:
        """Take what the client says, for ever; a bad message gets an answer, not an end."""
        while True:
            data = await received()
            await trio.sleep(self._said.ask("", trio.current_time()).wait)
            try:
                await self._take(parse(data))
            except GatewayError as error:
                await self._out.put(_problem(error))

    async def beat(self) -> None:
        """Give a sign of life now and then, for ever."""
        while True:
            await trio.sleep(self._door.settings.heartbeat)
            await self._out.put(_text("heartbeat", {"at": self._door.clock().isoformat()}))

    async def _take(self, message: ClientMessage) -> None:
        match message:
            case SubscribeToEvent():
                await self._subscribe(message)
            case UnsubscribeFromEvent(event_type):
                self._following.remove(event_type)
            case SubscribeToConnector(connector_id):
                await self._watch(connector_id)
            case UnsubscribeFromConnector(connector_id):
                self._connectors.pop(connector_id, None)
            case Authenticate(access_token):
                await self._signed_in.renew(access_token, self._require_same_client)

    def _require_same_client(self, operator: OperatorPrincipal) -> None:
        if operator != self._signed_in.who:
            detail = "This token belongs to another client. Connect anew with it."
            raise Forbidden("socket.other_client", detail)

    # --- events ------------------------------------------------------------------------------

    async def _subscribe(self, message: SubscribeToEvent) -> None:
        pattern = message.event_type
        if pattern not in self._following:
            self._require_room()
        database = self._door.database
        if message.after_id is None:
            position = await database.read(partner_events.last_position)
        else:
            position = await database.read(place_after, message.after_id)
        self._following.add(pattern, position)
        self.stir()

    async def send_events(self) -> None:
        """Send what is wanted as it comes, for ever; nothing is read ahead of what was sent."""
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            try:
                while await self._send_some():
                    pass
            except Unavailable:
                await trio.sleep(TRY_AGAIN)
                self.stir()

    async def _send_some(self) -> bool:
        """Send a batch of events; tell whether there may be more."""
        begin = self._following.begin
        if begin is None:
            return False
        provider_id = self._signed_in.who.provider_id
        batch = await self._door.database.read(
            partial(partner_events.of_provider, limit=BATCH), provider_id, Behind(begin)
        )
        for event in batch:
            if self._following.pass_by(event.type, event.position):
                shape = event_shape(event)
                named = {"event_id": shape["id"], "event_type": event.type}
                await self._out.put(_text("event-received", event.payload, **named))
        return len(batch) == BATCH

    # --- connectors --------------------------------------------------------------------------

    async def _watch(self, connector_id: UUID) -> None:
        if connector_id not in self._connectors:
            self._require_room()
        known = await self._door.database.read(connectors.by_uuid, connector_id)
        if (
            known is None
            or known.provider_id != self._signed_in.who.provider_id
            or known.disabled_at
        ):
            raise NotFound(
                "connector.unknown",
                f"There is no connector {connector_id}. List those of your customers.",
                field="connector_id",
            )
        self._connectors[connector_id] = trio.current_time()
        self._changed.set()

    async def send_statuses(self) -> None:
        """Send how each connector is when that is due, for ever."""
        while True:
            due = min(self._connectors.values(), default=math.inf)
            with trio.move_on_at(due):
                await self._changed.wait()
            self._changed = trio.Event()
            now = trio.current_time()
            for uuid in [uuid for uuid, when in self._connectors.items() if when <= now]:
                if uuid not in self._connectors:  # it was let go while others were sent
                    continue
                self._connectors[uuid] = now + self._door.settings.update_interval
                await self._out.put(self._status(uuid))

    def _status(self, uuid: UUID) -> str:
        status = self._door.presence.status(uuid)
        body = {
            "connector_id": str(uuid),
            "online": status.online,
            "voltage": status.voltage,
            "vin_number": status.vin,
            "round_trip_time": status.round_trip_ms,
        }
        return _text("subscribe-to-connector", body)

    def _require_room(self) -> None:
        most = self._door.settings.max_subscriptions
        if len(self._following) + len(self._connectors) >= most:
            raise Conflict(
                "socket.too_many_subscriptions",
                f"This socket follows {most} things already. Unsubscribe from some.",
            )


def _text(action: str, message: Mapping[str, object], **more: object) -> str:
    return msgspec.json.encode({"action": action, **more, "message": message}).decode()


def _problem(error: GatewayError) -> str:
    return _text("error", problem_of(error).body())
