"""What a second node costs, and what it brings.

    same node     operator and connector at one node
    across nodes  the operator at one, the connector at the other; the difference is what the way
                  between nodes adds
    1 node, 2 nodes  as many exchanges as go, with the same number of vehicles at each node
    events        from the commit at one node to listeners at the other, 2 000 a second over
                  1 000 subjects: time and order

Nodes, vehicles and operators are processes, on a private PostgreSQL and a private Valkey (or
Redis) server. A second node carries more where there are cores for it: with two, nodes, vehicles
and clients already share them at one node.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import trio

from benchmarks.client import open_client
from benchmarks.cluster import Entrance, Servers, at, open_cluster, open_servers
from benchmarks.harness import Options, Report, Row, environment, latencies, row_from
from benchmarks.load import Load, ask
from benchmarks.peers.middle import operate_gateway
from gateway.bus.memory import MemoryBus
from gateway.bus.notices import Notices
from gateway.bus.outbox import OutboxRelay
from gateway.bus.spreading import Spreading
from gateway.bus.valkey import ValkeyLine
from gateway.domain.events import Event
from gateway.runtime.feeds import Policy
from gateway.storage.database import Connection, Database, open_database
from gateway.storage.queries import events

READ_VIN = bytes.fromhex("22F190")

#: Vehicles at each node.
VEHICLES = 20

#: Events: of how many subjects, how many a second, how many in one transaction.
SUBJECTS, RATE, AT_ONCE = 1_000, 2_000, 20


async def run(options: Options) -> Report:
    """Measure all rows."""
    async with open_cluster(2, VEHICLES) as (a, b):
        rows = await _exchanges(a, b, options.seconds)
        rows += await _throughput(a, b, options.seconds)
    rows.append(await _events(options.seconds))
    return Report("cluster", tuple(rows), environment())


async def _exchanges(a: Entrance, b: Entrance, seconds: float) -> list[Row]:
    near = await _load(b, b.connectors[:1], seconds)
    far = await _load(a, b.connectors[:1], seconds)
    same = row_from("VIN, same node", near.samples, near.elapsed)
    across = row_from("VIN, across nodes", far.samples, far.elapsed)
    added = across.figures["p50 ms"] - same.figures["p50 ms"]
    note = "aim: under 2 ms"
    return [same, across, Row("VIN, added by the way", {"p50 ms": round(added, 3)}, note)]


async def _load(entrance: Entrance, connectors: tuple[str, ...], seconds: float) -> Load:
    node = at(entrance, connectors)
    async with (
        operate_gateway(node, len(connectors), False) as carrier,
        open_client(carrier) as client,
    ):
        return await ask(client, len(connectors), READ_VIN, seconds)


async def _throughput(a: Entrance, b: Entrance, seconds: float) -> list[Row]:
    one = await _load(a, a.connectors, seconds)
    both: list[Load] = []

    async def drive(entrance: Entrance) -> None:
        both.append(await _load(entrance, entrance.connectors, seconds))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, a)
        nursery.start_soon(drive, b)
    samples = [sample for load in both for sample in load.samples]
    alone = row_from(f"1 node, {VEHICLES} vehicles", one.samples, one.elapsed)
    elapsed = max(load.elapsed for load in both)
    together = row_from(f"2 nodes, {VEHICLES} vehicles each", samples, elapsed)
    times = together.figures["per second"] / alone.figures["per second"]
    note = "aim: 1.7 where there are cores for it"
    return [alone, together, Row("2 nodes carry", {"times": round(times, 2)}, note)]


# --- events ----------------------------------------------------------------------------------


async def _events(seconds: float) -> Row:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-bench-")))
        await trio.Path(folder).chmod(0o711)
        servers = await stack.enter_async_context(open_servers(folder))
        nursery = await stack.enter_async_context(trio.open_nursery())
        here, _ = await _node("here", servers, stack, nursery)
        _, bus = await _node("there", servers, stack, nursery)
        row = await _count(here, bus, seconds)
        nursery.cancel_scope.cancel()
        return row


async def _node(
    name: str, servers: Servers, stack: AsyncExitStack, nursery: trio.Nursery
) -> tuple[Database, MemoryBus]:
    database = await stack.enter_async_context(open_database(servers.database))
    log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(40)
    )
    bus, notices = MemoryBus(), Notices(ValkeyLine(servers.bus, "bench", log), name, log)
    spreading, up = Spreading(bus, database, notices), trio.Event()
    notices.on_up.append(up.set)
    for service in (notices.run, spreading.run, OutboxRelay(database, bus, log).run):
        await nursery.start(service)
    with trio.fail_after(30):
        await up.wait()
    return database, bus


async def _count(here: Database, there: MemoryBus, seconds: float) -> Row:
    total = int(RATE * seconds) // AT_ONCE * AT_ONCE
    committed: dict[int, float] = {}
    samples: list[float] = []
    last: defaultdict[str, int] = defaultdict(lambda: -1)
    disorder = 0

    async def write() -> None:
        began = trio.current_time()
        for first in range(0, total, AT_ONCE):
            await trio.sleep_until(began + first / RATE)
            await here.write(_append, first)
            committed[first] = trio.current_time()

    async with there.subscribe(["*"], Policy.BLOCK) as heard, trio.open_nursery() as nursery:
        nursery.start_soon(write)
        for _ in range(total):
            event = await heard.receive()
            number = int(event.payload["n"])
            disorder += number <= last[event.subject]
            last[event.subject] = number
            at = committed.get(number - number % AT_ONCE)
            # Heard before the writer's own task went on: no time at all.
            samples.append(0.0 if at is None else trio.current_time() - at)
    figures = latencies(samples) | {"per second": RATE, "out of order": disorder}
    return Row("event at the other node", figures, "aim: p99 under 20 ms, none out of order")


def _append(connection: Connection, first: int) -> None:
    now = datetime.now(UTC)
    for number in range(first, first + AT_ONCE):
        subject = f"ticket:{number % SUBJECTS}"
        events.append(connection, Event("tickets.ticket.changed", subject, 1, {"n": number}, now))
