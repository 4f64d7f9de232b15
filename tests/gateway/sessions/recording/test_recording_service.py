"""Recordings over real links: what sessions do is in the files, whatever becomes of the disk."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.limits import SessionLimits
from gateway.sessions.outcome import asked
from gateway.sessions.recorder import UNRECORDED
from gateway.sessions.recording import backlog as bounds
from gateway.sessions.recording.items import ABANDONED
from gateway.sessions.recording.reading import Recording
from gateway.sessions.recording.service import FAILED_EVENT, RecordingRules, RecordingService
from gateway.sessions.recording.writer import Writer
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session
from gateway.storage.database import Connection, Database
from gateway.storage.queries import connectors, recordings
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import OperatorRecord, Provider, Tenant
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget, DoipTarget
from protocols.recording.records import Began, Exchange, Frames, Happened, Lost, Record
from tests.support.link_world import (
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    open_world,
    settle,
    until,
)

ALICE = OperatorPrincipal("alice", 3)
TARGET = CanTarget(0x7E0, 0x7E8)
READ_VIN = bytes.fromhex("22F190")


@dataclass
class Studio:
    """Sessions that are recorded, and one connector that is online."""

    world: LinkWorld
    device: DialledConnector
    sessions: SessionService
    recordings: RecordingService
    database: Database
    folder: Path
    told: list[Event] = field(default_factory=list)

    def open(self) -> Session:
        return self.sessions.open(ALICE, UUID_ONE, ticket_id=None)

    async def exchange(self, session: Session) -> bytes:
        (answer,) = await self.sessions.exchange(session, TARGET, READ_VIN)
        return answer.data

    async def records(self, session: Session) -> list[Record]:
        await self.recordings.settle()
        recording = Recording(self.folder / session.id)
        found = list(recording.records())
        assert recording.cut is None
        return found


def fill(connection: Connection) -> None:
    """Put those who meet here on record."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    numbers = [people.add_provider(connection, Provider(f"P{it}", "EUR")) for it in range(3)]
    people.add_tenant(connection, Tenant(numbers[-1], "Noord", "EUR"), now)
    new = NewConnector(100_000_001, UUID_ONE, 1, b"k" * 32, "hash", "classic", now)
    assert connectors.add(connection, new)
    people.add_operator(connection, OperatorRecord("alice", 3, "A", now, None), bytes(32))


@asynccontextmanager
async def open_studio(
    folder: Path,
    database: Database,
    log: FilteringBoundLogger,
    *,
    rules: RecordingRules | None = None,
    part_bytes: int = 1 << 20,
    reserve_bytes: int = 0,
) -> AsyncIterator[Studio]:
    async with open_world(window=60.0) as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        await settle()
        await database.write(fill)
        told: list[Event] = []
        writer = Writer(folder, part_bytes, reserve_bytes)
        service = RecordingService(
            writer, database, rules or RecordingRules(), world.clock, told.append, log
        )
        await world.nursery.start(service.run)
        sessions = SessionService(
            world.registry, SessionLimits(), world.clock, told.append, service
        )
        yield Studio(world, device, sessions, service, database, folder, told)
        service.stop()


@pytest.fixture
async def studio(
    tmp_path: Path, database: Database, log: FilteringBoundLogger
) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path / "recordings", database, log) as opened:
        yield opened


@pytest.mark.slow
async def test_exchanges_frames_and_events_are_recorded(studio: Studio) -> None:
    session = studio.open()
    data = await studio.exchange(session)
    live = studio.world.registry.require(UUID_ONE)
    await studio.sessions.write_frames(session, encode_batch(0, [CanFrame(1), CanFrame(2)]))
    seen = encode_batch(0, [CanFrame(3, b"\1", timestamp_us=77)])
    live.monitors.deliver(seen)
    session.tell("lease", {"lease": "writer", "from": None, "job": {"id": "7", "seed": b"x"}})
    session.tell("chat", {"text": "private"})
    began, opened, exchange, sent, frames, told = await studio.records(session)
    assert isinstance(began, Began)
    assert (began.session, began.operator, began.connector) == (session.id, "alice", str(UUID_ONE))
    assert began.kinds == tuple(bus.kind for bus in live.capabilities.buses)
    assert isinstance(opened, Happened)
    assert opened.detail == {"writer": "True"}
    assert isinstance(exchange, Exchange)
    assert (exchange.request, exchange.answers[0].data) == (READ_VIN, data)
    assert (exchange.failure, exchange.by, exchange.seen) == (None, "rest", False)
    assert isinstance(sent, Frames)
    assert (sent.sent, sent.seen) == (True, False)
    assert isinstance(frames, Frames)
    assert (frames.batch, frames.sent) == (seen, False)
    assert isinstance(told, Happened)
    assert told.what == "session.lease"
    assert told.detail["id"] == "7"
    record = studio.recordings.going(session.id)
    assert record is not None
    assert (record.exchanges, record.frames, record.state) == (1, 3, "running")


@pytest.mark.slow
async def test_whoever_leaves_early_and_whatever_fails_is_recorded_too(studio: Studio) -> None:
    session = studio.open()
    studio.device.answer = lambda _: None
    with trio.move_on_after(0.05):
        await studio.exchange(session)
    *_, exchange = await studio.records(session)
    assert isinstance(exchange, Exchange)
    assert (exchange.failure, exchange.answers) == (ABANDONED, ())


@pytest.mark.slow
async def test_a_recording_ends_with_its_session(studio: Studio) -> None:
    session = studio.open()
    await studio.exchange(session)
    await studio.sessions.end(session, EndReason.OPERATOR)
    *_, last = await studio.records(session)
    assert isinstance(last, Happened)
    assert (last.what, last.detail["reason"]) == ("session.ended", "operator")
    assert studio.recordings.going(session.id) is None
    live = studio.world.registry.require(UUID_ONE)
    assert live.monitors.taps == []
    session.track.happened("late", {})
    assert len(studio.recordings.backlog) == 0
    with trio.fail_after(20):
        while True:
            found = await studio.database.read(recordings.find, session.id, "alice")
            if found is not None and found.state == "whole":
                break
            await trio.sleep(0.01)
    assert (found.exchanges, found.connector_uuid) == (1, UUID_ONE)


@pytest.mark.slow
async def test_a_long_recording_goes_on_in_another_part(
    tmp_path: Path, database: Database, log: FilteringBoundLogger
) -> None:
    folder = tmp_path / "recordings"
    async with open_studio(folder, database, log, part_bytes=4096) as studio:
        session = studio.open()
        for number in range(30):
            session.track.happened("test.step", {"number": number, "filler": "x" * 300})
            await studio.recordings.settle()
        records = await studio.records(session)
        parts = sorted((folder / session.id).iterdir())
        assert len(parts) > 2
        assert all(part.stat().st_size <= 4096 for part in parts)
        assert [r.part for r in records if isinstance(r, Began)] == list(range(len(parts)))
        steps = [r for r in records if isinstance(r, Happened) and r.what == "test.step"]
        assert [int(step.detail["number"]) for step in steps] == list(range(30))


@pytest.mark.slow
async def test_a_disk_that_fails_ends_the_recording_and_tells(studio: Studio) -> None:
    session = studio.open()
    await studio.recordings.settle()
    studio.recordings.writer.close()
    shutil.rmtree(studio.folder)
    studio.folder.write_bytes(b"a file where the folder was")
    with session.watch() as news:
        assert await studio.exchange(session)
        await studio.recordings.settle()
        kinds = [entry.kind for entry in news.take_all()]
    assert "recording" in kinds
    assert studio.recordings.failures == 1
    assert [
        event.payload["session_id"] for event in studio.told if event.type == FAILED_EVENT
    ] == [session.id]
    assert await studio.exchange(session)  # it goes on
    record = studio.recordings.going(session.id)
    assert record is not None
    assert record.state == "failed"


@pytest.mark.slow
async def test_required_recordings_let_no_session_open_without(
    tmp_path: Path, database: Database, log: FilteringBoundLogger
) -> None:
    rules = RecordingRules(required=True)
    folder = tmp_path / "recordings"
    async with open_studio(folder, database, log, rules=rules, reserve_bytes=1 << 62) as studio:
        with pytest.raises(Unavailable, match="must be recorded"):
            studio.open()
        assert studio.world.registry.require(UUID_ONE).monitors.taps == []


@pytest.mark.slow
async def test_recordings_can_be_switched_off(
    tmp_path: Path, database: Database, log: FilteringBoundLogger
) -> None:
    rules = RecordingRules(enabled=False)
    async with open_studio(tmp_path / "r", database, log, rules=rules) as studio:
        session = studio.open()
        assert session.track is UNRECORDED
        assert await studio.exchange(session)
        await studio.sessions.end(session, EndReason.OPERATOR)
        assert len(studio.recordings.backlog) == 0


@pytest.fixture
def small_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "FRAME_ROOM", 1000)
    monkeypatch.setattr(bounds, "EXCHANGE_ROOM", 2000)


@pytest.mark.slow
async def test_a_slow_disk_costs_frames_and_then_refuses_exchanges(
    studio: Studio, small_backlog: None
) -> None:
    session = studio.open()
    live = studio.world.registry.require(UUID_ONE)
    batch = encode_batch(0, [CanFrame(1, bytes(8))] * 10)
    for _ in range(9):
        live.monitors.deliver(batch)
    assert studio.recordings.backlog.waiting < 1400
    session.track.happened("x", {f"{n}": "y" for n in range(20)})
    with pytest.raises(Unavailable, match="too slow"):
        await studio.exchange(session)
    assert session.exchanges == 0
    await studio.recordings.settle()
    live.monitors.deliver(batch)
    assert await studio.exchange(session)
    records = await studio.records(session)
    lost = [record for record in records if isinstance(record, Lost)]
    kept = sum(isinstance(record, Frames) for record in records)
    assert [record.frames for record in lost] == [10 * (10 - kept)]


async def test_frames_of_a_watched_bus_need_not_be_made_up() -> None:
    async with open_world(window=60.0) as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        await settle()
        live = world.registry.require(UUID_ONE)
        bus = live.capabilities.buses[0].name
        assert not asked(live, TARGET, b"\x3e", "ws").seen
        with live.listen(bus):
            assert asked(live, TARGET, b"\x3e", "ws").seen
            assert not asked(live, DoipTarget(0x1001), b"\x3e", "ws").seen
        await until(lambda: not live.monitors.active)
        assert not asked(live, TARGET, b"\x3e", "ws").seen
