"""How fast is a tester on a bus: ours in one thread, theirs in six?

    ours      the connector's firmware and a control unit, both in one Trio thread
    theirs    udsoncan + can-isotp + python-can with their threads, at both ends

Both on python-can's in-process virtual bus in this process, one after the other: tester present
(single frames) and TransferData with 4,095 bytes (a first frame, flow control, 584 consecutive
frames). A virtual bus takes no time, so what is measured is what a stack costs; 4,095 bytes take
140 ms on a real bus at 500 kbit/s. "per CPU s" counts what all threads used.

Then separation times (STmin) of our stack: how late a frame is, with the kernel's timer and with
Trio's clock alone.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import trio
from typing_extensions import override
from udsoncan.client import Client

from benchmarks.harness import Options, Report, Row, environment, medians, percentile
from benchmarks.peers.threaded_stack import their_client
from firmware_sim.buses.can_bus import open_bus
from firmware_sim.buses.fine_timer import FineTimer
from firmware_sim.firmware.can_exchange import CanExchanger
from firmware_sim.firmware.device import FIRST_POLICY, Device, Wiring
from firmware_sim.vehicle.can_ecu import CanEcu
from firmware_sim.vehicle.dialogue import TimedResponse
from protocols.can.frame import CanFrame
from protocols.diagnosis.route import CanRoute
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import BusInfo, CanTarget

ENGINE = CanTarget(0x7E0, 0x7E8)

#: What a transfer block holds besides service and counter, so that the request has 4,095 bytes.
BLOCK = 4093

ROUNDS = 3

#: Consecutive frames whose distance is measured.
FRAMES = 200

#: Separation times to keep, as their byte in the flow control and in seconds.
SEPARATIONS = {0xF3: 0.0003, 0x01: 0.001}


class QuickUnit:
    """A control unit's application that answers at once, repeating the second byte."""

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> list[TimedResponse]:
        """Return the positive answer, as if it had been worked on."""
        del now, functional
        return [TimedResponse(0.0, bytes([request[0] + 0x40, *request[1:2]]))]

    def next_deadline(self) -> float | None:
        """Nothing is ever due."""
        return None

    def handle_deadline(self, now: float) -> None:
        """Nothing is ever due."""
        del now


class NoPlug:
    """Measures nothing."""

    ignition = None

    def voltage(self) -> float | None:
        """Nothing is known of the voltage."""
        return None


async def run(options: Options) -> Report:
    """Measure all rows."""
    rows = []
    seconds = options.seconds / ROUNDS
    for kind, request in (("tester present", b"\x3e\x00"), ("TransferData", None)):
        rounds = [await _both(request, seconds) for _ in range(ROUNDS)]
        ours = Row(f"{kind}, ours", medians(pair[0] for pair in rounds), "one thread")
        theirs = Row(f"{kind}, theirs", medians(pair[1] for pair in rounds), "six threads")
        rows += [ours, theirs, _ratio(kind, ours, theirs)]
    for code, pause in SEPARATIONS.items():
        rows += [await _separation(code, pause, fine=fine) for fine in (True, False)]
    return Report("uds", tuple(rows), environment())


def _ratio(kind: str, ours: Row, theirs: Row) -> Row:
    shares = {
        heading: ours.figures[heading] / theirs.figures[heading]
        for heading in ours.figures
        if theirs.figures.get(heading)
    }
    return Row(f"{kind}, ours to theirs", shares, "aim: above 2")


async def _both(
    request: bytes | None, seconds: float
) -> tuple[dict[str, float], dict[str, float]]:
    async with _our_device() as device:
        ours = await _ours(device, request, seconds)
    theirs = await trio.to_thread.run_sync(_theirs, request, seconds)
    return ours, theirs


@asynccontextmanager
async def _our_device() -> AsyncIterator[Device]:
    """Open a device and a quick control unit on a channel of their own."""
    channel = f"virtual:uds-{uuid.uuid4()}"
    info = BusInfo("can0", "can", 500_000)
    address = IsoTpAddress.obd_11(0).mirrored()
    async with open_bus(channel) as tester, open_bus(channel) as unit:
        device = Device(Wiring(buses=(info,), ecus=(), can={"can0": tester}, plug=NoPlug()))
        async with trio.open_nursery() as nursery:
            await nursery.start(CanEcu(unit, address, QuickUnit(), IsoTpParams()).run)
            yield device
            nursery.cancel_scope.cancel()


async def _ours(device: Device, request: bytes | None, seconds: float) -> dict[str, float]:
    count, counter = 0, 0
    began, busy = trio.current_time(), time.process_time()
    while trio.current_time() - began < seconds:
        counter = counter + 1 & 0xFF
        payload = request or bytes([0x36, counter]) + bytes(BLOCK)
        result = await device.exchange(1, ENGINE, payload)
        if result.failure:
            raise RuntimeError(f"our exchange failed: {result.detail}")
        count += 1
    elapsed, used = trio.current_time() - began, time.process_time() - busy
    return _figures(count, elapsed, used, request)


def _theirs(request: bytes | None, seconds: float) -> dict[str, float]:
    with their_client(f"uds-{uuid.uuid4()}") as client:
        once = _their_request(client, request)
        count = 0
        began, busy = time.monotonic(), time.process_time()
        while time.monotonic() - began < seconds:
            once(count + 1 & 0xFF)
            count += 1
        elapsed, used = time.monotonic() - began, time.process_time() - busy
    return _figures(count, elapsed, used, request)


def _their_request(client: Client, request: bytes | None) -> Callable[[int], object]:
    if request is not None:
        return lambda _counter: client.tester_present()
    return partial(_transfer, client)


def _transfer(client: Client, counter: int) -> object:
    return client.transfer_data(counter, bytes(BLOCK))


def _figures(count: int, elapsed: float, used: float, request: bytes | None) -> dict[str, float]:
    figures = {"per second": count / elapsed, "per CPU s": count / used}
    if request is None:
        figures["KiB per second"] = count * (BLOCK + 2) / 1024 / elapsed
    return figures


async def _separation(code: int, pause: float, *, fine: bool) -> Row:
    """Measure how far apart our consecutive frames are when a control unit asks for a pause."""
    gaps = await _gaps(code, fine=fine)
    figures = {
        "p50 ms": percentile(gaps, 0.5) * 1000,
        "p99 ms": percentile(gaps, 0.99) * 1000,
        "least ms": min(gaps) * 1000,
        "p50 late ms": (percentile(gaps, 0.5) - pause) * 1000,
    }
    clock = "kernel's timer" if fine else "Trio's clock alone"
    return Row(f"STmin {pause * 1000:g} ms, {clock}", figures, "aim: under 1 ms late, never early")


async def _gaps(code: int, *, fine: bool) -> list[float]:
    """Return the seconds between consecutive frames after a flow control with ``code``."""
    channel = f"virtual:uds-{uuid.uuid4()}"
    route = CanRoute("can0", (IsoTpAddress.obd_11(0),), functional=False)
    stamps: list[int] = []
    async with open_bus(channel) as tester, open_bus(channel) as unit:
        if not fine:
            tester.timer = _NoTimer()
        with unit.subscribe({(0x7E0, False)}) as feed:
            async with trio.open_nursery() as nursery:
                ask = CanExchanger(tester).exchange
                nursery.start_soon(ask, route, bytes([0x36, 1]) + bytes(7 * FRAMES), FIRST_POLICY)
                await feed.receive()
                await unit.send(CanFrame(0x7E8, bytes([0x30, 0, code])))
                while len(stamps) < FRAMES:
                    stamps.append((await feed.receive()).timestamp_us)
                nursery.cancel_scope.cancel()
    return [(later - earlier) / 1e6 for earlier, later in pairwise(stamps)]


class _NoTimer(FineTimer):
    """Never rings: Trio's own deadline is all there is."""

    @override
    def arm(self, deadline: float, ring: Callable[[], None]) -> None:
        del deadline, ring
