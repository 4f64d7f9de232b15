"""The command ``gateway demo``: embedded everything, three vehicles, the story."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO
from uuid import UUID

import msgspec
import trio

from gateway.app import Gateway, open_gateway
from gateway.config import Settings
from gateway.demo.http import StoryError
from gateway.demo.presenter import PlainPresenter, Presenter, presenter_for, write_json_line
from gateway.demo.seed import Seeded, seed
from gateway.demo.story import ONLINE_LIMIT, Story, StoryResult
from gateway.demo.vehicles import Vehicles
from gateway.demo.world import DemoConnector, World
from gateway.domain.errors import GatewayError
from gateway.links.registry import STATUS_EVENT
from gateway.runtime.logs import Log

#: Exit statuses: the story could not be told; a signal ended it before it was.
FAILED, INTERRUPTED = 1, 130


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks for.

    Attributes:
        once: end after the story.
        json: ready line and story line on standard output, the story itself on standard error.
        data: folder to keep database, credentials and logs in, for another run; a temporary one
            when left out.
        http: port, 0 for any free one.
        link: port, 0 for any free one.
        connectors: how many dial in.
        story: tell the story; without it everything just runs.
    """

    once: bool = False
    json: bool = False
    data: Path | None = None
    http: int = 0
    link: int = 0
    connectors: int = 3
    story: bool = True


async def run_demo(options: DemoOptions, log: Log) -> int:
    """Run the demo.

    Returns:
        The exit status: 0, 1 when the story could not be told, 130 when a signal ended it before.
    """
    out = sys.stderr if options.json else sys.stdout
    presenter: Presenter = PlainPresenter(out) if options.json else presenter_for(out)
    told = trio.Event()
    status = 0
    try:
        await _run(options, presenter, log, told)
        status = 0 if told.is_set() else INTERRUPTED
    except* StoryError:
        status = FAILED
    return status


async def end_on_signal(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Cancel at a signal; the next one finds Python's own handlers and ends all at once."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        await anext(signals)
    scope.cancel()


async def _run(options: DemoOptions, presenter: Presenter, log: Log, told: trio.Event) -> None:
    """Run the demo to its end, or for ever; ``told`` is set once nothing of the story is left."""
    presenter.chapter("Everything starts")
    presenter.line("gateway", "database, links, doors; then the vehicles dial in")
    async with _open_world(options, log) as world:
        if options.json:
            write_json_line(world, sys.stdout)
        if options.story:
            result = await Story(world, presenter).tell()
            if options.json and options.once:
                write_json_line(result, sys.stdout)
            _conclude(presenter, result)
        told.set()
        if not options.once:
            _invite(presenter, world)
            await trio.sleep_forever()


def _conclude(presenter: Presenter, result: StoryResult) -> None:
    presenter.chapter("The end")
    presenter.line(
        "story",
        f"{result.exchanges} exchanges, {result.frames} frames watched, {result.events} events, "
        f"{result.seconds:.1f} s",
    )


def _invite(presenter: Presenter, world: World) -> None:
    presenter.line("gateway", f"still here: {world.http} (Ctrl+C ends it)")
    for connector in world.connectors[:3]:
        presenter.line(
            str(connector.id),
            f"{connector.kind}: uuid {connector.uuid} pincode {connector.pincode}",
        )
    operator = world.operator
    presenter.line("operator", f"client {operator.client_id} secret {operator.client_secret}")
    desk = world.backoffice
    presenter.line("desk", f"{desk.email} password {desk.password}")


@contextmanager
def reasons_told(stream: TextIO) -> Iterator[None]:
    """Say why the story ended, once, and at once: stopping in order may take some seconds."""
    try:
        yield
    except* StoryError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        stream.write(f"the story could not be told: {error}\n")
        stream.flush()
        raise


@asynccontextmanager
async def _open_world(options: DemoOptions, log: Log) -> AsyncIterator[World]:
    """Run gateway and vehicles while the block runs; the world is complete when it begins."""
    with _folder(options) as folder:
        settings = _settings(options, folder)
        async with open_gateway(settings, log) as gateway, _inner_nursery() as nursery:
            seeded = await _seeded(gateway, options.connectors, folder)
            vehicles = Vehicles(gateway.link_url, seeded.connectors, folder)
            nursery.start_soon(vehicles.run)
            yield await _world(gateway, seeded)


@asynccontextmanager
async def _inner_nursery() -> AsyncIterator[trio.Nursery]:
    """Give the block a nursery that ends with it, or with a signal.

    It is opened inside the gateway's block, so that story and vehicles end first and the gateway
    in order after them.
    """
    with reasons_told(sys.stderr):
        async with trio.open_nursery() as nursery:
            await nursery.start(end_on_signal, nursery.cancel_scope)
            yield nursery
            nursery.cancel_scope.cancel()


@contextmanager
def _folder(options: DemoOptions) -> Iterator[Path]:
    """Give the block its folder; one of our own making goes with it, secrets and all."""
    if options.data is not None:
        yield options.data
        return
    with TemporaryDirectory(prefix="gateway-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def _seeded(gateway: Gateway, connectors: int, folder: Path) -> Seeded:
    try:
        return await seed(gateway.identity, gateway.database, connectors, folder)
    except GatewayError as error:
        raise StoryError(
            f"{folder} cannot be used, choose another folder with --data: {error.detail}"
        ) from error


def _settings(options: DemoOptions, folder: Path) -> Settings:
    settings = Settings()
    return replace(
        settings,
        data=replace(settings.data, directory=folder),
        http=replace(settings.http, port=options.http),
        link=replace(settings.link, port=options.link),
    )


async def _world(gateway: Gateway, seeded: Seeded) -> World:
    sockets = gateway.http_url.replace("http", "ws", 1)
    return World(
        http=gateway.http_url,
        link=gateway.link_url,
        customer_ws=f"{sockets}/ws/customer",
        operator_ws=f"{sockets}/ws/operator",
        connectors=await _identified(gateway, seeded.connectors),
        operator=seeded.operator,
        backoffice=seeded.backoffice,
    )


async def _identified(
    gateway: Gateway, connectors: tuple[DemoConnector, ...]
) -> tuple[DemoConnector, ...]:
    """Wait until every connector has read its vehicle's VIN, and return them with it."""
    known: list[DemoConnector] = []
    async with gateway.bus.subscribe((STATUS_EVENT,)) as news:
        with trio.move_on_after(ONLINE_LIMIT):
            for connector in connectors:
                while (vin := gateway.registry.status(UUID(connector.uuid)).vin) is None:
                    await news.receive()
                known.append(msgspec.structs.replace(connector, vin=vin))
            return tuple(known)
    missing = len(connectors) - len(known)
    raise StoryError(f"{missing} vehicles did not come online within {ONLINE_LIMIT:g} s")
