from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, Table, insert, select, text

from gateway.storage.database import Database, make_engine, open_database
from gateway.storage.full_text import is_declared
from gateway.storage.migrations import schema
from gateway.storage.migrations.schema import (
    SchemaError,
    check_engine,
    upgrade_engine,
    write_revision,
)
from gateway.storage.tables import load_all
from gateway.storage.tables.identity import service_provider


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/schema.db")
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first revision, as ``write_revision`` makes it from the tables."""
    folder = tmp_path_factory.mktemp("versions")
    scratch = make_engine(f"sqlite:///{folder}/scratch.db")
    path = write_revision(scratch, "first tables", "0001", folder)
    scratch.dispose()
    assert path == folder / "0001_first_tables.py"
    return path


@pytest.fixture
def versions(written: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "versions"
    folder.mkdir()
    shutil.copy(written, folder)
    return folder


def add_revision(versions: Path, number: str, after: str, body: str) -> None:
    (versions / f"{number}_next.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision = {number!r}\n"
        f"down_revision = {after!r}\n"
        f"def upgrade():\n    {body}\n"
        "def downgrade():\n    raise NotImplementedError\n"
    )


def tables_of(engine: Engine) -> set[str]:
    metadata = MetaData()
    metadata.reflect(engine)
    return {name for name in metadata.tables if is_declared(name, "table", {})}


@pytest.mark.slow
def test_the_written_revision_makes_every_table_exactly(engine: Engine, versions: Path) -> None:
    assert check_engine(engine, versions).current is None
    assert upgrade_engine(engine, versions) == "0001"
    state = check_engine(engine, versions)
    assert state.differences == ()
    assert state.is_newest
    assert tables_of(engine) == {*load_all().tables, "alembic_version"}
    assert write_revision(engine, "nothing", "0002", versions) is None


@pytest.mark.slow
def test_upgrading_twice_changes_nothing(engine: Engine, versions: Path) -> None:
    upgrade_engine(engine, versions)
    with engine.begin() as connection:
        connection.execute(insert(service_provider).values(name="P", currency="EUR"))
    assert upgrade_engine(engine, versions) == "0001"
    with engine.connect() as connection:
        assert connection.execute(select(service_provider.c.name)).scalars().all() == ["P"]


@pytest.mark.slow
def test_a_failing_revision_leaves_nothing_behind(engine: Engine, versions: Path) -> None:
    upgrade_engine(engine, versions)
    add_revision(
        versions,
        "0002",
        "0001",
        "op.create_table('half', sa.Column('id', sa.Integer)); raise RuntimeError('power cut')",
    )
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade_engine(engine, versions)
    assert "half" not in tables_of(engine)
    state = check_engine(engine, versions)
    assert (state.current, state.newest, state.is_newest) == ("0001", "0002", False)


@pytest.mark.slow
def test_a_table_that_others_refer_to_can_be_copied(engine: Engine, versions: Path) -> None:
    upgrade_engine(engine, versions)
    with engine.begin() as connection:
        connection.execute(insert(service_provider).values(id=1, name="P", currency="EUR"))
        connection.execute(
            text("INSERT INTO operator VALUES ('op', 1, '', x'00', '2026-01-01', NULL)")
        )
    add_revision(
        versions,
        "0002",
        "0001",
        "with op.batch_alter_table('service_provider', recreate='always') as t:\n"
        "        t.add_column(sa.Column('motto', sa.String(20)))",
    )
    assert upgrade_engine(engine, versions) == "0002"
    copied = Table("service_provider", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        assert connection.execute(select(copied.c.name, copied.c.motto)).all() == [("P", None)]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


@pytest.mark.slow
def test_a_revision_that_orphans_rows_is_undone(engine: Engine, versions: Path) -> None:
    upgrade_engine(engine, versions)
    with engine.begin() as connection:
        connection.execute(insert(service_provider).values(id=1, name="P", currency="EUR"))
        connection.execute(
            text("INSERT INTO operator VALUES ('op', 1, '', x'00', '2026-01-01', NULL)")
        )
    add_revision(versions, "0002", "0001", "op.execute('DELETE FROM service_provider')")
    with pytest.raises(SchemaError, match="operator"):
        upgrade_engine(engine, versions)
    with engine.connect() as connection:
        assert connection.execute(select(service_provider.c.id)).scalars().all() == [1]
    assert check_engine(engine, versions).current == "0001"


@pytest.mark.slow
def test_a_database_of_a_newer_program_is_refused(engine: Engine, versions: Path) -> None:
    upgrade_engine(engine, versions)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer program"):
        upgrade_engine(engine, versions)


@pytest.mark.slow
def test_a_database_at_the_newest_revision_is_not_upgraded(engine: Engine, versions: Path) -> None:
    assert upgrade_engine(engine, versions) == "0001"
    # Reading this revision would fail, so it is not read.
    written = next(versions.glob("0001_*.py"))
    written.write_text("raise AssertionError('there is nothing to do')")
    assert upgrade_engine(engine, versions) == "0001"
    # A later one makes all of them be read again.
    add_revision(versions, "0002", "0001", "pass")
    with pytest.raises(AssertionError, match="nothing to do"):
        upgrade_engine(engine, versions)


async def test_the_revisions_in_the_package_are_what_a_new_database_gets(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/new.db") as database:
        assert await schema.upgrade(database) == (await schema.check(database)).newest


async def test_a_difference_is_named(database: Database) -> None:
    def lose_a_table() -> None:
        with database.engine.begin() as connection:
            connection.execute(text("DROP TABLE outbox_consumer"))

    lose_a_table()
    state = await schema.check(database)
    assert not state.is_newest
    assert any("outbox_consumer" in difference for difference in state.differences)
