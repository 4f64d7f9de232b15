from __future__ import annotations

import io
import sys

import pytest
from typing_extensions import override

from gateway.cli.invocation import say, show, with_identity
from gateway.config import Settings
from gateway.domain.errors import NotFound
from gateway.identity.identity import Identity
from gateway.storage.database import Connection, Database


class Terminal(io.StringIO):
    """Standard output that people look at."""

    @override
    def isatty(self) -> bool:
        return True


ROWS = [(1, "a [bold]name[/bold]"), (22, None)]


def test_a_pipe_gets_tabs_and_no_headings(capsys: pytest.CaptureFixture[str]) -> None:
    show(("number", "name"), ROWS)
    assert capsys.readouterr().out == "1\ta [bold]name[/bold]\n22\tNone\n"


def test_a_terminal_gets_a_table_that_shows_names_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "dumb")  # no colours to read around
    show(("number", "name"), ROWS)
    heading, first, second = screen.getvalue().splitlines()
    assert heading.split() == ["number", "name"]
    assert "a [bold]name[/bold]" in first
    assert second.split() == ["22", "None"]


def test_say_ends_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("so")
    assert capsys.readouterr().out == "so\n"


@pytest.mark.slow
def test_work_finds_a_database_at_its_newest_revision(settings: Settings) -> None:
    found: list[int] = []

    def count(connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT count(*) FROM tenant").scalar_one())

    async def work(identity: Identity, database: Database) -> None:
        assert await identity.tenants.list() == ()
        found.append(await database.read(count))

    assert with_identity(settings, work) == 0
    assert found == [0]


@pytest.mark.slow
def test_a_refusal_passes_through(settings: Settings) -> None:
    async def work(_identity: Identity, _database: Database) -> None:
        raise NotFound("x.y", "There is none.")

    with pytest.raises(NotFound):
        with_identity(settings, work)
