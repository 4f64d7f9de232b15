"""Connectors: who owns them, what proves them, what was last heard of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)

from gateway.domain.connector import ConnectorStatus, KnownConnector
from gateway.storage.tables.identity import connector, tenant

#: Columns a caller may set beside the live status, and nothing else.
_DESCRIPTIONS = frozenset({"vehicle_path", "product_description", "calls_for_attention"})


@dataclass(frozen=True, slots=True)
class ConnectorRecord:
    """A connector as it is kept.

    Attributes:
        id: the nine-digit number on the device.
        uuid: how it names itself when it dials in.
        tenant_id: the garage that has it.
        provider_id: the provider that serves this garage.
        hardware_type: ``classic``.
        created_at: UTC.
        disabled_at: since when nobody gets in with it, UTC; ``None`` while it is in use.
        last_seen_at: when its link was last up, UTC.
        last_vin: the last vehicle it was plugged into.
        software_version: as last reported.
        hardware_version: as last reported.
        has_wifi: as last reported.
        supports_doip: as last reported.
        vehicle_path: make, group, model and variant of that vehicle, joined by ``#``.
        product_description: what is being done for it, in words.
        calls_for_attention: somebody at the garage should look.
    """

    id: int
    uuid: UUID
    tenant_id: int
    provider_id: int
    hardware_type: str
    created_at: datetime
    disabled_at: datetime | None
    last_seen_at: datetime | None
    last_vin: str | None
    software_version: int
    hardware_version: int
    has_wifi: bool
    supports_doip: bool
    vehicle_path: str | None
    product_description: str | None
    calls_for_attention: bool


@dataclass(frozen=True, slots=True)
class NewConnector:
    """A connector about to be stored; fields as in the table."""

    id: int
    uuid: UUID
    tenant_id: int
    public_key: bytes
    pincode_hash: str
    hardware_type: str
    created_at: datetime


def add(connection: Connection, new: NewConnector) -> bool:
    """Store ``new``; ``False`` when its number is taken.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such tenant, or its UUID is taken.
    """
    if connection.execute(
        select(connector.c.id).where(connector.c.id == new.id)
    ).scalar_one_or_none():
        return False
    connection.execute(
        insert(connector).values(
            id=new.id,
            uuid=new.uuid,
            tenant_id=new.tenant_id,
            public_key=new.public_key,
            pincode_hash=new.pincode_hash,
            hardware_type=new.hardware_type,
            created_at=new.created_at,
        )
    )
    return True


def by_uuid(
    connection: Connection, uuid: UUID, tenant_id: int | None = None
) -> ConnectorRecord | None:
    """Return the connector named ``uuid``; with ``tenant_id``, only if this garage has it."""
    return _one(connection, connector.c.uuid == uuid, tenant_id)


def by_number(
    connection: Connection, number: int, tenant_id: int | None = None
) -> ConnectorRecord | None:
    """Return the connector with this number; with ``tenant_id``, only if this garage has it."""
    return _one(connection, connector.c.id == number, tenant_id)


def of_tenant(
    connection: Connection, tenant_id: int, *, offset: int = 0, limit: int = 25
) -> tuple[tuple[ConnectorRecord, ...], int]:
    """Return one page of a garage's connectors in use, by number, and how many there are."""
    return _in_use(connection, connector.c.tenant_id == tenant_id, offset, limit)


def of_provider(
    connection: Connection, provider_id: int, *, offset: int = 0, limit: int = 25
) -> tuple[tuple[ConnectorRecord, ...], int]:
    """Return one page of the connectors in use at a provider's garages, likewise."""
    return _in_use(connection, tenant.c.provider_id == provider_id, offset, limit)


def _in_use(
    connection: Connection, owner: ColumnElement[bool], offset: int, limit: int
) -> tuple[tuple[ConnectorRecord, ...], int]:
    wanted = _records().where(owner, connector.c.disabled_at.is_(None))
    total: int = connection.execute(
        select(func.count()).select_from(wanted.subquery())
    ).scalar_one()
    rows = connection.execute(wanted.order_by(connector.c.id).offset(offset).limit(limit))
    return tuple(_record(row) for row in rows), total


def every(connection: Connection) -> tuple[ConnectorRecord, ...]:
    """Return all connectors, also disabled ones, by number."""
    rows = connection.execute(_records().order_by(connector.c.id))
    return tuple(_record(row) for row in rows)


def keys(
    connection: Connection, uuids: Collection[UUID], now: datetime
) -> dict[UUID, KnownConnector]:
    """Return what these connectors may prove themselves with; without those who may not at all."""
    rows = connection.execute(
        select(
            connector.c.uuid,
            connector.c.id,
            connector.c.tenant_id,
            connector.c.public_key,
            connector.c.old_public_key,
            connector.c.old_key_valid_until,
            tenant.c.provider_id,
        )
        .join(tenant, tenant.c.id == connector.c.tenant_id)
        .where(connector.c.uuid.in_(uuids), connector.c.disabled_at.is_(None))
    )
    found: dict[UUID, KnownConnector] = {}
    for row in rows:
        good = [row.public_key]
        if row.old_public_key is not None and row.old_key_valid_until > now:
            good.append(row.old_public_key)
        found[row.uuid] = KnownConnector(
            row.id, row.uuid, row.tenant_id, row.provider_id, tuple(good)
        )
    return found


def rotate_key(
    connection: Connection, uuid: UUID, public_key: bytes, old_valid_until: datetime
) -> bool:
    """Make ``public_key`` the key of ``uuid``; the present one stays good until then.

    Returns:
        Whether there is such a connector in use.
    """
    result = connection.execute(
        update(connector)
        .where(connector.c.uuid == uuid, connector.c.disabled_at.is_(None))
        .values(
            old_public_key=connector.c.public_key,
            old_key_valid_until=old_valid_until,
            public_key=public_key,
        )
    )
    return result.rowcount == 1


def disable(connection: Connection, uuid: UUID, now: datetime) -> bool:
    """Let nobody in with ``uuid`` from now on; ``False`` when it was not in use."""
    result = connection.execute(
        update(connector)
        .where(connector.c.uuid == uuid, connector.c.disabled_at.is_(None))
        .values(disabled_at=now, old_public_key=None, old_key_valid_until=None)
    )
    return result.rowcount == 1


def keep_statuses(
    connection: Connection, statuses: Mapping[UUID, ConnectorStatus], now: datetime
) -> None:
    """Remember what links last said, for the time they are offline; a VIN is never forgotten."""
    if statuses:
        connection.execute(
            _KEEP_STATUS, [_lasting(uuid, status, now) for uuid, status in statuses.items()]
        )


def _lasting(uuid: UUID, status: ConnectorStatus, now: datetime) -> dict[str, object]:
    return {
        "of": uuid,
        "seen_at": now,
        "vin": status.vin,
        "software": status.software_version,
        "hardware": status.hardware_version,
        "wifi": status.wifi,
        "doip": status.supports_doip,
    }


#: One statement for any number of connectors, executed many times by the driver.
_KEEP_STATUS = (
    update(connector)
    .where(connector.c.uuid == bindparam("of"))
    .values(
        last_seen_at=bindparam("seen_at"),
        last_vin=func.coalesce(
            bindparam("vin", type_=connector.c.last_vin.type), connector.c.last_vin
        ),
        software_version=bindparam("software"),
        hardware_version=bindparam("hardware"),
        has_wifi=bindparam("wifi"),
        supports_doip=bindparam("doip"),
    )
)


def describe(connection: Connection, number: int, values: Mapping[str, str | bool | None]) -> bool:
    """Set ``vehicle_path``, ``product_description`` or ``calls_for_attention``.

    Returns:
        Whether there is such a connector.

    Raises:
        KeyError: another column is named.
    """
    if unknown := values.keys() - _DESCRIPTIONS:
        raise KeyError(f"not a description of a connector: {sorted(unknown)}")
    result = connection.execute(
        update(connector).where(connector.c.id == number).values(dict(values))
    )
    return result.rowcount == 1


def _records() -> Select[tuple[object, ...]]:
    return select(*connector.c, tenant.c.provider_id).join(
        tenant, tenant.c.id == connector.c.tenant_id
    )


def _one(
    connection: Connection, wanted: ColumnElement[bool], tenant_id: int | None
) -> ConnectorRecord | None:
    query = _records().where(wanted)
    if tenant_id is not None:
        query = query.where(connector.c.tenant_id == tenant_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[tuple[object, ...]]) -> ConnectorRecord:
    return ConnectorRecord(
        id=row.id,
        uuid=row.uuid,
        tenant_id=row.tenant_id,
        provider_id=row.provider_id,
        hardware_type=row.hardware_type,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        last_seen_at=row.last_seen_at,
        last_vin=row.last_vin,
        software_version=row.software_version,
        hardware_version=row.hardware_version,
        has_wifi=row.has_wifi,
        supports_doip=row.supports_doip,
        vehicle_path=row.vehicle_path,
        product_description=row.product_description,
        calls_for_attention=row.calls_for_attention,
    )
