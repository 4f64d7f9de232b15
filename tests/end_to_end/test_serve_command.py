"""``gateway serve`` as an administrator runs it: a file, a signal, an exit status."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.end_to_end.houses import open_socket
from tests.end_to_end.programs import run_gateway

pytestmark = [pytest.mark.slow, pytest.mark.process]


def config(folder: Path, **more: str) -> Path:
    """Write a configuration file and return its path."""
    file = folder / "gateway.toml"
    http, link = more.get("http", "port = 0"), more.get("link", "port = 0")
    file.write_text(
        f'[data]\ndirectory = "{folder}/data"\n[http]\n{http}\n[link]\n{link}\n'
        '[log]\nformat = "json"\n',
        encoding="utf-8",
    )
    return file


async def test_serve_until_told_to_stop(tmp_path: Path) -> None:
    async with run_gateway("serve", "--config", str(config(tmp_path))) as program:
        ready = json.loads(await program.line('"ready"'))
        sockets = ready["http"].replace("http", "ws", 1)
        async with open_socket(f"{sockets}/ws/operator") as client:
            await client.send_message("{")  # nobody yet, and told so
            await client.get_message()
        async with open_socket(f"{sockets}/ws/customer") as watcher:
            await trio.sleep(0.1)
            program.ask_to_stop()
            with trio.fail_after(20), pytest.raises(ConnectionClosed) as closed:
                await watcher.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1012
        assert await program.ended(within=10) == 0
    assert (tmp_path / "data" / "gateway.db").exists()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert program.out == []


@pytest.mark.parametrize("door", ["http", "link"])
async def test_an_address_in_use_is_one_line_and_a_status(tmp_path: Path, door: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"port = {taken.getsockname()[1]}"
        async with run_gateway(
            "--config", str(config(tmp_path, **{door: port})), "serve"
        ) as program:
            assert await program.ended() == 1
            told = await program.line("failed:", within=20)
    assert f"{door}.port" in told
    assert not any("Traceback" in line for line in program.err)


async def test_mistakes_in_the_file_are_told_all_at_once(tmp_path: Path) -> None:
    file = config(tmp_path, http="port = 99999", link='host = "0.0.0.0"\ncolour = "red"')
    async with run_gateway("serve", "--config", str(file)) as program:
        assert await program.ended() == 2
        for words in ("http.port", "link.colour", "beyond loopback"):
            await program.line(words, within=20)
    assert all(line.startswith("configuration: ") for line in program.err)


async def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    file = config(tmp_path)
    environment = {"GATEWAY_HTTP_PORT": "99999"}
    async with run_gateway("serve", "--config", str(file), environment=environment) as program:
        assert await program.ended() == 2
        await program.line("GATEWAY_HTTP_PORT", within=20)
