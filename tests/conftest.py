"""Fixtures that every room's tests share: a database of their own, a clock that stands still."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import structlog
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.config import (
    DatabaseSettings,
    DataSettings,
    HttpSettings,
    LinkSettings,
    Secret,
    SecuritySettings,
    Settings,
)
from gateway.identity.identity import Identity, open_identity
from gateway.runtime.garbage import collect_seldom
from gateway.storage import tables
from gateway.storage.database import Database, make_engine, open_database
from gateway.storage.migrations.schema import upgrade_engine
from tests.settable_clock import SettableClock
from tests.support import valkey
from tests.support.postgres import Databases, open_databases
from tests.support.skips import must_run

# No example has a time of its own: a machine that is busy for a moment is no failure. Examples are
# the same in each run, so that what fails here fails again; ``--hypothesis-profile=search`` looks
# for new ones.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("suite")

_finished = itertools.count(1)


@pytest.fixture(scope="session")
def upgraded_database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision; its making takes a second, copying it nothing."""
    path = tmp_path_factory.mktemp("database") / "upgraded.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade_engine(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="what tests that need some database run on",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked ``both_engines`` on each of them, whichever was asked for."""
    if "engine_name" in metafunc.fixturenames and metafunc.definition.get_closest_marker(
        "both_engines"
    ):
        metafunc.parametrize("engine_name", ["sqlite", "postgresql"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the usual run what another engine changes nothing about."""
    if config.getoption("--engine") == "sqlite":
        return
    chosen = [item for item in items if needs_engine(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def needs_engine(item: pytest.Item) -> bool:
    """Tell whether a test runs on whichever engine is asked for, and on no other by itself."""
    if item.get_closest_marker("sqlite_only") or item.get_closest_marker("both_engines"):
        return False
    return "engine_name" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail that was skipped for want of something that CI installs."""
    report = yield
    if isinstance(call.excinfo and call.excinfo.value, pytest.skip.Exception):
        reason = str(call.excinfo and call.excinfo.value)
        if must_run(reason, os.environ):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} must not be skipped here: {reason}"
    return report


#: Tests between two looks for reference cycles.
LOOK_EVERY = 250


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for reference cycles between tests only.

    By then there are some million objects, and looking through them stops everything for longer
    than a control unit has for its answer.
    """
    collect_seldom()
    gc.set_threshold(50_000, 20, 1_000_000)


def pytest_runtest_logfinish(nodeid: str, location: tuple[str, int | None, str]) -> None:
    if next(_finished) % LOOK_EVERY == 0:
        gc.collect()


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


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Databases]:
    """PostgreSQL for tests; without one the test is skipped by name."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder, ExitStack() as stack:
        # The server's account must be able to reach its own folder in there.
        Path(folder).chmod(0o755)
        try:
            databases = stack.enter_context(open_databases(Path(folder) / "s"))
        except RuntimeError as problem:
            pytest.skip(f"PostgreSQL: {problem}")
        yield databases


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A Valkey or Redis server for tests; without one the test is skipped by name."""
    if (given := os.environ.get("TEST_VALKEY_URL")) is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="valkey") as folder, ExitStack() as stack:
        try:
            server = stack.enter_context(valkey.private_server(Path(folder)))
        except RuntimeError as problem:
            pytest.skip(f"Valkey: {problem}")
        yield server.url


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine whose turn it is: ``sqlite`` or ``postgresql``."""
    return str(request.config.getoption("--engine"))


@pytest.fixture
def database_url(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """The address of a database with every table and no row."""
    if engine_name == "postgresql":
        databases: Databases = request.getfixturevalue("postgres_databases")
        with databases.fresh() as url:
            yield url
        return
    path = tmp_path / "gateway.db"
    shutil.copyfile(request.getfixturevalue("empty_database_file"), path)
    yield f"sqlite:///{path}"


@pytest.fixture
def settings(tmp_path: Path, engine_name: str, request: pytest.FixtureRequest) -> Settings:
    """Settings of this test alone: its own folder, free ports, hashing that costs nothing."""
    elsewhere = engine_name == "postgresql"
    url = Secret(request.getfixturevalue("database_url")) if elsewhere else None
    return Settings(
        data=DataSettings(directory=tmp_path),
        database=DatabaseSettings(url=url),
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
