"""Operators at their two doors, over real services: tickets, sessions, and a connector's link.

The link is the port in memory with the real machine at its other end; the vehicle is a function.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog
import trio
from quart_trio import QuartTrio
from typing_extensions import override

from gateway.domain.errors import Unauthorized
from gateway.domain.principal import OperatorPrincipal
from gateway.rest import operator as operator_api
from gateway.rest.operator import jobs as operator_jobs
from gateway.rest.operator import notes
from gateway.rest.operator.door import OperatorDoor
from gateway.rest.operator.jobs import JobsDoor
from gateway.rest.operator.notes import OperatorNotesDoor
from gateway.sessions.jobs import JobService
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.storage.files.links import FileLinks
from gateway.storage.images import ImageStore
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.service import TicketService
from gateway.web import problems
from gateway.ws.operator import socket
from protocols.link.messages import StatusReport
from protocols.link.vehicle import BusInfo, Capabilities, EcuInfo
from tests.gateway.callers import Caller, Json
from tests.gateway.documented import hold_to
from tests.gateway.workshops import GOLF, MINE, SECOND, Workshop, uuid_of
from tests.settable_clock import SettableClock
from tests.support.link_pair import PUBLIC
from tests.support.link_world import KNOWN, DialledConnector, LinkWorld, open_world, until

ENGINE = {"request_id": 0x7E0, "response_id": 0x7E8}

CAPABILITIES = Capabilities(
    buses=(
        BusInfo("can0", "can", 500_000),
        BusInfo("fd0", "can-fd", 500_000, 2_000_000),
        BusInfo("doip0", "doip"),
    ),
    ecus=(EcuInfo("engine", "can0", 0x7E0, 0x7E8), EcuInfo("dash", "doip0", logical_address=16)),
    jobs=True,
    software=12,
    hardware=3,
)


class KnownOperators:
    """Knows whose each token is; stands where identity stands in a gateway."""

    def __init__(self, principals: Mapping[str, OperatorPrincipal]) -> None:
        self.principals = dict(principals)

    async def operator(self, access_token: str) -> OperatorPrincipal:
        try:
            return self.principals[access_token]
        except KeyError:
            raise Unauthorized("token.unknown", "Get another token.") from None


class SocketClient:
    """An operator's end of the websocket; frames and JSON are told apart by their type."""

    # Any: the test client's connection has no exported type.
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def say(self, action: str, **members: object) -> None:
        await self.connection.send(json.dumps({"action": action, **members}))

    async def raw(self, data: str | bytes) -> None:
        await self.connection.send(data)

    async def receive(self) -> str | bytes:
        with trio.fail_after(20):
            data: str | bytes = await self.connection.receive()
        return data

    async def hear(self) -> Json:
        return json.loads(await self.receive())

    async def hear_of(self, action: str) -> Json:
        """Return the next message of one kind; others are passed over."""
        while True:
            data = await self.receive()
            if isinstance(data, str) and json.loads(data)["action"] == action:
                return json.loads(data)


@dataclass(frozen=True, slots=True)
class Floor(Caller):
    """Operators ``op`` (op-1), ``mate`` (op-2) and ``far`` (another provider's) at the doors."""

    ROOT = "/operator/v1"

    app: QuartTrio
    door: OperatorDoor
    workshop: Workshop
    tokens: KnownOperators
    links: LinkWorld
    sessions: SessionService
    tickets: TicketService
    clock: SettableClock
    jobs: JobService
    connectors: dict[int, DialledConnector] = field(default_factory=dict)

    async def plug_in(self, number: int = MINE) -> DialledConnector:
        """Let a connector dial in, and return it when it is known to be online."""
        uuid = uuid_of(number)
        known = replace(KNOWN, number=number, uuid=uuid, tenant_id=1, provider_id=1)
        self.links.known[uuid] = replace(known, public_keys=(PUBLIC,))
        device = DialledConnector(self.links, uuid=str(uuid), capabilities=CAPABILITIES)
        self.connectors[number] = device
        await self.links.nursery.start(device.connect)
        device.send(StatusReport(vin=GOLF, voltage_mv=12_400, ignition=True))
        await until(lambda: self.links.registry.status(uuid).vin is not None)
        return device

    async def order(self) -> Ticket:
        """Let the garage order something for the vehicle of its first connector."""
        return await self.tickets.create(self.workshop.customer, self.workshop.order())

    @override
    def served(self) -> QuartTrio:
        return self.app

    async def open_session(self, number: int = MINE, *, token: str = "op") -> Json:
        body = {"connector_uuid": str(uuid_of(number))}
        return await self.done("POST", "/sessions", body, status=201, token=token)

    @asynccontextmanager
    async def socket(
        self, token: str | None = "op", query: str = ""
    ) -> AsyncIterator[SocketClient]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = self.app.test_client()
        async with client.websocket(f"/ws/operator{query}", headers=headers) as connection:
            yield SocketClient(connection)


@asynccontextmanager
async def temporary_folder() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@asynccontextmanager
async def open_floor(
    workshop: Workshop, clock: SettableClock, limits: SessionLimits | None = None
) -> AsyncIterator[Floor]:
    """Open both doors for the block; nothing is plugged in yet."""
    async with AsyncExitStack() as stack, open_world() as links:
        sessions = SessionService(
            links.registry, limits or SessionLimits(), clock, links.published.append
        )
        tickets = TicketService(workshop.database, links.registry, clock)
        tokens = KnownOperators(
            {"op": workshop.operator, "mate": workshop.colleague, "far": workshop.outsider}
        )
        door = OperatorDoor(
            identity=tokens,
            database=workshop.database,
            registry=links.registry,
            sessions=sessions,
            tickets=tickets,
        )
        app = QuartTrio("operators")
        problems.install(app, structlog.get_logger())
        app.register_blueprint(operator_api.blueprint(door))
        links_to_files = FileLinks(bytes(32), 900.0, clock)
        app.register_blueprint(notes.blueprint(OperatorNotesDoor(tokens, tickets, links_to_files)))
        folder = await stack.enter_async_context(temporary_folder())
        jobs = JobService(workshop.database, links.registry, sessions, ImageStore(folder), clock)
        await links.nursery.start(jobs.serve)
        app.register_blueprint(
            operator_jobs.blueprint(
                JobsDoor(tokens, workshop.database, sessions, jobs, clock, largest_image=100_000)
            )
        )
        app.register_blueprint(socket.blueprint(tokens, sessions, jobs))
        wrong = hold_to(app, "operator", "/operator/")
        yield Floor(app, door, workshop, tokens, links, sessions, tickets, clock, jobs)
        assert wrong == []
        # Their vehicles are functions: nothing to bring back, and nobody to wait for.
        links.nursery.cancel_scope.cancel()


__all__ = ["ENGINE", "MINE", "SECOND", "Floor", "SocketClient", "open_floor", "uuid_of"]
