"""A gateway and its simulated vehicles, in processes of their own, as in the field.

Everything is made known through the command line, as an administrator would do it.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import msgspec
import trio

from benchmarks.processes import Service, Usage, open_service, usage

#: From start to every connector online, seconds; and for each connector on top.
START_LIMIT, START_LIMIT_EACH = 120.0, 0.05

QUICK = Path(__file__).parent / "vehicles" / "quick.yaml"


@dataclass(frozen=True, slots=True)
class Node:
    """Where a running gateway is, and who may use it.

    Attributes:
        http: URL of REST and websockets.
        link: URL connectors dial.
        connectors: their UUIDs, all online.
        roster: the file with everybody's keys, the spare ones last.
        client_id: of the operator.
        client_secret: of the operator.
        gateway: its process.
        simulator: the process that the connectors run in.
        before: what the gateway had used when it was ready, before the first connector came.
    """

    http: str
    link: str
    connectors: tuple[str, ...]
    roster: Path
    client_id: str
    client_secret: str
    gateway: Service
    simulator: Service
    before: Usage

    @property
    def link_port(self) -> int:
        """The port that connectors dial."""
        return int(self.link.rpartition(":")[2].partition("/")[0])

    async def wait_ready(self) -> None:
        """Wait until the gateway takes requests."""
        await _until_ready(self.http, self.gateway)

    async def online(self) -> int:
        """Return how many connectors the gateway counts as online."""
        return await _online(self.http)

    async def wait_online(self) -> None:
        """Wait until every connector is online."""
        await _until_online(self.http, len(self.connectors), self.gateway)


class _Setup:
    """Makes an installation in a folder."""

    def __init__(self, folder: Path, flush_ms: int | None = None) -> None:
        self.folder = folder
        self.roster = folder / "roster.json"
        self.http_port, self.link_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "GATEWAY_DATA_DIRECTORY": str(folder / "data"),
            "GATEWAY_HTTP_PORT": str(self.http_port),
            "GATEWAY_LINK_PORT": str(self.link_port),
            "GATEWAY_LINK_MAX_CONNECTORS": "20000",
            "GATEWAY_LOG_LEVEL": "warning",
        }
        if flush_ms is not None:
            self.environment["GATEWAY_LINK_FRAME_FLUSH_MS"] = str(flush_ms)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def link(self) -> str:
        return f"ws://127.0.0.1:{self.link_port}/link/v1"

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of the gateway."""
        return [sys.executable, "-m", "gateway", *arguments]

    def run(self, *arguments: str) -> str:
        """Run a command of the gateway to its end and return what it said."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def provision(self, connectors: int) -> tuple[str, str]:
        """Make everybody known; return the operator's credentials."""
        provider = self.run("provider", "add", "Benchmark").strip()
        tenant = self.run("tenant", "add", "Garage", "--provider", provider).strip()
        self.run(
            "connector",
            "add",
            "--tenant",
            tenant,
            "--count",
            str(connectors),
            "--roster",
            str(self.roster),
            "--gateway",
            self.link,
        )
        said = self.run("operator", "add", "Benchmark", "--provider", provider)
        found = re.findall(r"client (?:id|secret)\s+(\S+)", said)
        return found[0], found[1]

    def vehicles(self) -> list[str]:
        """Return the command that runs every connector in a simulated vehicle."""
        return [sys.executable, "-m", "firmware_sim", "run", "--roster", str(self.roster)]

    def fleet(self, profile: str, count: int) -> list[str]:
        """Return the command that runs the first so many connectors as stand-ins."""
        fleet = [sys.executable, "-m", "firmware_sim", "fleet", "--roster", str(self.roster)]
        return [*fleet, "--count", str(count), "--profile", profile, "--json"]

    def sources(self, frames: float) -> list[str]:
        """Return the command that runs every connector as a source of raw frames."""
        devices = [sys.executable, "-m", "benchmarks.peers.devices", "link"]
        return [*devices, "--roster", str(self.roster), "--frames", str(frames)]

    def put_into(self, vehicle: Path | None) -> tuple[str, ...]:
        """Let every connector of the roster sit in ``vehicle``; return their UUIDs."""
        entries = msgspec.json.decode(self.roster.read_bytes())
        if vehicle is not None:
            for seed, entry in enumerate(entries):
                entry.update(vehicle=str(vehicle), seed=seed)
            self.roster.write_bytes(msgspec.json.encode(entries))
        return tuple(entry["uuid"] for entry in entries)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def open_node(
    connectors: int,
    vehicle: Path | None = QUICK,
    *,
    profile: str = "busy",
    frames: float | None = None,
    flush_ms: int | None = None,
    spare: int = 0,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Node]:
    """Run a gateway with this many connectors while the block runs.

    Args:
        connectors: how many.
        vehicle: what each sits in, with a bus and control units; ``None`` for stand-ins that
            answer from a table, thousands of them in one process.
        profile: of the stand-ins.
        frames: a second on the bus of each; such connectors answer nothing.
        flush_ms: longest wait of a frame for its batch; the gateway's default when left out.
        spare: connectors that are known besides, and do not dial in.
        settings: of the gateway besides, as environment variables.
    """
    with TemporaryDirectory(prefix="gateway-bench-") as name:
        setup = _Setup(Path(name), flush_ms)
        setup.environment.update(settings or {})
        client_id, client_secret = await trio.to_thread.run_sync(
            setup.provision, connectors + spare
        )
        uuids = setup.put_into(vehicle)[:connectors]
        simulator = setup.fleet(profile, connectors) if vehicle is None else setup.vehicles()
        if frames is not None:
            simulator = setup.sources(frames)
        async with (
            trio.open_nursery() as nursery,
            open_service(setup.command("serve"), nursery, setup.environment) as gateway,
        ):
            await _until_ready(setup.http, gateway)
            before = usage(gateway.pid)
            async with open_service(simulator, nursery, setup.environment) as vehicles:
                node = Node(
                    http=setup.http,
                    link=setup.link,
                    connectors=uuids,
                    roster=setup.roster,
                    client_id=client_id,
                    client_secret=client_secret,
                    gateway=gateway,
                    simulator=vehicles,
                    before=before,
                )
                await node.wait_online()
                yield node


async def _until_ready(http: str, gateway: Service) -> None:
    async with httpx2.AsyncClient(base_url=http, trust_env=False) as client:
        with trio.fail_after(START_LIMIT):
            while True:
                gateway.check()
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        return
                except httpx2.HTTPError:
                    pass
                await trio.sleep(0.1)


async def _until_online(http: str, connectors: int, gateway: Service) -> None:
    """Wait until the gateway counts every connector as online."""
    with trio.fail_after(START_LIMIT + connectors * START_LIMIT_EACH):
        while await _online(http) < connectors:
            gateway.check()
            await trio.sleep(0.1)


async def _online(http: str) -> int:
    async with httpx2.AsyncClient(base_url=http, trust_env=False) as client:
        page = (await client.get("/metrics")).text
    found = re.search(r"^gateway_connectors_online (\S+)", page, re.MULTILINE)
    return 0 if found is None else round(float(found[1]))
