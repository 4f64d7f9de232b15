"""A PostgreSQL server for tests: the one that ``TEST_POSTGRES_URL`` names, or one of our own.

Our own is made of the binaries that are installed, in a folder of the test run, on a socket in
that folder alone, without waiting for disks; it ends with the run. Every test gets a database
of its own: copied from a template, or one that an earlier test has left and that was cleared.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TextIO

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url, text

from gateway.storage import tables
from gateway.storage.engine import make_engine
from gateway.storage.migrations.schema import VERSIONS

#: Where Debian keeps versions side by side.
_DEBIAN = Path("/usr/lib/postgresql")

#: What makes a server quick, and worthless after a loss of power: right for tests alone.
_HASTY = ("fsync=off", "full_page_writes=off", "max_connections=200")

#: What makes it forget commits of the last moments when it is killed: for those that never are.
_FORGETFUL = "synchronous_commit=off"

#: PostgreSQL refuses to run as root; Debian's package brings this account.
_ACCOUNT = "postgres"


def binaries() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, of the newest version installed."""
    found = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def private_server(folder: Path) -> Iterator[URL]:
    """Run a server in ``folder`` for the block; see :func:`private_cluster`."""
    with private_cluster(folder, _FORGETFUL) as cluster:
        yield cluster.url


@contextmanager
def private_cluster(folder: Path, *settings: str) -> Iterator[Cluster]:
    """Run a server in ``folder`` for the block; whoever has it may stop and start it.

    What was committed is there again after a stop, unless ``settings`` say otherwise.

    Raises:
        RuntimeError: no PostgreSQL is installed, or it does not start; its words are included.
    """
    where = binaries()
    if where is None:
        raise RuntimeError("PostgreSQL is not installed; set TEST_POSTGRES_URL or install it")
    # A socket's path has 107 characters at most, so pytest's own folders are too deep.
    folder.mkdir(parents=True, mode=0o700)
    with (folder / "server.log").open("w") as log:
        account = _yield_to_account(folder)
        server = Server(where, folder, log, account, (*_HASTY, *settings))
        server.initialise()
        with server.running():
            query = {"host": str(folder), "port": "5432"}
            url = URL.create("postgresql+psycopg", _ACCOUNT, database="postgres", query=query)
            yield Cluster(server, url)


def _yield_to_account(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_ACCOUNT)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return _ACCOUNT


@dataclass(frozen=True)
class Server:
    """One cluster and its process.

    Attributes:
        where: folder of the binaries.
        folder: holds data and socket.
        log: takes what the server says.
        account: to run as; ``None`` for the present one.
        settings: ``name=value``, as in its configuration file.
    """

    where: Path
    folder: Path
    log: TextIO
    account: str | None
    settings: tuple[str, ...]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def initialise(self) -> None:
        """Make the cluster's files."""
        options = ("-U", _ACCOUNT, "--auth=trust", "--encoding=UTF8", "--no-sync")
        self._run("initdb", "-D", str(self._data), "--locale=C.UTF-8", *options)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server for the block; killed without ceremony behind it."""
        self.start()
        try:
            yield
        finally:
            with suppress(RuntimeError):
                self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [f"-c {setting}" for setting in self.settings]
        own = f"-k {self.folder} -c listen_addresses='' {' '.join(settings)}"
        self._run("pg_ctl", "-D", str(self._data), "-o", own, "-w", "-s", "start")

    def stop(self) -> None:
        """Stop the server at once, as a kill would."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "-s", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.where / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            user=self.account,
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            said = (self.folder / "server.log").read_text()[-2000:]
            raise RuntimeError(f"{program} ended with {done.returncode}: {said}")


@dataclass(frozen=True)
class Cluster:
    """A server that runs, and where.

    Attributes:
        server: stops and starts it.
        url: of a database without tables.
    """

    server: Server
    url: URL


#: Makes a database as new: most tables are empty after a test, and looking is quicker than
#: truncating. As a replica, a session checks no foreign keys.
_CLEAR = """
DO $$
DECLARE
    one record;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || one.name || ')' INTO filled;
        IF filled THEN
            EXECUTE 'DELETE FROM ' || one.name;
        END IF;
    END LOOP;
    FOR one IN SELECT quote_ident(sequencename) AS name FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP
        PERFORM setval(one.name::regclass, 1, false);
    END LOOP;
END $$
"""


#: How many tables, indexes and sequences there are, and how many columns they have together.
_EXTENT = """
SELECT count(*), sum(relnatts) FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


def mark_as_newest(engine: Engine) -> None:
    """Note that the tables are those of the newest revision, which making them anew gives."""
    numbers = (path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"
        )
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{max(numbers)}')")


class Databases:
    """Gives each test a database with every table and no row.

    Args:
        server: whoever may create databases there.
    """

    def __init__(self, server: URL) -> None:
        self._admin = create_engine(server, isolation_level="AUTOCOMMIT")
        self._server = server
        self._prefix = f"gateway_test_{os.getpid()}"
        self._numbers = count(1)
        self._made: list[str] = []
        self._free: list[str] = []
        self._template = f"{self._prefix}_template"
        self._sql(f'CREATE DATABASE "{self._template}"')
        engine = make_engine(self._url(self._template))
        tables.load_all().create_all(engine)
        mark_as_newest(engine)
        with engine.connect() as connection:
            self._extent = connection.exec_driver_sql(_EXTENT).one()
        engine.dispose()

    def _url(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _sql(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the address of a database with every table and no row."""
        name = self._free.pop() if self._free else self._create(self._template)
        yield self._url(name)
        # Not after an error: then nobody knows what is in it.
        if self._clear(name):
            self._free.append(name)

    def template(self, furnish: Callable[[Connection], object]) -> str:
        """Return the name of a database with every table, furnished, that nobody works in."""
        name = self._create(self._template)
        engine = create_engine(self._url(name), poolclass=NullPool)
        with engine.begin() as connection:
            furnish(connection)
        return name

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """Yield the address of a database as :meth:`template` has made it."""
        name = self._create(template)
        yield self._url(name)
        self._drop(name)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the address of a database without tables."""
        name = self._create("template0")
        yield self._url(name)
        self._drop(name)

    def _create(self, template: str) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        self._made.append(name)
        return name

    def _clear(self, name: str) -> bool:
        """Empty every table; tell whether the tables are still those of the template."""
        self._sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        engine = create_engine(self._url(name), poolclass=NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(_CLEAR)
            return connection.exec_driver_sql(_EXTENT).one() == self._extent

    def _drop(self, name: str) -> None:
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Remove what was made."""
        for name in (*self._made, self._template):
            self._drop(name)
        self._admin.dispose()


@contextmanager
def open_databases(folder: Path) -> Iterator[Databases]:
    """Provide databases for a test run.

    Raises:
        RuntimeError: there is no server, and none can be started.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    with private_server(folder) if given is None else _given(given) as server:
        databases = Databases(server)
        try:
            yield databases
        finally:
            databases.close()


@contextmanager
def _given(address: str) -> Iterator[URL]:
    yield make_url(address).set(drivername="postgresql+psycopg")
