"""The composition root: the only module that sees everything.

Start-up order, each part built on those before it, stopped in reverse:

    database -> schema -> identity -> bus -> links -> sessions -> tickets -> doors

    outbox      committed events to the bus
    consumers   closed tickets to the back office
    live        status and session news to the bus, of this node and of others
    registry    deadlines of links, resume windows
    recordings  what sessions do, to the disk
    sessions    lifetimes
    doors       ports for operators' diagnostic tools
    unattended  services that need no operator
    jobs        what connectors say of transfer jobs, onto the record
    links       the port connectors dial in to
    local       connectors of this machine, a process each
    http        REST and websockets
    node        requests that other nodes bring
    drain       at the end: connectors and clients move to other nodes

At shutdown connectors that nobody works on move to other nodes, then HTTP drains (websockets hear
1012), then sessions put their vehicles into the safe state while their links still stand, then
connectors are told to come back.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import trio
from quart import Blueprint
from quart_trio import QuartTrio

from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.collecting import Collecting
from gateway.backoffice.documents import documents as backoffice_documents
from gateway.backoffice.jobs import Jobs
from gateway.backoffice.outside import Outside
from gateway.backoffice.recognition import Recognition
from gateway.backoffice.routes import blueprints as backoffice_blueprints
from gateway.backoffice.rules.automation import CONSUMER as AUTOMATION
from gateway.backoffice.rules.automation import TOPICS as AUTOMATION_TOPICS
from gateway.backoffice.rules.automation import RuleRunner
from gateway.backoffice.rules.tickets import CONSUMER, TOPIC, TicketBooking
from gateway.backoffice.schema import TABLES
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.sending import Sending
from gateway.backoffice.uploading import largest_bodies as largest_uploads
from gateway.bus.consumers import DurableConsumer
from gateway.bus.memory import MemoryBus
from gateway.bus.outbox import OutboxRelay
from gateway.chat.parts import ChatParts, build_chat
from gateway.config import Settings
from gateway.domain.clock import utc_now
from gateway.doors.service import DoorService
from gateway.identity.identity import Identity, open_identity
from gateway.links.local import LocalConnectors
from gateway.links.parts import start_links
from gateway.links.registry import Registry
from gateway.links.upkeep import LinkUpkeep
from gateway.nodes.drain import Drain
from gateway.nodes.parts import Node, build_node, receive_others
from gateway.rest import documents, evidence, messaging, ordering, partnering
from gateway.rest import operator as operator_api
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.evidence import Evidence, build_evidence
from gateway.rest.operator import jobs as operator_jobs
from gateway.rest.operator.door import OperatorDoor
from gateway.rest.operator.doors import ToolDoors
from gateway.rest.operator.doors import blueprint as tool_doors
from gateway.rest.operator.jobs import JobsDoor
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.shutdown import Shutdown
from gateway.runtime.supervise import Supervisor, open_supervisor
from gateway.sessions.endings import TicketEndings
from gateway.sessions.gauges import show_gauges
from gateway.sessions.jobs import JobService
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.storage.database import Connection, Database, open_database
from gateway.storage.files.bucket import bucket_of
from gateway.storage.folder import held_alone
from gateway.storage.gauges import show_database
from gateway.storage.images import ImageStore
from gateway.storage.migrations.schema import upgrade
from gateway.tickets.held import HeldTickets
from gateway.tickets.partner_events import PartnerFeed
from gateway.tickets.service import TicketService
from gateway.tickets.unattended.declared import load
from gateway.tickets.unattended.runner import UnattendedServices
from gateway.web import cors, health, problems
from gateway.web.forwarding import among_others, for_others
from gateway.web.paging import PageProfile
from gateway.web.server import serve_http
from gateway.web.uploads import request_class
from gateway.ws.customer import socket as customer_socket
from gateway.ws.customer.socket import CustomerSocketDoor
from gateway.ws.customer.updates import Updates
from gateway.ws.operator import socket as operator_socket
from gateway.ws.partner import socket as partner_socket
from protocols.link.delivery import DeliveryLimits

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
    node: Node
    registry: Registry
    local: LocalConnectors
    sessions: SessionService
    tickets: TicketService
    talk: ChatParts
    jobs: JobService
    doors: DoorService
    evidence: Evidence
    partner_feed: PartnerFeed


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
        Conflict: another gateway runs on the same folder.
        OSError: an address cannot be bound.
        ConfigError: the key at rest does not fit.
        SchemaError: the database is of a newer program.
        ServiceFailed: a part that cannot be done without ended.
    """
    shutdown, metrics = Shutdown(), Metrics()
    leaving, draining, closing = trio.Event(), trio.Event(), trio.Event()
    folder = trio.Path(settings.data.directory)
    await folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    alone = nullcontext() if settings.database.url else held_alone(settings.data.directory)
    async with alone, open_database(settings.database_url, settings.database) as database:
        await upgrade(database)
        core = await _core(settings, log, metrics, database)
        async with open_supervisor(log, metrics, shutdown) as services:
            await _start_inner(services, core)
            await _start_backoffice(services, core)
            link_url: str = await start_links(services, core)
            await core.evidence.start(services)
            await services.start(
                "sessions",
                core.sessions.serve,
                stop=core.sessions.stop,
                stop_within=SAFE_STATE_LIMIT + 1,
            )
            await services.start("doors", core.doors.serve)
            await _start_unattended(services, core)
            app = build_http(core, leaving)
            serve = partial(
                serve_http,
                among_others(app, core.node, log),
                settings.http,
                log=log,
                metrics=metrics,
                draining=draining,
            )
            http_url: str = await services.start(
                "http", serve, stop=draining.set, stop_within=settings.http.drain + 2
            )
            theirs = for_others(app, closing)
            await receive_others(services, core.node, theirs, settings, log, metrics, closing)
            seconds = settings.node.drain
            drain = Drain(core.registry, core.node.peers, leaving, seconds, log)
            await services.start("drain", drain.run, stop=drain.stop, stop_within=seconds + 2)
            yield Gateway(
                http_url, link_url, shutdown, database, core.identity, core.bus, core.registry
            )


async def _start_unattended(services: Supervisor, core: Core) -> None:
    declared, store = load(core.settings.unattended.procedures), core.talk.store
    runner = UnattendedServices(
        core.database, core.registry, core.sessions, store, declared, utc_now, core.log
    )
    limit = SAFE_STATE_LIMIT + 5
    await services.start("unattended services", runner.run, stop=runner.stop, stop_within=limit)


async def _core(settings: Settings, log: Log, metrics: Metrics, database: Database) -> Core:
    identity = await open_identity(database, settings, utc_now)
    bus = MemoryBus()
    node = build_node(settings, database, identity.seal, bus, utc_now, metrics, log)
    for name, throttle in identity.throttles.items():
        node.counts.share(name, throttle)
    live = node.live
    registry = Registry(
        window=settings.link.resume_window,
        publish=live.publish,
        clock=utc_now,
        token=partial(secrets.token_bytes, _TOKEN_SIZE),
        limits=DeliveryLimits(kept=settings.link.unacknowledged),
        frame_flush=settings.link.frame_flush_ms / 1000,
        elsewhere=node.elsewhere,
    )
    proof = build_evidence(settings, database, utc_now, live.publish, metrics, log)
    limits = SessionLimits.of(settings.sessions)
    sessions = SessionService(
        registry, limits, utc_now, live.publish, proof.recording.service, node.tag
    )
    show_gauges(metrics, registry, sessions, live)
    show_database(metrics, database)
    tickets = TicketService(database, registry, utc_now)
    local = LocalConnectors(settings.local, log, settings.data.directory / "connectors")
    shared = bucket_of(settings.files, log, "images")
    images = ImageStore(settings.data.directory / "images", shared)
    jobs = JobService(database, registry, sessions, images, utc_now, settings.jobs)
    going = metrics.gauge("transfer_jobs", "Transfer jobs whose end is not on record")
    going.set_function(jobs.__len__)
    talk = build_chat(settings, database, identity.seal, sessions, bus, utc_now, log)
    return Core(
        settings,
        log,
        metrics,
        database,
        identity,
        bus,
        node,
        registry,
        local,
        sessions,
        tickets,
        talk,
        jobs,
        DoorService(sessions, settings.doors, utc_now, log, metrics),
        proof,
        PartnerFeed(database, log),
    )


async def _start_inner(services: Supervisor, core: Core) -> None:
    """Start what has no door of its own."""
    relay = OutboxRelay(core.database, core.bus, core.log)
    booking = DurableConsumer(CONSUMER, TicketBooking(TABLES, utc_now), (TOPIC,))
    upkeep = LinkUpkeep(core.registry, core.database, core.bus, utc_now, core.log)
    endings = TicketEndings(core.sessions, core.bus)
    await services.start("outbox", relay.run)
    await services.start("closed tickets", partial(booking.run, core.database, core.log))
    for name, run in core.node.services():
        await services.start(name, run)
    held = HeldTickets(core.database, utc_now, core.log)
    await services.start("held tickets", held.run)
    await services.start("identity upkeep", partial(core.identity.keep_house, core.log))
    await services.start("registry", core.registry.serve)
    await services.start("images", core.jobs.store.run)
    await services.start("transfer jobs", core.jobs.serve)
    await services.start("link upkeep", upkeep.run)
    await services.start("ticket endings", endings.run)
    for name, run in (core.talk.services | partnering.services(core)).items():
        await services.start(name, run)


def build_http(core: Core, leaving: trio.Event) -> QuartTrio:
    """Return the application behind the HTTP port."""
    app = QuartTrio("gateway")
    app.config["MAX_CONTENT_LENGTH"] = core.settings.http.max_body_bytes
    larger = messaging.largest_bodies(core.settings) | largest_uploads(DECLARATIONS)
    larger |= evidence.largest_bodies(core.settings)
    app.request_class = request_class(larger)
    problems.install(app, core.log)
    cors.install(app, core.settings.http.allowed_origins)
    checks = {"database": partial(core.database.read, _answers)}
    app.register_blueprint(health.blueprint(core.metrics, core.log, leaving, checks))
    app.register_blueprint(documents.blueprint(backoffice_documents()))
    talk = messaging.blueprints(core.talk, core.identity, core.settings)
    for blueprint in (*_portal(core), *talk, *_workshop(core), *_backoffice(core)):
        app.register_blueprint(blueprint)
    return app


def _answers(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")


def _portal(core: Core) -> Iterator[Blueprint]:
    """What customers use."""
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
    yield from ordering.blueprints(door, core.identity, core.talk.links, core.settings)
    updates = Updates(core.database, core.registry, core.settings.tickets.numbers)
    chosen, chat = core.settings.customer_api, core.talk.chat
    socket = CustomerSocketDoor(core.identity, updates, chat, core.bus, chosen)
    yield customer_socket.blueprint(socket)


def _workshop(core: Core) -> Iterator[Blueprint]:
    """What operators use."""
    yield from partnering.blueprints(core, utc_now)
    yield partner_socket.of_parts(core)
    yield operator_api.blueprint(
        OperatorDoor(
            identity=core.identity,
            database=core.database,
            registry=core.registry,
            sessions=core.sessions,
            tickets=core.tickets,
            descriptions=core.evidence.descriptions,
            public_url=core.settings.http.public_url,
            state_names=core.settings.tickets.names,
            pages=PageProfile(
                core.settings.partner_api.page_default, core.settings.partner_api.page_limit
            ),
        )
    )
    chosen = core.settings.jobs
    jobs = JobsDoor(
        core.identity,
        core.database,
        core.sessions,
        core.jobs,
        utc_now,
        largest_image=chosen.largest_image,
        uploads=trio.CapacityLimiter(chosen.uploads),
    )
    yield operator_jobs.blueprint(jobs)
    yield from core.evidence.blueprints(core.identity)
    yield tool_doors(ToolDoors(core.identity, core.sessions, core.doors))
    yield operator_socket.blueprint(
        core.identity, core.sessions, core.jobs, descriptions=core.evidence.descriptions
    )


async def _start_backoffice(services: Supervisor, core: Core) -> None:
    """Start what the back office does by itself."""
    jobs = Jobs(core.database, TABLES, utc_now, core.log)
    sending = Sending(core.database, TABLES, utc_now, _outside(core), core.log)
    collecting = Collecting(core.database, TABLES, utc_now, _outside(core), core.log)
    recognition = Recognition(core.database, TABLES, utc_now, _outside(core), core.log)
    runner = RuleRunner(TABLES, utc_now)
    automation = DurableConsumer(AUTOMATION, runner, AUTOMATION_TOPICS)
    await services.start("back-office jobs", jobs.run)
    await services.start("back-office sending", sending.run)
    await services.start("back-office mailboxes", collecting.run)
    await services.start("back-office recognition", recognition.run)
    await services.start("automation", partial(automation.run, core.database, core.log))


def _outside(core: Core) -> Outside:
    seal, chosen = core.identity.seal, core.settings.outside
    sealer = Sealer.of(seal, *seal.older)
    public = core.settings.http.public_url
    return Outside(sealer, chosen.addresses, private=chosen.private, public_url=public)


def _backoffice(core: Core) -> Iterator[Blueprint]:
    """What the garage's desk uses."""
    services = Services(core.database, core.identity, TABLES, utc_now, _outside(core))
    yield from backoffice_blueprints(services, DECLARATIONS, core.log)
