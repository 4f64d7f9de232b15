"""Sessions side by side, each asking as soon as it is answered."""

from __future__ import annotations

from typing import Any

import trio

from benchmarks.client import SocketClient, open_client
from benchmarks.harness import Row, row_from
from benchmarks.node import Node


async def ask_through(
    node: Node, name: str, request: str, ecu: dict[str, Any], sessions: int, seconds: float
) -> Row:
    """Return the row of ``sessions`` sessions, one connector each, for about ``seconds``."""
    samples: list[float] = []
    async with open_client(node) as (workshop, client):
        uuids = node.connectors[:sessions]
        opened = [await workshop.open(connector_uuid=uuid) for uuid in uuids]
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for session in opened:
                until = began + seconds
                nursery.start_soon(_ask, client, session.id, ecu, request, until, samples)
        elapsed = trio.current_time() - began
        for session in opened:
            await session.end()
    return row_from(name, samples, elapsed)


async def _ask(
    client: SocketClient,
    session: str,
    ecu: dict[str, Any],
    request: str,
    until: float,
    samples: list[float],
) -> None:
    while (at := trio.current_time()) < until:
        await client.exchange(session, ecu, request)
        samples.append(trio.current_time() - at)
