from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import CloseReason, ConnectionClosed, ConnectionRejected, wrap_client_stream

from gateway.domain.errors import Unavailable
from gateway.links.port import PATH, UPGRADE_LIMIT, PortOptions
from protocols.link.connection import HANDSHAKE_LIMIT
from protocols.link.envelope import pack
from protocols.link.events import Closed, Live
from protocols.link.messages import (
    MAX_ENVELOPE,
    SUBPROTOCOL,
    Channel,
    CloseCode,
    Goodbye,
    Hello,
    Message,
    encode_body,
)
from protocols.link.vehicle import Capabilities
from tests.support.faulty_stream import FaultyStream
from tests.support.link_pair import CAPABILITIES, OTHER_PRIVATE
from tests.support.link_world import (
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    known_as,
    open_world,
    settle,
)

UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)
PROTOCOL_HEADER = b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode() + b"\r\n"
GOOD_UPGRADE = UPGRADE % (PATH.encode(), PROTOCOL_HEADER)


async def _answer(stream: FaultyStream) -> bytes:
    """Read until the port closes the connection."""
    answer = b""
    try:
        while part := await stream.receive_some():
            answer += part
    except trio.BrokenResourceError:
        pass
    return answer


async def test_a_handshake_ends_online_in_the_registry(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        await settle()
        status = world.registry.status(UUID_ONE)
        assert (status.online, status.software_version, status.hardware_version) == (True, 12, 3)
        assert world.live.connected
        assert world.live.capabilities == CAPABILITIES
        assert world.lines("connector online") == [
            {"event": "connector online", "connector": 100_000_001, "resumed": False}
        ]
        assert device.told[0] == Live(resumed=False)


async def _refusal(world: LinkWorld, device: DialledConnector) -> tuple[Closed, object]:
    await device.connect()
    await settle()
    [closed] = [event for event in device.told if isinstance(event, Closed)]
    return closed, world.logged.calls[-1].kwargs


async def test_a_wrong_key_an_unknown_and_a_disabled_connector_are_refused_alike(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        _, unknown = known_as(99)
        wrong_key = await _refusal(world, DialledConnector(world, private=OTHER_PRIVATE))
        stranger = await _refusal(world, DialledConnector(world, uuid=unknown))
        world.known.clear()
        disabled = await _refusal(world, DialledConnector(world))
        assert wrong_key == stranger == disabled
        assert wrong_key[0].code == CloseCode.AUTHENTICATION
        assert wrong_key[0].by_peer
        assert len(world.lines("link refused")) == 3
        assert len(world.registry) == 0
        assert world.published == []


async def test_a_connector_that_is_disabled_during_its_handshake_does_not_get_in(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        world.conditions.delay = 1.0
        device = DialledConnector(world)
        with trio.move_on_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(device.connect)
                # Looked up already; its proof is on the way.
                await trio.sleep(3.5)
                assert device.told == []
                world.registry.disconnect(UUID_ONE, CloseCode.DISABLED, "disabled")
        [closed] = device.told
        assert isinstance(closed, Closed)
        assert closed.code == CloseCode.DISABLED
        assert len(world.registry) == 0
        assert world.published == []
        world.conditions.delay = 0.0
        await world.nursery.start(DialledConnector(world).connect)
        assert world.live.connected, "looked up anew, and good"


async def test_a_hello_without_a_uuid_is_refused_with_a_reason(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        closed, _ = await _refusal(world, DialledConnector(world, uuid="not a uuid"))
        assert (closed.code, closed.reason) == (CloseCode.PROTOCOL, "the hello names no UUID")


async def test_a_database_that_is_away_sends_connectors_away_for_a_while(
    autojump_clock: MockClock,
) -> None:
    async with open_world(PortOptions(retry_after=7.0)) as world:
        world.find_fails = Unavailable("database.unavailable", "away")
        closed, _ = await _refusal(world, DialledConnector(world))
        assert (closed.code, closed.retry_after_ms) == (CloseCode.OVERLOADED, 7000)
        world.find_fails = None
        await world.nursery.start(DialledConnector(world).connect)
        assert world.live.connected


async def test_a_full_gateway_asks_to_come_back_later_and_lets_its_own_return(
    autojump_clock: MockClock,
) -> None:
    async with open_world(PortOptions(max_connectors=1, retry_after=30.0)) as world:
        one = DialledConnector(world)
        await world.nursery.start(one.connect)
        other, uuid = known_as(2)
        world.known[other.uuid] = other
        closed, _ = await _refusal(world, DialledConnector(world, uuid=uuid))
        assert (closed.code, closed.retry_after_ms) == (CloseCode.OVERLOADED, 30_000)
        one.cut()
        await settle()
        await world.nursery.start(one.connect)
        assert world.live.connected


# --- first packets -------------------------------------------------------------------------

MALFORMED: dict[str, bytes] = {
    "random bytes": bytes(range(255, 0, -1)) * 4,
    "nothing but line ends": b"\r\n" * 100,
    "a TLS client hello": bytes.fromhex("16030100f8010000f40303") + bytes(240),
    "plain HTTP": b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "an HTTP body": b"POST /link/v1 HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello",
    "garbage in the request line": b"\x00\x01GET\r\n\r\n",
    "a non-ASCII header": UPGRADE % (PATH.encode(), b"X-Name: caf\xc3\xa9\r\n"),
    "a non-ASCII subprotocol": UPGRADE % (PATH.encode(), b"Sec-WebSocket-Protocol: \xff\xfe\r\n"),
    "a non-ASCII path": UPGRADE % (b"/link/\xff", PROTOCOL_HEADER),
    "an endless header": b"GET /link/v1 HTTP/1.1\r\nX: " + b"a" * (1 << 17),
    "a wrong websocket version": GOOD_UPGRADE.replace(b"Version: 13", b"Version: 99"),
    "no websocket key": GOOD_UPGRADE.replace(b"Sec-WebSocket-Key", b"Sec-Nothing"),
    "trailing bytes after the upgrade": GOOD_UPGRADE + b"\xff" * 64,
    "an unmasked frame": GOOD_UPGRADE + b"\x82\x03abc",
    "a reserved opcode": GOOD_UPGRADE + b"\x8f\x80\x00\x00\x00\x00",
    "a frame of a petabyte": GOOD_UPGRADE + b"\x82\xff\x00\x03" + bytes(6) + b"\0\0\0\0abc",
    "text that is no text": GOOD_UPGRADE + b"\x81\x82\x00\x00\x00\x00\xff\xfe",
    "a close frame with a forbidden code": GOOD_UPGRADE + b"\x88\x82\x00\x00\x00\x00\x00\x01",
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_first_packet_ends_its_connection_alone(
    packet: bytes, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        stream = world.dial()
        with trio.fail_after(UPGRADE_LIMIT + HANDSHAKE_LIMIT + 5):
            with suppress(trio.BrokenResourceError):  # it need not read to the end
                await stream.send_all(packet)
            await _answer(stream)
        await settle()
        assert world.live.connected
        assert len(world.lines("connection failed")) + len(world.lines("link refused")) <= 1
        await world.nursery.start(DialledConnector(world).connect)


@pytest.mark.slow
async def test_hundreds_of_malformed_connections_leave_nothing_behind(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        before = len(world.nursery.child_tasks)
        packets = list(MALFORMED.values())
        for count in range(300):
            stream = world.dial()
            packet = packets[count % len(packets)]
            with trio.move_on_after(1), suppress(trio.BrokenResourceError):
                await stream.send_all(packet[: 1 + count * 7 % len(packet)])
            stream.cut()
        await trio.sleep(60)
        assert len(world.nursery.child_tasks) == before
        assert len(world.registry) == 1
        assert world.live.connected


@pytest.mark.parametrize(
    ("path", "subprotocols", "status"),
    [("/elsewhere", [SUBPROTOCOL], 404), (PATH, [], 400), (PATH, ["mqtt"], 400)],
)
async def test_a_wrong_path_or_subprotocol_is_told_so(
    path: str, subprotocols: list[str], status: int, autojump_clock: MockClock
) -> None:
    async with open_world() as world, trio.open_nursery() as nursery:
        with pytest.RaisesGroup(
            ConnectionRejected, flatten_subgroups=True, allow_unwrapped=True
        ) as refused:
            async with trio.open_nursery() as dialling:
                await wrap_client_stream(
                    dialling,
                    world.dial(),  # type: ignore[arg-type] # any stream will do
                    "gateway",
                    path,
                    subprotocols=subprotocols,
                )
        error: BaseException = refused.value
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert isinstance(error, ConnectionRejected)
        assert error.status_code == status
        assert b"connector" in (error.body or b"")
        assert world.failures() == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("opening", [b"", b"GET /link", GOOD_UPGRADE])
async def test_a_peer_that_says_nothing_more_is_sent_away_in_time(
    opening: bytes, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        stream = world.dial()
        await stream.send_all(opening)
        with trio.fail_after(UPGRADE_LIMIT + HANDSHAKE_LIMIT + 5):
            await _answer(stream)
        await settle()
        assert len(world.nursery.child_tasks) == 1, "the registry alone is left"


# --- after the upgrade ---------------------------------------------------------------------


async def _upgraded(world: LinkWorld, *messages: bytes | str) -> tuple[int, list[bytes]]:
    """Say something as a raw websocket client; return the close code and what came before."""
    got: list[bytes] = []
    closed: CloseReason | None = None
    async with trio.open_nursery() as nursery:
        websocket = await wrap_client_stream(
            nursery,
            world.dial(),  # type: ignore[arg-type] # any stream will do
            "gateway",
            PATH,
            subprotocols=[SUBPROTOCOL],
        )
        try:
            for message in messages:
                await websocket.send_message(message)
            while True:
                data = await websocket.get_message()
                assert isinstance(data, bytes)
                got.append(data)
        except ConnectionClosed as end:
            closed = end.reason
        nursery.cancel_scope.cancel()
    await settle()
    assert closed is not None
    return closed.code, got


def _packed(message: Message) -> bytes:
    return pack(message.channel, 0, 0, encode_body(message))


async def test_a_fault_is_told_by_goodbye_and_close_code_and_logged_once(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        code, got = await _upgraded(world, b"\x09nonsense")
        assert code == 1002
        [goodbye] = got
        assert encode_body(Goodbye(CloseCode.PROTOCOL, "unknown channel 9"))[:3] in goodbye
        [line] = world.lines("link refused")
        assert line["code"] == CloseCode.PROTOCOL
        assert world.failures() == 0


async def test_text_is_no_part_of_the_protocol(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        code, _ = await _upgraded(world, "hello")
        assert code == 1002
        assert "text messages" in str(world.lines("link refused")[0]["reason"])


async def test_a_message_over_the_limit_ends_the_connection(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.conditions.window = 1 << 22
        code, _ = await _upgraded(world, bytes(MAX_ENVELOPE + 1))
        assert code == 1009
        assert len(world.registry) == 0


async def test_a_hello_that_would_have_broken_the_signature_check_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        hello = Hello((1,), str(UUID_ONE), b"n" * 32, Capabilities())
        body = encode_body(hello)[:-2] + b"\x92\xc4\x01t\xff" + b"\x80"  # claims number -1
        code, _ = await _upgraded(world, pack(Channel.CONTROL, 0, 0, body))
        assert code == 1002
        assert world.failures() == 0


async def test_a_goodbye_by_the_peer_is_one_line_of_bounded_length(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        await _upgraded(world, _packed(Goodbye(0, "x" * 50_000)))
        [line] = world.lines("link refused")
        assert len(str(line["reason"])) <= 200


async def test_what_a_connection_held_is_gone_with_it_and_waits_for_no_collector(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        pump = world.live._pump
        assert pump is not None
        socket = weakref.ref(pump.socket)
        del pump
        gc.disable()
        try:
            device.cut()
            await settle()
            assert not world.live.connected
            assert socket() is None
        finally:
            gc.enable()
