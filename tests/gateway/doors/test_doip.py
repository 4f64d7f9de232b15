"""What interop tests cannot see of the DoIP door: bounds, datagrams, silence."""

from __future__ import annotations

import pytest
import trio

from gateway.config import DoorSettings
from gateway.doors.doip import ENTITY, DoipDoor
from gateway.doors.service import OpenDoor
from protocols.link.messages import StatusReport
from tests.gateway.doors.halls import VIN, Hall, open_hall
from tests.support.link_world import settle, until

pytestmark = pytest.mark.slow


def activation(opened: OpenDoor, source: int = 0x0E80) -> bytes:
    key = opened.door.secrets()["key"]
    assert isinstance(key, int)
    head = bytes.fromhex("02fd00050000000b")
    return head + source.to_bytes(2, "big") + bytes(5) + key.to_bytes(4, "big")


def message(payload: str, target: int = 0x17E0, source: int = 0x0E80) -> bytes:
    body = source.to_bytes(2, "big") + target.to_bytes(2, "big") + bytes.fromhex(payload)
    return bytes.fromhex("02fd8001") + len(body).to_bytes(4, "big") + body


async def open_door(hall: Hall, settings: DoorSettings | None = None) -> OpenDoor:
    doors = await hall.doors(settings)
    opened = await doors.open(hall.session, "doip")
    assert isinstance(opened.door, DoipDoor)
    return opened


async def connect(opened: OpenDoor) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", opened.door.place.ports.port)


async def receive(stream: trio.SocketStream, size: int) -> bytes:
    said = b""
    with trio.fail_after(20):
        while len(said) < size:
            data = await stream.receive_some(size - len(said))
            assert data, said.hex()
            said += data
    return said


async def routed(opened: OpenDoor, source: int = 0x0E80) -> trio.SocketStream:
    stream = await connect(opened)
    await stream.send_all(activation(opened, source))
    assert (await receive(stream, 17))[12] == 0x10
    return stream


async def send_for_ever(stream: trio.SocketStream, data: bytes) -> None:
    while True:
        await stream.send_all(data)


async def test_requests_are_acknowledged_then_answered() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall)
        stream = await routed(opened)
        async with stream:
            await stream.send_all(message("22f190"))
            ack, answer = await receive(stream, 13), await receive(stream, 15)
        assert ack.hex() == "02fd80020000000517e00e8000"
        assert answer.hex() == "02fd80010000000717e00e8062f190"


async def test_a_lost_connector_is_a_target_that_cannot_be_reached() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall)
        stream = await routed(opened)
        async with stream:
            hall.world.live.abandon()
            await stream.send_all(message("22f190"))
            assert (await receive(stream, 13)).hex() == "02fd80030000000517e00e8006"


async def test_one_more_than_there_are_places_is_told_so() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall, DoorSettings(connections=1))
        first = await routed(opened)
        async with first:
            second = await connect(opened)
            async with second:
                await second.send_all(activation(opened, 0x0E81))
                # The one there is asked whether it lives, and says so.
                assert (await receive(first, 8)).hex() == "02fd000700000000"
                await first.send_all(bytes.fromhex("02fd0008000000020e80"))
                assert (await receive(second, 17))[12] == 0x01
            await first.send_all(message("3e00"))
            assert len(await receive(first, 13 + 14)) == 27


async def test_strangers_cannot_fill_the_door() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall, DoorSettings(connections=1))
        silent = [await connect(opened) for _ in range(8)]
        await until(lambda: opened.door.place.counts.turned_away >= 6)
        for stream in silent:
            await stream.aclose()
        await until(lambda: opened.door.place.counts.connections == 0)
        stream = await routed(opened)
        await stream.aclose()


async def test_a_message_beyond_all_measure_is_skipped() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall)
        stream = await routed(opened)
        async with stream:
            size = (1 << 17) + 1
            await stream.send_all(bytes.fromhex("02fd8001") + size.to_bytes(4, "big"))
            assert (await receive(stream, 9)).hex() == "02fd00000000000102"
            await stream.send_all(bytes(size) + message("3e00"))
            assert len(await receive(stream, 13 + 14)) == 27


async def ask_by_udp(opened: OpenDoor, request: str) -> bytes:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as udp:
        await udp.connect(("127.0.0.1", opened.door.place.ports.port))
        await udp.send(bytes.fromhex(request))
        with trio.fail_after(20):
            return bytes(await udp.recv(200))


async def test_identification_knows_what_the_vehicle_says_now() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall)
        identity = await ask_by_udp(opened, "02fd000100000000")
        assert identity[8:25] == VIN.encode()
        assert int.from_bytes(identity[25:27], "big") == ENTITY
        assert identity[27] & 0x03 == 0x02  # locally administered, and one address
        assert (await ask_by_udp(opened, "02fd400300000000"))[8] == 1
        other = "WVWZZZ1KZAW999999"
        hall.device.send(StatusReport(vin=other, voltage_mv=11_900, ignition=False))
        await until(lambda: hall.world.live.status.vin == other)
        assert (await ask_by_udp(opened, "02fd000100000000"))[8:25] == other.encode()
        assert (await ask_by_udp(opened, "02fd400300000000"))[8] == 0
        hall.device.send(StatusReport(vin=None, voltage_mv=None, ignition=None))
        await until(lambda: hall.world.live.status.vin is None)
        assert (await ask_by_udp(opened, "02fd000100000000"))[8:25] == bytes(17)
        assert (await ask_by_udp(opened, "02fd400300000000"))[8] == 2
        assert (await ask_by_udp(opened, "02fe000100000000")).hex() == "02fd00000000000100"


async def test_a_client_that_does_not_read_is_cut() -> None:
    async with open_hall() as hall:
        opened = await open_door(hall, DoorSettings(send_timeout=0.2))
        stream = await routed(opened)
        async with stream:
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 2048)
            ask = bytes.fromhex("02fd000700000000") * 500  # each is answered with ten bytes
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(20):
                await send_for_ever(stream, ask)
        await until(lambda: opened.door.place.counts.slow == 1)
        again = await routed(opened)
        await again.aclose()
        await settle()
