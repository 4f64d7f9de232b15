from __future__ import annotations

import io
import json

import pytest
from typing_extensions import override

from gateway.demo.presenter import (
    PlainPresenter,
    Presenter,
    TerminalPresenter,
    presenter_for,
    write_json_line,
)
from gateway.demo.world import DeskCredentials, OperatorCredentials, World


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def tell(presenter: Presenter) -> None:
    presenter.chapter("A [chapter]")
    presenter.line("desk", "WO-1 [red]of[/red] Jansen")
    presenter.table(("line", "net"), [("Fault [b]finding[/b]", "80.10")])


def test_a_pipe_gets_one_plain_line_each() -> None:
    pipe = io.StringIO()
    tell(presenter_for(pipe))
    assert pipe.getvalue() == (
        "== A [chapter]\n"
        "desk: WO-1 [red]of[/red] Jansen\n"
        "line | net\n"
        "Fault [b]finding[/b] | 80.10\n"
    )


def test_a_terminal_gets_the_same_words_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    presenter = presenter_for(screen)
    assert isinstance(presenter, TerminalPresenter)
    tell(presenter)
    for words in ("A [chapter]", "desk", "WO-1 [red]of[/red] Jansen", "Fault [b]finding[/b]"):
        assert words in screen.getvalue()


def test_lines_leave_at_once() -> None:
    class Flushed(io.StringIO):
        flushes = 0

        @override
        def flush(self) -> None:
            self.flushes += 1

    pipe = Flushed()
    PlainPresenter(pipe).line("a", "b")
    write_json_line({"c": 1}, pipe)
    assert pipe.flushes == 2
    assert pipe.getvalue() == 'a: b\n{"c":1}\n'


def test_the_ready_line_is_one_line_with_every_member() -> None:
    pipe = io.StringIO()
    world = World(
        http="http://127.0.0.1:1",
        link="ws://127.0.0.1:2/link/v1",
        customer_ws="ws://127.0.0.1:1/ws/customer",
        operator_ws="ws://127.0.0.1:1/ws/operator",
        connectors=(),
        operator=OperatorCredentials("op", "secret\nwith a break"),
        backoffice=DeskCredentials("a@b.example", "p", "1|t", "2|k"),
    )
    write_json_line(world, pipe)
    (line,) = pipe.getvalue().splitlines()
    document = json.loads(line)
    assert document["operator"] == {"client_id": "op", "client_secret": "secret\nwith a break"}
    assert set(document["backoffice"]) == {
        "email",
        "password",
        "planner_token",
        "field_sales_key",
    }
