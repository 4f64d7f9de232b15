"""Requests to control units on one CAN bus, under Trio: ISO-TP and the UDS timing at the vehicle.

All exchanges of a bus share one machine (:mod:`protocols.diagnosis.exchanges`) and one feed of
frames. One of the tasks that wait for an outcome serves the machine for all of them; when its own
exchange is over, the next one takes its place. So an exchange that is alone, which is the rule,
costs no task of its own and no change of tasks.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from contextlib import ExitStack

import trio

from firmware_sim.buses.can_bus import (
    BUSY_PAUSE,
    BusBusyError,
    BusGoneError,
    BusSilentError,
    CanBus,
)
from firmware_sim.buses.feed import FrameFeed
from protocols.can.frame import CanFrame
from protocols.diagnosis.exchanges import CanExchanges
from protocols.diagnosis.route import CanRoute
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy

#: A deadline that is noticed so late was slept through, seconds.
OVERSLEPT = 0.005

#: Turns of the scheduler that a frame takes at most from an interface to its feed.
READERS_TURNS = 3


class _Waiting:
    """A task that waits for an outcome, or for its turn to serve."""

    __slots__ = ("outcome", "woken")

    def __init__(self) -> None:
        self.outcome: Finished | None = None
        self.woken: trio.Event | None = None

    def wake(self) -> None:
        if self.woken is not None:
            self.woken.set()


class CanExchanger:
    """Asks control units of one bus; lives as long as the bus."""

    def __init__(self, bus: CanBus) -> None:
        self._bus = bus
        self._machine = CanExchanges()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._outbox: deque[CanFrame] = deque()
        self._feed: FrameFeed | None = None
        self._listening = ExitStack()
        self._serving = False
        self._pause: trio.CancelScope | None = None
        bus.when_lost(self._on_lost)

    async def exchange(self, route: CanRoute, request: bytes, policy: ExchangePolicy) -> Finished:
        """Ask one control unit, or everybody, and return how that went.

        What control units and the bus do is part of the outcome and never raised.

        Raises:
            LocalProtocolError: no such request can be sent: empty, or too long.
        """
        if self._machine.interject(route, request, trio.current_time()):
            self._stir()
            return Finished((), None)
        number = next(self._numbers)
        self._machine.ask(number, route, request, policy, trio.current_time())
        mine = self._waiting[number] = _Waiting()
        feed = self._listen()
        self._stir()
        try:
            while mine.outcome is None:
                if self._serving:
                    mine.woken = trio.Event()
                    await mine.woken.wait()
                else:
                    await self._serve(mine, feed)
            return mine.outcome
        finally:
            del self._waiting[number]
            if mine.outcome is None:
                self._machine.cancel(number, trio.current_time())
            self._leave()

    def _listen(self) -> FrameFeed:
        """Return the feed of all exchanges; it has no gap while there is one of them."""
        if self._feed is None:
            self._feed = self._listening.enter_context(self._bus.monitor(self._machine.wants))
        return self._feed

    def _leave(self) -> None:
        if not self._waiting:
            self._feed = None
            self._outbox.clear()
            self._listening.close()
        elif self._serving:
            self._stir()  # what was cancelled may have let another one begin
        else:
            next(iter(self._waiting.values())).wake()

    def _on_lost(self, reason: str) -> None:
        """The bus is down: whatever runs on it ends now, not when its time is over."""
        self._outbox.clear()
        self._machine.bus_failed(f"the bus is down: {reason}", trio.current_time())
        self._stir()

    def _stir(self) -> None:
        """Let the task that serves look at the machine again."""
        if self._pause is not None:
            self._pause.deadline = -math.inf

    async def _serve(self, mine: _Waiting, feed: FrameFeed) -> None:
        """Move frames and time between bus and machine until ``mine`` has its outcome."""
        machine = self._machine
        self._serving = True
        try:
            while True:
                now = trio.current_time()
                for frame in feed.take_nowait():
                    machine.receive(frame, now)
                machine.handle_deadline(now)
                await self._flush()
                if mine.outcome is not None:
                    return
                await self._wait(feed)
                await self._catch_up()
        finally:
            self._serving = False

    async def _wait(self, feed: FrameFeed) -> None:
        due = self._machine.next_deadline()
        with trio.move_on_at(math.inf if due is None else due) as self._pause:
            if due is not None:
                self._bus.timer.arm(due, self._stir)  # separation times are below Trio's tick
            await feed.wait()
        self._pause = None

    async def _catch_up(self) -> None:
        """Let the bus be read first where this process has not run for a while.

        An answer that came in time then waits to be read, while the time to wait for it is over.
        """
        due = self._machine.next_deadline()
        if due is not None and trio.current_time() > due + OVERSLEPT:
            for _ in range(READERS_TURNS):
                await trio.lowlevel.checkpoint()

    async def _flush(self) -> None:
        """Send what is to be sent, and tell outcomes; what ends may let the next one begin."""
        machine, outbox = self._machine, self._outbox
        while True:
            outbox += machine.frames_to_send()
            if outbox:
                try:
                    await self._send(outbox)
                except (BusGoneError, BusSilentError) as error:
                    outbox.clear()
                    machine.bus_failed(str(error), trio.current_time())
                else:
                    machine.frames_sent(trio.current_time())
            elif not self._tell():
                return

    async def _send(self, outbox: deque[CanFrame]) -> None:
        """Send everything in order; who is cancelled here leaves the rest to the next server."""
        while outbox:
            try:
                self._bus.send_nowait(outbox[0])
            except BusBusyError:
                await trio.sleep(BUSY_PAUSE)
            else:
                outbox.popleft()

    def _tell(self) -> bool:
        """Hand outcomes to those who wait for them; return whether there was one."""
        told = False
        while (event := self._machine.next_event()) is not None:
            told = True
            waiting = self._waiting.get(event.number)
            if waiting is not None:
                waiting.outcome = event.outcome
                waiting.wake()
        return told
