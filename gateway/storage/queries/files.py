"""Files on record: reserved, stored, found, swept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update

from gateway.storage.tables.files import file


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file, reserved or stored.

    Attributes:
        id: its name for machines.
        tenant_id: the garage.
        ticket_id: what it belongs to.
        note_id: the note it is attached to, if it is.
        name: as people called it.
        content_type: what it is, by its name and checked against its bytes.
        created_by: ``user:UUID`` or ``operator:CLIENT``.
        created_at: UTC, like all times.
        stored_at: since when its bytes are there.
        store_key: where the store has them.
        size: bytes.
        sha256: of its bytes.
    """

    id: UUID
    tenant_id: int
    ticket_id: int
    note_id: UUID | None
    name: str
    content_type: str
    created_by: str
    created_at: datetime
    stored_at: datetime | None = None
    store_key: str | None = None
    size: int | None = None
    sha256: bytes | None = None


_NAMES = tuple(FileRecord.__dataclass_fields__)


def reserve(connection: Connection, record: FileRecord) -> None:
    """Put a file on record whose bytes are still to come."""
    connection.execute(insert(file).values({name: getattr(record, name) for name in _NAMES}))


def find(connection: Connection, file_id: UUID) -> FileRecord | None:
    """Return a file; whoever asks must have been let in by a link or a ticket."""
    row = connection.execute(select(file).where(file.c.id == file_id)).one_or_none()
    return None if row is None else _record(row)


def store(
    connection: Connection, file_id: UUID, key: str, size: int, sha256: bytes, now: datetime
) -> bool:
    """Note that a file's bytes are there; ``False`` when others were first, or it is gone."""
    result = connection.execute(
        update(file)
        .where(file.c.id == file_id, file.c.stored_at.is_(None))
        .values(store_key=key, size=size, sha256=sha256, stored_at=now)
    )
    return result.rowcount == 1


def of_notes(
    connection: Connection, note_ids: Collection[UUID]
) -> dict[UUID, tuple[FileRecord, ...]]:
    """Return the stored files of several notes, oldest first, by note."""
    query = (
        select(file)
        .where(file.c.note_id.in_(note_ids), file.c.stored_at.is_not(None))
        .order_by(file.c.created_at, file.c.id)
    )
    found: dict[UUID, tuple[FileRecord, ...]] = dict.fromkeys(note_ids, ())
    for row in connection.execute(query):
        found[row.note_id] += (_record(row),)
    return found


def drop_reservations(connection: Connection, created_before: datetime) -> int:
    """Delete reservations that nobody filled; return how many."""
    unfilled = delete(file).where(file.c.stored_at.is_(None), file.c.created_at < created_before)
    return connection.execute(unfilled).rowcount


def known_keys(connection: Connection, keys: Collection[str]) -> frozenset[str]:
    """Return those of ``keys`` that belong to a file on record."""
    rows = connection.execute(select(file.c.store_key).where(file.c.store_key.in_(keys)))
    return frozenset(row.store_key for row in rows)


# Row is generic in its tuple type, which a whole-table select does not tell.
def _record(row: Row[tuple[object, ...]]) -> FileRecord:
    return FileRecord(**{name: getattr(row, name) for name in _NAMES})
