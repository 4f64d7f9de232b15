"""The firmware's DoIP side: one TCP connection to the vehicle, many control units over it.

    exchange() ─ TesterExchange (UDS timing, one per call)
        │                     ▲ answers by source address, acknowledgements by number
        ▼                     │
    DoipTester (one per TCP connection) ─ reader, writer, timer

The connection is kept up: when it is lost, exchanges under way end with a transport failure that
says why, and the next attempt follows after a pause that grows. P2 begins with the entity's
acknowledgement, so what comes before it is late and never taken for an answer.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import NoReturn

import trio

from firmware_sim.firmware.lanes import Lanes
from firmware_sim.firmware.link import Backoff
from protocols.diagnosis.sessions import TESTER_PRESENT
from protocols.doip.settings import DoipTesterSettings
from protocols.doip.tester import DoipTester
from protocols.doip.tester_events import (
    ConnectionClosed,
    DeliveryConfirmed,
    DeliveryFailed,
    DiagnosticReceived,
    DoipTesterEvent,
    RoutingReady,
)
from protocols.errors import LocalProtocolError
from protocols.link.vehicle import DoipTarget
from protocols.uds.outcome import ExchangeFailure, FailureReason, Finished
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester import TesterExchange

log = logging.getLogger(__name__)

_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class DoipBusSettings:
    """Where the vehicle is and how patient the firmware is.

    Attributes:
        host: address of the DoIP entity.
        port: 13400 by the standard.
        tester: how the firmware presents itself.
        backoff: pauses between attempts to connect.
        connect_limit: how long one attempt to connect may take, seconds.
        ready_limit: how long an exchange waits for the connection before it fails, seconds.
    """

    host: str
    port: int = 13400
    tester: DoipTesterSettings = field(default_factory=DoipTesterSettings)
    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.2, longest=5.0))
    connect_limit: float = 5.0
    ready_limit: float = 3.0


class _Conversation:
    """An exchange under way and the task that waits for it."""

    def __init__(self, exchange: TesterExchange, target: DoipTarget) -> None:
        self.exchange = exchange
        self.target = target
        self.delivery: int | None = None
        self._wake = trio.Event()

    def poke(self) -> None:
        """Something happened; let the waiting task look."""
        self._wake.set()

    async def wait(self) -> None:
        """Wait until something happens or the exchange has a deadline."""
        deadline = self.exchange.next_deadline()
        with trio.move_on_at(math.inf if deadline is None else deadline):
            await self._wake.wait()
        self._wake = trio.Event()

    def finished(self) -> Finished | None:
        """Return the outcome once there is one."""
        while (event := self.exchange.next_event()) is not None:
            if isinstance(event, Finished):
                return event
        return None


class _Connection:
    """One TCP connection: bytes, deadlines, and the tester between them."""

    def __init__(self, tester: DoipTester, stream: trio.SocketStream) -> None:
        self.tester = tester
        self.stream = stream
        self._written = trio.Event()
        self._rescheduled = trio.Event()

    def poke(self) -> None:
        """The tester was used: there may be bytes to write and a new deadline."""
        self._written.set()
        self._rescheduled.set()

    async def write(self) -> NoReturn:
        """Carry the tester's bytes to the socket."""
        while True:
            data = self.tester.data_to_send()
            if data:
                await self.stream.send_all(data)
            else:
                await self._written.wait()
                self._written = trio.Event()

    async def wait_deadline(self) -> None:
        """Return when the tester has something due, or a new deadline."""
        self._rescheduled = trio.Event()  # the deadline is read after it, so no news is missed
        deadline = self.tester.next_deadline()
        with trio.move_on_at(math.inf if deadline is None else deadline):
            await self._rescheduled.wait()


class DoipBus:
    """The vehicle as the firmware reaches it over DoIP; `run` it in a task of its own.

    Args:
        settings: where and how.
        random: spreads the pauses between attempts.

    Attributes:
        fault: why there is no connection, for people; empty while there is one.
        unclaimed: messages of control units that no exchange waited for.
    """

    def __init__(self, settings: DoipBusSettings, random: Random) -> None:
        self.fault = "not connected yet"
        self.unclaimed = 0
        self._settings = settings
        self._random = random
        self._lanes = Lanes()
        self._connection: _Connection | None = None
        self._ready = trio.Event()
        self._physical: dict[int, _Conversation] = {}
        self._functional: _Conversation | None = None

    @property
    def connected(self) -> bool:
        """Routing is active: exchanges go through."""
        return self._ready.is_set()

    async def wait_connected(self) -> None:
        await self._ready.wait()

    async def exchange(
        self, target: DoipTarget, request: bytes, policy: ExchangePolicy
    ) -> Finished:
        """Ask a control unit, or all of them, and return what came of it.

        One exchange at a time for each ECU, different ECUs side by side, a functional one alone.
        A vehicle that cannot be reached is a transport failure in the result, never raised.

        Raises:
            LocalProtocolError: the request is empty.
        """
        if request == TESTER_PRESENT and self._interject(target):
            return Finished((), None)
        conversation = _Conversation(
            TesterExchange(request, policy, functional=target.functional), target
        )
        async with self._lane(target):
            with trio.move_on_after(self._settings.ready_limit):
                await self._ready.wait()
            if not self.connected:
                text = f"no connection to the vehicle: {self.fault}"
                return Finished((), ExchangeFailure(FailureReason.TRANSPORT, text))
            with self._registered(conversation):
                return await self._converse(conversation)

    async def run(self) -> NoReturn:
        """Keep the connection up until cancelled."""
        failures = 0
        while True:
            failures = 0 if await self._connect_once() else failures + 1
            await trio.sleep(self._settings.backoff.pause(failures, self._random))

    # ------------------------------------------------------------ exchanges

    def _lane(self, target: DoipTarget) -> AbstractAsyncContextManager[None]:
        if target.functional:
            return self._lanes.everyone()
        return self._lanes.one(target.logical_address)

    @contextmanager
    def _registered(self, conversation: _Conversation) -> Iterator[None]:
        """Let answers and acknowledgements find the conversation while the block runs."""
        if conversation.target.functional:
            self._functional = conversation
        else:
            self._physical[conversation.target.logical_address] = conversation
        try:
            yield
        finally:
            if conversation.target.functional:
                self._functional = None
            else:
                del self._physical[conversation.target.logical_address]

    async def _converse(self, conversation: _Conversation) -> Finished:
        exchange = conversation.exchange
        exchange.start(trio.current_time())
        while True:
            self._send(conversation)
            finished = conversation.finished()
            if finished is not None:
                return finished
            await conversation.wait()
            exchange.handle_deadline(trio.current_time())

    def _send(self, conversation: _Conversation) -> None:
        """Send the request, or its repeat, if it is time to."""
        payload = conversation.exchange.data_to_send()
        if payload is None:
            return
        now = trio.current_time()
        if self._connection is None:
            conversation.exchange.transport_failed(self.fault, now)
            return
        address = conversation.target.logical_address
        try:
            conversation.delivery = self._connection.tester.send(address, payload, now)
        except LocalProtocolError as error:
            conversation.exchange.transport_failed(str(error), now)
        self._connection.poke()

    def _interject(self, target: DoipTarget) -> bool:
        """Send tester present to a control unit that works on a request; tell whether it does."""
        conversation = self._physical.get(target.logical_address)
        if conversation is None or not conversation.exchange.pending or self._connection is None:
            return False
        with suppress(LocalProtocolError):  # too much is on its way: that keeps it alive as well
            tester = self._connection.tester
            tester.send(target.logical_address, TESTER_PRESENT, trio.current_time())
            self._connection.poke()
        return True

    def _conversations(self) -> list[_Conversation]:
        found = list(self._physical.values())
        return found if self._functional is None else [*found, self._functional]

    # ------------------------------------------------------------ the connection

    async def _connect_once(self) -> bool:
        """Connect and stay connected; return whether routing was ever active."""
        try:
            stream = await self._open()
        except OSError as error:
            self.fault = str(error)
            return False
        connection = _Connection(DoipTester(self._settings.tester), stream)
        try:
            async with stream:
                await self._carry(connection)
        except* (trio.BrokenResourceError, trio.ClosedResourceError) as group:
            self.fault = str(group.exceptions[0])
        except* Exception:  # the connection's boundary
            self.fault = "an unexpected error; see the log"
            log.exception("DoIP connection to %s failed", self._settings.host)
        finally:
            active = self._give_up(connection)
        return active

    async def _open(self) -> trio.SocketStream:
        settings = self._settings
        with trio.move_on_after(settings.connect_limit):
            return await trio.open_tcp_stream(settings.host, settings.port)
        raise TimeoutError(f"{settings.host} did not take a connection")

    async def _carry(self, connection: _Connection) -> None:
        connection.tester.connected(trio.current_time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.write)
            nursery.start_soon(self._keep_time, connection, nursery.cancel_scope)
            while data := await connection.stream.receive_some(_CHUNK):
                connection.tester.receive(bytes(data), trio.current_time())
                self._report(connection, nursery.cancel_scope)
            connection.tester.disconnected()
            self._report(connection, nursery.cancel_scope)

    async def _keep_time(self, connection: _Connection, scope: trio.CancelScope) -> NoReturn:
        while True:
            await connection.wait_deadline()
            connection.tester.handle_deadline(trio.current_time())
            self._report(connection, scope)

    def _report(self, connection: _Connection, scope: trio.CancelScope) -> None:
        """Hand the tester's news to whom they concern; end the connection when it is over."""
        while (event := connection.tester.next_event()) is not None:
            if isinstance(event, ConnectionClosed):
                self.fault = event.detail
                scope.cancel()
            else:
                self._dispatch(connection, event, trio.current_time())
        connection.poke()

    def _dispatch(self, connection: _Connection, event: DoipTesterEvent, now: float) -> None:
        match event:
            case RoutingReady():
                self._connection = connection
                self.fault = ""
                self._ready.set()
            case DeliveryConfirmed(number):
                self._confirm(number, now)
            case DeliveryFailed():
                self._fail(event, now)
            case DiagnosticReceived(source, payload):
                self._answer(source, payload, now)
            case ConnectionClosed():
                raise AssertionError("the caller handles the end")

    def _confirm(self, number: int, now: float) -> None:
        for conversation in self._conversations():
            if conversation.delivery == number:
                conversation.exchange.sent(now)
                conversation.poke()

    def _fail(self, event: DeliveryFailed, now: float) -> None:
        code = "" if event.code is None else f" with code {event.code:02X}"
        text = f"DoIP message to {event.target:04X}: {event.fault.value}{code}"
        for conversation in self._conversations():
            if conversation.delivery == event.number:
                conversation.exchange.transport_failed(text, now)
                conversation.poke()

    def _answer(self, source: int, payload: bytes, now: float) -> None:
        conversation = self._functional or self._physical.get(source)
        if conversation is None:
            self.unclaimed += 1
            return
        conversation.exchange.receive(payload, source, now)
        conversation.poke()

    def _give_up(self, connection: _Connection) -> bool:
        """End everything that went over a connection; return whether it was ever active."""
        active = self._connection is connection
        if active:
            self._connection = None
            self._ready = trio.Event()
            self.fault = self.fault or "the connection was lost"
            for conversation in self._conversations():
                conversation.delivery = None  # the next connection counts from one again
                conversation.exchange.transport_failed(self.fault, trio.current_time())
                conversation.poke()
        return active
