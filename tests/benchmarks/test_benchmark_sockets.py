from __future__ import annotations

import struct
import sys
from functools import partial

import pytest
import trio

from benchmarks.sockets import Traffic, read_socket, split, traffic

linux = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag is Linux's")


@linux
async def test_the_kernel_counts_what_was_sent() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(bytes(data) * 3)

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, echo, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello" * 3
            before = traffic(port)
            await stream.send_all(bytes(100))
            got = 0
            while got < 300:
                got += len(await stream.receive_some())
            added = traffic(port).since(before)
        nursery.cancel_scope.cancel()
    assert before.connections == 1
    assert added.received == 100
    assert added.sent in {0, 300}  # the last acknowledgement may still be on its way
    assert added.segments > 0


@linux
def test_a_port_that_nobody_uses_carries_nothing() -> None:
    assert traffic(1) == Traffic(0, 0, 0, 0)


def test_netlink_messages_are_aligned() -> None:
    message = struct.pack("=IHHII", 19, 20, 0, 1, 0) + b"abc" + b"\0"
    done = struct.pack("=IHHII", 16, 3, 0, 1, 0)
    assert list(split(message + done)) == [(20, b"abc"), (3, b"")]


def test_a_socket_without_counters_counts_nothing() -> None:
    body = bytes(4) + struct.pack(">H", 8443) + bytes(66) + struct.pack("=HH", 5, 8) + bytes(4)
    assert read_socket(body) == (8443, (0, 0, 0, 0))
