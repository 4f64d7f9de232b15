"""Several nodes of one gateway and its vehicles, in processes of their own, on real servers."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import msgspec
import trio
from cryptography.fernet import Fernet

from benchmarks.node import QUICK
from benchmarks.processes import open_service
from gateway.config import DataSettings, Secret, Settings
from gateway.demo.node_process import NodeProcess
from gateway.demo.seed import Seeded, seed
from gateway.demo.servers import open_postgres, open_valkey
from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade

#: Seconds until every connector is known at every node.
ONLINE_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Entrance:
    """One node as an operator comes in there.

    Attributes:
        http: URL of REST and websockets.
        connectors: UUIDs of those to work on, wherever they are.
        client_id, client_secret: of the operator.
    """

    http: str
    connectors: tuple[str, ...]
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Servers:
    """What nodes share.

    Attributes:
        database: SQLAlchemy address, the schema is there.
        bus: address of Valkey.
    """

    database: str
    bus: str


@asynccontextmanager
async def open_servers(folder: Path) -> AsyncIterator[Servers]:
    """Run private servers for the block."""
    async with (
        open_postgres(folder / "pg", None) as database,
        open_valkey(folder / "valkey", None) as bus,
    ):
        async with open_database(database) as opened:
            await upgrade(opened)
        yield Servers(database, bus)


@asynccontextmanager
async def open_cluster(nodes: int, connectors: int) -> AsyncIterator[tuple[Entrance, ...]]:
    """Run nodes for the block, each with so many connectors; return their entrances.

    The first entrance's connectors are those at the first node, and so on.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gateway-bench-")))
        await trio.Path(folder).chmod(0o711)
        servers = await stack.enter_async_context(open_servers(folder))
        key = Fernet.generate_key().decode()
        people = await _people(folder / "data", servers, key, nodes * connectors)
        nursery = await stack.enter_async_context(trio.open_nursery())
        entrances = []
        for number in range(nodes):
            node = NodeProcess(f"n{number}", folder, _settings(folder, servers, key))
            await nursery.start(node.run)
            mine = people.connectors[number * connectors : (number + 1) * connectors]
            roster = folder / f"roster{number}.json"
            entries = [
                {
                    "gateway": node.link,
                    "uuid": it.uuid,
                    "key": it.private_key,
                    "vehicle": str(QUICK),
                    "seed": seed,
                }
                for seed, it in enumerate(mine)
            ]
            await trio.Path(roster).write_bytes(msgspec.json.encode(entries))
            command = [sys.executable, "-m", "firmware_sim", "run", "--roster", str(roster)]
            await stack.enter_async_context(open_service(command, nursery, dict(os.environ)))
            entrances.append(
                Entrance(
                    node.http,
                    tuple(it.uuid for it in mine),
                    people.operator.client_id,
                    people.operator.client_secret,
                )
            )
        await _until_known(entrances, nodes * connectors)
        yield tuple(entrances)
        nursery.cancel_scope.cancel()


def at(entrance: Entrance, connectors: Sequence[str]) -> Entrance:
    """Return the entrance for work on these connectors."""
    return replace(entrance, connectors=tuple(connectors))


def _settings(folder: Path, servers: Servers, key: str) -> dict[str, str]:
    return {
        "DATA_DIRECTORY": str(folder / "data"),
        "DATABASE_URL": servers.database,
        "SECURITY_KEY": key,
        "BUS_URL": servers.bus,
        "NODE_DRAIN": "0",
        "HTTP_PORT": "0",
        "LINK_PORT": "0",
    }


async def _people(folder: Path, servers: Servers, key: str, connectors: int) -> Seeded:
    await trio.Path(folder).mkdir(mode=0o700)
    settings = Settings(data=DataSettings(directory=folder))
    settings = replace(settings, security=replace(settings.security, key=Secret(key)))
    async with open_database(servers.database) as database:
        identity = await open_identity(database, settings, utc_now)
        return await seed(identity, database, connectors, folder)


async def _until_known(entrances: Sequence[Entrance], connectors: int) -> None:
    with trio.fail_after(ONLINE_WITHIN):
        for entrance in entrances:
            async with httpx2.AsyncClient(base_url=entrance.http, trust_env=False) as client:
                while await _known(client) < connectors:  # noqa: ASYNC110 - asked over HTTP
                    await trio.sleep(0.1)


async def _known(client: httpx2.AsyncClient) -> int:
    page = (await client.get("/metrics")).text
    names = ("gateway_connectors_online ", "gateway_connectors_elsewhere ")
    lines = [line for line in page.splitlines() if line.startswith(names)]
    return round(sum(float(line.split()[1]) for line in lines))
