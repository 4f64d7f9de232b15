"""Recordings of several nodes: each has its own disk, and all of them one bucket."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import trio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.domain.errors import Unavailable
from gateway.sessions.recording import archive as module
from gateway.sessions.recording.archive import MARK, Archive, key_of
from gateway.sessions.recording.upkeep import RecordingUpkeep, Retention
from gateway.sessions.recording.writer import part_path
from gateway.storage.database import Connection, Database
from gateway.storage.files.folder import FolderStore
from gateway.storage.queries import connectors, recordings
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import OperatorRecord, Provider, Tenant
from gateway.storage.queries.recordings import RecordingRecord
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(days=1)
CONNECTOR = 100_000_001
SESSION = "5e" * 16
PARTS = (b"one" * 600_000, b"two" * 1000)

RECORD = RecordingRecord(
    session_id=SESSION,
    provider_id=1,
    client_id="op-1",
    connector_id=CONNECTOR,
    connector_uuid=UUID(int=CONNECTOR),
    ticket_id=None,
    vin=None,
    state="whole",
    detail="",
    parts=len(PARTS),
    bytes=100,
    exchanges=0,
    frames=0,
    frames_lost=0,
    began_at=NOW,
    ended_at=NOW,
)


class Bucket(FolderStore):
    """A bucket that counts, and may be away."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.puts = 0
        self.is_away = False

    @override
    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        if self.is_away:
            raise Unavailable("files.unavailable", "Not now.")
        self.puts += 1
        await super().put(key, chunks)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path / "bucket")


def furnish(connection: Connection) -> None:
    provider = people.add_provider(connection, Provider("P", "EUR"))
    people.add_tenant(connection, Tenant(provider, "Noord", "EUR"), NOW)
    new = NewConnector(CONNECTOR, UUID(int=CONNECTOR), 1, b"k" * 32, "hash", "classic", NOW)
    connectors.add(connection, new)
    people.add_operator(connection, OperatorRecord("op-1", 1, "A", NOW, None), bytes(32))


@pytest.fixture
async def filled(database: Database) -> Database:
    await database.write(furnish)
    await database.write(recordings.note, RECORD)
    return database


def lay_out(folder: Path, session: str = SESSION) -> None:
    for number, data in enumerate(PARTS):
        path = part_path(folder, session, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


async def test_what_one_node_recorded_another_has(
    tmp_path: Path, filled: Database, bucket: Bucket, log: FilteringBoundLogger
) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    lay_out(here)
    archive = Archive(here, bucket, filled, log)
    assert await archive.look() == 1
    assert await archive.look() == 0
    assert bucket.puts == len(PARTS)
    other = Archive(there, bucket, filled, log)
    assert await other.fetch(RECORD)
    assert [part_path(there, SESSION, n).read_bytes() for n in range(2)] == list(PARTS)
    # It is not put again, and nothing is left beside it.
    assert await other.look() == 0
    assert [path.name for path in there.iterdir()] == [SESSION]
    assert await other.fetch(RECORD), "somebody else asked for it as well"


@pytest.mark.parametrize(
    "changes", [{"state": "running", "ended_at": None}, {"state": "running"}, {"ended_at": None}]
)
async def test_what_has_not_ended_is_not_put(
    tmp_path: Path,
    filled: Database,
    bucket: Bucket,
    log: FilteringBoundLogger,
    changes: dict[str, object],
) -> None:
    lay_out(tmp_path / "a")
    lay_out(tmp_path / "a", "not-a-session")
    await filled.write(recordings.note, replace(RECORD, **changes))  # type: ignore[arg-type]
    assert await Archive(tmp_path / "a", bucket, filled, log).look() == 0
    assert bucket.puts == 0


async def test_what_is_not_whole_in_the_bucket_is_not_to_be_had(
    tmp_path: Path, filled: Database, bucket: Bucket, log: FilteringBoundLogger
) -> None:
    lay_out(tmp_path / "a")
    await Archive(tmp_path / "a", bucket, filled, log).look()
    await bucket.delete(key_of(SESSION, 1))
    other = Archive(tmp_path / "b", bucket, filled, log)
    assert not await other.fetch(RECORD)
    assert not await other.fetch(replace(RECORD, state="running"))
    assert list((tmp_path / "b").iterdir()) == []


async def test_a_bucket_that_was_away_gets_it_later(
    tmp_path: Path,
    filled: Database,
    bucket: Bucket,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
) -> None:
    lay_out(tmp_path / "a")
    bucket.is_away = True
    archive = Archive(tmp_path / "a", bucket, filled, log)
    async with trio.open_nursery() as nursery:
        await nursery.start(archive.run)
        with trio.fail_after(10):
            while not logged.calls:  # noqa: ASYNC110 - a thread's work
                await trio.sleep(0.01)
        assert not (tmp_path / "a" / SESSION / MARK).exists()
        bucket.is_away = False
        # It looks once more when it is to end.
        archive.stop()
    assert bucket.puts == len(PARTS)
    assert (tmp_path / "a" / SESSION / MARK).exists()


async def test_it_looks_again_and_again(
    tmp_path: Path,
    filled: Database,
    bucket: Bucket,
    log: FilteringBoundLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    archive = Archive(tmp_path / "a", bucket, filled, log)
    async with trio.open_nursery() as nursery:
        await nursery.start(archive.run)
        await trio.sleep(0.02)
        lay_out(tmp_path / "a")
        with trio.fail_after(10):
            while bucket.puts < len(PARTS):  # noqa: ASYNC110 - a thread's work
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_what_is_too_old_goes_everywhere_whoever_removes_it(
    tmp_path: Path, filled: Database, bucket: Bucket, log: FilteringBoundLogger
) -> None:
    here, there, clock = tmp_path / "a", tmp_path / "b", SettableClock()
    lay_out(here)
    archive, other = (Archive(folder, bucket, filled, log) for folder in (here, there))
    await archive.look()
    clock.advance(2 * 86_400)
    # The node that recorded it may be gone for good.
    upkeep = RecordingUpkeep(there, filled, Retention(days=1), bool, clock, log, other)
    assert await upkeep.remove_old() == 1
    assert await bucket.keys(LATER) == ()
    (gone,) = await filled.read(recordings.known, [SESSION])
    assert gone.state == "removed"
    assert (here / SESSION).exists()
    await archive.sweep()
    assert not (here / SESSION).exists()
