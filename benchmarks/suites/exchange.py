"""What the gateway adds to an exchange.

    direct      the connector's firmware asks an ECU on its own bus, in this process
    1 session   operator -> gateway -> connector -> ECU and back, over real sockets
    50 sessions the same, side by side, on 50 vehicles

Gateway, vehicles and operator are three processes. The request is the VIN (multi-frame) for
latency, and tester present (single frame) for rates. The difference of the medians is what the
gateway adds.
"""

from __future__ import annotations

from itertools import product

import trio

from benchmarks.client import open_client
from benchmarks.harness import Options, Report, Row, environment, row_from
from benchmarks.load import ask
from benchmarks.node import QUICK, Node, open_node
from benchmarks.peers.middle import operate_gateway
from firmware_sim.assembly import VehicleSettings, open_device
from protocols.link.vehicle import CanTarget

READ_VIN, TESTER_PRESENT = "22F190", "3E00"

#: The one control unit of the benchmark's vehicle.
ENGINE = {"request_id": 0x7E0, "response_id": 0x7E8}

SESSIONS = 50


async def run(options: Options) -> Report:
    """Measure all rows."""
    seconds = options.seconds
    rows = [await _direct(READ_VIN, seconds), await _direct(TESTER_PRESENT, seconds)]
    async with open_node(connectors=SESSIONS) as node:
        for request, many in product((READ_VIN, TESTER_PRESENT), (1, SESSIONS)):
            rows.append(await _through(node, request, many, seconds))
    return Report("exchange", (*rows, *_added(rows)), environment())


async def _through(node: Node, request: str, sessions: int, seconds: float) -> Row:
    async with operate_gateway(node, sessions, False) as carrier, open_client(carrier) as client:
        load = await ask(client, sessions, bytes.fromhex(request), seconds)
    return row_from(_name(request, sessions), load.samples, load.elapsed)


def _added(rows: list[Row]) -> list[Row]:
    """Return what one session's median is above the direct one, by request."""
    by_name = {row.name: row for row in rows}
    added = []
    for label in ("VIN", "tester present"):
        direct = by_name[f"{label}, direct on the bus"].figures["p50 ms"]
        through = by_name[f"{label}, 1 session"].figures["p50 ms"]
        added.append(
            Row(
                f"{label}, added by the gateway",
                {"p50 ms": round(through - direct, 3)},
                "aim: under 1 ms",
            )
        )
    return added


def _name(request: str, sessions: int) -> str:
    return f"{_label(request)}, {sessions} session{'s' if sessions > 1 else ''}"


def _label(request: str) -> str:
    return "VIN" if request == READ_VIN else "tester present"


async def _direct(request: str, seconds: float) -> Row:
    target = CanTarget(ENGINE["request_id"], ENGINE["response_id"])
    payload = bytes.fromhex(request)
    samples = []
    async with open_device(VehicleSettings(vehicle=str(QUICK))) as device:
        began = trio.current_time()
        while trio.current_time() - began < seconds:
            at = trio.current_time()
            result = await device.exchange(1, target, payload)
            samples.append(trio.current_time() - at)
            if result.failure:
                raise RuntimeError(f"direct exchange failed: {result.failure}")
        elapsed = trio.current_time() - began
    return row_from(f"{_label(request)}, direct on the bus", samples, elapsed)
