from __future__ import annotations

import pytest
from sqlalchemy import update

from gateway.storage.database import Connection
from gateway.storage.queries.catalogue_names import on_record
from gateway.storage.tables import catalogue as tables
from tests.gateway.workshops import Workshop

pytestmark = pytest.mark.both_engines


async def test_names_lead_to_what_is_on_record(workshop: Workshop) -> None:
    names = await workshop.database.read(on_record)
    assert names.products["100102"] == workshop.products["100102"]
    assert ("Volkswagen", "Golf V (1K1)") in names.models
    assert {make for make, _ in names.groups} == names.makes.keys()
    assert {(make, model) for make, model, _ in names.variants} == names.models.keys()
    assert names.product_groups

    def withdraw(connection: Connection) -> None:
        is_it = tables.product.c.item_number == "100102"
        connection.execute(update(tables.product).where(is_it).values(enabled=False))

    await workshop.database.write(withdraw)
    assert "100102" not in (await workshop.database.read(on_record)).products
