from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gateway.cli import entry
from gateway.cli.entry import main, parser
from gateway.config import ConfigError
from gateway.domain.errors import Conflict, NotFound
from gateway.runtime.supervise import ServiceFailed
from gateway.storage.migrations.schema import SchemaError
from tests.gateway.cli.command_line import CommandLine


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError(("one", "two")), 2, ["configuration: one", "configuration: two"]),
        (NotFound("x.y", "There is none."), 1, ["Not found: There is none."]),
        (OSError(98, "Address already in use"), 1, ["failed: [Errno 98] Address already in use"]),
        (SchemaError("of a newer program"), 1, ["failed: of a newer program"]),
        (ServiceFailed("it ended"), 1, ["failed: it ended"]),
        (KeyboardInterrupt(), 130, []),
    ],
)
@pytest.mark.parametrize("nurseries", [0, 1, 3])
def test_whatever_ends_a_command_becomes_a_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    said: list[str],
    nurseries: int,
) -> None:
    for _ in range(nurseries):
        error = BaseExceptionGroup("from a nursery", [error])

    def fail(_path: Path | None, _environment: object) -> None:
        raise error

    monkeypatch.setattr(entry, "load", fail)
    assert main(["db", "check"]) == status
    assert capsys.readouterr().err.splitlines() == said


def test_ctrl_c_while_the_command_is_imported_is_no_surprise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "import_module", interrupted)
    assert main(["serve"]) == 130
    assert capsys.readouterr().err == ""


def test_every_refusal_of_a_group_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_path: Path | None, _environment: object) -> None:
        refusals = [Conflict("a.b", "First."), NotFound("c.d", "Second.")]
        raise ExceptionGroup("two tasks", [*refusals, OSError("disk")])

    monkeypatch.setattr(entry, "load", fail)
    assert main(["db", "check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "Conflict: First.",
        "Not found: Second.",
        "failed: disk",
    ]


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path | None, _environment: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(entry, "load", fail)
    with pytest.raises(ZeroDivisionError):
        main(["db", "check"])


def leaves(found: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    below = [
        leaf
        for action in found._actions
        if isinstance(action, argparse._SubParsersAction)
        for one in action.choices.values()
        for leaf in leaves(one)
    ]
    return below or [found]


def test_every_command_does_something_and_says_what() -> None:
    commands = leaves(parser())
    assert len(commands) >= 15
    for one in commands:
        assert callable(one.get_default("command")), one.prog
        assert "HELP" not in one.format_help()


def test_the_configuration_is_named_before_or_after_serve(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    for arguments in (["--config", str(file), "serve"], ["serve", "--config", str(file)]):
        assert parser().parse_args(arguments).config == file
    assert parser().parse_args(["serve"]).config is None


def test_a_file_that_is_not_there_is_told(gateway: CommandLine, tmp_path: Path) -> None:
    (line,) = gateway.refused("--config", str(tmp_path / "none.toml"), "db", "check", status=2)
    assert "cannot be read" in line


def names(top: argparse.ArgumentParser) -> set[str]:
    (commands,) = (it for it in top._actions if isinstance(it, argparse._SubParsersAction))
    return set(commands.choices)


def test_every_group_has_the_commands_it_is_known_for() -> None:
    for group, commands in entry.GROUPS.items():
        assert names(parser(["--config", "x", commands[0], "add"])) == set(commands), group
    assert names(parser([])) == {name for group in entry.GROUPS.values() for name in group}
