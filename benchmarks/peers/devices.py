"""``python -m benchmarks.peers.devices KIND``: many connectors in one process.

They answer requests from the same table as the fleet's, or stream the same made-up frames, and
come back with the same full-jitter back-off when they lose the other side. On standard output a
line ``online N`` whenever all of them are.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

import trio
from trio_websocket import ConnectionClosed, HandshakeError

from benchmarks.peers import devices_link
from benchmarks.peers.framing import answer, frames
from benchmarks.peers.plugs import KINDS, Plug, open_plug
from firmware_sim.firmware.link import Backoff
from firmware_sim.fleet import answers
from firmware_sim.fleet.footprint import allow_sockets
from firmware_sim.fleet.frames import FrameSource
from firmware_sim.roster import read_roster
from protocols.link.messages import MonitorStart

#: How often a batch of frames leaves, milliseconds; what the gateway asks its connectors for
#: unless it is configured otherwise.
FLUSH_MS = 10

#: First dials that may wait for their answer at once, as in a fleet.
IN_FLIGHT = 64

VIN = "WVWZZZAUZHP000001"


@dataclass(frozen=True, slots=True)
class Devices:
    """What the connectors of one process are.

    Attributes:
        kind: of peer.
        port: they dial.
        count: how many.
        frames: a second on the bus of each; 0 is none.
        keep_alive: seconds between signs of life.
        flush_ms: milliseconds from one batch of frames to the next.
    """

    kind: str
    port: int
    count: int
    frames: float
    keep_alive: float
    flush_ms: int


class Population:
    """Who is online; tells when all are."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._online = 0

    def up(self) -> None:
        self._online += 1
        if self._online == self._count:
            print(f"online {self._count}", flush=True)

    def down(self) -> None:
        self._online -= 1


async def stream_frames(
    send: Callable[[bytes], Awaitable[object]],
    rate: float,
    index: int,
    flush_ms: int,
    random: Random,
) -> None:
    """Send the frames of one bus in batches, for ever, with time stamps of the machine's clock.

    The machine's and not Trio's, which begins elsewhere in each process: whoever receives them
    on this machine can tell how long they took.
    """
    order = MonitorStart("can0", index, flush_ms=flush_ms)
    await trio.sleep(random.uniform(0, flush_ms / 1000))
    source = FrameSource(order, rate, perf_counter())
    while True:
        await trio.sleep(flush_ms / 1000)
        batch, count = source.batch(perf_counter())
        if count:
            await send(batch)
            source.taken()


async def _live(plug: Plug, devices: Devices, random: Random) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_alive, plug, devices.keep_alive, random)
        if devices.frames:
            send = partial(_send_frames, plug)
            nursery.start_soon(stream_frames, send, devices.frames, 0, devices.flush_ms, random)
        while requests := await plug.receive():
            for request in requests:
                data = answers.answer(VIN, request[4:]) or b""
                await plug.send(answer(request, data))
        nursery.cancel_scope.cancel()


async def _send_frames(plug: Plug, batch: bytes) -> None:
    await plug.send(frames(batch))


async def _keep_alive(plug: Plug, interval: float, random: Random) -> None:
    await trio.sleep(random.uniform(0, interval))
    while True:
        await plug.keep_alive()
        await trio.sleep(interval)


async def _device(number: int, devices: Devices, population: Population, settled: Settled) -> None:
    random, backoff = Random(number), Backoff()
    for failures in itertools.count():
        try:
            plug = open_plug(devices.kind, devices.port, number, devices.keep_alive)
            async with plug as connected:
                settled()
                population.up()
                try:
                    await _live(connected, devices, random)
                finally:
                    population.down()
        except* (OSError, trio.BrokenResourceError, trio.TooSlowError):
            pass
        except* (ConnectionClosed, HandshakeError):
            pass
        settled()
        await trio.sleep(backoff.pause(failures, random))


class Settled:
    """Gives the place among those who dial free, once."""

    def __init__(self, slots: trio.Semaphore) -> None:
        self._slots: trio.Semaphore | None = slots

    def __call__(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


async def _run(devices: Devices) -> None:
    population, slots = Population(devices.count), trio.Semaphore(IN_FLIGHT)
    async with trio.open_nursery() as nursery:
        for number in range(devices.count):
            await slots.acquire()
            nursery.start_soon(_device, number, devices, population, Settled(slots))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devices")
    parser.add_argument("kind", choices=(*KINDS, "link"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--frames", type=float, default=0.0)
    parser.add_argument("--keep-alive", type=float, default=5.0)
    parser.add_argument("--flush-ms", type=int, default=FLUSH_MS)
    parser.add_argument("--roster", type=Path, help="of connectors on the gateway's link")
    return parser


def main() -> None:
    """Be what the command line says until stopped."""
    given = _parser().parse_args()
    if given.kind == "link":
        stream = partial(stream_frames, random=Random(0))
        trio.run(devices_link.run, read_roster(given.roster), given.frames, stream)
        return
    allow_sockets(given.count)
    trio.run(
        _run,
        Devices(
            given.kind, given.port, given.count, given.frames, given.keep_alive, given.flush_ms
        ),
    )


if __name__ == "__main__":
    main()
