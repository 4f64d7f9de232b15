"""The tester that runs here for a connector without ISO-TP on board.

The same machines as in a connector's firmware, with the network between them and the bus: see
:mod:`gateway.links.bus_tester` for what that costs. Operators see no difference: the same targets,
results, failures and time stamps.

Safe state: tester present runs here, so when the link is lost it stops at once, and control units
leave their diagnostic sessions by their own S3 timer (5 s, ISO 14229-2). A session's grace, which
outlasts lost links, needs ISO-TP on board. When an operator's session ends while the link stands,
its control units are brought back to their default session, as everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import trio

from gateway.domain.connector import ConnectorStatus
from gateway.domain.errors import Unavailable
from gateway.links.bus_tester import BusTester, FrameCarrier, interrupted
from protocols.diagnosis.identification import READ_VIN, vin_in, wrote_vin
from protocols.diagnosis.patience import Patience
from protocols.diagnosis.results import to_result
from protocols.diagnosis.route import Routes, UnknownBusError
from protocols.diagnosis.sessions import (
    DEFAULT_SESSION,
    TESTER_PRESENT,
    OpenedSessions,
    changed_session,
    target_name,
)
from protocols.diagnosis.targets import target_of
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.messages import CloseCode, ExchangeResult
from protocols.link.vehicle import CanTarget, Capabilities, DoipTarget, Target
from protocols.uds.policy import ExchangePolicy

#: Patience besides the measured way to the connector, which comes on top: single packets of a
#: mobile network come a few tenths of a second later than its round trip says.
FIRST_POLICY = ExchangePolicy(margin=0.3)

#: Round trip that is assumed until one has been measured, seconds.
ASSUMED_ROUND_TRIP = 0.5

#: How often the round trip is added to P2 and P2*: once for the way, once for its jitter.
ROUND_TRIPS = 2

#: Pause before a vehicle that told no number is asked again, seconds.
VIN_INTERVAL = 30.0

#: Longest wait of a frame for its batch at the connector, seconds (``MonitorStart.flush_ms``).
FLUSH = 0.01


class Carrier(FrameCarrier, Protocol):
    """What is needed of a connector."""

    capabilities: Capabilities
    clock_offset_us: int
    status: ConnectorStatus

    def identified(self, vin: str) -> None:
        """Take the vehicle's number."""
        ...

    def end_connection(self, code: CloseCode, reason: str) -> None:
        """Send the present connection away."""
        ...


class _Work:
    """A session's requests at the vehicle."""

    def __init__(self) -> None:
        self.count = 0
        self.quiet = trio.Event()

    async def wait_quiet(self) -> None:
        """Return when none is at the vehicle."""
        while self.count:
            self.quiet = trio.Event()
            await self.quiet.wait()


class Tester:
    """Exchanges and diagnostic sessions of one connector that carries frames only.

    Owned by its ``LiveConnector``; each of its connections has a task of it, see
    :meth:`connected`. What it knows of control units outlives a connection, exchanges under way do
    not.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._numbers = itertools.count(1)
        self._patience = Patience(FIRST_POLICY)
        self._opened = OpenedSessions()
        self._work: dict[str, _Work] = {}
        self._presenting: set[Target] = set()
        self._routes = Routes((), ())
        self._buses: dict[str, BusTester] = {}
        self._known: tuple[CanTarget, ...] = ()
        self._changed = trio.Event()
        self._identify = trio.Event()

    # --- for the connector -------------------------------------------------------------------

    async def exchange(self, session: str, target: Target, request: bytes) -> ExchangeResult:
        """Run one request for a session; what the vehicle does is part of the result.

        Raises:
            Unavailable: the connector's link is interrupted.
        """
        work = self._work.setdefault(session, _Work())
        work.count += 1
        try:
            result = await self._ask(target, request)
            self._opened.saw(session, target, request, result, trio.current_time())
            self._changed.set()
            if any(wrote_vin(response.data) for response in result.responses):
                self._identify.set()
        finally:
            work.count -= 1
            if not work.count:
                work.quiet.set()
        return result

    async def release(self, session: str) -> list[str]:
        """Bring what a session opened back to its default session; return what would not come."""
        work = self._work.get(session)
        trouble = []
        try:
            if work is not None:
                # What is at the vehicle now may open something still; every exchange is bounded.
                await work.wait_quiet()
            for target in self._opened.release(session):
                failure = await self._reset(target)
                if failure:
                    trouble.append(f"{target_name(target)}: {failure}")
        finally:
            self.forget(session)
        return trouble

    def forget(self, session: str) -> None:
        """End a session without a word to the vehicle: its control units time out (S3)."""
        self._opened.release(session)
        self._work.pop(session, None)
        self._rest()

    def _rest(self) -> None:
        """Listen to nothing where nobody works."""
        if not self._work:
            for bus in self._buses.values():
                bus.rest()

    async def _reset(self, target: Target) -> str:
        """Bring a control unit back to its default session; say why where it would not come."""
        try:
            result = await self._ask(target, DEFAULT_SESSION)
        except Unavailable:
            return "the link was interrupted; its own timer (S3) ends the session"
        back = changed_session(DEFAULT_SESSION, result) is not None
        return "" if back else result.failure or "refused"

    async def _ask(self, target: Target, request: bytes) -> ExchangeResult:
        number = next(self._numbers)
        if not self._buses:
            raise interrupted()
        try:
            return await self._run_exchange(number, target, request)
        except UnknownBusError as error:
            return ExchangeResult(number, failure="unknown_bus", detail=str(error))
        except LocalProtocolError as error:
            return ExchangeResult(number, failure="refused", detail=str(error))

    async def _run_exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        route = self._routes.find(target)
        if isinstance(route, DoipTarget):
            raise UnknownBusError("this connector carries raw CAN frames only, and no DoIP")
        policy = self._patience.of(target, more_margin=self._way())
        outcome = await self._buses[route.bus].exchange(route, request, policy)
        self._patience.saw(target, request, outcome)
        return to_result(number, outcome, clock_offset_us=self._carrier.clock_offset_us)

    def _way(self) -> float:
        """Return what the network adds to an answer's time, seconds."""
        measured = self._carrier.status.round_trip_ms
        round_trip = ASSUMED_ROUND_TRIP if measured is None else measured / 1000
        return ROUND_TRIPS * round_trip + FLUSH

    # --- the task of a connection ------------------------------------------------------------

    def connected(self) -> Callable[[], Awaitable[None]]:
        """A connection is up: exchanges are taken from now on.

        Returns:
            The connection's task: it serves until it is cancelled, and what is under way then
            fails. A newer connection takes over from an older one that has not ended yet.
        """
        capabilities = self._carrier.capabilities
        self._routes = Routes(capabilities.buses, capabilities.ecus)
        self._buses = self._bus_testers(capabilities)
        self._known = tuple(
            target for ecu in capabilities.ecus if (target := target_of(ecu)) is not None
        )
        return partial(self._serve, self._buses)

    async def _serve(self, buses: dict[str, BusTester]) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for bus in buses.values():
                    nursery.start_soon(bus.run)
                nursery.start_soon(self._keep_sessions, nursery)
                nursery.start_soon(self._keep_identified)
        except* RemoteProtocolError as group:
            self._carrier.end_connection(CloseCode.PROTOCOL, str(group.exceptions[0]))
        finally:
            if self._buses is buses:
                self._buses = {}

    def _bus_testers(self, capabilities: Capabilities) -> dict[str, BusTester]:
        return {
            bus.name: BusTester(
                self._carrier,
                bus.name,
                index,
                self._routes.params(bus.name),
                (
                    (ecu.response_id, ecu.extended)
                    for ecu in capabilities.ecus
                    if ecu.bus == bus.name and ecu.response_id is not None
                ),
            )
            for index, bus in enumerate(capabilities.buses)
            if bus.kind != "doip"
        }

    async def _keep_sessions(self, nursery: trio.Nursery) -> None:
        """Send tester present whenever it is due to somebody."""
        while True:
            due = self._opened.next_deadline()
            with trio.move_on_at(math.inf if due is None else due):
                await self._changed.wait()
            self._changed = trio.Event()
            for target in self._opened.take_due(trio.current_time()):
                if target not in self._presenting:
                    nursery.start_soon(self._present, target)

    async def _present(self, target: Target) -> None:
        self._presenting.add(target)
        try:
            await self._ask(target, TESTER_PRESENT)
        except Unavailable:
            return  # the connection ends, and with it this task
        finally:
            self._presenting.discard(target)

    async def _keep_identified(self) -> None:
        """Read the vehicle's number, until it is told and again after it was written.

        A connector with ISO-TP on board does this by itself and reports it.
        """
        while True:
            self._identify = trio.Event()
            told = await self._read_vin()
            self._rest()
            with trio.move_on_after(math.inf if told else VIN_INTERVAL):
                await self._identify.wait()

    async def _read_vin(self) -> bool:
        """Ask the known control units one after the other; return whether one told."""
        if self._carrier.status.ignition is False:
            return False
        for target in self._known:
            for response in (await self._ask(target, READ_VIN)).responses:
                vin = vin_in(response.data)
                if vin is not None:
                    self._carrier.identified(vin)
                    return True
        return False
