"""The composition root: the only module that sees everything.

Start-up order, each part built on those before it, stopped in reverse:

    database -> schema -> identity -> bus -> links -> sessions -> tickets -> doors

    outbox      committed events to the bus
    consumers   closed tickets to the back office
    live        status and session news to the bus
    registry    deadlines of links, resume windows
    sessions    lifetimes
    links       the port connectors dial in to
    local       connectors of this machine, a process each
    http        REST and websockets

At shutdown HTTP drains first (websockets hear 1012), then sessions put their vehicles into the
safe state while their links still stand, then connectors are told to come back.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import trio
from quart import Blueprint
from quart_trio import QuartTrio

from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.routes import blueprints as backoffice_blueprints
from gateway.backoffice.rules.tickets import CONSUMER, TOPIC, TicketBooking
from gateway.backoffice.schema import TABLES
from gateway.bus.consumers import DurableConsumer
from gateway.bus.live import LiveEvents
from gateway.bus.memory import MemoryBus
from gateway.bus.outbox import OutboxRelay
from gateway.config import Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity, open_identity
from gateway.links.admission import AdmissionLimits
from gateway.links.connector import KnownConnector
from gateway.links.counters import LinkCollector
from gateway.links.flapping import FlappingLimits
from gateway.links.listen import LinkListener
from gateway.links.local import LocalConnectors
from gateway.links.port import LinkPort, PortOptions
from gateway.links.registry import Registry
from gateway.links.upkeep import LinkUpkeep
from gateway.rest import operator as operator_api
from gateway.rest.customer import (
    authentication,
    cart,
    connectors,
    products,
    tickets,
    users,
    vehicles,
)
from gateway.rest.customer.authentication import AuthenticationDoor
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.users import UsersDoor
from gateway.rest.operator.door import OperatorDoor
from gateway.rest.partner import token
from gateway.rest.partner.token import TokenDoor
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.shutdown import Shutdown
from gateway.runtime.supervise import Restart, Supervisor, open_supervisor
from gateway.sessions.endings import TicketEndings
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SAFE_STATE_LIMIT, SessionService
from gateway.storage.database import Connection, Database, open_database
from gateway.storage.migrations.schema import upgrade
from gateway.tickets.service import TicketService
from gateway.web import health, problems
from gateway.web.paging import PageProfile
from gateway.web.server import serve_http
from gateway.ws.customer import socket as customer_socket
from gateway.ws.customer.socket import CustomerSocketDoor
from gateway.ws.customer.updates import Updates
from gateway.ws.operator import socket as operator_socket
from protocols.link.delivery import DeliveryLimits
from protocols.link.handshake import NONCE_SIZE

#: A link's name for resuming: 128 random bits, so that guessing one is out of the question.
_TOKEN_SIZE = 16


@dataclass(frozen=True, slots=True)
class Core:
    """Everything below the doors."""

    settings: Settings
    log: Log
    metrics: Metrics
    database: Database
    identity: Identity
    bus: MemoryBus
    live: LiveEvents
    registry: Registry
    local: LocalConnectors
    sessions: SessionService
    tickets: TicketService


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs.

    Attributes:
        http_url: where REST and websockets are.
        link_url: where connectors dial in.
        shutdown: asks it to stop.
    """

    http_url: str
    link_url: str
    shutdown: Shutdown
    database: Database
    identity: Identity
    bus: MemoryBus
    registry: Registry


@asynccontextmanager
async def open_gateway(settings: Settings, log: Log) -> AsyncIterator[Gateway]:
    """Run a gateway while the block runs.

    Raises:
        OSError: an address cannot be bound.
        ConfigError: the key at rest does not fit.
        SchemaError: the database is of a newer program.
        ServiceFailed: a part that cannot be done without ended.
    """
    shutdown, metrics, draining = Shutdown(), Metrics(), trio.Event()
    folder = trio.Path(settings.data.directory)
    await folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with open_database(settings.database_url, threads=settings.database.threads) as database:
        await upgrade(database)
        core = await _core(settings, log, metrics, database)
        async with open_supervisor(log, metrics, shutdown) as services:
            await _start_inner(services, core)
            link_url: str = await _start_links(services, core)
            await services.start(
                "sessions",
                core.sessions.serve,
                stop=core.sessions.stop,
                stop_within=SAFE_STATE_LIMIT + 1,
            )
            app = build_http(core, draining)
            serve = partial(
                serve_http, app, settings.http, log=log, metrics=metrics, draining=draining
            )
            http_url: str = await services.start(
                "http", serve, stop=draining.set, stop_within=settings.http.drain + 2
            )
            yield Gateway(
                http_url, link_url, shutdown, database, core.identity, core.bus, core.registry
            )


async def _core(settings: Settings, log: Log, metrics: Metrics, database: Database) -> Core:
    identity = await open_identity(database, settings, utc_now)
    bus = MemoryBus()
    live = LiveEvents(bus)
    registry = Registry(
        window=settings.link.resume_window,
        publish=live.publish,
        clock=utc_now,
        token=partial(secrets.token_bytes, _TOKEN_SIZE),
        limits=DeliveryLimits(kept=settings.link.unacknowledged),
        frame_flush=settings.link.frame_flush_ms / 1000,
    )
    sessions = SessionService(registry, _session_limits(settings), utc_now, live.publish)
    _gauge(metrics, registry, sessions, live)
    tickets = TicketService(database, registry, utc_now)
    local = LocalConnectors(settings.local, log)
    return Core(
        settings, log, metrics, database, identity, bus, live, registry, local, sessions, tickets
    )


def _gauge(
    metrics: Metrics, registry: Registry, sessions: SessionService, live: LiveEvents
) -> None:
    """Show what there is at any moment; counted when asked, so that it costs nothing else."""
    shown: dict[str, tuple[str, Callable[[], float]]] = {
        "connectors_online": ("Connectors online or within their resume window", registry.__len__),
        "sessions_open": ("Operator sessions", sessions.__len__),
        "live_events_waiting": ("Live events on their way", lambda: live.statistics().queued),
        "live_events_dropped": ("Live events lost", lambda: live.statistics().dropped),
    }
    for name, (description, value) in shown.items():
        metrics.gauge(name, description).set_function(value)


def _session_limits(settings: Settings) -> SessionLimits:
    chosen = settings.sessions
    return SessionLimits(
        lifetime=chosen.lifetime,
        idle=chosen.idle,
        max_per_operator=chosen.max_per_operator,
        exchange_limit=chosen.exchange_limit,
        max_request_bytes=chosen.max_request_bytes,
        grace=chosen.tester_present_grace,
    )


async def _start_inner(services: Supervisor, core: Core) -> None:
    """Start what has no door of its own."""
    relay = OutboxRelay(core.database, core.bus, core.log)
    booking = DurableConsumer(CONSUMER, TicketBooking(TABLES, utc_now), (TOPIC,))
    upkeep = LinkUpkeep(core.registry, core.database, core.bus, utc_now, core.log)
    endings = TicketEndings(core.sessions, core.bus)
    await services.start("outbox", relay.run)
    await services.start("closed tickets", partial(booking.run, core.database, core.log))
    await services.start("live events", core.live.run)
    await services.start("identity upkeep", partial(core.identity.keep_house, core.log))
    await services.start("registry", core.registry.serve)
    await services.start("link upkeep", upkeep.run)
    await services.start("ticket endings", endings.run)


async def _start_links(services: Supervisor, core: Core) -> str:
    chosen = core.settings.link
    options = PortOptions(
        ping_interval=chosen.ping_interval,
        idle_ping_interval=chosen.idle_ping_interval,
        max_connectors=chosen.max_connectors,
        retry_after=chosen.retry_after,
        admission=AdmissionLimits(chosen.max_handshakes, chosen.accept_rate),
        flapping=FlappingLimits(chosen.flap_limit, chosen.flap_window),
    )

    async def find(uuid: UUID) -> KnownConnector | None:
        keys = await core.identity.connectors.keys(uuid)
        if keys is None:
            return None
        public = (*keys.public_keys, *core.local.public_keys(uuid))
        return KnownConnector(keys.id, keys.uuid, keys.tenant_id, keys.provider_id, public)

    nonce = partial(secrets.token_bytes, NONCE_SIZE)
    jitter = secrets.SystemRandom().random
    port = LinkPort(core.registry, find, nonce, options, core.log, jitter=jitter)
    _show_links(core, port)
    listener = LinkListener(port, chosen, core.log, core.metrics)
    url: str = await services.start("links", listener.run, stop=listener.stop)
    if len(core.local):
        await _start_local(services, core, port, url)
    return url


def _show_links(core: Core, port: LinkPort) -> None:
    registry = core.registry
    collector = LinkCollector(
        registry.counters, registry.connections, lambda: port.admission.handshakes
    )
    core.metrics.registry.register(collector)


async def _start_local(services: Supervisor, core: Core, port: LinkPort, link_url: str) -> None:
    """Start the connectors of this machine; they dial in over loopback, without TLS."""
    chosen = core.settings.link
    if not chosen.is_plain_on_loopback:
        own = replace(chosen, host="127.0.0.1", port=0, certificate=None, private_key=None)
        listener = LinkListener(port, own, core.log, core.metrics)
        link_url = await services.start("local links", listener.run, stop=listener.stop)
    for process in core.local.processes(link_url):
        name = f"local connector {process.name}"
        await services.start(name, process.run, restart=Restart())


def build_http(core: Core, draining: trio.Event) -> QuartTrio:
    """Return the application behind the HTTP port."""
    app = QuartTrio("gateway")
    app.config["MAX_CONTENT_LENGTH"] = core.settings.http.max_body_bytes
    problems.install(app, core.log)
    checks = {"database": partial(core.database.read, _answers)}
    app.register_blueprint(health.blueprint(core.metrics, core.log, draining, checks))
    for blueprint in (*_portal(core), *_workshop(core), *_backoffice(core)):
        app.register_blueprint(blueprint)
    return app


def _answers(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")


def _portal(core: Core) -> Iterator[Blueprint]:
    """What customers use."""
    proxies = core.settings.http.trusted_proxies
    door = CustomerDoor(
        identity=core.identity,
        database=core.database,
        tickets=core.tickets,
        presence=core.registry,
        clock=utc_now,
        state_numbers=core.settings.tickets.numbers,
        pages=PageProfile(
            core.settings.customer_api.page_default, core.settings.customer_api.page_limit
        ),
    )
    yield authentication.blueprint(AuthenticationDoor(core.identity, proxies))
    yield users.blueprint(UsersDoor(core.identity, core.database))
    for part in (connectors, vehicles, products, cart, tickets):
        yield part.blueprint(door)
    updates = Updates(core.database, core.registry, core.settings.tickets.numbers)
    yield customer_socket.blueprint(
        CustomerSocketDoor(core.identity, updates, core.bus, core.settings.customer_api)
    )


def _workshop(core: Core) -> Iterator[Blueprint]:
    """What operators use."""
    proxies = core.settings.http.trusted_proxies
    yield token.blueprint(TokenDoor(core.identity.operators, proxies))
    yield operator_api.blueprint(
        OperatorDoor(
            identity=core.identity,
            database=core.database,
            registry=core.registry,
            sessions=core.sessions,
            tickets=core.tickets,
            public_url=core.settings.http.public_url,
            state_names=core.settings.tickets.names,
            pages=PageProfile(
                core.settings.partner_api.page_default, core.settings.partner_api.page_limit
            ),
        )
    )
    yield operator_socket.blueprint(core.identity, core.sessions)


def _backoffice(core: Core) -> Iterator[Blueprint]:
    """What the garage's desk uses."""
    services = Services(core.database, core.identity, TABLES, utc_now)
    yield from backoffice_blueprints(services, DECLARATIONS, core.log)
