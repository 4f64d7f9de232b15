"""A furnished workshop, copied from one file for each test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.storage.database import make_engine, open_database
from gateway.tickets.service import TicketService
from tests.gateway.portals import Portal, open_portal
from tests.gateway.workshops import (
    OnlineSet,
    Workshop,
    find_variant,
    furnish,
    principal,
    product_ids,
)
from tests.settable_clock import SettableClock
from tests.support.postgres import Databases


@pytest.fixture(scope="session")
def furnished_file(empty_database_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workshop") / "furnished.db"
    shutil.copyfile(empty_database_file, path)
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        furnish(connection)
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def furnished_template(postgres_databases: Databases) -> str:
    return postgres_databases.template(furnish)


@pytest.fixture
def workshop_url(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """The address of a furnished database of the test's own."""
    if engine_name == "postgresql":
        databases: Databases = request.getfixturevalue("postgres_databases")
        with databases.copy_of(request.getfixturevalue("furnished_template")) as url:
            yield url
        return
    path = tmp_path / "workshop.db"
    shutil.copyfile(request.getfixturevalue("furnished_file"), path)
    yield f"sqlite:///{path}"


@pytest.fixture
async def workshop(workshop_url: str, clock: SettableClock) -> AsyncIterator[Workshop]:
    presence = OnlineSet()
    async with open_database(workshop_url) as database:
        yield Workshop(
            database=database,
            presence=presence,
            service=TicketService(database, presence, clock),
            customer=principal(1),
            neighbour=principal(2),
            stranger=principal(3, provider_id=2),
            golf=await database.read(find_variant, "Volkswagen", "Golf VII", "2.0 TDI"),
            products=await database.read(product_ids),
        )


@pytest.fixture
def portal(workshop: Workshop, clock: SettableClock) -> Portal:
    return open_portal(workshop, clock)
