"""What connectors cost that are merely there: memory and processor time, with default pings.

Each is authenticated where there is something to authenticate. Memory is what the process has
grown by since it was ready, divided by the connectors; drift is what it goes on growing by.
"""

from __future__ import annotations

import trio

from benchmarks.harness import Figures, Options, Report, Row, environment
from benchmarks.measure import against, read, shares
from benchmarks.peers.middle import GATEWAY, KEEP_ALIVE, NAMES, Middle, missing, open_middle
from benchmarks.processes import usage

CONNECTORS, CONNECTORS_FULL = 2_000, 10_000

#: Seconds after which everything is there that a connection ever holds: a ping and its answer.
SETTLE = KEEP_ALIVE + 1

#: Shortest time over which anything is said about pings, and that of the full run, seconds.
WINDOW, WINDOW_FULL = 2 * KEEP_ALIVE, 600.0

#: What stands still differs little between the levels of delivery.
KINDS = tuple(kind for kind in NAMES if kind != "mqtt-1")


async def run(options: Options) -> Report:
    """Measure all rows."""
    connectors = CONNECTORS_FULL if options.full else CONNECTORS
    return await measure(max(options.seconds, WINDOW), connectors, full=options.full)


async def measure(
    window: float,
    connectors: int,
    kinds: tuple[str, ...] = KINDS,
    *,
    settle: float = SETTLE,
    full: bool = False,
) -> Report:
    """Measure these kinds; the gateway, in a full run, over the time the target names.

    Args:
        window: seconds to look at.
        connectors: how many.
        kinds: of middle.
        settle: seconds from everybody online until the window begins.
        full: look at the gateway for :data:`WINDOW_FULL`.
    """
    found: dict[str, Figures] = {}
    for kind in kinds:
        if not missing(kind):
            async with open_middle(kind, connectors) as middle:
                longer = WINDOW_FULL if full and kind == GATEWAY else window
                await trio.sleep(settle)
                found[kind] = await _standing(middle, connectors, longer)
    rows = [_row(kind, found, connectors) for kind in kinds]
    return Report("link-idle", tuple(rows), environment())


def _row(kind: str, found: dict[str, Figures], connectors: int) -> Row:
    name = f"{NAMES[kind]}, {connectors:,} idle"
    if kind not in found:
        return Row(name, {}, missing(kind))
    if kind == GATEWAY:
        return Row(name, found[kind], "aim for 10,000: 32 KiB each, under 15 %, no drift")
    return Row(name, found[kind], against(found.get(GATEWAY), found[kind], "KiB each"))


async def _standing(middle: Middle, connectors: int, window: float) -> Figures:
    before = read(middle)
    await trio.sleep(window / 2)
    halfway = usage(middle.service.pid)
    await trio.sleep(window / 2)
    after = read(middle)
    wire = after.wire.since(before.wire)
    grown = before.middle.resident_kib - middle.before.resident_kib
    seconds = after.at - before.at
    return {
        "KiB each": round(grown / connectors, 2),
        "MiB": round(before.middle.resident_kib / 1024, 1),
        **shares(before, after),
        "drift KiB": after.middle.resident_kib - before.middle.resident_kib,
        "drift KiB, 2nd half": after.middle.resident_kib - halfway.resident_kib,
        "window s": round(seconds, 1),
        "B/s each": round((wire.sent + wire.received) / connectors / seconds, 2),
    }
