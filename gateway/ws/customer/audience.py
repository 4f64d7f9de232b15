"""Those who follow one thing, told together.

A change wakes one task, whoever many follow the thing: it reads once, makes the message once and
hands it to everybody's way out, which never waits. An update is sent at once to whoever comes,
after a change, and at the latest when the interval is over.
"""

from __future__ import annotations

import math
from typing import Protocol

import trio

from gateway.bus.memory import MemoryBus
from gateway.domain.errors import GatewayError, NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.ws.customer.messages import Followed, Kind
from gateway.ws.customer.outgoing import Notice, problem_text, text_of
from gateway.ws.customer.updates import Updates

#: Seconds between two updates of one thing, however fast it changes.
SMALLEST_GAP = 0.25

#: What no change was heard of is read at every third update only.
READ_EVERY = 3

#: Members told before others get their turn.
AT_ONCE = 100


class Member(Protocol):
    """One who follows things: a websocket."""

    def told(self, followed: Followed, notice: Notice) -> None:
        """Send how a thing is now."""
        ...

    def lost(self, followed: Followed, notice: Notice) -> None:
        """Send why a thing cannot be followed any more."""
        ...

    def fail(self, error: Exception) -> None:
        """End, with this."""
        ...


class Audience:
    """The members of one garage who follow one thing.

    Args:
        customer: somebody of the garage; its number is what matters.
        followed: what they follow.
        topic: where changes of it are heard.
        updates: reads it.
        bus: tells of changes.
        interval: longest time between two updates, seconds.
    """

    def __init__(
        self,
        customer: CustomerPrincipal,
        followed: Followed,
        topic: str,
        updates: Updates,
        bus: MemoryBus,
        interval: float,
    ) -> None:
        self.followed = followed
        self._customer = customer
        self._topic = topic
        self._updates = updates
        self._bus = bus
        self._interval = interval
        self._members: set[Member] = set()
        self._new: set[Member] = set()
        self._stirred = trio.Event()
        self._scope = trio.CancelScope()
        self._notice: Notice | None = None
        self._due = self._read_at = self._sent = -math.inf
        # Then what was read stays true until a change is heard. How a connector is changes all the
        # time, and costs no more than a look.
        self._hears_all = followed.kind is not Kind.CONNECTOR

    @property
    def members(self) -> frozenset[Member]:
        """Those who follow now."""
        return frozenset(self._members)

    def add(self, member: Member) -> None:
        """Tell ``member`` at once and from now on; again asks for an update at once."""
        self._members.add(member)
        if (notice := self._known()) is not None:
            member.told(self.followed, notice)
            return
        self._new.add(member)
        self._stirred.set()

    def remove(self, member: Member) -> None:
        """Tell ``member`` no more; the last one's leaving ends it."""
        self._members.discard(member)
        self._new.discard(member)
        if not self._members:
            self._scope.cancel()

    async def run(self) -> None:
        """Tell the members as long as there are any."""
        with self._scope:
            async with self._bus.subscribe([self._topic]) as news, trio.open_nursery() as nursery:
                nursery.start_soon(self._tell)
                # What is lost of these is older than what is heard, and says the same.
                async for _event in news:
                    self._hurry(trio.current_time())

    def _hurry(self, now: float) -> None:
        """Something changed: read and send at once, unless one was just sent."""
        self._read_at = -math.inf
        self._due = min(self._due, max(now, self._sent + SMALLEST_GAP))
        self._stirred.set()

    def _known(self) -> Notice | None:
        """Return the latest update if it can go out again without being read."""
        age = trio.current_time() - self._read_at
        return self._notice if self._hears_all and age < self._interval * READ_EVERY else None

    async def _tell(self) -> None:
        while True:
            try:
                await self._update(self._called())
            except NotFound as error:
                self._lose(error)
            with trio.move_on_at(self._due):
                await self._stirred.wait()
            self._stirred = trio.Event()

    def _called(self) -> list[Member]:
        """Return who is to be told now; decided before reading, so what changes then is due."""
        now, called = trio.current_time(), self._new
        if self._due <= now:
            self._due, self._sent = now + self._interval, now
            called = self._members
        self._new = set()
        return list(called)

    async def _update(self, called: list[Member]) -> None:
        if not called:
            return
        notice = await self._current()
        for number, member in enumerate(called, start=1):
            if member in self._members:
                member.told(self.followed, notice)
            if number % AT_ONCE == 0:
                await trio.lowlevel.checkpoint()

    async def _current(self) -> Notice:
        """Return how the thing is now, or why that cannot be said now.

        Raises:
            NotFound: it is gone.
        """
        if (known := self._known()) is not None:
            return known
        # Who comes while this is read is not told the old state, and a change is not overlooked.
        self._notice, self._read_at = None, trio.current_time()
        try:
            update = await self._updates.of(self._customer, self.followed)
        except NotFound:
            raise
        except GatewayError as error:
            return Notice.of(problem_text(error))
        self._notice = Notice.of(text_of(self.followed.action, update.message))
        return self._notice

    def _lose(self, error: NotFound) -> None:
        notice = Notice.of(problem_text(error))
        for member in self.members:
            member.lost(self.followed, notice)


_Key = tuple[int, Followed]


class Audiences:
    """All of them, found by garage and thing; one service.

    Args:
        updates: reads what they are told.
        bus: tells of changes.
        interval: longest time between two updates, seconds.
    """

    def __init__(self, updates: Updates, bus: MemoryBus, interval: float) -> None:
        self._updates = updates
        self._bus = bus
        self._interval = interval
        self._open: dict[_Key, Audience] = {}
        # Each of these is open as well, so there are never more of them.
        self._opened: list[tuple[_Key, Audience]] = []
        self._stirred = trio.Event()
        self._scope = trio.CancelScope()

    def __len__(self) -> int:
        """How many things are followed."""
        return len(self._open)

    async def join(self, member: Member, customer: CustomerPrincipal, followed: Followed) -> None:
        """Let ``member`` follow a thing of the customer's garage.

        Raises:
            NotFound: it belongs to another, or is not there at all.
            Unavailable: the database does not answer.
        """
        key = (customer.tenant_id, followed)
        if key not in self._open:
            update = await self._updates.of(customer, followed)
            if key not in self._open:  # nobody was faster meanwhile
                self._found(key, customer, update.topic)
        self._open[key].add(member)

    def leave(self, member: Member, customer: CustomerPrincipal, followed: Followed) -> None:
        """Let ``member`` follow it no more; nothing happens if it did not."""
        key = (customer.tenant_id, followed)
        if (audience := self._open.get(key)) is None:
            return
        audience.remove(member)
        if not audience.members:
            del self._open[key]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve all audiences until closed or cancelled."""
        try:
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as nursery:
                    task_status.started()
                    await self._serve_opened(nursery)
        finally:
            self._open.clear()
            self._opened.clear()

    async def _serve_opened(self, nursery: trio.Nursery) -> None:
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            for opened in self._opened:
                nursery.start_soon(self._serve, *opened)
            self._opened.clear()

    async def close(self) -> None:
        """Tell nobody any more."""
        self._scope.cancel()

    def _found(self, key: _Key, customer: CustomerPrincipal, topic: str) -> None:
        _, followed = key
        audience = Audience(customer, followed, topic, self._updates, self._bus, self._interval)
        self._open[key] = audience
        self._opened.append((key, audience))
        self._stirred.set()

    async def _serve(self, key: _Key, audience: Audience) -> None:
        try:
            await audience.run()
        except* Exception as group:  # noqa: BLE001 - a boundary: those who follow end with it
            self._open.pop(key, None)
            for member in audience.members:
                member.fail(group)
