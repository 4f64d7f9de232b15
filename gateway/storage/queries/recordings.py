"""Recordings on record: the index of their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.recordings import recording

#: States of a recording: it goes on; it is whole; the gateway or the disk cut it; its files are
#: gone.
RUNNING, WHOLE, CUT, FAILED, REMOVED = "running", "whole", "cut", "failed", "removed"


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """A recording as it is kept.

    Attributes:
        session_id: of which session, 32 hexadecimal digits.
        provider_id: of its operator.
        client_id: its operator.
        connector_id: number of the connector.
        connector_uuid: the same for machines.
        ticket_id: on whose account, if any.
        vin: of the vehicle, where it was known.
        state: ``running``, ``whole``, ``cut``, ``failed`` or ``removed``.
        detail: why it is cut, failed or removed.
        parts: files that it has.
        bytes: of all of them.
        exchanges: requests in it.
        frames: raw frames in it.
        frames_lost: frames that came faster than the disk took them.
        began_at: UTC, like all times.
        ended_at: ``None`` while it goes on.
    """

    session_id: str
    provider_id: int
    client_id: str
    connector_id: int
    connector_uuid: UUID
    ticket_id: int | None
    vin: str | None
    state: str
    detail: str
    parts: int
    bytes: int
    exchanges: int
    frames: int
    frames_lost: int
    began_at: datetime
    ended_at: datetime | None


_COLUMNS = tuple(recording.c[name] for name in RecordingRecord.__dataclass_fields__)


def note(connection: Connection, record: RecordingRecord) -> None:
    """Put a recording on record as it stands now."""
    values = {name: getattr(record, name) for name in RecordingRecord.__dataclass_fields__}
    query = update(recording).where(recording.c.session_id == record.session_id)
    if connection.execute(query.values(values)).rowcount == 0:
        connection.execute(insert(recording).values(values))


def find(connection: Connection, session_id: str, client_id: str) -> RecordingRecord | None:
    """Return the recording of one of this operator's sessions; foreign ones are not there."""
    query = select(*_COLUMNS).where(
        recording.c.session_id == session_id, recording.c.client_id == client_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def of_operator(
    connection: Connection, client_id: str, *, offset: int, limit: int
) -> Page[RecordingRecord]:
    """Return an operator's recordings, newest first, and how many there are."""
    query = (
        select(*_COLUMNS)
        .where(recording.c.client_id == client_id)
        .order_by(recording.c.began_at.desc(), recording.c.session_id)
    )
    return fetch_page(connection, query, _record, offset=offset, limit=limit)


def running(connection: Connection) -> Sequence[RecordingRecord]:
    """Return every recording whose end is not on record."""
    query = select(*_COLUMNS).where(recording.c.state == RUNNING)
    return [_record(row) for row in connection.execute(query)]


def known(connection: Connection, sessions: Sequence[str]) -> Sequence[RecordingRecord]:
    """Return the recordings of these sessions, whoever's they are."""
    query = select(*_COLUMNS).where(recording.c.session_id.in_(sessions))
    return [_record(row) for row in connection.execute(query)]


def ended_before(connection: Connection, moment: datetime, limit: int) -> Sequence[str]:
    """Return sessions whose recordings ended before ``moment`` and have files, oldest first."""
    # One that failed has no end on record if the gateway was killed before its session's.
    ended = func.coalesce(recording.c.ended_at, recording.c.began_at)
    query = (
        select(recording.c.session_id)
        .where(recording.c.state.not_in((RUNNING, REMOVED)), ended < moment)
        .order_by(ended)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def total_bytes(connection: Connection) -> int:
    """Return the bytes of all recordings that have files."""
    query = select(func.coalesce(func.sum(recording.c.bytes), 0))
    return int(connection.execute(query.where(recording.c.state != REMOVED)).scalar_one())


def remove(connection: Connection, session_id: str, detail: str) -> None:
    """Say that a recording's files are gone, and why."""
    connection.execute(
        update(recording)
        .where(recording.c.session_id == session_id)
        .values(state=REMOVED, detail=detail, bytes=0, parts=0)
    )


# Any: a row's columns are of many types; they are those of the record.
def _record(row: Row[Any]) -> RecordingRecord:
    return RecordingRecord(**row._asdict())
