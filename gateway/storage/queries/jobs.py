"""Transfer jobs and their images on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, union, update

from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.identity import connector
from gateway.storage.tables.jobs import job_image, transfer_job


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image that a provider's operators may use.

    Attributes:
        sha256: its name, 64 hexadecimal digits.
        size: bytes.
        uploaded_by: client id.
        uploaded_at: UTC.
    """

    sha256: str
    size: int
    uploaded_by: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A transfer job as it is kept.

    Attributes:
        id: 32 hexadecimal digits.
        provider_id: whose operator ordered it.
        client_id: which one.
        session_id: in which session.
        connector_id: number of the connector.
        connector_uuid: the same for machines.
        ticket_id: on whose account, if any.
        direction: ``download`` or ``upload``.
        ecu: the control unit as the operator named it.
        order: as the connector got it, MessagePack.
        image: SHA-256 in hexadecimal; ``None`` for an upload.
        state: as last reported.
        report: the last report, MessagePack.
        finished: nothing more will come.
        result: SHA-256 of what was read, once it is here.
        created_at: UTC, like all times.
        updated_at: of the last report on record.
        finished_at: of the last one.
    """

    id: str
    provider_id: int
    client_id: str
    session_id: str
    connector_id: int
    connector_uuid: UUID
    ticket_id: int | None
    direction: str
    ecu: dict[str, Any]  # JSON by nature: the operator's own spelling
    order: bytes
    image: str | None
    state: str
    report: bytes
    finished: bool
    result: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


# --- images ------------------------------------------------------------------------------------


def add_image(connection: Connection, provider_id: int, record: ImageRecord) -> ImageRecord:
    """Put an image on record; one that is there already is kept from now on, and else as it is."""
    known = find_image(connection, provider_id, record.sha256)
    if known is not None:
        known = replace(known, uploaded_at=record.uploaded_at)
        connection.execute(
            update(job_image)
            .where(job_image.c.provider_id == provider_id, job_image.c.sha256 == known.sha256)
            .values(uploaded_at=known.uploaded_at)
        )
        return known
    connection.execute(
        insert(job_image).values(
            provider_id=provider_id,
            sha256=record.sha256,
            size=record.size,
            uploaded_by=record.uploaded_by,
            uploaded_at=record.uploaded_at,
        )
    )
    return record


def find_image(connection: Connection, provider_id: int, sha256: str) -> ImageRecord | None:
    """Return an image of this provider; another's is not there."""
    row = connection.execute(
        select(*_IMAGE_COLUMNS).where(
            job_image.c.provider_id == provider_id, job_image.c.sha256 == sha256
        )
    ).one_or_none()
    return None if row is None else _image(row)


def images_of(
    connection: Connection, provider_id: int, *, offset: int, limit: int
) -> Page[ImageRecord]:
    """Return a provider's images, newest first, and how many there are."""
    query = (
        select(*_IMAGE_COLUMNS)
        .where(job_image.c.provider_id == provider_id)
        .order_by(job_image.c.uploaded_at.desc(), job_image.c.sha256)
    )
    return fetch_page(connection, query, _image, offset=offset, limit=limit)


def drop_images(connection: Connection, before: datetime) -> int:
    """Forget images that were uploaded, and used last, before a moment; return how many."""
    used = exists().where(
        transfer_job.c.image == job_image.c.sha256,
        transfer_job.c.provider_id == job_image.c.provider_id,
        or_(transfer_job.c.finished.is_(False), transfer_job.c.updated_at >= before),
    )
    query = delete(job_image).where(job_image.c.uploaded_at < before, ~used)
    return connection.execute(query).rowcount


def needed_files(connection: Connection, names: Sequence[str]) -> frozenset[str]:
    """Return which of these files are images on record, of jobs that go on, or results."""
    going = transfer_job.c.image.in_(names) & transfer_job.c.finished.is_(False)
    found = union(
        select(job_image.c.sha256).where(job_image.c.sha256.in_(names)),
        select(transfer_job.c.image).where(going),
        select(transfer_job.c.result).where(transfer_job.c.result.in_(names)),
    )
    return frozenset(connection.execute(found).scalars())


_IMAGE_COLUMNS = (
    job_image.c.sha256,
    job_image.c.size,
    job_image.c.uploaded_by,
    job_image.c.uploaded_at,
)


# Any: a row's columns are of many types; they are those of the record.
def _image(row: Row[*tuple[Any, ...]]) -> ImageRecord:
    return ImageRecord(**row._asdict())


# --- jobs --------------------------------------------------------------------------------------

_COLUMNS = tuple(transfer_job.c[name] for name in JobRecord.__dataclass_fields__)


def add(connection: Connection, record: JobRecord) -> None:
    """Put a new job on record."""
    values = {name: getattr(record, name) for name in JobRecord.__dataclass_fields__}
    connection.execute(insert(transfer_job).values(values))


def note(
    connection: Connection,
    job: str,
    *,
    state: str,
    report: bytes,
    now: datetime,
    finished: bool,
    result: str | None,
) -> None:
    """Put a report on record; what is finished stays as it was, but for its result."""
    query = update(transfer_job).where(transfer_job.c.id == job)
    if result is not None:
        connection.execute(query.values(result=result))
    connection.execute(
        query.where(transfer_job.c.finished.is_(False)).values(
            state=state,
            report=report,
            updated_at=now,
            finished=finished,
            finished_at=now if finished else None,
        )
    )


def find(connection: Connection, job: str, client_id: str) -> JobRecord | None:
    """Return a job of this operator; foreign ones are not there."""
    query = select(*_COLUMNS).where(
        transfer_job.c.id == job, transfer_job.c.client_id == client_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def by_id(connection: Connection, job: str) -> JobRecord | None:
    """Return a job, whoever ordered it."""
    row = connection.execute(select(*_COLUMNS).where(transfer_job.c.id == job)).one_or_none()
    return None if row is None else _record(row)


def unfinished(connection: Connection) -> Sequence[JobRecord]:
    """Return every job whose end is not on record."""
    query = select(*_COLUMNS).where(transfer_job.c.finished.is_(False))
    return [_record(row) for row in connection.execute(query)]


def abandoned(connection: Connection, before: datetime) -> Sequence[JobRecord]:
    """Return unfinished jobs of which, and of whose connectors, nothing was heard since then."""
    unheard = or_(connector.c.last_seen_at.is_(None), connector.c.last_seen_at < before)
    query = (
        select(*_COLUMNS)
        .join(connector, connector.c.id == transfer_job.c.connector_id)
        .where(transfer_job.c.finished.is_(False), transfer_job.c.updated_at < before, unheard)
    )
    return [_record(row) for row in connection.execute(query)]


def of_operator(
    connection: Connection,
    client_id: str,
    *,
    connector_id: int | None = None,
    offset: int,
    limit: int,
) -> Page[JobRecord]:
    """Return an operator's jobs, newest first, and how many there are."""
    query = select(*_COLUMNS).where(transfer_job.c.client_id == client_id)
    if connector_id is not None:
        query = query.where(transfer_job.c.connector_id == connector_id)
    query = query.order_by(transfer_job.c.created_at.desc(), transfer_job.c.id)
    return fetch_page(connection, query, _record, offset=offset, limit=limit)


# Any: as above.
def _record(row: Row[Any]) -> JobRecord:
    return JobRecord(**row._asdict())
