from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.demo import servers
from gateway.demo.http import StoryError
from gateway.demo.servers import open_postgres, open_valkey
from tests.support.valkey import binary


async def test_servers_that_are_named_are_used(tmp_path: Path) -> None:
    async with (
        open_postgres(tmp_path / "pg", "postgresql+psycopg://elsewhere/x") as database,
        open_valkey(tmp_path / "valkey", "redis://elsewhere/0") as bus,
    ):
        assert (database, bus) == ("postgresql+psycopg://elsewhere/x", "redis://elsewhere/0")
    assert not (tmp_path / "pg").exists()


async def test_where_nothing_is_installed_the_reason_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_DEBIAN", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoryError, match="--postgres"):
        await open_postgres(tmp_path / "pg", None).__aenter__()
    with pytest.raises(StoryError, match="--valkey"):
        await open_valkey(tmp_path / "valkey", None).__aenter__()


@pytest.mark.slow
@pytest.mark.process
async def test_a_private_server_answers_and_ends_with_its_block(tmp_path: Path) -> None:
    if binary() is None:
        pytest.skip("Valkey: neither valkey-server nor redis-server is installed")
    async with open_valkey(tmp_path / "valkey", None) as url:
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        with trio.fail_after(30):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(b"PING\r\n")
                assert (await stream.receive_some()).startswith(b"+PONG")
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", port)
