# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
from doipclient import messages as m

from firmware_sim.vehicle import doip_entity
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.doip_entity import ALL_ECUS, DoipAddress, DoipEntity
from protocols.doip.codec import Decoder, Message, Packet, decode_datagram, encode
from protocols.doip.settings import EntitySettings

ENGINE, BODY = 0x1630, 0x1A01
TESTER = 0x0E80
SETTINGS = EntitySettings(
    logical_address=0x1001, vin="YV1LFA2A9J1338204", eid=bytes.fromhex("024C4F474F01")
)


class Echo:
    """Answers every request with its service, its own name and what it was asked."""

    def __init__(self, name: bytes, *, size: int = 0) -> None:
        self.name = name
        self.size = size

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]:
        del now, functional
        if request == b"\x11\x01":
            return []
        head = bytes([request[0] + 0x40]) + self.name
        return [TimedResponse(0.0, head + request[1:] + bytes(self.size))]

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, now: float) -> None:
        assert now >= 0


@asynccontextmanager
async def served(
    settings: EntitySettings = SETTINGS, *, size: int = 0
) -> AsyncIterator[tuple[DoipEntity, DoipAddress]]:
    ecus = {ENGINE: Echo(b"E", size=size), BODY: Echo(b"B")}
    entity = DoipEntity(settings, ecus)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(entity.serve)
        with trio.fail_after(20):
            yield entity, address
        nursery.cancel_scope.cancel()


class Client:
    """A DoIP client on a real socket that does nothing by itself."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._decoder = Decoder(1 << 20)
        self._heard: list[Message] = []

    async def say(self, *messages: Message | bytes) -> None:
        for each in messages:
            await self.stream.send_all(each if isinstance(each, bytes) else encode(each))

    async def hear(self) -> Message | None:
        """Return the next message, ``None`` once the stream is closed or reset."""
        while not self._heard:
            data = b""
            with suppress(trio.BrokenResourceError):
                data = bytes(await self.stream.receive_some())
            if not data:
                return None
            for item in self._decoder.receive(data):
                assert isinstance(item, Packet)
                self._heard.append(item.message)
        return self._heard.pop(0)


@asynccontextmanager
async def client(address: DoipAddress, source: int | None = None) -> AsyncIterator[Client]:
    async with await trio.open_tcp_stream(address.host, address.tcp_port) as stream:
        found = Client(stream)
        if source is not None:
            await found.say(m.RoutingActivationRequest(source, 0))
            assert await found.hear() == m.RoutingActivationResponse(source, 0x1001, 0x10)
        yield found


async def closed(entity: DoipEntity) -> None:
    """Wait until the entity has noticed that its clients are gone."""
    while entity.statistics().open:  # noqa: ASYNC110 - the kernel tells it, no event of ours
        await trio.sleep(0.001)


def request(target: int, payload: bytes, source: int = TESTER) -> Message:
    return m.DiagnosticMessage(source, target, payload)


async def test_two_ecus_over_one_socket() -> None:
    async with served() as (_, address), client(address, TESTER) as tester:
        await tester.say(request(ENGINE, b"\x22\xf1\x90"), request(BODY, b"\x3e\x00"))
        heard = {repr(await tester.hear()) for _ in range(4)}
    assert heard == {
        repr(m.DiagnosticMessagePositiveAcknowledgement(ENGINE, TESTER, 0, b"")),
        repr(m.DiagnosticMessage(ENGINE, TESTER, b"\x62E\xf1\x90")),
        repr(m.DiagnosticMessagePositiveAcknowledgement(BODY, TESTER, 0, b"")),
        repr(m.DiagnosticMessage(BODY, TESTER, b"\x7eB\x00")),
    }


async def test_the_functional_address_reaches_all() -> None:
    async with served() as (_, address), client(address, TESTER) as tester:
        await tester.say(request(ALL_ECUS, b"\x3e\x00"))
        assert await tester.hear() == m.DiagnosticMessagePositiveAcknowledgement(
            ALL_ECUS, TESTER, 0, b""
        )
        answers = {repr(await tester.hear()), repr(await tester.hear())}
    assert answers == {
        repr(m.DiagnosticMessage(ENGINE, TESTER, b"\x7eE\x00")),
        repr(m.DiagnosticMessage(BODY, TESTER, b"\x7eB\x00")),
    }


async def test_a_burst_over_many_ecus_finds_room_for_all() -> None:
    ecus = {address: Echo(b"X") for address in range(0x2000, 0x2040)}
    entity = DoipEntity(SETTINGS, ecus)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(entity.serve)
        async with client(address, TESTER) as tester:
            await tester.say(b"".join(encode(request(each, b"\x3e\x00")) for each in ecus))
            heard = [await tester.hear() for _ in range(2 * len(ecus))]
        nursery.cancel_scope.cancel()
    assert {type(each) for each in heard} == {
        m.DiagnosticMessage,
        m.DiagnosticMessagePositiveAcknowledgement,
    }


async def test_an_unknown_ecu_is_nack_03() -> None:
    async with served() as (_, address), client(address, TESTER) as tester:
        await tester.say(request(0x4444, b"\x3e\x00"))
        assert await tester.hear() == m.DiagnosticMessageNegativeAcknowledgement(
            0x4444, TESTER, 3, b""
        )


async def test_more_requests_than_an_ecu_takes_are_nack_05() -> None:
    async with served() as (_, address), client(address, TESTER) as tester:
        await tester.say(b"".join(encode(request(ENGINE, b"\x11\x01")) for _ in range(20)))
        heard = [await tester.hear() for _ in range(20)]
    nack = m.DiagnosticMessageNegativeAcknowledgement(ENGINE, TESTER, 5, b"")
    assert heard.count(nack) in {3, 4}  # the ECU may have begun with the first
    assert heard[-1] == nack


@pytest.mark.parametrize(
    ("opening", "last_words"),
    [
        (b"GET / HTTP/1.1\r\nHost: vehicle\r\n\r\n", m.GenericDoIPNegativeAcknowledge(0)),
        (encode(m.AliveCheckRequest())[:7] + b"\x09", m.GenericDoIPNegativeAcknowledge(4)),
        (
            encode(m.RoutingActivationRequest(0x0001, 0)),
            m.RoutingActivationResponse(0x0001, 0x1001, 0),
        ),
        (
            encode(m.DiagnosticMessage(TESTER, ENGINE, b"\x3e\x00")),
            m.DiagnosticMessageNegativeAcknowledgement(ENGINE, TESTER, 2, b""),
        ),
    ],
)
async def test_a_bad_first_packet_closes_its_own_socket_alone(
    opening: bytes, last_words: Message
) -> None:
    async with (
        served() as (entity, address),
        client(address, TESTER) as bystander,
        client(address) as stranger,
    ):
        await stranger.say(opening)
        assert await stranger.hear() == last_words
        assert await stranger.hear() is None
        await bystander.say(request(BODY, b"\x3e\x00"))
        await bystander.hear()
        assert await bystander.hear() == m.DiagnosticMessage(BODY, TESTER, b"\x7eB\x00")
        assert entity.statistics().failed == 0


async def test_last_words_reach_a_client_that_went_on_talking() -> None:
    async with served() as (_, address), client(address) as stranger:
        await stranger.say(b"\x00" * 60_000)
        assert await stranger.hear() == m.GenericDoIPNegativeAcknowledge(0)
        assert await stranger.hear() is None


async def test_sockets_beyond_the_reserve_are_turned_away() -> None:
    settings = dataclasses.replace(SETTINGS, max_sockets=1)
    async with (
        served(settings) as (entity, address),
        client(address, TESTER) as _first,
        client(address) as second,
    ):
        await second.say(m.AliveCheckRequest())
        assert await second.hear() == m.AliveCheckResponse(0x1001)
        async with client(address) as third:
            assert await third.hear() is None
        assert entity.statistics().turned_away == 1
        assert entity.statistics().open == 2


@pytest.mark.slow
async def test_a_second_socket_of_the_same_tester_replaces_a_silent_one() -> None:
    async with (
        served() as (_, address),
        client(address, TESTER) as old,
        client(address, TESTER) as new,  # returns once activated: 500 ms
    ):
        assert await old.hear() == m.AliveCheckRequest()
        assert await old.hear() is None
        await new.say(request(BODY, b"\x3e\x00"))
        await new.hear()
        assert await new.hear() == m.DiagnosticMessage(BODY, TESTER, b"\x7eB\x00")


async def test_a_client_that_leaves_is_forgotten() -> None:
    async with served() as (entity, address):
        async with client(address, TESTER):
            assert entity.statistics().open == 1
        await closed(entity)
        async with client(address, TESTER) as again:
            await again.say(request(ENGINE, b"\x3e\x00"))
            assert await again.hear() is not None


async def test_a_client_that_does_not_read_loses_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doip_entity, "MAX_OUTGOING", 100_000)
    async with served(size=60_000) as (entity, address), client(address, TESTER) as greedy:
        greedy.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(trio.BrokenResourceError):
            while not entity.statistics().slow:
                await greedy.say(request(ENGINE, b"\x3e\x00"))
                await trio.sleep(0.001)
        await closed(entity)
        assert entity.statistics().slow == 1


async def test_an_error_in_one_connection_stays_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as (entity, address), client(address, TESTER) as bystander:
        receive = entity._entity.receive

        def fail_for_the_second(number: int, data: bytes, now: float) -> None:
            if number == 2:
                raise ZeroDivisionError("a bug of ours")
            receive(number, data, now)

        monkeypatch.setattr(entity._entity, "receive", fail_for_the_second)
        async with client(address) as victim:
            await victim.say(m.AliveCheckRequest())
            assert await victim.hear() is None
        await bystander.say(request(BODY, b"\x3e\x00"))
        assert await bystander.hear() is not None
        assert entity.statistics().failed == 1
    assert "DoIP socket 2 failed" in caplog.text


async def test_a_type_that_wants_confirmation_is_confirmed() -> None:
    settings = dataclasses.replace(SETTINGS, confirmed_types=frozenset({0xE0}))
    async with served(settings) as (_, address), client(address) as tester:
        await tester.say(m.RoutingActivationRequest(TESTER, 0xE0))
        codes = [await tester.hear(), await tester.hear()]
    assert codes == [
        m.RoutingActivationResponse(TESTER, 0x1001, 0x11),
        m.RoutingActivationResponse(TESTER, 0x1001, 0x10),
    ]


async def ask(address: DoipAddress, datagram: bytes) -> Message:
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
        await udp.sendto(datagram, (address.host, address.udp_port))
        return decode_datagram(await udp.recv(1024), 64).message


async def test_udp_answers_and_survives_nonsense() -> None:
    async with served() as (_, address), client(address, TESTER):
        identity = m.VehicleIdentificationResponse(
            SETTINGS.vin, 0x1001, SETTINGS.eid, SETTINGS.gid, 0, 0
        )
        assert await ask(address, encode(m.VehicleIdentificationRequest(), 0xFF)) == identity
        assert await ask(address, b"\xff" * 20) == m.GenericDoIPNegativeAcknowledge(0)
        assert await ask(address, encode(m.DoipEntityStatusRequest())) == m.EntityStatusResponse(
            0, 4, 1, 1 << 17
        )
        power = await ask(address, encode(m.DiagnosticPowerModeRequest()))
        assert power == m.DiagnosticPowerModeResponse(1)


async def test_the_vehicle_announces_itself_three_times(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as listener:
        await listener.bind(("127.0.0.1", 0))
        entity = DoipEntity(SETTINGS, {ENGINE: Echo(b"E")})
        async with trio.open_nursery() as nursery:
            serve = partial(entity.serve, announce_to=listener.getsockname())
            nursery.start_soon(serve)
            await trio.sleep(10)
            nursery.cancel_scope.cancel()
        heard = []
        with trio.move_on_after(0.01):
            while True:
                heard.append(decode_datagram(await listener.recv(1024), 64).message)
    assert len(heard) == 3
    assert all(isinstance(each, m.VehicleIdentificationResponse) for each in heard)


async def test_a_taken_port_is_an_error_at_once() -> None:
    async with served() as (_, address):
        second = DoipEntity(SETTINGS, {ENGINE: Echo(b"E")})
        with pytest.raises(OSError, match="in use"):
            await second.serve(tcp_port=address.tcp_port)
