"""What the README tells people to type exists, and does what it says."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from firmware_sim.cli import main as simulator
from gateway.cli import main
from gateway.cli.entry import parser
from gateway.config.loading import settings_from

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

#: Commands that go on until somebody ends them; tests/end_to_end runs those.
ENDLESS = {"serve", "demo", "cluster-demo"}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Return every command of the README's shell blocks, split into words, comments left out."""
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    split = (shlex.split(line, comments=True) for line in lines if line)
    return [words for words in split if words]


def gateway_commands() -> list[list[str]]:
    """Return what the README calls ``gateway`` with."""
    called = [words for words in commands() if Path(words[0]).name == "gateway"]
    assert called, "the README shows no gateway command"
    return [words[1:] for words in called]


def action(arguments: list[str]) -> str:
    """Return a command's first word that is no option of all commands."""
    rest = arguments[2:] if arguments[0] == "--config" else arguments
    return rest[0]


def test_every_command_is_of_a_known_program() -> None:
    programs = {Path(words[0]).name for words in commands()}
    assert programs <= {"make", "gateway", "firmware-sim", "python", "printf", "echo", "curl"}
    assert "make" in programs


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    for words in commands():
        if words[0] == "make":
            wanted = {word for word in words[1:] if "=" not in word}
            assert wanted <= targets, words
    assert {"demo", "test", "check", "bench"} <= targets
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert targets == set(phony[1].split())


def test_every_gateway_command_parses() -> None:
    for arguments in gateway_commands():
        assert callable(parser().parse_args(arguments).command), arguments


@pytest.mark.slow
def test_the_gateway_commands_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_TIME_COST", "1")
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_MEMORY_KIB", "8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text("", encoding="utf-8")
    run = [arguments for arguments in gateway_commands() if action(arguments) not in ENDLESS]
    assert run
    for arguments in run:
        assert main(arguments) == 0, (arguments, capsys.readouterr().err)


def test_simulator_commands_parse(capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands():
        if Path(words[0]).name == "firmware-sim":
            with pytest.raises(SystemExit) as ended:
                simulator([*words[1:], "--help"])
            assert ended.value.code == 0, capsys.readouterr().err


def test_every_piece_of_configuration_is_one() -> None:
    for block in blocks("toml"):
        settings_from(tomllib.loads(block), {})


def test_every_room_on_the_map_is_there() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE)
    rooms = [name.strip("`") for row in rows for name in row.split(", ")]
    assert len(rooms) > 20
    missing = [room for room in rooms if not (ROOT / room).exists() and "make" not in room]
    assert missing == []
    packages = {
        f"{program}/{path.name}"
        for program in ("gateway", "firmware_sim", "protocols")
        for path in (ROOT / program).iterdir()
        if (path / "__init__.py").exists()
    }
    assert packages - set(rooms) == set(), "rooms that the map does not show"


def test_the_layers_are_in_the_contracts_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        contract["layers"]
        for contract in contracts["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Gateway layers"
    )
    told = README[README.index("in the order `cli`") :]
    told = told[: told.index("all of it over")]
    words = re.findall(r"[a-z]+", " ".join(re.findall(r"`([^`]+)`", told)))
    contract = [word for layer in layers for word in re.findall(r"[a-z]+", layer)]
    contract = [word for word in contract if word != "main"]
    assert words == contract


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
