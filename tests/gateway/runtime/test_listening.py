from __future__ import annotations

import socket

import pytest

from gateway.runtime.listening import listeners_at


async def test_a_free_port_is_one_port() -> None:
    (listener,) = await listeners_at("localhost", 0, setting="http")
    async with listener:
        assert listener.socket.getsockname()[1] > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_that_is_taken_is_told_with_what_to_do(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            await listeners_at(host, port, setting="link")
    assert f"{host}:{port}" in str(caught.value)
    assert "Change link.host or link.port" in str(caught.value)


async def test_an_address_of_another_machine_is_told_too() -> None:
    with pytest.raises(OSError, match=r"cannot listen at 192\.0\.2\.7:0") as caught:
        await listeners_at("192.0.2.7", 0, setting="http")
    assert "Change http.host" in str(caught.value)
