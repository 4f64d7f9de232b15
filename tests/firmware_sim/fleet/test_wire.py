from __future__ import annotations

import trio
from trio.testing import memory_stream_pair

from firmware_sim.fleet.wire import Meter, Wire


async def test_bytes_of_all_connections_are_counted_each_way() -> None:
    meter = Meter()
    pairs = [memory_stream_pair() for _ in range(2)]
    for near, far in pairs:
        wire = Wire(near, meter)
        await wire.wait_send_all_might_not_block()
        await wire.send_all(b"abc")
        await far.send_all(b"12345")
        assert await wire.receive_some(2) == b"12"
        assert await wire.receive_some() == b"345"
        await wire.aclose()
        assert await far.receive_some() == b"abc"
    assert meter == Meter(sent=6, received=10)


async def test_closing_closes_what_is_below() -> None:
    near, far = memory_stream_pair()
    await trio.aclose_forcefully(Wire(near, Meter()))
    assert await far.receive_some() == b""
