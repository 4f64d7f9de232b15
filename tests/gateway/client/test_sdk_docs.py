"""What docs/sdk.md shows works as it stands there, against a whole gateway."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

import gateway.client
from gateway.cli import main
from gateway.client import errors
from gateway.client.blocking import Client, Session
from gateway.client.jobs import TransferJob
from gateway.client.profile import find_profile
from gateway.ws.operator.messages import ClientMessage
from tests.end_to_end.houses import House
from tests.end_to_end.test_transfer_jobs import LOCK, procedure

PAGE = (Path(__file__).parents[3] / "docs" / "sdk.md").read_text(encoding="utf-8")

UUID = "8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e"
SESSION = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def uuid(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    operator = house.people.operator
    monkeypatch.setenv("GATEWAY_URL", house.gateway.http_url)
    monkeypatch.setenv("GATEWAY_CLIENT_ID", operator.client_id)
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", operator.client_secret)
    await house.plug_in("can")
    return house.connector("can").uuid


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, "'P0301-00'"), (1, "02 7e 00"), (2, "WVWZZZAUZHP341562"), (3, "101462f190")],
)
async def test_scripts_run(
    uuid: str, number: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(blocks("python")) == 4
    script = compile(blocks("python")[number].replace(UUID, uuid), "docs/sdk.md", "exec")
    names: dict[str, Any] = {}
    with trio.fail_after(30):
        await trio.to_thread.run_sync(exec, script, names)
    assert printed in capsys.readouterr().out
    if number == 2:
        assert names["vin"] == b"WVWZZZAUZHP341562"
        assert len(names["everywhere"]) > 1


@pytest.mark.slow
@pytest.mark.process
async def test_commands_work(
    house: House,
    uuid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    token = await house.operator()
    session = (await house.session("can", token))["id"]
    path = f"/operator/v1/sessions/{session}"
    ecu = {"request_id": 0x7E0, "response_id": 0x7E8}
    await house.done("POST", f"{path}/exchanges", {"ecu": ecu, "request": "3E00"}, token=token)
    await house.done("DELETE", path, token=token)
    (block,) = blocks("sh")
    for line in block.replace(SESSION, session).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "gateway"
        with trio.fail_after(30):
            status = await trio.to_thread.run_sync(main, arguments)
        assert status == 0, (line, capsys.readouterr().err)


def write_files(folder: Path) -> None:
    image = Random(1).randbytes(4000)
    (folder / "image.bin").write_bytes(image)
    (folder / "how.json").write_text(json.dumps(procedure(image)))
    mask, rotation, addend = LOCK
    (folder / "key").write_text(
        f"#!{sys.executable}\nimport sys\nword = int(sys.argv[1], 16) ^ {mask}\n"
        f"word = (word << {rotation} | word >> {32 - rotation}) & 0xFFFFFFFF\n"
        f"print('%08x' % ((word + {addend}) & 0xFFFFFFFF))\n"
    )
    (folder / "key").chmod(stat.S_IRWXU)


def test_the_profile_is_one(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    path = tmp_path / "profile.toml"
    path.write_text(block)
    path.chmod(0o600)
    assert find_profile(path=path, environment={}).client_id == tomllib.loads(block)["client_id"]


def test_every_call_exists() -> None:
    table = PAGE[PAGE.index("| call |") : PAGE.index("The websocket reconnects")]
    calls = set(re.findall(r"`(?:job\.)?([a-z_]+)\(", table))
    known = {*dir(gateway.client.Client), *dir(gateway.client.Session), *dir(TransferJob)}
    assert len(calls) > 15
    assert calls - known == set()
    blocking = {*dir(Client), *dir(Session), *dir(TransferJob)}
    assert calls - blocking == {"recording", "hold"}, "spelled otherwise without Trio"


def test_every_exception_and_action_exists() -> None:
    table = PAGE[PAGE.index("| exception |") : PAGE.index("## Commands")]
    for name in re.findall(r"`([A-Z]\w+)`", table):
        assert issubclass(getattr(errors, name), errors.ClientError)
    table = PAGE[PAGE.index("| action |") :]
    rows = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    known = {it.__struct_config__.tag for it in ClientMessage.__args__}
    assert told == known - {"authenticate"}
