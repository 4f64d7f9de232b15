"""Fixtures that every room's tests share: a database of their own, a clock that stands still."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.config import (
    DataSettings,
    HttpSettings,
    LinkSettings,
    SecuritySettings,
    Settings,
)
from gateway.identity.identity import Identity, open_identity
from gateway.storage import tables
from gateway.storage.database import Database, make_engine, open_database
from tests.settable_clock import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def logged() -> CapturingLogger:
    """What was logged through ``log``: ``logged.calls``, each with method, args and kwargs."""
    return CapturingLogger()


@pytest.fixture
def log(logged: CapturingLogger) -> FilteringBoundLogger:
    """A logger that prints nothing."""
    bound: FilteringBoundLogger = structlog.wrap_logger(
        logged, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return bound


@pytest.fixture(scope="session")
def empty_database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and no row; copied, which is faster than making it."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    engine = make_engine(f"sqlite:///{path}")
    tables.load_all().create_all(engine)
    with engine.connect() as connection:
        # The copy must not depend on a write-ahead log left behind.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture
def database_url(empty_database_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "gateway.db"
    shutil.copyfile(empty_database_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of this test alone: its own folder, free ports, hashing that costs nothing."""
    return Settings(
        data=DataSettings(directory=tmp_path),
        http=HttpSettings(port=0),
        link=LinkSettings(port=0),
        security=SecuritySettings(hash_time_cost=1, hash_memory_kib=8),
    )


@pytest.fixture
async def identity(database: Database, settings: Settings, clock: SettableClock) -> Identity:
    """Identity over ``database``, with nobody in it yet."""
    return await open_identity(database, settings, clock)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened
