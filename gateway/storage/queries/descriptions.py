"""Descriptions of vehicles' messages on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select

from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.descriptions import description


@dataclass(frozen=True, slots=True)
class DescriptionRecord:
    """A PDX or DBC file that a provider's operators may use.

    Attributes:
        id: its number; 0 for one that is not on record yet.
        provider_id: whose it is.
        client_id: who uploaded it.
        name: what people call it.
        kind: ``pdx`` or ``dbc``.
        vin_prefix: how the identification numbers of its vehicles begin; empty for all.
        bus: the CAN bus that a DBC file describes; empty for every one.
        sha256: of the file, 64 hexadecimal digits.
        size: bytes.
        content: what was found in it.
        created_at: UTC.
    """

    id: int
    provider_id: int
    client_id: str
    name: str
    kind: str
    vin_prefix: str
    bus: str
    sha256: str
    size: int
    content: dict[str, Any]  # JSON by nature: what the file has
    created_at: datetime


_COLUMNS = tuple(description.c[name] for name in DescriptionRecord.__dataclass_fields__)


def add(connection: Connection, record: DescriptionRecord) -> int:
    """Put a description on record and return its number."""
    values = {name: getattr(record, name) for name in DescriptionRecord.__dataclass_fields__}
    del values["id"]
    key = connection.execute(insert(description).values(values)).inserted_primary_key
    assert key is not None  # noqa: S101 - the table has an integer key
    return int(key[0])


def count(connection: Connection, provider_id: int) -> int:
    """Return how many a provider has."""
    query = select(func.count()).select_from(description)
    found = connection.execute(query.where(description.c.provider_id == provider_id))
    return int(found.scalar_one())


def find(connection: Connection, provider_id: int, number: int) -> DescriptionRecord | None:
    """Return a description of this provider; another's is not there."""
    query = select(*_COLUMNS).where(
        description.c.provider_id == provider_id, description.c.id == number
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def remove(connection: Connection, provider_id: int, number: int) -> bool:
    """Forget a description; tell whether there was one."""
    query = delete(description).where(
        description.c.provider_id == provider_id, description.c.id == number
    )
    return connection.execute(query).rowcount > 0


def of_provider(
    connection: Connection, provider_id: int, *, offset: int, limit: int
) -> Page[DescriptionRecord]:
    """Return a provider's descriptions, newest first, and how many there are."""
    query = (
        select(*_COLUMNS)
        .where(description.c.provider_id == provider_id)
        .order_by(description.c.id.desc())
    )
    return fetch_page(connection, query, _record, offset=offset, limit=limit)


def for_vehicle(connection: Connection, provider_id: int, vin: str) -> Sequence[DescriptionRecord]:
    """Return the descriptions of a vehicle, the closest first, and of equal ones the newest."""
    query = (
        select(*_COLUMNS)
        .where(
            description.c.provider_id == provider_id,
            literal(vin).startswith(description.c.vin_prefix),
        )
        .order_by(func.length(description.c.vin_prefix).desc(), description.c.id.desc())
    )
    return [_record(row) for row in connection.execute(query)]


# Any: as in the record.
def _record(row: Row[Any]) -> DescriptionRecord:
    return DescriptionRecord(**row._asdict())
