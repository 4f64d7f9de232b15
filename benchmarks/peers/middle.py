"""What stands between operator and connectors, with its connectors: the gateway or a peer."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec
import trio
from trio_websocket import open_websocket_url

from benchmarks.carriers import GatewayCarrier, MqttCarrier, TcpCarrier, WebsocketCarrier
from benchmarks.client import Carrier
from benchmarks.node import START_LIMIT, START_LIMIT_EACH, free_port, open_node
from benchmarks.peers import mosquitto
from benchmarks.peers.devices import FLUSH_MS
from benchmarks.peers.plugs import sign_in
from benchmarks.processes import Service, Usage, open_service, usage
from benchmarks.sockets import traffic
from firmware_sim.fleet.answers import REQUEST_ID, RESPONSE_ID
from gateway.config import LinkSettings
from gateway.demo.workshop import Session, Workshop

GATEWAY = "gateway"

#: What each kind is called in the tables.
NAMES = {
    GATEWAY: "gateway",
    "websocket": "trio-websocket relay",
    "mqtt": "Mosquitto, at most once",
    "mqtt-1": "Mosquitto, at least once",
    "tcp": "raw Trio TCP relay",
}

#: Seconds between signs of life of somebody idle; the gateway's default, for peers too.
KEEP_ALIVE = LinkSettings().idle_ping_interval


@dataclass(frozen=True, slots=True)
class Middle:
    """One of them, with everybody online.

    Attributes:
        kind: key of :data:`NAMES`.
        service: its process.
        devices: the process of the connectors.
        port: that connectors dial.
        before: what it had used when it was ready, before the first connector came.
        operate: connects an operator to so many connectors, with their frames or without.
        wait_ready: waits until it takes connections, after a restart.
        wait_online: waits until everybody is online again.
        online: counts who is online.
    """

    kind: str
    service: Service
    devices: Service
    port: int
    before: Usage
    operate: Callable[[int, bool], AbstractAsyncContextManager[Carrier]]
    wait_ready: Callable[[], Awaitable[None]]
    wait_online: Callable[[], Awaitable[None]]
    online: Callable[[], Awaitable[int]]

    @property
    def name(self) -> str:
        """What the tables call it."""
        return NAMES[self.kind]


def missing(kind: str) -> str:
    """Return why a kind cannot be measured here; empty if it can."""
    absent = kind.startswith("mqtt") and mosquitto.binary() is None
    return "skipped: no mosquitto on this machine" if absent else ""


@asynccontextmanager
async def open_middle(
    kind: str,
    connectors: int,
    *,
    profile: str = "idle",
    frames: float = 0.0,
    flush_ms: int = FLUSH_MS,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Middle]:
    """Run the gateway or a peer with so many connectors while the block runs.

    Args:
        kind: key of :data:`NAMES`.
        connectors: how many.
        profile: of the gateway's fleet.
        frames: a second on the bus of each connector; 0 is none.
        flush_ms: milliseconds from one batch of frames to the next.
        settings: of the gateway besides, as environment variables.
    """
    if kind != GATEWAY:
        async with _open_peer(kind, connectors, frames, flush_ms) as peer:
            yield peer
        return
    async with open_node(
        connectors,
        None,
        profile=profile,
        frames=frames or None,
        flush_ms=flush_ms,
        settings=settings,
    ) as node:
        yield Middle(
            kind=kind,
            service=node.gateway,
            devices=node.simulator,
            port=node.link_port,
            before=node.before,
            operate=partial(operate_gateway, node),
            wait_ready=node.wait_ready,
            wait_online=node.wait_online,
            online=node.online,
        )


class Entrance(Protocol):
    """A gateway, and the operator who comes in there."""

    @property
    def http(self) -> str: ...
    @property
    def connectors(self) -> tuple[str, ...]: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> str: ...


@asynccontextmanager
async def operate_gateway(node: Entrance, sessions: int, frames: bool) -> AsyncIterator[Carrier]:
    """Open sessions on the first connectors, and the operator's websocket.

    Args:
        node: the gateway.
        sessions: how many; the carrier knows them by their number.
        frames: follow the raw frames of each.
    """
    async with open_workshop(node) as workshop:
        uuids = node.connectors[:sessions]
        opened = [await workshop.open(connector_uuid=uuid) for uuid in uuids]
        url = f"{_socket_url(node)}?batch=1&access_token={workshop.token}"
        async with open_websocket_url(url) as socket:
            for session in opened if frames else ():
                await socket.send_message(_subscribe(session))
            ecu = {"request_id": REQUEST_ID, "response_id": RESPONSE_ID}
            yield GatewayCarrier(socket, [session.id for session in opened], ecu)
        for session in opened:
            await session.end()


def _subscribe(session: Session) -> str:
    wish = {"action": "subscribe", "session": session.id, "stream": "frames", "bus": "can0"}
    return msgspec.json.encode(wish).decode()


@asynccontextmanager
async def open_workshop(node: Entrance) -> AsyncIterator[Workshop]:
    """Sign the operator in."""
    workshop = Workshop(node.http, _socket_url(node))
    await workshop.sign_in(node.client_id, node.client_secret)
    try:
        yield workshop
    finally:
        with trio.move_on_after(5, shield=True):
            await workshop.client.aclose()


def _socket_url(node: Entrance) -> str:
    return f"{node.http.replace('http', 'ws', 1)}/ws/operator"


@asynccontextmanager
async def _open_peer(
    kind: str, connectors: int, frames: float, flush_ms: int
) -> AsyncIterator[Middle]:
    port, operators = free_port(), free_port()
    with TemporaryDirectory(prefix="gateway-bench-") as folder:
        relay = _relay(kind, Path(folder), port, operators)
        async with trio.open_nursery() as nursery, open_service(relay, nursery) as service:
            wait_ready = partial(_until_ready, kind, service, port)
            await wait_ready()
            before = usage(service.pid)
            devices = _devices(kind, port, connectors, frames, flush_ms)
            async with open_service(devices, nursery) as running:
                wait_online = partial(_until_said, running, connectors)
                await wait_online()
                yield Middle(
                    kind=kind,
                    service=service,
                    devices=running,
                    port=port,
                    before=before,
                    operate=partial(_operate_peer, kind, operators),
                    wait_ready=wait_ready,
                    wait_online=wait_online,
                    online=partial(_connected, port),
                )


def _relay(kind: str, folder: Path, connectors: int, operators: int) -> list[str]:
    if kind.startswith("mqtt"):
        return mosquitto.command(folder, connectors, operators)
    program = f"benchmarks.peers.{kind}_relay"
    return [sys.executable, "-m", program, str(connectors), str(operators)]


def _devices(kind: str, port: int, connectors: int, frames: float, flush_ms: int) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.peers.devices", kind, "--port", str(port)]
    counted = [*command, "--count", str(connectors), "--keep-alive", str(KEEP_ALIVE)]
    return [*counted, "--frames", str(frames), "--flush-ms", str(flush_ms)]


async def _until_ready(kind: str, service: Service, port: int) -> None:
    with trio.fail_after(START_LIMIT):
        if not kind.startswith("mqtt"):  # a broker does not say so
            await service.wait_line("ready")
        while kind.startswith("mqtt"):
            service.check()
            try:
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
            except OSError:
                await trio.sleep(0.05)
            else:
                return


async def _connected(port: int) -> int:
    return traffic(port).connections


async def _until_said(devices: Service, connectors: int) -> None:
    with trio.fail_after(START_LIMIT + connectors * START_LIMIT_EACH):
        await devices.wait_line(f"online {connectors}")


@asynccontextmanager
async def _operate_peer(
    kind: str, port: int, _sessions: int, _frames: bool
) -> AsyncIterator[Carrier]:
    if kind == "websocket":
        async with open_websocket_url(f"ws://127.0.0.1:{port}/") as socket:
            yield WebsocketCarrier(socket)
        return
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        if kind == "tcp":
            yield TcpCarrier(stream)
            return
        qos = 1 if kind == "mqtt-1" else 0
        # The operator is never silent for so long that a broker would ask.
        await sign_in(stream, "operator", "c/+/r", qos, keep_alive=3600)
        yield MqttCarrier(stream, qos)
