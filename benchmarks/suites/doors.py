"""What a session's doors add to an operator's own tool, and what they carry.

    vehicle   doipclient reads the VIN of a DoIP vehicle on this machine
    door      doipclient, the same vehicle, through a session's DoIP door: gateway and connector
              in between
    frames    socketcand: what one core shows of full buses, and how fast it takes frames

Vehicle, gateway, connector and tool are processes of their own. doipclient is a blocking client
and runs in a thread of the benchmark.
"""

# doipclient ships no annotations.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import trio
from doipclient.client import DoIPClient

from benchmarks.harness import Options, Report, Row, environment, row_from
from benchmarks.node import QUICK, Node, open_node
from benchmarks.peers.middle import open_workshop
from benchmarks.processes import open_service, usage
from benchmarks.suites.link_frames import BUS

QUICK_DOIP = QUICK.with_name("quick_doip.yaml")
ENGINE_DOIP, ENGINE_CAN = 0x1630, 0x17E0
READ_VIN = b"\x22\xf1\x90"

#: Full buses at once, each with a client of its own.
BUSES = 6

#: Measurements of vehicle and door, in turns: a disturbed one does not count alone.
ROUNDS = 3

#: Seconds until streams have settled.
SETTLE = 1.0

#: Frames said at once by the client that sends as fast as it can.
_SAID = b"< send 321 8 1 2 3 4 5 6 7 8 >" * 200

Json = Any  # what the API answers


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door and its session, by their addresses.

    Attributes:
        path: of the door in the operator API.
        told: what the API told when it opened.
    """

    path: str
    told: Json


async def run(options: Options) -> Report:
    """Measure all rows."""
    async with open_node(connectors=1, vehicle=QUICK) as can:
        rows = [*await _added(can, options.seconds), await _taken(can, options.seconds)]
    rows.append(await _shown(options.seconds))
    return Report("doors", tuple(rows), environment())


# --- DoIP --------------------------------------------------------------------------------------


async def _added(can: Node, seconds: float) -> list[Row]:
    """Measure vehicle and door in turns, on DoIP and on CAN."""
    direct, on_doip, on_can = list[float](), list[float](), list[float]()
    async with (
        _vehicle(QUICK_DOIP) as port,
        open_node(connectors=1, vehicle=QUICK_DOIP) as doip,
        _doors(doip, "doip") as (door,),
        _doors(can, "doip") as (can_door,),
    ):
        share = seconds / ROUNDS
        for _ in range(ROUNDS):
            direct += await _read(port, None, ENGINE_DOIP, share)
            on_doip += await _read(door.told["port"], door.told["key"], ENGINE_DOIP, share)
            on_can += await _read(can_door.told["port"], can_door.told["key"], ENGINE_CAN, share)
    rows = [
        row_from("VIN by doipclient, from the vehicle itself", direct, sum(direct)),
        row_from("VIN by doipclient, through the door", on_doip, sum(on_doip)),
        row_from("VIN by doipclient, through the door, ECU on CAN", on_can, sum(on_can)),
    ]
    added = rows[1].figures["p50 ms"] - rows[0].figures["p50 ms"]
    return [*rows, Row("added by the door", {"p50 ms": round(added, 3)}, "aim: under 1.5 ms")]


async def _read(port: int, key: int | None, ecu: int, seconds: float) -> list[float]:
    return await trio.to_thread.run_sync(partial(_read_in_thread, port, key, ecu, seconds))


def _read_in_thread(port: int, key: int | None, ecu: int, seconds: float) -> list[float]:
    """Return how long each exchange took."""
    samples = []
    with DoIPClient("127.0.0.1", ecu, tcp_port=port, udp_port=port, vm_specific=key) as client:
        ends = perf_counter() + seconds
        while (at := perf_counter()) < ends:
            client.send_diagnostic(READ_VIN)
            answer = bytes(client.receive_diagnostic(timeout=2))
            samples.append(perf_counter() - at)
            if answer[:3] != b"\x62\xf1\x90":
                raise RuntimeError(f"the vehicle said {answer.hex()}")
    return samples


@asynccontextmanager
async def _vehicle(path: Path) -> AsyncIterator[int]:
    """Run a DoIP vehicle in a process of its own; give the block its port."""
    command = [sys.executable, "-m", "benchmarks.peers.doip_vehicle", str(path)]
    async with trio.open_nursery() as nursery, open_service(command, nursery) as service:
        yield int((await service.wait_line("port ")).split()[1])


# --- socketcand --------------------------------------------------------------------------------


async def _shown(seconds: float) -> Row:
    """Let clients follow full buses."""
    async with (
        open_node(connectors=BUSES, vehicle=None, frames=BUS) as node,
        _doors(node, "socketcand") as doors,
    ):
        seen = [0] * len(doors)
        async with trio.open_nursery() as nursery:
            for number, door in enumerate(doors):
                nursery.start_soon(_follow, door, partial(_count, seen, number))
            await trio.sleep(SETTLE)
            figures = await _measure(node, lambda: sum(seen), seconds)
            nursery.cancel_scope.cancel()
    return Row(f"socketcand, {BUSES} full buses to their clients", figures, f"{BUS} each")


def _count(seen: list[int], number: int, data: bytes) -> None:
    seen[number] += data.count(b"< frame")


async def _follow(door: OpenDoor, take: Callable[[bytes], None]) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", door.told["port"])
    async with stream:
        await stream.send_all(f"< open {door.told['key']} >< rawmode >".encode())
        async for data in stream:
            take(bytes(data))


async def _taken(node: Node, seconds: float) -> Row:
    """Let a client send as fast as the vehicle's bus takes it."""
    async with (
        open_workshop(node) as workshop,
        _doors(node, "socketcand") as (door,),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_flood, door)
        await trio.sleep(SETTLE)
        counts = [await _frames_taken(workshop, door)]
        began, before = trio.current_time(), usage(node.gateway.pid)
        await trio.sleep(seconds)
        counts.append(await _frames_taken(workshop, door))
        elapsed, after = trio.current_time() - began, usage(node.gateway.pid)
        nursery.cancel_scope.cancel()
    frames = counts[1] - counts[0]
    figures = _rates(frames, elapsed, after.cpu_seconds - before.cpu_seconds)
    return Row("socketcand, a client to a bus without a bit rate", figures, f"a bus takes {BUS}")


async def _frames_taken(workshop: Any, door: OpenDoor) -> int:  # untyped JSON behind it
    return int((await workshop.client.get(door.path))["statistics"]["frames_taken"])


async def _flood(door: OpenDoor) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", door.told["port"])
    async with stream:
        await stream.send_all(f"< open {door.told['key']} >".encode())
        while True:
            await stream.send_all(_SAID)


async def _measure(node: Node, frames: Callable[[], int], seconds: float) -> dict[str, float]:
    began, before, first = trio.current_time(), usage(node.gateway.pid), frames()
    await trio.sleep(seconds)
    elapsed, after = trio.current_time() - began, usage(node.gateway.pid)
    return _rates(frames() - first, elapsed, after.cpu_seconds - before.cpu_seconds)


def _rates(frames: int, elapsed: float, cpu_seconds: float) -> dict[str, float]:
    return {
        "frames per second": round(frames / elapsed, 1),
        "frames per CPU s": round(frames / max(cpu_seconds, 0.01), 1),
    }


@asynccontextmanager
async def _doors(node: Node, kind: str) -> AsyncIterator[list[OpenDoor]]:
    """Open a session and a door on every connector of a node."""
    async with open_workshop(node) as workshop:
        sessions = [await workshop.open(connector_uuid=uuid) for uuid in node.connectors]
        doors = []
        for session in sessions:
            path = f"/operator/v1/sessions/{session.id}/doors"
            told = await workshop.client.post(path, {"kind": kind})
            doors.append(OpenDoor(f"{path}/{kind}", told))
        yield doors
        for session in sessions:
            await session.end()
