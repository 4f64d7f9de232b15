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
from gateway.domain.errors import Conflict, Forbidden, GatewayError
from gateway.domain.principal import CustomerPrincipal
from gateway.web.auth import CustomerIdentity
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
from gateway.ws.sign_in import SignedIn, first_token, received, refuse


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
            token = await first_token(_token_in, bare=True)
            customer = await door.identity.customer(token)
        except GatewayError as error:
            await refuse(problem_text(error), error)
            return
        signed_in = SignedIn(customer, token, door.identity.customer, door.clock)
        async with trio.open_nursery() as nursery:
            socket = CustomerSocket(door, audiences, signed_in, nursery)
            try:
                nursery.start_soon(socket.write)
                nursery.start_soon(socket.read)
                ended = await signed_in.ended()
                # First of all nobody writes any more: what follows is the last word.
                nursery.cancel_scope.cancel()
            finally:
                socket.leave()
        await refuse(problem_text(ended), ended)

    return routes


def _token_in(data: str | bytes) -> str | None:
    message = parse(data)
    return message.access_token if isinstance(message, Authenticate) else None


class CustomerSocket:
    """The conversation with one client; lives as long as its socket.

    A client that reads slowly gets fewer updates, never old ones, and nothing piles up. One that
    stops reading is cut by the server's send deadline.

    Args:
        door: services and bounds.
        audiences: of the things that can be followed.
        signed_in: who is at the other end.
        nursery: of the socket.
    """

    def __init__(
        self,
        door: CustomerSocketDoor,
        audiences: Audiences,
        signed_in: SignedIn[CustomerPrincipal],
        nursery: trio.Nursery,
    ) -> None:
        self._door = door
        self._audiences = audiences
        self._signed_in = signed_in
        self._nursery = nursery
        settings = door.settings
        self._out = Outgoing(websocket.send, frame_sender(websocket.scope), settings.message_queue)
        self._following: set[Followed] = set()
        self._channels = Channels(
            door.chat, door.bus, self._out, lambda: self._signed_in.who, settings.update_interval
        )

    async def write(self) -> None:
        """Send what is queued, for ever."""
        await self._out.write()

    async def read(self) -> None:
        """Take what the client says, for ever; a bad message gets an answer, not an end."""
        while True:
            data = await received()
            try:
                await self._take(parse(data))
            except GatewayError as error:
                await self._out.say(problem_text(error))

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
                await self._signed_in.renew(message.access_token, self._require_same_garage)

    async def _subscribe(self, followed: Followed, after: int | None) -> None:
        if isinstance(followed.id, UUID) and followed.kind is Kind.CHANNEL:
            await self._enter(followed.id, after)
            return
        if followed not in self._following:
            self._require_room()
        await self._audiences.join(self, self._signed_in.who, followed)
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
        self._audiences.leave(self, self._signed_in.who, followed)

    def _require_same_garage(self, customer: CustomerPrincipal) -> None:
        if customer.tenant_id != self._signed_in.who.tenant_id:
            detail = "This token belongs to another garage. Connect anew with it."
            raise Forbidden("socket.other_tenant", detail)
