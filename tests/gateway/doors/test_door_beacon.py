"""python-can finds a door by its beacon, and opens a bus of it where its address is trusted."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import can
import can.interfaces.socketcand.socketcand as theirs
import pytest
import structlog
import trio

from gateway.config import DoorSettings
from gateway.doors.beacon import announce
from gateway.doors.service import OpenDoor
from protocols.socketcand.beacon import INTERVAL
from tests.gateway.doors.halls import open_hall

pytestmark = pytest.mark.slow


def port_of(opened: OpenDoor) -> int:
    return opened.door.place.ports.port


def listener() -> socket.socket:
    """Return a socket for beacons, on a port of its own."""
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    return udp


async def test_python_can_finds_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(theirs, "DEFAULT_SOCKETCAND_DISCOVERY_PORT", port)
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(beacon=f"127.0.0.1:{port}"))
        found: list[Any] = []  # python-can's type for these lacks host and port

        async def detect() -> None:
            found.extend(await trio.to_thread.run_sync(theirs.detect_beacon))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(detect)
            await trio.sleep(0.05)  # it listens
            opened = await doors.open(hall.session, "socketcand", trusted=("127.0.0.1",))
        where = {"interface": "socketcand", "host": "127.0.0.1", "port": port_of(opened)}
        assert found == [where | {"channel": "can0"}, where | {"channel": "can1"}]
        assert "key" not in str(found)

        def use() -> str:
            with can.Bus(**found[1]) as bus:
                return str(bus.channel_info)

        assert "can1" in await trio.to_thread.run_sync(use)


async def test_names_open_nothing_for_addresses_that_are_not_trusted() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        opened = await doors.open(hall.session, "socketcand", trusted=("192.0.2.7",))
        port = port_of(opened)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"< open can0 >")
            heard = b""
            while data := await stream.receive_some():
                heard += data
        assert heard == b"< hi >< error could not open bus >"


async def test_beacons_come_again_and_name_the_public_host(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with listener() as udp:
        udp.settimeout(10)
        target = udp.getsockname()
        async with (
            open_hall() as hall,
            hall.place(DoorSettings(public_host="doors.test")) as place,
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(announce, place, target, ("can0",)))
                await trio.sleep(INTERVAL * 2.5)
                nursery.cancel_scope.cancel()
            said = [udp.recv(2048).decode() for _ in range(3)]
        assert len({*said}) == 1
        assert f"<URL>can://doors.test:{place.ports.port}</URL>" in said[0]
        assert f'name="connector {hall.session.connector_id}"' in said[0]


async def test_a_door_that_listens_everywhere_has_our_address_on_that_network(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with listener() as udp:
        udp.settimeout(10)
        everywhere = DoorSettings(host="0.0.0.0")
        async with open_hall() as hall, hall.place(everywhere) as place:
            with trio.move_on_after(0.1):
                await announce(place, udp.getsockname(), ("can0",))
        assert f"can://127.0.0.1:{place.ports.port}" in udp.recv(2048).decode()


async def test_a_network_that_takes_no_beacon_is_told_of_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with open_hall() as hall, hall.place() as place:
            with trio.move_on_after(INTERVAL * 3.5):
                await announce(place, ("127.0.0.1", 0), ("can0",))  # there is no port 0
    told = [line for line in lines if line["event"] == "no beacon can be sent"]
    assert [line["to"] for line in told] == ["127.0.0.1"]
