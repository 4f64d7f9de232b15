"""One portal's conversation, from sign-in to close."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
import trio
from quart import Blueprint, websocket

from gateway.bus.memory import MemoryBus, Subscription
from gateway.bus.topics import topics_of
from gateway.chat.service import ChatService
from gateway.chat.shapes import channel_shape, message_shape
from gateway.config import CustomerApiSettings
from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import Conflict, Forbidden, GatewayError, NotFound, Unauthorized
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.tokens import expiry_of
from gateway.runtime.feeds import Feed, Policy
from gateway.web.auth import CustomerIdentity, websocket_token
from gateway.web.problems import problem_of
from gateway.ws.customer.following import Following
from gateway.ws.customer.messages import (
    Authenticate,
    ClientMessage,
    Followed,
    Kind,
    Subscribe,
    Unsubscribe,
    parse,
)
from gateway.ws.customer.updates import Updates

#: Seconds for the first message, where the upgrade brought no token.
SIGN_IN_LIMIT = 10.0

#: Seconds between two looks at whether the token still holds.
TOKEN_INTERVAL = 60.0

#: Messages of a channel that are read at once; the rest follows.
MESSAGES_AT_ONCE = 50

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

    @routes.websocket("/ws/customer")
    async def customer_socket() -> None:
        await websocket.accept()
        try:
            token = await _token()
            customer = await door.identity.customer(token)
        except GatewayError as error:
            await websocket.send(_problem(error))
            await websocket.close(CLOSE_UNAUTHORIZED, error.code)
            return
        async with door.bus.subscribe() as news, trio.open_nursery() as nursery:
            socket = CustomerSocket(door, customer, token, news)
            nursery.start_soon(socket.write)
            nursery.start_soon(socket.update)
            nursery.start_soon(socket.listen)
            nursery.start_soon(socket.read)
            await socket.token_ended()
            nursery.cancel_scope.cancel()

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

    Updates are read one after the other, just before they are sent: a client that reads slowly
    gets fewer of them, never old ones, and nothing piles up. One that stops reading is cut by
    the server's send deadline.

    Args:
        door: services and bounds.
        customer: who is at the other end.
        token: what they signed in with.
        news: of the bus; its topics follow the subscriptions.
    """

    def __init__(
        self,
        door: CustomerSocketDoor,
        customer: CustomerPrincipal,
        token: str,
        news: Subscription,
    ) -> None:
        self._door = door
        self._customer = customer
        self._token = token
        self._news = news
        self._out: Feed[str] = Feed(door.settings.message_queue, Policy.BLOCK)
        self._following: dict[Followed, Following] = {}
        self._wake = trio.Event()
        self._lost = 0

    async def write(self) -> None:
        """Send what is queued, for ever."""
        async for text in self._out:
            await websocket.send(text)

    async def read(self) -> None:
        """Take what the client says, for ever; a bad message gets an answer, not an end."""
        while True:
            data = await _received()
            try:
                await self._take(parse(data))
            except GatewayError as error:
                await self._out.put(_problem(error))

    async def listen(self) -> None:
        """Have updates sent for what the bus tells has changed, for ever."""
        async for event in self._news:
            self._expect(topics_of(event))

    async def update(self) -> None:
        """Send every update when it is due, for ever."""
        while True:
            due = min((one.due for one in self._following.values()), default=math.inf)
            with trio.move_on_at(due):
                await self._wake.wait()
            self._wake = trio.Event()
            now = trio.current_time()
            for followed in [key for key, one in self._following.items() if one.due <= now]:
                await self._send_update(followed)

    async def token_ended(self) -> None:
        """Return when the token does not hold any more; the client was told and closed."""
        while True:
            await trio.sleep(self._until_next_look())
            try:
                self._customer = await self._door.identity.customer(self._token)
            except Unauthorized as error:
                await websocket.send(_problem(error))
                await websocket.close(CLOSE_UNAUTHORIZED, error.code)
                return
            except GatewayError:
                # Who they are cannot be read now; that says nothing against them.
                continue

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
        most = self._door.settings.max_subscriptions
        if followed not in self._following and len(self._following) >= most:
            raise Conflict(
                "socket.too_many_subscriptions",
                f"This socket follows {most} things already. Unsubscribe from some.",
            )
        # Read once before listening, so that a foreign thing is refused, and once more behind
        # it by the updater, so that no change falls in between.
        if isinstance(followed.id, UUID) and followed.kind is Kind.CHANNEL:
            begun = await self._enter(followed.id, after)
        else:
            update = await self._door.updates.of(self._customer, followed)
            hears_all = followed.kind is not Kind.CONNECTOR
            begun = Following(update.topic, trio.current_time(), hears_all=hears_all)
        self._news.add(begun.topic)
        self._following[followed] = begun
        self._wake.set()

    async def _enter(self, channel: UUID, after: int | None) -> Following:
        """Say how a channel is now, and go on behind the message the client has."""
        tail = await self._door.chat.follow(self._customer, channel, None, 0)
        message = {
            "channel_id": str(tail.channel.uuid),
            **channel_shape(tail.channel),
            "last_message": tail.position,
        }
        await self._out.put(_text("subscribeToChannel", message))
        position = tail.position if after is None else after
        topic = f"channel:{tail.channel.uuid}"
        return Following(topic, trio.current_time(), position=position)

    def _forget(self, followed: Followed) -> None:
        gone = self._following.pop(followed, None)
        if gone is not None and all(one.topic != gone.topic for one in self._following.values()):
            self._news.remove(gone.topic)

    async def _renew(self, token: str) -> None:
        customer = await self._door.identity.customer(token)
        if customer.tenant_id != self._customer.tenant_id:
            detail = "This token belongs to another garage. Connect anew with it."
            raise Forbidden("socket.other_tenant", detail)
        self._customer, self._token = customer, token

    def _expect(self, topics: Iterable[str]) -> None:
        heard, now = set(topics), trio.current_time()
        lost, self._lost = self._lost, self._news.statistics().dropped
        for one in self._following.values():
            # Where news was lost on its way, any of it may have been about anything.
            if one.topic in heard or lost != self._lost:
                one.hurry(now)
        self._wake.set()

    async def _send_update(self, followed: Followed) -> None:
        following = self._following.get(followed)
        if following is None:
            return
        # Before reading: what changes from here on is due again.
        following.sent = trio.current_time()
        following.due = following.sent + self._door.settings.update_interval
        try:
            await self._send_news(followed, following)
        except NotFound as error:
            self._forget(followed)
            await self._out.put(_problem(error))
        except GatewayError as error:
            await self._out.put(_problem(error))

    async def _send_news(self, followed: Followed, following: Following) -> None:
        if followed.kind is Kind.CHANNEL and isinstance(followed.id, UUID):
            await self._send_messages(followed.id, following)
            return
        if not following.is_fresh(trio.current_time(), self._door.settings.update_interval):
            following.read = trio.current_time()
            update = await self._door.updates.of(self._customer, followed)
            following.text = _text(followed.action, update.message)
        if self._following.get(followed) is following:
            await self._out.put(following.text)

    async def _send_messages(self, channel: UUID, following: Following) -> None:
        tail = await self._door.chat.follow(
            self._customer, channel, following.position, MESSAGES_AT_ONCE
        )
        following.position = tail.position
        if len(tail.messages) == MESSAGES_AT_ONCE:
            following.due = trio.current_time()
        for message in tail.messages:
            await self._out.put(_text("channelMessage", message_shape(channel, message)))


def _text(action: str, message: Mapping[str, object]) -> str:
    return msgspec.json.encode({"action": action, "message": message}).decode()


def _problem(error: GatewayError) -> str:
    return _text("error", problem_of(error).body())
