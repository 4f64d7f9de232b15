"""A vehicle of scripted control units behind a real link, and services that work on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import trio
from structlog.typing import FilteringBoundLogger

from gateway.domain.events import Event
from gateway.domain.ticket import TicketState
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.storage.files.folder import FolderStore
from gateway.storage.queries import files, tickets, unattended
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.ticket_records import Note, Ticket
from gateway.storage.queries.unattended import Run
from gateway.tickets.unattended.declared import Procedure, parse
from gateway.tickets.unattended.runner import UnattendedServices
from protocols.link.messages import (
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    StatusReport,
)
from protocols.link.vehicle import CanTarget, Capabilities, EcuInfo
from tests.gateway.workshops import GOLF, MINE, Workshop, uuid_of
from tests.support.link_world import KNOWN, DialledConnector, LinkWorld, open_world, settle, until

ENGINE, BODY = 0x7E8, 0x77E

CAPABILITIES = Capabilities(
    ecus=(
        EcuInfo("engine", "can0", 0x7E0, ENGINE),
        EcuInfo("body", "can0", 0x714, BODY),
        EcuInfo("silent", "can0"),
    )
)

#: What the tests' procedures are; each is for one product of the demo's catalogue.
PROCEDURES = """
- {name: Scan, products: ["100201"], steps: [{do: read_trouble_codes}]}
- {name: Clear, products: ["100202"], steps: [{do: clear_trouble_codes}]}
- name: Code lights
  products: ["100701"]
  steps:
    - {do: read, ecu: body, identifier: 0xF190, name: number}
    - {do: write, ecu: body, identifier: 0x0600, name: coding, value: "00 05", mask: "00 0F",
       lock: {level: 3, mask: 0x2C1B6E59, rotate: 5, add: 0x31337}}
    - {do: routine, ecu: engine, identifier: 0x0203, name: self test, expect: "00"}
"""

SEED = bytes.fromhex("11223344")


@dataclass
class ScriptedEcus:
    """Control units that hold what a test gives them, and note what they are told.

    Attributes:
        codes: trouble codes and states, by the id they answer from.
        values: identifiers of the body.
        refuse: beginnings of requests, with the negative response code they get.
        mute: beginnings of requests that nobody answers.
        heard: every request.
        routine: what its routine ends with.
        takes: what is written is kept.
    """

    codes: dict[int, list[bytes]] = field(
        default_factory=lambda: {ENGINE: [bytes.fromhex("0301112F")], BODY: []}
    )
    values: dict[int, bytes] = field(
        default_factory=lambda: {0xF190: GOLF.encode(), 0x0600: b"\x03\xa1"}
    )
    routine: bytes = b"\x00"
    refuse: dict[bytes, int] = field(default_factory=dict)
    mute: set[bytes] = field(default_factory=set)
    heard: list[bytes] = field(default_factory=list)
    takes: bool = True

    def __call__(self, asked: ExchangeRequest) -> ExchangeResult | None:
        assert isinstance(asked.target, CanTarget)
        request, source = asked.request, asked.target.response_id
        assert source is not None
        self.heard.append(request)
        if any(request.startswith(one) for one in self.mute):
            return ExchangeResult(asked.id, failure="no_response")
        data = self._answer(source, request)
        return ExchangeResult(asked.id, (ExchangeResponse(source, data, 0, 10, 20),))

    def _answer(self, source: int, request: bytes) -> bytes:  # noqa: C901 - one case a service
        for beginning, code in self.refuse.items():
            if request.startswith(beginning):
                return bytes((0x7F, request[0], code))
        match request[0]:
            case 0x19:
                return b"\x59\x02\xff" + b"".join(self.codes[source])
            case 0x14:
                self.codes[source] = []
                return b"\x54"
            case 0x22:
                return b"\x62" + request[1:3] + self.values[int.from_bytes(request[1:3])]
            case 0x2E:
                if self.takes:
                    self.values[int.from_bytes(request[1:3])] = request[3:]
                return b"\x6e" + request[1:3]
            case 0x27 if request[1] == 3:
                return b"\x67\x03" + SEED
            case 0x31:
                return b"\x71" + request[1:4] + self.routine
            case _:
                return bytes((request[0] + 0x40,)) + request[1:]

    @staticmethod
    def never(held: trio.Event) -> Callable[[ExchangeRequest], None]:
        """Return who answers nothing, and says when somebody asks."""

        def keep_quiet(_asked: ExchangeRequest) -> None:
            held.set()

        return keep_quiet

    def writes(self) -> list[str]:
        return [request.hex() for request in self.heard if request[0] == 0x2E]


@dataclass
class Bench:
    """Everything between a ticket and a vehicle."""

    workshop: Workshop
    world: LinkWorld
    device: DialledConnector
    ecus: ScriptedEcus
    sessions: SessionService
    store: FolderStore
    log: FilteringBoundLogger
    procedures: tuple[Procedure, ...] = field(default_factory=lambda: parse(PROCEDURES))

    @asynccontextmanager
    async def services(self) -> AsyncIterator[UnattendedServices]:
        """Run a gateway's services for the block; they stop as a gateway stops."""
        running = UnattendedServices(
            self.workshop.database,
            self.world.registry,
            self.sessions,
            self.store,
            self.procedures,
            self.world.clock,
            self.log,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(running.run)
            yield running
            running.stop()

    async def order(self, *item_numbers: str) -> Ticket:
        self.workshop.presence.plug_in(MINE)
        asks = {"100201", "100202", "100905"} & set(item_numbers)
        order = self.workshop.order(
            *item_numbers,
            answers=self.workshop.answers("Ignition", "true") if asks else {},
            confirmed_unattended_service=True,
        )
        return await self.workshop.service.create(self.workshop.customer, order)

    async def report_status(self, **changes: object) -> None:
        self.device.send(StatusReport(**({"vin": GOLF, "ignition": True} | changes)))  # type: ignore[arg-type]
        await settle()

    async def ticket(self, ticket: Ticket) -> Ticket:
        found = await self.workshop.database.read(tickets.find, ticket.id)
        assert found is not None
        return found

    async def run(self, ticket: Ticket) -> Run:
        found = await self.workshop.database.read(unattended.find, ticket.id)
        assert found is not None
        return found

    async def until(self, ticket: Ticket, state: str) -> Run:
        """Wait until the ticket's run is in a state."""
        with trio.fail_after(8):
            while True:
                run = await self.workshop.database.read(unattended.find, ticket.id)
                if run is not None and run.state == state:
                    return run
                await trio.sleep(0.01)

    async def notes(self, ticket: Ticket) -> list[tuple[Note, tuple[FileRecord, ...]]]:
        found = await self.workshop.database.read(tickets.notes, ticket.id, offset=0, limit=50)
        names = [note.id for note in found.items]
        attached = await self.workshop.database.read(files.of_notes, names)
        return [(note, attached[note.id]) for note in found.items]

    async def ended_in(self, ticket: Ticket, state: TicketState) -> str:
        """Return the one note of a ticket that has come to a state."""
        assert (await self.ticket(ticket)).state is state
        [(note, _)] = await self.notes(ticket)
        return note.value


@asynccontextmanager
async def open_bench(
    workshop: Workshop, log: FilteringBoundLogger, folder: Path, *, window: float = 60.0
) -> AsyncIterator[Bench]:
    uuid: UUID = uuid_of(MINE)
    async with open_world(window=window) as world:
        world.known[uuid] = replace(KNOWN, number=MINE, uuid=uuid, tenant_id=1, provider_id=1)
        ecus = ScriptedEcus()
        device = DialledConnector(world, str(uuid), capabilities=CAPABILITIES, answer=ecus)
        await world.nursery.start(device.connect)
        sessions = SessionService(
            world.registry, SessionLimits(), world.clock, list[Event]().append
        )
        await world.nursery.start(sessions.serve)
        bench = Bench(workshop, world, device, ecus, sessions, FolderStore(folder), log)
        await bench.report_status()
        await until(lambda: world.registry.status(uuid).vin is not None)
        yield bench
        sessions.stop()
