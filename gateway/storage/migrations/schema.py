"""The schema's way from one revision to the next.

An upgrade is one transaction on either engine: all of it happens or none. Two processes that
start together queue for it, and the second finds nothing left to do.

Alembic is imported where there is something for it to do. Most starts find the newest revision,
and reading all revisions to learn that nothing is to be done costs 35 MiB and half a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from sqlalchemy import Connection, Engine, func, inspect, select

from gateway.storage.database import Database
from gateway.storage.engine import without_time_limit
from gateway.storage.full_text import is_declared
from gateway.storage.tables import load_all

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
VERSIONS = HERE / "versions"

#: Any fixed number: the lock behind which nodes on PostgreSQL queue to upgrade.
_UPGRADE_LOCK = 0x736368656D61


class SchemaError(Exception):
    """The schema cannot be brought to the newest revision; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the database compares with this program.

    Attributes:
        current: revision of the database; ``None`` when it was never upgraded.
        newest: newest revision this program knows; ``None`` when there is none.
        differences: what the tables of the program have and the database has not, or the other
            way round, one line each.
    """

    current: str | None
    newest: str | None
    differences: tuple[str, ...]

    @property
    def is_newest(self) -> bool:
        """Whether the program can run on this database."""
        return self.current == self.newest and not self.differences


async def upgrade(database: Database) -> str | None:
    """Bring ``database`` to the newest revision and return that.

    Raises:
        SchemaError: it is of a newer program, or a revision broke a foreign key.
    """
    return await trio.to_thread.run_sync(upgrade_engine, database.engine)


async def check(database: Database) -> SchemaState:
    """Return how ``database`` compares with this program; changes nothing."""
    return await trio.to_thread.run_sync(check_engine, database.engine)


def upgrade_engine(engine: Engine, versions: Path = VERSIONS) -> str | None:
    """As :func:`upgrade`, blocking; ``versions`` is the folder of the revisions."""
    newest = _newest(versions)
    if newest is not None and _revisions_of(engine) == [newest]:
        return newest
    return _upgrade_by_alembic(engine, versions)


def _newest(versions: Path) -> str | None:
    """Return the newest revision: files begin with its number, and numbers count up."""
    return max(
        (path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py")), default=None
    )


def _revisions_of(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return []
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return [str(number) for number in found.scalars()]


def _upgrade_by_alembic(engine: Engine, versions: Path) -> str | None:
    from alembic import command  # noqa: PLC0415 - heavy, see above
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    with _transaction(engine) as connection:
        try:
            command.upgrade(_config(connection, versions), "head")
        except CommandError as error:
            raise SchemaError(
                f"{error}. The database is of a newer program; run that one, or restore a backup."
            ) from error
        return MigrationContext.configure(connection).get_current_revision()


def check_engine(engine: Engine, versions: Path = VERSIONS) -> SchemaState:
    """As :func:`check`, blocking."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - heavy, see above
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_declared}
        context = MigrationContext.configure(connection, opts=options)
        return SchemaState(
            current=context.get_current_revision(),
            newest=ScriptDirectory.from_config(_config(connection, versions)).get_current_head(),
            differences=tuple(map(repr, compare_metadata(context, load_all()))),
        )


def write_revision(
    engine: Engine, message: str, revision_id: str, versions: Path = VERSIONS
) -> Path | None:
    """Write a revision that brings the database at ``engine`` to the program's tables.

    For those who change tables; the database must be at the newest revision.

    Args:
        engine: of a scratch database.
        message: what the revision is for; becomes part of the file's name.
        revision_id: ``0001`` and so on.
        versions: where to write it.

    Returns:
        The file, or ``None`` when the database has all of it.
    """
    from alembic import command  # noqa: PLC0415 - heavy, see above

    state = check_engine(engine, versions)
    if not state.differences:
        return None
    with engine.connect() as connection:
        written = command.revision(
            _config(connection, versions), message, autogenerate=True, rev_id=revision_id
        )
    one = written[0] if isinstance(written, list) else written
    return None if one is None else Path(one.path)


def _config(connection: Connection, versions: Path) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - heavy, see above

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    load_all()
    return config


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            without_time_limit(connection)
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            yield connection
        return
    with engine.connect() as connection:
        # Copying a table drops the old one, which would break every reference to it; so
        # references are checked once, at the end. The switch has no effect inside a transaction.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.commit()
        try:
            with connection.begin():
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                _check_references(connection)
        finally:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise SchemaError(
            f"The upgrade would leave rows without what they refer to, in {tables}. "
            "Nothing was changed; mend these rows, then upgrade again."
        )
