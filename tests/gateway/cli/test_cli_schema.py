from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.gateway.cli.command_line import CommandLine

pytestmark = pytest.mark.slow


def test_a_database_is_brought_up_and_checked(new_gateway: CommandLine) -> None:
    before = new_gateway.run_any("db", "check")
    assert before[0] == 1
    assert "never upgraded" in before[1]
    upgraded = new_gateway.run("db", "upgrade")
    assert upgraded.startswith("the database is at revision ")
    revision = upgraded.split()[-1]
    assert new_gateway.run("db", "check") == f"database: {revision}; program: {revision}\n"
    assert new_gateway.run("db", "upgrade") == upgraded
    assert new_gateway.folder.stat().st_mode & 0o077 == 0


def test_what_differs_is_named(gateway: CommandLine) -> None:
    gateway.run("db", "upgrade")
    with closing(sqlite3.connect(gateway.folder / "gateway.db")) as connection:
        connection.execute("ALTER TABLE voucher ADD COLUMN surprise TEXT")
        connection.commit()
    status, out = gateway.run_any("db", "check")
    assert "surprise" in out
    assert status == 1


def test_a_database_of_a_newer_program_is_left_alone(gateway: CommandLine) -> None:
    gateway.run("db", "upgrade")
    with closing(sqlite3.connect(gateway.folder / "gateway.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for command in (("db", "upgrade"), ("provider", "add", "P")):
        assert gateway.refused(*command)[0].startswith("failed: ")


def test_a_database_is_copied_into_an_empty_one(gateway: CommandLine) -> None:
    gateway.run("provider", "add", "P")
    target = f"sqlite:///{gateway.folder}/other.db"
    assert gateway.run("db", "copy", "--to", target).endswith(
        "rows copied; to move there, set database.url to it and start the gateway again\n"
    )
    with closing(sqlite3.connect(gateway.folder / "other.db")) as connection:
        assert connection.execute("SELECT name FROM service_provider").fetchall() == [("P",)]
    (refused, *_) = gateway.refused("db", "copy", "--to", target)
    assert refused.startswith("failed: The target has rows in ")
