"""The channels of one socket, in virtual time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import trio
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.chat.service import Tail
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.events import Event
from gateway.domain.principal import CustomerPrincipal
from gateway.storage.queries.chat import Channel, Message
from gateway.ws.customer.channels import MESSAGES_AT_ONCE, Channels
from gateway.ws.customer.outgoing import Outgoing

INTERVAL = 5.0
CHANNEL = UUID(int=7)
CUSTOMER = CustomerPrincipal(1, uuid4(), None, 1)


class Chat:
    """A channel in which things are said; tells the bus unless it is lost."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus, self.said = bus, [self._message(1)]
        self.failure: Exception | None = None

    def _message(self, number: int) -> Message:
        return Message(
            uuid=uuid4(),
            ticket_id=7,
            type="text",
            sender="user:x",
            sender_name="",
            content=str(number),
            file_id=None,
            file_name=None,
            created_at=datetime.now(UTC),
            id=number,
        )

    async def speak(self, *, heard: bool = True) -> None:
        self.said.append(self._message(len(self.said) + 1))
        if heard:
            event = Event("chat.message.created", f"channel:{CHANNEL}", 1, {}, datetime.now(UTC))
            await self.bus.publish(event)

    async def follow(
        self, _customer: CustomerPrincipal, uuid: UUID, after: int | None, limit: int
    ) -> Tail:
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        channel = Channel(uuid, 7, 1, 1, is_open=True)
        if after is None:
            return Tail(channel, (), self.said[-1].id)
        found = tuple(self.said[after : after + limit])
        return Tail(channel, found, found[-1].id if found else after)


class Line:
    """One socket's channels, and what it heard."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.chat = Chat(self.bus)
        # Any: what a test reads out of a message is its own business.
        self.heard: list[Any] = []
        self.out = Outgoing(self._send, lambda _frame: False, 64)
        chat: Any = self.chat
        self.channels = Channels(chat, self.bus, self.out, lambda: CUSTOMER, INTERVAL)

    async def _send(self, text: str) -> None:
        await trio.lowlevel.checkpoint()
        self.heard.append(json.loads(text))

    @property
    def numbers(self) -> list[int]:
        said = [one for one in self.heard if one["action"] == "channelMessage"]
        return [one["message"]["number"] for one in said]


@pytest.fixture
async def line(nursery: trio.Nursery) -> Line:
    line = Line()
    nursery.start_soon(line.out.write)
    await nursery.start(line.channels.run)
    return line


async def test_each_message_comes_once_and_in_order(line: Line, autojump_clock: MockClock) -> None:
    await line.channels.enter(CHANNEL, None)
    await trio.sleep(1)
    assert line.heard[0]["message"]["last_message"] == 1
    for _ in range(MESSAGES_AT_ONCE * 2 + 10):
        await line.chat.speak()
    await trio.sleep(1)
    assert line.numbers == list(range(2, MESSAGES_AT_ONCE * 2 + 12))


async def test_one_who_comes_back_hears_what_was_missed(
    line: Line, autojump_clock: MockClock
) -> None:
    await line.chat.speak()
    await line.chat.speak()
    await line.channels.enter(CHANNEL, 1)
    await trio.sleep(1)
    assert line.numbers == [2, 3]


async def test_what_no_news_told_of_comes_all_the_same(
    line: Line, autojump_clock: MockClock
) -> None:
    await line.channels.enter(CHANNEL, None)
    await trio.sleep(1)
    await line.chat.speak(heard=False)
    await trio.sleep(INTERVAL)
    assert line.numbers == [2]


async def test_one_who_has_left_hears_nothing(line: Line, autojump_clock: MockClock) -> None:
    await line.channels.enter(CHANNEL, None)
    line.channels.leave(CHANNEL)
    line.channels.leave(CHANNEL)
    await line.chat.speak()
    await trio.sleep(INTERVAL * 2)
    assert line.numbers == []
    assert len(line.channels) == 0
    assert line.bus.statistics().topics == 0


async def test_a_channel_that_is_gone_is_said_once(line: Line, autojump_clock: MockClock) -> None:
    await line.channels.enter(CHANNEL, None)
    await trio.sleep(1)
    line.chat.failure = Unavailable("storage.unavailable", "Try again.")
    await line.chat.speak()
    await trio.sleep(1)
    line.chat.failure = NotFound("channel.unknown", "You have no such channel.")
    await trio.sleep(INTERVAL * 3)
    codes = [one["message"]["code"] for one in line.heard if one["action"] == "error"]
    assert codes == ["storage.unavailable", "channel.unknown"]
    assert CHANNEL not in line.channels
