"""Ties an ECU's application to a CAN bus: frames in, ISO-TP, requests, timed responses out."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Sequence
from typing import Protocol

import trio

from firmware_sim.buses.can_bus import BusGoneError, CanBus
from firmware_sim.buses.feed import FrameFeed
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.ecu_spec import EcuSpec
from protocols.can.frame import CanFrame
from protocols.isotp.addressing import (
    OBD_FUNCTIONAL_11,
    OBD_FUNCTIONAL_TARGET,
    OBD_TESTER,
    Endpoint,
    IsoTpAddress,
    Mode,
)
from protocols.isotp.connection import IsoTpConnection
from protocols.isotp.events import PayloadReceived
from protocols.isotp.params import IsoTpParams

log = logging.getLogger(__name__)

#: Responses whose time has not come; an ECU with so much to say listens to nobody meanwhile.
MAX_RESPONSES = 64

#: 29-bit functional identifier of ISO 15765-4, and of mixed addressing (ISO 15765-2, 10.3.5).
OBD_FUNCTIONAL_29 = 0x18DB0000 | OBD_FUNCTIONAL_TARGET << 8 | OBD_TESTER
MIXED_FUNCTIONAL_29 = 0x18CD0000 | OBD_FUNCTIONAL_TARGET << 8 | OBD_TESTER

#: Layout of identifiers and first byte, by declared mode and width.
_MODES = {
    ("normal", False): Mode.Normal_11bits,
    ("normal", True): Mode.Normal_29bits,
    ("extended", False): Mode.Extended_11bits,
    ("extended", True): Mode.Extended_29bits,
    ("mixed", False): Mode.Mixed_11bits,
    ("mixed", True): Mode.Mixed_29bits,
}


class Application(Protocol):
    """What this driver needs of an ECU."""

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]: ...

    def next_deadline(self) -> float | None: ...

    def handle_deadline(self, now: float) -> Sequence[TimedResponse] | None: ...


def ecu_address(spec: EcuSpec) -> IsoTpAddress:
    """Return the ECU's own view of its address: it sends responses and hears the functional id."""
    if spec.request_id is None or spec.response_id is None:
        raise ValueError(f"ECU {spec.name} has no CAN identifiers")
    transport = spec.transport
    answers_to = transport.source_address
    if transport.mode == "mixed":
        answers_to = transport.address_extension
    return IsoTpAddress(
        _MODES[transport.mode, spec.extended],
        tx=Endpoint(spec.response_id, answers_to),
        rx=Endpoint(spec.request_id, transport.first_byte),
        functional_rx=_functional(spec, spec.request_id),
    )


def _functional(spec: EcuSpec, request_id: int) -> Endpoint | None:
    transport = spec.transport
    if transport.mode == "extended":
        byte = transport.functional_address
        return None if byte is None else Endpoint(request_id, byte)
    wide = MIXED_FUNCTIONAL_29 if transport.mode == "mixed" else OBD_FUNCTIONAL_29
    identifier = wide if spec.extended else OBD_FUNCTIONAL_11
    return Endpoint(identifier, transport.address_extension)


class CanEcu:
    """One ECU on one bus; `run` it in a task of its own.

    Responses leave in the order of their time; one that is due while the one before is still
    being segmented waits for it, as in a real transport layer.
    """

    def __init__(
        self, bus: CanBus, address: IsoTpAddress, application: Application, params: IsoTpParams
    ) -> None:
        self._bus = bus
        self._application = application
        self._address = address
        self._connection = IsoTpConnection(address, params)
        self._due: list[tuple[float, int, bytes]] = []
        self._count = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve requests until cancelled; a lost bus only loses the frames of its time."""
        with self._bus.subscribe(self._address.rx_keys) as feed:
            task_status.started()
            while True:
                await self._wait(feed)
                self._step(feed.take_nowait(), trio.current_time())
                await self._flush()

    async def _wait(self, feed: FrameFeed) -> None:
        with trio.move_on_at(self._next_deadline()):
            await feed.wait()

    def _next_deadline(self) -> float:
        times = [self._connection.next_deadline(), self._application.next_deadline()]
        if self._due and not self._connection.sending:
            times.append(self._due[0][0])
        return min((time for time in times if time is not None), default=math.inf)

    def _step(self, frames: list[CanFrame], now: float) -> None:
        """Do everything that is due now; decides, never waits."""
        for frame in frames:
            self._connection.receive(frame, now)
        self._connection.handle_deadline(now)
        own = self._application.handle_deadline(now)
        if own and len(self._due) < MAX_RESPONSES:
            self._schedule(own, now)
        while (event := self._connection.next_event()) is not None:
            if isinstance(event, PayloadReceived):
                self._take_request(event, now)
        if self._due and self._due[0][0] <= now and not self._connection.sending:
            self._connection.send(heapq.heappop(self._due)[2], now)

    def _take_request(self, event: PayloadReceived, now: float) -> None:
        if len(self._due) >= MAX_RESPONSES:
            return
        try:
            responses = self._application.handle(event.payload, now, functional=event.functional)
        except Exception:  # the request's boundary: the ECU goes on with the next one
            log.exception("ECU %X failed on %s", self._address.rx.id, event.payload.hex())
            return
        self._schedule(responses, now)

    def _schedule(self, responses: Sequence[TimedResponse], now: float) -> None:
        for response in responses:
            self._count += 1
            heapq.heappush(self._due, (now + response.delay, self._count, response.payload))

    async def _flush(self) -> None:
        try:
            await self._bus.send_all(self._connection.frames_to_send())
        except BusGoneError:
            self._connection.abort(trio.current_time())
