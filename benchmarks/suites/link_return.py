"""Everybody loses the other side and comes back: how long that takes, and what it costs.

The process is killed and started again on the same port with the same data. Connectors notice at
once, and come back with full-jitter back-off. Times count from the kill, until everybody is
online or :data:`PATIENCE` is over; then the row says how many were.
"""

from __future__ import annotations

import msgspec
import trio

from benchmarks.harness import Figures, Options, Report, Row, environment
from benchmarks.measure import against
from benchmarks.peers.middle import GATEWAY, NAMES, Middle, missing, open_middle
from benchmarks.processes import usage

CONNECTORS, CONNECTORS_FULL = 2_000, 10_000

#: Seconds after which the rest is given up on.
PATIENCE = 120.0

KINDS = tuple(kind for kind in NAMES if kind != "mqtt-1")


class Fleet(msgspec.Struct):
    """What the suite reads out of a fleet's summary."""

    given_up: int
    resumed: int
    exchanges_twice: int


class Summary(msgspec.Struct):
    """The fleet's last line."""

    fleet: Fleet


async def run(options: Options) -> Report:
    """Measure all rows."""
    return await measure(CONNECTORS_FULL if options.full else CONNECTORS)


async def measure(connectors: int, kinds: tuple[str, ...] = KINDS) -> Report:
    """Let so many connectors come back to each of these kinds."""
    found: dict[str, Figures] = {}
    for kind in kinds:
        if not missing(kind):
            async with open_middle(kind, connectors) as middle:
                found[kind] = await _come_back(middle, connectors)
    rows = [_row(kind, found, connectors) for kind in kinds]
    return Report("link-return", tuple(rows), environment())


def _row(kind: str, found: dict[str, Figures], connectors: int) -> Row:
    name = f"{NAMES[kind]}, {connectors:,} come back"
    if kind not in found:
        return Row(name, {}, missing(kind))
    if kind == GATEWAY:
        return Row(name, found[kind], "aim for 10,000: all within 30 s, none refused for good")
    return Row(name, found[kind], against(found.get(GATEWAY), found[kind], "CPU ms each"))


async def _come_back(middle: Middle, connectors: int) -> dict[str, float]:
    killed = trio.current_time()
    await middle.service.kill()
    await middle.service.start()
    await middle.wait_ready()
    ready, before = trio.current_time(), usage(middle.service.pid)
    with trio.move_on_after(PATIENCE):
        await middle.wait_online()
    ended, after, online = trio.current_time(), usage(middle.service.pid), await middle.online()
    spent = after.cpu_seconds - before.cpu_seconds
    figures = {
        "s": round(ended - killed, 2),
        "online": float(online),
        "s to ready": round(ready - killed, 2),
        "CPU s": round(spent, 2),
        "CPU ms each": round(1000 * spent / connectors, 3),
    }
    return figures if middle.kind != GATEWAY else figures | await _refused(middle)


async def _refused(middle: Middle) -> dict[str, float]:
    await middle.devices.stop()
    said = await middle.devices.wait_line("{")
    return {"refused for good": msgspec.json.decode(said, type=Summary).fleet.given_up}
