"""The chat channels that one socket follows: each message once, in order.

Other than updates, messages are all sent, from where the client was; so every socket reads its
own, just before it sends them, and one that reads slowly keeps nobody waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import trio

from gateway.bus.memory import MemoryBus, Subscription
from gateway.bus.topics import topics_of
from gateway.chat.service import ChatService
from gateway.chat.shapes import channel_shape, message_shape
from gateway.domain.errors import GatewayError, NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.ws.customer.audience import SMALLEST_GAP
from gateway.ws.customer.outgoing import Outgoing, problem_text, text_of

#: Messages of a channel that are read at once; the rest follows.
MESSAGES_AT_ONCE = 50


@dataclass(slots=True, eq=False)
class _Following:
    """One channel.

    Attributes:
        topic: where new messages are heard of.
        due: when it is to be looked at next, by Trio's clock.
        position: number of the last message that was sent.
        looked: when it was looked at last.
    """

    topic: str
    due: float
    position: int
    looked: float = -math.inf

    def hurry(self, now: float) -> None:
        """Something was said: look at once, unless that was just done."""
        self.due = min(self.due, max(now, self.looked + SMALLEST_GAP))


class Channels:
    """Those of one socket; its task runs once there is one.

    Args:
        chat: what is said.
        bus: tells that something was said.
        out: the socket's way out.
        customer: returns who is at the other end now.
        interval: seconds between two looks at a channel that nothing is heard of.
    """

    def __init__(
        self,
        chat: ChatService,
        bus: MemoryBus,
        out: Outgoing,
        customer: Callable[[], CustomerPrincipal],
        interval: float,
    ) -> None:
        self._chat = chat
        self._customer = customer
        self._bus = bus
        self._out = out
        self._interval = interval
        self._following: dict[UUID, _Following] = {}
        self._news: Subscription | None = None
        self._wake = trio.Event()
        self._lost = 0

    def __len__(self) -> int:
        """How many are followed."""
        return len(self._following)

    def __contains__(self, channel: object) -> bool:
        """Tell whether a channel is followed."""
        return channel in self._following

    @property
    def is_running(self) -> bool:
        """Its task is there."""
        return self._news is not None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send what is said in the channels, for ever; started when they can be entered."""
        async with self._bus.subscribe() as news, trio.open_nursery() as nursery:
            self._news = news
            task_status.started()
            nursery.start_soon(self._listen, news)
            await self._send()

    async def enter(self, channel: UUID, after: int | None) -> None:
        """Say how a channel is now, and go on behind the message the client has.

        Raises:
            NotFound: it is none of the customer's.
        """
        tail = await self._chat.follow(self._customer(), channel, None, 0)
        message = {
            "channel_id": str(tail.channel.uuid),
            **channel_shape(tail.channel),
            "last_message": tail.position,
        }
        await self._out.say(text_of("subscribeToChannel", message))
        position = tail.position if after is None else after
        following = _Following(f"channel:{tail.channel.uuid}", trio.current_time(), position)
        if self._news is not None:
            self._news.add(following.topic)
        self._following[channel] = following
        self._wake.set()

    def leave(self, channel: UUID) -> None:
        """Follow a channel no more; nothing happens if it was not followed."""
        gone = self._following.pop(channel, None)
        if gone is not None and self._news is not None:
            self._news.remove(gone.topic)

    async def _listen(self, news: Subscription) -> None:
        async for event in news:
            heard, now = set(topics_of(event)), trio.current_time()
            lost, self._lost = self._lost, news.statistics().dropped
            for one in self._following.values():
                # Where news was lost on its way, any of it may have been about anything.
                if one.topic in heard or lost != self._lost:
                    one.hurry(now)
            self._wake.set()

    async def _send(self) -> None:
        while True:
            due = min((one.due for one in self._following.values()), default=math.inf)
            with trio.move_on_at(due):
                await self._wake.wait()
            self._wake = trio.Event()
            now = trio.current_time()
            for channel in [key for key, one in self._following.items() if one.due <= now]:
                await self._send_due(channel)

    async def _send_due(self, channel: UUID) -> None:
        if (following := self._following.get(channel)) is None:
            return
        # Before reading: what is said from here on is due again.
        following.looked = trio.current_time()
        following.due = following.looked + self._interval
        try:
            await self._send_messages(channel, following)
        except GatewayError as error:
            if isinstance(error, NotFound):
                self.leave(channel)
            await self._out.say(problem_text(error))

    async def _send_messages(self, channel: UUID, following: _Following) -> None:
        customer = self._customer()
        tail = await self._chat.follow(customer, channel, following.position, MESSAGES_AT_ONCE)
        following.position = tail.position
        if len(tail.messages) == MESSAGES_AT_ONCE:
            following.due = trio.current_time()
        for message in tail.messages:
            await self._out.say(text_of("channelMessage", message_shape(channel, message)))
