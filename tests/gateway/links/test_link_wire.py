from __future__ import annotations

import pytest
import trio
import trio.testing

from gateway.links.wire import Wire


def _nothing(data: bytes) -> bytes:
    return data


def _wires() -> tuple[Wire, trio.SocketStream]:
    """Return a wire on one end of a pair of sockets with small buffers, and the other end."""
    near, far = trio.socket.socketpair()
    near.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 4096)
    return Wire(trio.SocketStream(near), _nothing), trio.SocketStream(far)


async def _read(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    got = b""
    with trio.fail_after(20):
        while len(got) < count:
            got += await stream.receive_some()
    return got


async def _fill(wire: Wire) -> bytes:
    """Write until something is kept; return all of it."""
    sent = b""
    while True:
        piece = bytes([len(sent) % 251]) * 999
        sent += piece
        if not wire.send_nowait(piece):
            return sent


async def test_what_has_room_is_written_without_waiting() -> None:
    wire, far = _wires()
    async with wire, far:
        assert wire.send_nowait(b"at once")
        assert await _read(far, 7) == b"at once"


async def test_what_has_no_room_is_kept_and_goes_first() -> None:
    wire, far = _wires()
    async with wire, far:
        sent = await _fill(wire)
        assert not wire.send_nowait(b"|next|"), "what is kept must not be overtaken"
        sent += b"|next|last"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_all, b"last")
            assert await _read(far, len(sent)) == sent
        assert wire.send_nowait(b"and at once again")


async def test_what_is_written_while_somebody_sends_comes_after_it() -> None:
    wire, far = _wires()
    async with wire, far, trio.open_nursery() as nursery:
        sent = await _fill(wire)
        nursery.start_soon(wire.send_all, b"first")
        await trio.testing.wait_all_tasks_blocked()
        got = bytes(await far.receive_some(100))  # too little to make room for the others
        assert not wire.send_nowait(b"second")
        got += await _read(far, len(sent) + 5 - len(got))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(wire.send_all, b"")
        got += await _read(far, 6)
    assert got == sent + b"firstsecond"


async def test_a_cancelled_sender_leaves_the_wire_usable_for_a_goodbye() -> None:
    wire, far = _wires()
    async with wire, far:
        await _fill(wire)
        with trio.move_on_after(0.01):
            await wire.send_all(b"never")
        with trio.move_on_after(0.01) as waited:
            await wire.send_all(b"nor this")
        assert waited.cancelled_caught, "it tried, and found no conflict"


async def test_a_peer_that_is_gone_is_found_out_by_whoever_waits() -> None:
    wire, far = _wires()
    async with wire:
        await far.aclose()
        assert not wire.send_nowait(b"to nobody")
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(b"")


async def test_a_closed_wire_neither_writes_nor_reads() -> None:
    wire, far = _wires()
    async with far:
        await wire.aclose()
        assert not wire.send_nowait(b"late")
        with pytest.raises(trio.ClosedResourceError):
            await wire.send_all(b"")
        with pytest.raises(trio.ClosedResourceError):
            await wire.receive_some(100)


async def test_a_reader_is_woken_when_the_wire_is_closed() -> None:
    wire, far = _wires()
    async with far, trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await wire.receive_some(100)

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await wire.aclose()


async def test_what_is_taken_is_not_returned() -> None:
    taken: list[bytes] = []

    def take(data: bytes) -> bytes:
        taken.append(data[:1])
        return data[1:]

    near, far = trio.socket.socketpair()
    async with Wire(trio.SocketStream(near), take) as wire, trio.SocketStream(far) as stream:
        await stream.send_all(b"a")
        async with trio.open_nursery() as nursery:
            got: list[bytes | bytearray] = []

            async def read() -> None:
                got.append(await wire.receive_some(100))

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            assert got == [], "all of it was taken, so it waits for more"
            await stream.send_all(b"bc")
        assert got == [b"c"]
        await stream.send_eof()
        assert await wire.receive_some(100) == b""
    assert taken == [b"a", b"b"]


async def test_a_connection_that_was_reset_is_broken() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    async with listener, await trio.open_tcp_stream("127.0.0.1", port) as peer:
        wire = Wire(await listener.accept(), _nothing)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        peer.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)
        await peer.aclose()
        with trio.fail_after(20), pytest.raises(trio.BrokenResourceError):
            await wire.receive_some(100)
        await wire.aclose()


async def test_other_streams_are_used_as_they_are() -> None:
    near, far = trio.testing.memory_stream_pair()
    wire = Wire(near, _nothing)
    async with far:
        assert not wire.send_nowait(b"kept, ")
        await wire.wait_send_all_might_not_block()
        await wire.send_all(b"sent")
        assert await far.receive_some() == b"kept, sent"
        await far.send_all(b"back")
        assert await wire.receive_some() == b"back"
        await wire.aclose()
        assert await far.receive_some() == b""
