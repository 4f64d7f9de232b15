from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.domain.connector import ConnectorStatus
from gateway.storage.database import Connection, Database
from gateway.storage.queries import connectors
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import Provider, Tenant

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def new(number: int, tenant_id: int = 1) -> NewConnector:
    return NewConnector(number, UUID(int=number), tenant_id, b"k" * 32, "hash", "classic", NOW)


def fill(connection: Connection) -> None:
    """Two garages; the first has four connectors, one of them disabled, the second has one."""
    provider_id = people.add_provider(connection, Provider("P", "EUR"))
    for name in ("Noord", "Zuid"):
        people.add_tenant(connection, Tenant(provider_id, name, "EUR"), NOW)
    for number in (100_000_003, 100_000_001, 100_000_004, 100_000_002):
        assert connectors.add(connection, new(number))
    assert connectors.add(connection, new(200_000_000, tenant_id=2))
    connectors.disable(connection, UUID(int=100_000_004), NOW)


@pytest.fixture
async def filled(database: Database) -> Database:
    await database.write(fill)
    return database


async def test_a_page_holds_a_garages_own_connectors_in_use(filled: Database) -> None:
    page, total = await filled.read(connectors.of_tenant, 1, offset=1, limit=5)
    assert [record.id for record in page] == [100_000_002, 100_000_003]
    assert total == 3
    assert await filled.read(connectors.of_tenant, 1, offset=0, limit=0) == ((), 3)
    assert await filled.read(connectors.of_tenant, 99) == ((), 0)
    assert len(await filled.read(connectors.every)) == 5


async def test_a_foreign_connector_looks_like_an_absent_one(filled: Database) -> None:
    for find, name in (
        (connectors.by_uuid, UUID(int=200_000_000)),
        (connectors.by_number, 200_000_000),
    ):
        assert await filled.read(find, name, 1) is None  # type: ignore[arg-type]  # pairs
        found = await filled.read(find, name, 2)  # type: ignore[arg-type]  # pairs
        assert found is not None
        assert (found.id, found.provider_id) == (200_000_000, 1)
        assert await filled.read(find, name) == found  # type: ignore[arg-type]  # pairs


async def test_a_taken_number_is_told_and_a_taken_uuid_is_an_error(filled: Database) -> None:
    assert not await filled.write(connectors.add, new(100_000_001))
    taken = NewConnector(100_000_009, UUID(int=100_000_001), 1, b"k" * 32, "hash", "classic", NOW)
    with pytest.raises(IntegrityError):
        await filled.write(connectors.add, taken)


async def test_a_number_has_nine_digits(filled: Database) -> None:
    with pytest.raises(IntegrityError, match="nine_digits"):
        await filled.write(connectors.add, new(99_999_999))


async def test_keys_count_until_their_grace_ends(filled: Database) -> None:
    uuid = UUID(int=100_000_001)
    until = NOW + timedelta(seconds=60)
    assert await filled.write(connectors.rotate_key, uuid, b"n" * 32, until)
    for seconds, count in ((0, 2), (59, 2), (60, 1)):
        found = await filled.read(connectors.keys, [uuid], NOW + timedelta(seconds=seconds))
        assert found[uuid].public_keys == (b"n" * 32, b"k" * 32)[:count]
    assert not await filled.write(connectors.rotate_key, UUID(int=5), b"n" * 32, until)
    assert not await filled.write(connectors.disable, UUID(int=100_000_004), NOW)


async def test_keys_of_many_are_found_at_once_without_those_who_may_not(filled: Database) -> None:
    wanted = [UUID(int=number) for number in (100_000_001, 100_000_002, 100_000_004, 5)]
    found = await filled.read(connectors.keys, wanted, NOW)
    assert found.keys() == set(wanted[:2]), "disabled, and unknown"
    assert {(keys.number, keys.uuid) for keys in found.values()} == {
        (uuid.int, uuid) for uuid in wanted[:2]
    }
    assert await filled.read(connectors.keys, [], NOW) == {}


async def test_the_last_status_is_kept_and_a_vin_is_not_forgotten(filled: Database) -> None:
    uuid = UUID(int=100_000_001)
    status = ConnectorStatus(
        online=True,
        vin="WVWZZZ1KZ6W000001",
        wifi=True,
        software_version=7,
        hardware_version=3,
        supports_doip=True,
    )
    another = UUID(int=100_000_002)
    await filled.write(connectors.keep_statuses, {uuid: status, another: ConnectorStatus()}, NOW)
    await filled.write(
        connectors.keep_statuses, {uuid: ConnectorStatus(software_version=8)}, NOW + timedelta(1)
    )
    await filled.write(connectors.keep_statuses, {}, NOW)
    record = await filled.read(connectors.by_uuid, uuid)
    assert record is not None
    assert record.last_vin == "WVWZZZ1KZ6W000001"
    assert (record.software_version, record.has_wifi, record.supports_doip) == (8, False, False)
    assert record.last_seen_at == NOW + timedelta(1)
    other = await filled.read(connectors.by_uuid, another)
    assert other is not None
    assert (other.last_vin, other.last_seen_at) == (None, NOW)


async def test_only_descriptions_can_be_described(filled: Database) -> None:
    values: dict[str, str | bool | None] = {
        "vehicle_path": "VW#Golf#VII#1.4",
        "calls_for_attention": True,
    }
    assert await filled.write(connectors.describe, 100_000_001, values)
    record = await filled.read(connectors.by_number, 100_000_001)
    assert record is not None
    assert (record.vehicle_path, record.calls_for_attention) == ("VW#Golf#VII#1.4", True)
    assert not await filled.write(connectors.describe, 999_999_999, values)
    with pytest.raises(KeyError, match="pincode_hash"):
        await filled.write(connectors.describe, 100_000_001, {"pincode_hash": "x"})
