"""The command ``gateway cluster-demo``: two nodes, the story across them, and the end of one.

Customers, operators and the garage are at node a; connectors dial in at node b, by way of a
balancer. So everything that is done with a vehicle goes from node to node. Then node b is killed
while somebody works on a vehicle: the operator is told, the vehicle's connector comes back at node
a, and the work goes on there.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import trio
from cryptography.fernet import Fernet
from trio_websocket import open_websocket_url

from gateway.config import DataSettings, Secret, Settings
from gateway.demo.balancer import Balancer
from gateway.demo.command import FAILED, INTERRUPTED, end_on_signal, reasons_told
from gateway.demo.http import StoryError
from gateway.demo.node_process import NodeProcess
from gateway.demo.presenter import PlainPresenter, Presenter, presenter_for, write_json_line
from gateway.demo.seed import Seeded, seed
from gateway.demo.servers import open_postgres, open_valkey
from gateway.demo.service import ecus_of
from gateway.demo.story import ONLINE_LIMIT, Story, StoryResult
from gateway.demo.vehicles import Vehicles
from gateway.demo.workshop import Session, Workshop
from gateway.demo.world import World
from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade

#: Seconds without a sign of life after which a node counts as gone, in this demonstration.
LEASE = 4.0

#: Seconds in which the operator hears of the loss, and in which the connector is back.
TOLD_WITHIN, BACK_WITHIN = 15.0, 60.0

#: The identifier of the VIN (ISO 14229-1, annex C).
_VIN = 0xF190


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What the command line asks for.

    Attributes:
        once: end after the story.
        json: ready line and story line on standard output, the story itself on standard error.
        data: folder to keep logs and files in; a temporary one when left out.
        postgres: SQLAlchemy address of an empty database; a private server when left out.
        valkey: address of a server; a private one when left out.
        connectors: how many dial in.
    """

    once: bool = False
    json: bool = False
    data: Path | None = None
    postgres: str | None = None
    valkey: str | None = None
    connectors: int = 3


class Loss(msgspec.Struct, frozen=True):
    """What came of the end of node b.

    Attributes:
        told: seconds until the operator's websocket said that the session is over.
        back: seconds until the connector answered again, at node a.
        reason: as the operator was told.
    """

    told: float
    back: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Two nodes and who uses them."""

    a: NodeProcess
    b: NodeProcess
    world: World


async def run_cluster_demo(options: ClusterOptions) -> int:
    """Run the demonstration.

    Returns:
        The exit status: 0, 1 when the story could not be told, 130 when a signal ended it before.
    """
    out = sys.stderr if options.json else sys.stdout
    presenter: Presenter = PlainPresenter(out) if options.json else presenter_for(out)
    told = trio.Event()
    status = 0
    try:
        with reasons_told(sys.stderr):
            async with trio.open_nursery() as nursery:
                await nursery.start(end_on_signal, nursery.cancel_scope)
                await _tell(options, presenter, told)
                nursery.cancel_scope.cancel()
        status = 0 if told.is_set() else INTERRUPTED
    except* StoryError:
        status = FAILED
    return status


async def _tell(options: ClusterOptions, presenter: Presenter, told: trio.Event) -> None:
    presenter.chapter("Two nodes start")
    async with _open_cluster(options, presenter) as cluster:
        if options.json:
            write_json_line(cluster.world, sys.stdout)
        result = await Story(cluster.world, presenter).tell()
        loss = await _lose_a_node(cluster, presenter)
        if options.json:
            write_json_line(_line(result, loss), sys.stdout)
        presenter.chapter("The end")
        presenter.line(
            "story", f"{result.exchanges} exchanges from node to node, {result.seconds:.1f} s"
        )
        told.set()
        if not options.once:
            presenter.line("node a", f"still here: {cluster.a.http} (Ctrl+C ends it)")
            await trio.sleep_forever()


# Any: the story line is JSON of the contracts' shapes.
def _line(result: StoryResult, loss: Loss) -> dict[str, Any]:
    return {**msgspec.to_builtins(result), "lost_node": msgspec.to_builtins(loss)}


@asynccontextmanager
async def _open_cluster(options: ClusterOptions, presenter: Presenter) -> AsyncIterator[_Cluster]:
    async with AsyncExitStack() as stack:
        folder = options.data or Path(
            stack.enter_context(
                TemporaryDirectory(prefix="gateway-cluster-", ignore_cleanup_errors=True)
            )
        )
        await trio.Path(folder).mkdir(parents=True, exist_ok=True)
        # PostgreSQL's own account must reach its folder below.
        await trio.Path(folder).chmod(0o711)
        database = await stack.enter_async_context(open_postgres(folder / "pg", options.postgres))
        bus = await stack.enter_async_context(open_valkey(folder / "valkey", options.valkey))
        presenter.line("servers", "PostgreSQL and Valkey are there")
        key = Fernet.generate_key().decode()
        seeded = await _seeded(folder / "data", database, key, options.connectors)
        nursery = await stack.enter_async_context(trio.open_nursery())
        nodes = [NodeProcess(name, folder, _settings(folder, database, bus, key)) for name in "ab"]
        for node in nodes:
            await nursery.start(node.run)
            presenter.line(f"node {node.name}", f"{node.http}, links at {node.link}")
        a, b = nodes
        link: str = await nursery.start(Balancer([b.link, a.link]).run)
        nursery.start_soon(Vehicles(link, seeded.connectors, folder).run)
        yield _Cluster(a, b, await _world(a, link, seeded))
        nursery.cancel_scope.cancel()


def _settings(folder: Path, database: str, bus: str, key: str) -> Mapping[str, str]:
    return {
        "DATA_DIRECTORY": str(folder / "data"),
        "DATABASE_URL": database,
        "SECURITY_KEY": key,
        "BUS_URL": bus,
        "BUS_CHANNEL": f"demo-{folder.name}"[:64],
        "NODE_LEASE": str(LEASE),
        "NODE_DRAIN": "0",
        "HTTP_PORT": "0",
        "LINK_PORT": "0",
    }


async def _seeded(folder: Path, database_url: str, key: str, connectors: int) -> Seeded:
    await trio.Path(folder).mkdir(mode=0o700, exist_ok=True)
    settings = Settings(data=DataSettings(directory=folder))
    settings = replace(settings, security=replace(settings.security, key=Secret(key)))
    async with open_database(database_url) as database:
        await upgrade(database)
        identity = await open_identity(database, settings, utc_now)
        return await seed(identity, database, connectors, folder)


async def _world(node: NodeProcess, link: str, seeded: Seeded) -> World:
    sockets = node.http.replace("http", "ws", 1)
    world = World(
        http=node.http,
        link=link,
        customer_ws=f"{sockets}/ws/customer",
        operator_ws=f"{sockets}/ws/operator",
        connectors=seeded.connectors,
        operator=seeded.operator,
        backoffice=seeded.backoffice,
    )
    async with _signed_in(world) as workshop:
        known = [
            msgspec.structs.replace(one, vin=(await _online(workshop, one.uuid))["vin"])
            for one in world.connectors
        ]
    return msgspec.structs.replace(world, connectors=tuple(known))


@asynccontextmanager
async def _signed_in(world: World) -> AsyncIterator[Workshop]:
    workshop = Workshop(world.http, world.operator_ws)
    try:
        await workshop.sign_in(world.operator.client_id, world.operator.client_secret)
        yield workshop
    finally:
        with trio.move_on_after(2, shield=True):
            await workshop.client.aclose()


# Any: the operator API's Connector.
async def _online(workshop: Workshop, uuid: str, within: float = ONLINE_LIMIT) -> Any:
    with trio.move_on_after(within):
        while True:
            face = await workshop.connector(uuid)
            if face["online"] and face["vin"] is not None and face["ecus"]:
                return face
            await trio.sleep(0.05)
    raise StoryError(f"the connector {uuid} did not come online within {within:g} s")


# --- the end of a node ---------------------------------------------------------------------------


async def _lose_a_node(cluster: _Cluster, presenter: Presenter) -> Loss:
    presenter.chapter("Node b is killed while an operator works on a vehicle")
    connector = cluster.world.connectors[0]
    async with _signed_in(cluster.world) as workshop:
        face = await _online(workshop, connector.uuid)
        ecu = ecus_of(face)[0]
        session = await workshop.open(connector_uuid=connector.uuid)
        vin = await session.read_text(ecu, _VIN)
        presenter.line("operator", f"reads {vin} through both nodes, in session {session.id[:8]}")
        began, reason = await _killed_in_session(cluster, workshop, session)
        told = trio.current_time() - began
        presenter.line("operator", f"told after {told:.1f} s that the session is over: {reason}")
        again = await _work_again(workshop, connector.uuid)
        if await again.read_text(ecu, _VIN) != vin:
            raise StoryError("after the loss another vehicle answers")
        back = trio.current_time() - began
        presenter.line("connector", f"is at node a and answers, {back:.1f} s after the loss")
        await again.end()
    return Loss(round(told, 3), round(back, 3), reason)


async def _killed_in_session(
    cluster: _Cluster, workshop: Workshop, session: Session
) -> tuple[float, str]:
    """Kill node b; return when, and why the operator's websocket says the session is over."""
    headers = [(b"Authorization", f"Bearer {workshop.token}".encode())]
    async with open_websocket_url(cluster.world.operator_ws, extra_headers=headers) as socket:
        wanted = {"action": "subscribe", "session": session.id, "stream": "news"}
        await socket.send_message(msgspec.json.encode(wanted).decode())
        if msgspec.json.decode(await socket.get_message())["action"] != "subscribed":
            raise StoryError("operator: the session's news are not to be had")
        cluster.b.kill()
        began = trio.current_time()
        with trio.move_on_after(TOLD_WITHIN):
            while True:
                news = msgspec.json.decode(await socket.get_message())
                if news.get("kind") == "ended":
                    return began, str(news["reason"])
    raise StoryError(f"operator: nobody said within {TOLD_WITHIN:g} s that the session is over")


async def _work_again(workshop: Workshop, uuid: str) -> Session:
    """Open another session as soon as the connector is at the other node."""
    problem = ""
    with trio.move_on_after(BACK_WITHIN):
        while True:
            try:
                return await workshop.open(connector_uuid=uuid)
            except StoryError as error:  # it is still thought to be at node b, or nowhere
                problem = str(error)
            await trio.sleep(0.25)
    raise StoryError(f"the connector is not back within {BACK_WITHIN:g} s: {problem}")
