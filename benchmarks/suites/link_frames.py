"""How many raw frames a core carries from connectors to one operator, and how late they are.

Each connector sends what a saturated 500 kbit/s bus shows, 4,200 frames a second, in batches of
ten milliseconds and then of twenty, the longest that the gateway can be told. The rate is given
and the same for all: what counts is the processor time it takes. Times are those of each batch's
oldest frame, which has waited longest at the connector.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter

import trio

from benchmarks.client import open_client
from benchmarks.harness import Figures, Options, Report, Row, environment, latencies, medians
from benchmarks.measure import against, per_cpu_second, read, shares
from benchmarks.peers.devices import FLUSH_MS
from benchmarks.peers.middle import GATEWAY, NAMES, Middle, missing, open_middle
from benchmarks.sizes import frames
from protocols.can.batch import peek_batch

#: Frames a second on a classic 500 kbit/s bus that is full, eight bytes each.
BUS = 4_200

#: Buses in the default run, and in the full one; a websocket follows up to 64.
BUSES, BUSES_FULL = 24, 60

#: How long frames wait for their batch, milliseconds: the default and the longest.
FLUSHES = (FLUSH_MS, 20)

#: Measurements of each, whose median counts.
ROUNDS = 3

#: Seconds from the first frame until what is behind has been caught up with.
SETTLE = 1.0

#: The others that carry frames; what counts twice over does not matter to a stream.
KINDS = tuple(kind for kind in NAMES if kind != "mqtt-1")


@dataclass(slots=True)
class Seen:
    """What one operator got.

    Attributes:
        batches: of frames.
        frames: in them.
        dropped: that are told to have been lost on the way.
        samples: seconds from a batch's oldest frame until the operator had it.
    """

    batches: int = 0
    frames: int = 0
    dropped: int = 0
    samples: list[float] = field(default_factory=list)

    def take(self, batch: bytes) -> None:
        """Count a batch; its time stamps are this machine's clock."""
        header = peek_batch(batch)
        self.batches += 1
        self.frames += header.count
        self.dropped += header.dropped
        self.samples.append(perf_counter() - header.first_timestamp_us / 1e6)

    def clear(self) -> None:
        """Begin anew."""
        self.batches = self.frames = self.dropped = 0
        self.samples = []


async def run(options: Options) -> Report:
    """Measure all rows."""
    buses = BUSES_FULL if options.full else BUSES
    return await measure(options.seconds, buses)


async def measure(
    seconds: float,
    buses: int,
    kinds: tuple[str, ...] = KINDS,
    flushes: tuple[int, ...] = FLUSHES,
) -> Report:
    """Measure these kinds with so many buses, for about ``seconds`` each."""
    rows: list[Row] = []
    for flush_ms in flushes:
        found = {
            kind: await _measure(kind, seconds, buses, flush_ms)
            for kind in kinds
            if not missing(kind)
        }
        rows += [_row(kind, found, buses, flush_ms) for kind in kinds]
    return Report("link-frames", (*rows, *map(_computed, flushes)), environment())


async def _measure(kind: str, seconds: float, buses: int, flush_ms: int) -> Figures:
    async with open_middle(kind, buses, frames=BUS, flush_ms=flush_ms) as middle:
        return await _carried(middle, buses, seconds)


def _row(kind: str, found: dict[str, Figures], buses: int, flush_ms: int) -> Row:
    name = f"{NAMES[kind]}, {buses} buses, {flush_ms} ms"
    if kind not in found:
        return Row(name, {}, missing(kind))
    if kind == GATEWAY:
        return Row(name, found[kind], "aim: 1,000,000 per CPU s, p99 under 50 ms")
    return Row(name, found[kind], against(found.get(GATEWAY), found[kind], "frames per CPU s"))


async def _carried(middle: Middle, buses: int, seconds: float) -> Figures:
    seen = Seen()
    async with middle.operate(buses, True) as carrier, open_client(carrier, seen.take):
        await trio.sleep(SETTLE)
        return medians([await _once(middle, seen, seconds / ROUNDS) for _ in range(ROUNDS)])


async def _once(middle: Middle, seen: Seen, seconds: float) -> Figures:
    seen.clear()
    before = read(middle)
    await trio.sleep(seconds)
    after = read(middle)
    wire = after.wire.since(before.wire)
    return {
        "frames per second": round(seen.frames / (after.at - before.at), 1),
        "frames per CPU s": per_cpu_second(seen.frames, before, after),
        # Connectors that are late send larger batches, which makes frames look cheap.
        "batches per CPU s": per_cpu_second(seen.batches, before, after),
        **latencies(seen.samples),
        **shares(before, after),
        "frames in a batch": round(seen.frames / seen.batches, 1),
        "dropped": float(seen.dropped),
        "B each": round((wire.sent + wire.received) / seen.frames, 2),
    }


def _computed(flush_ms: int) -> Row:
    count = BUS * flush_ms // 1000
    note = f"in batches of {count}; the frame itself has 8 B of data and 4 B of identifier"
    return Row(
        f"one frame on the link, {flush_ms} ms, computed",
        {"B each": round(frames(count), 2)},
        note,
    )
