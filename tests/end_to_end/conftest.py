"""A furnished folder, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.demo.seed import seed
from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade
from tests.end_to_end.houses import House, open_house, settings_for


@pytest.fixture(scope="session")
def furnished_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's folder with the demo's people, devices and catalogue."""
    folder = tmp_path_factory.mktemp("furnished")
    settings = settings_for(folder)

    async def furnish() -> None:
        async with open_database(settings.database_url) as database:
            await upgrade(database)
            identity = await open_identity(database, settings, utc_now)
            await seed(identity, database, 3, folder)

    trio.run(furnish)
    return folder


@pytest.fixture
def folder(furnished_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    copy = tmp_path / "house"
    shutil.copytree(furnished_folder, copy)
    return copy


@pytest.fixture
async def house(folder: Path, log: FilteringBoundLogger) -> AsyncIterator[House]:
    async with open_house(folder, log) as opened:
        yield opened
