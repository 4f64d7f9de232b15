"""Files of recordings: whole up to any byte, never half a write, closed and removed in time."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.typing import FilteringBoundLogger

from gateway.sessions.recording.exporting import Exporter
from gateway.sessions.recording.messages import kind, message
from gateway.sessions.recording.reading import Recording
from gateway.sessions.recording.track import MOST_VALUES, told
from gateway.sessions.recording.upkeep import RecordingUpkeep, Retention, examine
from gateway.sessions.recording.writer import append, part_path
from gateway.storage.database import Connection, Database
from gateway.storage.queries import connectors, recordings
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import OperatorRecord, Provider, Tenant
from gateway.storage.queries.recordings import RecordingRecord
from gateway.storage.tables.recordings import recording as table
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget
from protocols.recording.codec import MAGIC, encode
from protocols.recording.records import Answered, Began, Exchange, Frames, Happened, Lost, Record
from protocols.recording.story import CanEvent
from tests.settable_clock import SettableClock

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CONNECTOR = 100_000_001
SESSION = "5e" * 16

RECORD = RecordingRecord(
    session_id=SESSION,
    provider_id=1,
    client_id="op-1",
    connector_id=CONNECTOR,
    connector_uuid=UUID(int=CONNECTOR),
    ticket_id=None,
    vin=None,
    state="running",
    detail="",
    parts=1,
    bytes=100,
    exchanges=0,
    frames=0,
    frames_lost=0,
    began_at=NOW,
    ended_at=None,
)

US = round(NOW.timestamp() * 1e6)

RECORDS: list[Record] = [
    Began(US, SESSION, 0, "u", None, "op-1", None, ("can0",), ("can",)),
    Exchange(
        US + 5,
        CanTarget(0x7E0, 0x7E8),
        b"\x10\x03",
        (Answered(0x7E8, b"P", 0, US, US),),
        None,
        "ws",
    ),
    Frames(US + 6, US, False, encode_batch(0, [CanFrame(1), CanFrame(2)])),
    Lost(US + 7, 5),
    Happened(US + 2_000_000, "session.ended", {"reason": "operator"}),
]


def lay_out(folder: Path, session: str = SESSION, *, data: bytes | None = None) -> Path:
    path = part_path(folder, session, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(MAGIC + b"".join(map(encode, RECORDS)) if data is None else data)
    return path


def test_a_kill_at_any_byte_leaves_every_whole_record(tmp_path: Path) -> None:
    path = lay_out(tmp_path)
    whole = path.read_bytes()
    ends = [len(MAGIC)]
    for record in RECORDS:
        ends.append(ends[-1] + len(encode(record)))
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        recording = Recording(path.parent)
        found = list(recording.records())
        assert found == RECORDS[: sum(end <= length for end in ends[1:])]
        assert (recording.cut is None) is (length in ends)


def test_a_cut_part_does_not_hide_the_next(tmp_path: Path) -> None:
    path = lay_out(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    other = part_path(tmp_path, SESSION, 1)
    other.write_bytes(MAGIC + encode(RECORDS[0]))
    recording = Recording(path.parent)
    assert list(recording.records()) == [*RECORDS[:-1], RECORDS[0]]
    assert recording.cut is not None
    other.write_bytes(b"something else entirely")
    assert list(recording.records()) == RECORDS[:-1]
    assert "no recording" in str(recording.cut)


def test_a_write_that_fails_half_way_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    append(file, b"whole")
    write = os.write

    def full(file: int, data: memoryview) -> int:
        if len(data) < 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:3])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        append(file, b"too much of it")
    monkeypatch.undo()
    append(file, b" again")
    os.close(file)
    assert path.read_bytes() == b"whole again"


def test_what_is_told_of_an_event_is_text_and_bounded() -> None:
    detail: dict[str, object] = {
        "a": 1,
        "b": None,
        "c": {"d": "x" * 1000, "e": [1]},
        "f": float("nan"),
    }
    flat = told(detail)
    assert flat == {"a": "1", "d": "x" * 400, "f": ""}
    assert len(told({f"{n}": n for n in range(200)})) == MOST_VALUES


def test_frames_for_python_can() -> None:
    frame = CanFrame(0x123, b"\1", extended=True, fd=True, brs=True)
    made = message(CanEvent(1_500_000, 0, frame, sent=True), "can0")
    assert (made.timestamp, made.channel, made.is_rx, made.is_fd) == (1.5, "can0", False, True)
    assert [kind(CanFrame(1)), kind(CanFrame(1, remote=True)), kind(CanFrame(1, error=True))] == [
        "CAN_DataFrame",
        "CAN_RemoteFrame",
        "CAN_ErrorFrame",
    ]


# --- the index, and what becomes of recordings -------------------------------------------------


def fill(connection: Connection) -> None:
    provider_id = people.add_provider(connection, Provider("P", "EUR"))
    people.add_tenant(connection, Tenant(provider_id, "Noord", "EUR"), NOW)
    new = NewConnector(CONNECTOR, UUID(int=CONNECTOR), 1, b"k" * 32, "hash", "classic", NOW)
    assert connectors.add(connection, new)
    people.add_operator(connection, OperatorRecord("op-1", 1, "A", NOW, None), bytes(32))


@pytest.fixture
async def filled(database: Database) -> Database:
    await database.write(fill)
    return database


def keeper(
    folder: Path,
    database: Database,
    log: FilteringBoundLogger,
    *,
    retention: Retention | None = None,
    going: frozenset[str] = frozenset(),
) -> RecordingUpkeep:
    clock = SettableClock()
    clock.now = NOW + timedelta(days=10)
    return RecordingUpkeep(
        folder, database, retention or Retention(), going.__contains__, clock, log
    )


def test_a_recording_says_itself_what_is_in_it(tmp_path: Path) -> None:
    path = lay_out(tmp_path)
    found = examine(RECORD, path.parent)
    assert found == replace(
        RECORD,
        state="whole",
        bytes=path.stat().st_size,
        exchanges=1,
        frames=2,
        frames_lost=5,
        ended_at=NOW + timedelta(seconds=2),
    )
    path.write_bytes(path.read_bytes()[:-1])
    cut = examine(RECORD, path.parent)
    assert cut is not None
    assert cut.state == "cut"
    assert "within a record" in cut.detail
    assert examine(RECORD, tmp_path / "elsewhere") is None


@pytest.mark.both_engines
@pytest.mark.slow
async def test_what_a_kill_left_open_is_closed(
    tmp_path: Path, filled: Database, log: FilteringBoundLogger
) -> None:
    going, away = "aa" * 16, "bb" * 16
    lay_out(tmp_path)
    lay_out(tmp_path, going)
    for session in (SESSION, going, away):
        await filled.write(recordings.note, replace(RECORD, session_id=session))
    upkeep = keeper(tmp_path, filled, log, going=frozenset({going}))
    assert await upkeep.close_cut() == 1
    found = await filled.read(recordings.find, SESSION, "op-1")
    assert found is not None
    assert (found.state, found.exchanges) == ("whole", 1)
    left = await filled.read(recordings.running)
    assert {record.session_id for record in left} == {going, away}
    assert await filled.read(recordings.find, SESSION, "op-2") is None
    assert table.name == "recording"


@pytest.mark.both_engines
@pytest.mark.slow
async def test_old_recordings_go_and_then_the_oldest_of_too_many(
    tmp_path: Path, filled: Database, log: FilteringBoundLogger
) -> None:
    sessions = [f"{number:032x}" for number in range(6)]
    for days, session in enumerate(sessions):
        lay_out(tmp_path, session)
        ended = NOW + timedelta(days=days)
        done = replace(RECORD, session_id=session, state="whole", ended_at=ended)
        await filled.write(recordings.note, done)
    elsewhere = replace(RECORD, session_id="e" * 32, state="whole", ended_at=NOW)
    await filled.write(recordings.note, elsewhere)
    upkeep = keeper(tmp_path, filled, log, retention=Retention(days=8.5))
    assert await upkeep.remove_old() == 2  # the third is of another node
    assert [(tmp_path / session).exists() for session in sessions] == [False] * 2 + [True] * 4
    gone = await filled.read(recordings.find, sessions[0], "op-1")
    assert gone is not None
    assert (gone.state, gone.bytes, gone.detail) == ("removed", 0, "removed: too old")
    assert await filled.read(recordings.total_bytes) == 500
    upkeep = keeper(tmp_path, filled, log, retention=Retention(days=1000, total_bytes=300))
    assert await upkeep.remove_old() == 4  # a round takes up to a batch
    assert await filled.read(recordings.total_bytes) == 100
    page = await filled.read(recordings.of_operator, "op-1", offset=0, limit=3)
    assert (page.total, len(page.items)) == (7, 3)


@pytest.mark.slow
@pytest.mark.process
async def test_an_export_is_a_file_without_a_name(
    tmp_path: Path, log: FilteringBoundLogger
) -> None:
    path = lay_out(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    exporter = Exporter(tmp_path / "exports", 1, 30.0, log)
    export = await exporter.export(path.parent, "candump")
    content = b"".join([piece async for piece in export.pieces()])
    assert len(content) == export.size
    assert content.count(b"\n") == export.frames == 4
    assert "within a record" in export.cut
    assert list((tmp_path / "exports").iterdir()) == []
