"""One portal's conversation, from sign-in to close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import trio
from quart import Blueprint, current_app, websocket
from quart_trio import QuartTrio

from gateway.bus.memory import MemoryBus
from gateway.chat.service import ChatService
from gateway.config import CustomerApiSettings
from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import Conflict, Forbidden, GatewayError, Unauthorized
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.tokens import expiry_of
from gateway.web.auth import CustomerIdentity, websocket_token
from gateway.web.frames import frame_sender
from gateway.ws.customer.audience import Audiences
from gateway.ws.customer.channels import Channels
from gateway.ws.customer.messages import (
    Authenticate,
    ClientMessage,
    Followed,
    Kind,
    Subscribe,
    Unsubscribe,
    parse,
)
from gateway.ws.customer.outgoing import Notice, Outgoing, problem_text
from gateway.ws.customer.updates import Updates

#: Seconds for the first message, where the upgrade brought no token.
SIGN_IN_LIMIT = 10.0

#: Seconds between two looks at whether the token still holds.
TOKEN_INTERVAL = 60.0

#: Close code for "sign in first" (private range, RFC 6455 7.4.2).
CLOSE_UNAUTHORIZED = 4401


@dataclass(frozen=True, slots=True)
class CustomerSocketDoor:
    """What the socket needs.

    Attributes:
        identity: knows customers by their tokens.
        updates: reads what is sent.
        chat: what is said in channels.
        bus: tells of changes.
        settings: intervals and bounds.
        clock: wall clock; tokens end by it.
    """

    identity: CustomerIdentity
    updates: Updates
    chat: ChatService
    bus: MemoryBus
    settings: CustomerApiSettings
    clock: Clock = utc_now


def blueprint(door: CustomerSocketDoor) -> Blueprint:
    """Return the route ``/ws/customer``."""
    routes = Blueprint("customer_socket", __name__)
    audiences = Audiences(door.updates, door.bus, door.settings.update_interval)

    @routes.before_app_serving
    async def open_audiences() -> None:
        await cast("QuartTrio", current_app).nursery.start(audiences.run)

    routes.after_app_serving(audiences.close)

    @routes.websocket("/ws/customer")
    async def customer_socket() -> None:
        await websocket.accept()
        try:
            token = await _token()
            customer = await door.identity.customer(token)
        except GatewayError as error:
            await websocket.send(problem_text(error))
            await websocket.close(CLOSE_UNAUTHORIZED, error.code)
            return
        async with trio.open_nursery() as nursery:
            socket = CustomerSocket(door, audiences, customer, token, nursery)
            try:
                nursery.start_soon(socket.write)
                nursery.start_soon(socket.read)
                await socket.token_ended()
                nursery.cancel_scope.cancel()
            finally:
                socket.leave()

    return routes


async def _token() -> str:
    token = websocket_token(bare=True)
    if token is not None:
        return token
    with trio.move_on_after(SIGN_IN_LIMIT):
        message = parse(await _received())
        if isinstance(message, Authenticate):
            return message.access_token
        detail = 'Sign in first: {"action": "authenticate", "access_token": "..."}.'
        raise Unauthorized("token.missing", detail)
    raise Unauthorized("token.missing", "No token came in time. Connect again and send one.")


async def _received() -> str | bytes:
    # Quart has None for an empty binary message.
    return await websocket.receive() or b""


class CustomerSocket:
    """The conversation with one client; lives as long as its socket.

    A client that reads slowly gets fewer updates, never old ones, and nothing piles up. One that
    stops reading is cut by the server's send deadline.

    Args:
        door: services and bounds.
        audiences: of the things that can be followed.
        customer: who is at the other end.
        token: what they signed in with.
        nursery: of the socket.
    """

    def __init__(
        self,
        door: CustomerSocketDoor,
        audiences: Audiences,
        customer: CustomerPrincipal,
        token: str,
        nursery: trio.Nursery,
    ) -> None:
        self._door = door
        self._audiences = audiences
        self._customer = customer
        self._token = token
        self._nursery = nursery
        settings = door.settings
        self._out = Outgoing(websocket.send, frame_sender(websocket.scope), settings.message_queue)
        self._following: set[Followed] = set()
        self._channels = Channels(
            door.chat, door.bus, self._out, lambda: self._customer, settings.update_interval
        )

    async def write(self) -> None:
        """Send what is queued, for ever."""
        await self._out.write()

    async def read(self) -> None:
        """Take what the client says, for ever; a bad message gets an answer, not an end."""
        while True:
            data = await _received()
            try:
                await self._take(parse(data))
            except GatewayError as error:
                await self._out.say(problem_text(error))

    async def token_ended(self) -> None:
        """Return when the token does not hold any more; the client was told and closed."""
        while True:
            await trio.sleep(self._until_next_look())
            try:
                self._customer = await self._door.identity.customer(self._token)
            except Unauthorized as error:
                await websocket.send(problem_text(error))
                await websocket.close(CLOSE_UNAUTHORIZED, error.code)
                return
            except GatewayError:
                # Who they are cannot be read now; that says nothing against them.
                continue

    def leave(self) -> None:
        """Follow nothing any more."""
        for followed in tuple(self._following):
            self._forget(followed)

    # --- of an audience ----------------------------------------------------------------------

    def told(self, followed: Followed, notice: Notice) -> None:
        """Send how a thing is now."""
        self._out.update(followed, notice)

    def lost(self, followed: Followed, notice: Notice) -> None:
        """Send why a thing cannot be followed any more."""
        self._forget(followed)
        self._out.update(followed, notice)

    def fail(self, error: Exception) -> None:
        """End, with this."""
        self._out.fail(error)

    # --- what the client says ----------------------------------------------------------------

    async def _take(self, message: ClientMessage) -> None:
        match message:
            case Subscribe(followed, after):
                await self._subscribe(followed, after)
            case Unsubscribe(followed):
                self._forget(followed)
            case Authenticate():
                await self._renew(message.access_token)

    def _until_next_look(self) -> float:
        """Return the seconds until the token may not hold any more."""
        ends_at = expiry_of(self._token)
        if ends_at is None:
            return TOKEN_INTERVAL
        left = (ends_at - self._door.clock()).total_seconds()
        # A tenth more, because tokens count in whole seconds.
        return min(max(left, 0.0) + 0.1, TOKEN_INTERVAL)

    async def _subscribe(self, followed: Followed, after: int | None) -> None:
        if isinstance(followed.id, UUID) and followed.kind is Kind.CHANNEL:
            await self._enter(followed.id, after)
            return
        if followed not in self._following:
            self._require_room()
        await self._audiences.join(self, self._customer, followed)
        self._following.add(followed)

    def _require_room(self) -> None:
        most = self._door.settings.max_subscriptions
        if len(self._following) + len(self._channels) >= most:
            raise Conflict(
                "socket.too_many_subscriptions",
                f"This socket follows {most} things already. Unsubscribe from some.",
            )

    async def _enter(self, channel: UUID, after: int | None) -> None:
        if channel not in self._channels:
            self._require_room()
        if not self._channels.is_running:
            await self._nursery.start(self._channels.run)
        await self._channels.enter(channel, after)

    def _forget(self, followed: Followed) -> None:
        if isinstance(followed.id, UUID) and followed.kind is Kind.CHANNEL:
            self._channels.leave(followed.id)
            return
        self._following.discard(followed)
        self._audiences.leave(self, self._customer, followed)

    async def _renew(self, token: str) -> None:
        customer = await self._door.identity.customer(token)
        if customer.tenant_id != self._customer.tenant_id:
            detail = "This token belongs to another garage. Connect anew with it."
            raise Forbidden("socket.other_tenant", detail)
        self._customer, self._token = customer, token
