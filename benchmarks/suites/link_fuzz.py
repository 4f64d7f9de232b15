"""Tens of thousands of hostile connections beside fifty good ones: does anybody notice?

Each hostile connection is one of `benchmarks.attacks.KINDS`, a share of them by somebody who has
a connector's key. What counts: the gateway does not end, its memory does not grow with them, it
says a line for each at most, and the good connectors keep their links.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

import httpx2
import msgspec
import trio

from benchmarks.attacks import attack, person_of
from benchmarks.harness import Options, Report, Row, environment
from benchmarks.node import Node, open_node
from benchmarks.processes import Usage, usage

CONNECTIONS, CONNECTIONS_FULL = 5_000, 100_000

HEALTHY = 50

#: Connectors whose keys the intruders have, and connections that they make at once: as many, so
#: that no two of them have the same key at a time.
INTRUDERS = 200

#: The first tenth also fills caches and the allocator; memory is compared from there on.
WARM_UP = 0.1

#: Seconds after the last one until everything it left behind is gone: a resume window of 5 s.
SETTLE = 8.0

SEED = 1

#: Defaults would turn most of them away before they get to say anything: the bounds on accepts
#: and on connectors that begin anew have tests of their own.
SETTINGS = {
    "GATEWAY_LINK_ACCEPT_RATE": "100000",
    "GATEWAY_LINK_FLAP_LIMIT": "1000000",
    "GATEWAY_LINK_RESUME_WINDOW": "5",
}


class FleetCounts(msgspec.Struct):
    """What the suite reads out of the good connectors' summary."""

    links: int
    ever_connected: int
    connected: int


class Summary(msgspec.Struct):
    """The fleet's last line."""

    fleet: FleetCounts


async def run(options: Options) -> Report:
    """Make all connections."""
    default = CONNECTIONS_FULL if options.full else CONNECTIONS
    return await measure(options.connections or default)


async def measure(connections: int, healthy: int = HEALTHY) -> Report:
    """Make so many hostile connections beside so many good connectors."""
    async with open_node(healthy, None, spare=INTRUDERS, settings=SETTINGS) as node:
        storm = _Storm(node, healthy)
        began = trio.current_time()
        await storm.rage(0, round(connections * WARM_UP))
        await trio.sleep(SETTLE)
        warm = usage(node.gateway.pid)
        await storm.rage(round(connections * WARM_UP), connections)
        lasted = trio.current_time() - began - SETTLE
        await trio.sleep(SETTLE)
        rows = [await _row(node, storm, warm, lasted), *await _closes(node)]
        rows.append(_ends(storm.ends))
    return Report("link-fuzz", tuple(rows), environment())


class _Storm:
    """The intruders; counts how their connections ended."""

    def __init__(self, node: Node, healthy: int) -> None:
        entries = msgspec.json.decode(node.roster.read_bytes())
        self._people = [person_of(entry["uuid"], entry["key"]) for entry in entries[healthy:]]
        self._dial = partial(trio.open_tcp_stream, "127.0.0.1", node.link_port)
        self.ends: Counter[str] = Counter()
        self.made = 0

    async def rage(self, first: int, last: int) -> None:
        """Make the connections from one number to another."""
        numbers = iter(range(first, last))
        async with trio.open_nursery() as nursery:
            for person in range(len(self._people)):
                nursery.start_soon(self._intrude, person, numbers)

    async def _intrude(self, person: int, numbers: Iterator[int]) -> None:
        for number in numbers:
            try:
                outcome = await attack(self._dial, self._people[person], SEED, number)
            except OSError as error:
                self.ends[f"no connection: {type(error).__name__}"] += 1
            else:
                self.ends[outcome.end] += 1
            self.made += 1


async def _row(node: Node, storm: _Storm, warm: Usage, lasted: float) -> Row:
    exits = int(not node.gateway.is_running)
    after = warm if exits else usage(node.gateway.pid)
    fleet = await _fleet(node)
    return Row(
        f"{storm.made:,} hostile connections beside {fleet.ever_connected} good connectors",
        {
            "exits": float(exits),
            "links lost": float(fleet.links - fleet.ever_connected),
            "online at the end": float(fleet.connected),
            "MiB after a tenth": round(warm.resident_kib / 1024, 1),
            "MiB at the end": round(after.resident_kib / 1024, 1),
            "lines each": round(node.gateway.said / storm.made, 3),
            "per second": round(storm.made / lasted, 1),
            "CPU ms each": round(1000 * after.cpu_seconds / storm.made, 2),
        },
        "aim: no exits, no link lost, memory flat, one line each at most",
    )


async def _fleet(node: Node) -> FleetCounts:
    await node.simulator.stop()
    said = await node.simulator.wait_line("{")
    return msgspec.json.decode(said, type=Summary).fleet


async def _closes(node: Node) -> list[Row]:
    """Return how the gateway itself counted them."""
    async with httpx2.AsyncClient(base_url=node.http, trust_env=False) as client:
        page = (await client.get("/metrics")).text
    rows = []
    for family, label, name in (
        ("link_refused", "reason", "became no link"),
        ("link_ended", "code", "links ended"),
        ("connection_failures", "error", "ended by an exception"),
    ):
        pattern = rf'^gateway_{family}_total{{[^}}]*\b{label}="([^"]+)"[^}}]*}} (\S+)'
        counts = {word: float(count) for word, count in re.findall(pattern, page, re.MULTILINE)}
        rows.append(Row(name, {}, _listed(counts)))
    return rows


def _ends(ends: Counter[str]) -> Row:
    return Row("as the intruders saw it", {}, _listed(ends))


def _listed(counts: Mapping[str, float]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{word} {count:,.0f}" for word, count in ordered)
