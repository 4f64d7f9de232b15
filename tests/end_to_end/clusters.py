"""Two nodes of one gateway in this process, on one database and one Valkey server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import trio

from gateway.config import BusSettings, DatabaseSettings, NodeSettings, Secret
from gateway.runtime.logs import Log
from tests.end_to_end.houses import House, open_house
from tests.support.link_world import until

#: Seconds in which a slow machine has told the other node anything.
SOON = 20.0


@dataclass(frozen=True)
class Cluster:
    """Two nodes; vehicles are plugged in at either of them."""

    a: House
    b: House

    async def seen(self, kind: str) -> None:
        """Wait until both nodes know of a vehicle."""
        for node in (self.a, self.b):
            await node.wait_online(kind)

    async def gone(self, node: House, kind: str) -> None:
        """Wait until a node holds a connector no more."""
        uuid = UUID(node.connector(kind).uuid)
        await until(lambda: node.gateway.registry.find(uuid) is None, within=SOON)


@asynccontextmanager
async def open_cluster(
    folder: Path, log: Log, valkey_url: str, **sections: Any
) -> AsyncIterator[Cluster]:
    """Run both nodes for the block; ``sections`` replace those of their settings."""
    chosen = {
        # Named, and so shared on purpose: without, a folder is one gateway's alone.
        "database": DatabaseSettings(url=Secret(f"sqlite:///{folder}/gateway.db")),
        "bus": BusSettings(Secret(valkey_url), channel=f"test-{folder.parent.name}"),
        "node": NodeSettings(lease=4.0, drain=0.0),
        **sections,
    }
    async with (
        open_house(folder, log, **chosen) as a,
        open_house(folder, log, **chosen) as b,
    ):
        with trio.fail_after(SOON):
            for node in (a, b):
                while not await _knows_another(node):  # noqa: ASYNC110 - asked over HTTP
                    await trio.sleep(0.02)
        yield Cluster(a, b)


async def _knows_another(node: House) -> bool:
    page = (await node.client.get("/metrics")).text
    return "gateway_nodes_others 1.0" in page
