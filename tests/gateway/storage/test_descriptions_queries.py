"""Descriptions on record: the closest first, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.storage.database import Connection, Database
from gateway.storage.queries import descriptions
from gateway.storage.queries import identity as people
from gateway.storage.queries.descriptions import DescriptionRecord
from gateway.storage.queries.identity import OperatorRecord, Provider
from gateway.storage.tables.descriptions import description

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VIN = "WVWZZZAUZHP341562"

RECORD = DescriptionRecord(
    0, 1, "op-1", "Golf", "pdx", "", "", "0" * 64, 10, {"control_units": []}, NOW
)


def fill(connection: Connection) -> None:
    for number in (1, 2):
        people.add_provider(connection, Provider(f"P{number}", "EUR"))
        operator = OperatorRecord(f"op-{number}", number, "A", NOW, None)
        people.add_operator(connection, operator, bytes(32))


async def test_the_closest_and_newest_come_first(database: Database) -> None:
    await database.write(fill)
    numbers = {}
    for name, prefix in (("all", ""), ("maker", "WVW"), ("other", "WBA"), ("model", "WVWZZZAU")):
        record = replace(RECORD, name=name, vin_prefix=prefix)
        numbers[name] = await database.write(descriptions.add, record)
    await database.write(descriptions.add, replace(RECORD, provider_id=2, client_id="op-2"))
    found = await database.read(descriptions.for_vehicle, 1, VIN)
    assert [record.name for record in found] == ["model", "maker", "all"]
    assert [r.name for r in await database.read(descriptions.for_vehicle, 1, "")] == ["all"]
    assert await database.read(descriptions.count, 1) == 4
    kept = await database.read(descriptions.find, 1, numbers["model"])
    assert kept == replace(RECORD, id=numbers["model"], name="model", vin_prefix="WVWZZZAU")
    assert await database.read(descriptions.find, 2, numbers["model"]) is None
    assert not await database.write(descriptions.remove, 2, numbers["model"])
    assert await database.write(descriptions.remove, 1, numbers["model"])
    page = await database.read(descriptions.of_provider, 1, offset=0, limit=2)
    assert (page.total, [record.name for record in page.items]) == (3, ["other", "maker"])
    assert description.name == "description"
