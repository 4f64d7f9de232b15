from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.config import DoorSettings
from gateway.domain.errors import Conflict, Invalid, NotFound, Throttled, Unavailable
from gateway.doors.doip import DoipDoor
from gateway.doors.service import DoorService, OpenDoor
from gateway.doors.socketcand import SocketcandDoor
from gateway.sessions.session import EndReason
from protocols.link.vehicle import BusInfo, Capabilities
from tests.gateway.doors.halls import BOB, Hall, open_hall
from tests.support.link_world import UUID_ONE, until

pytestmark = pytest.mark.slow


async def connect(opened: OpenDoor) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", opened.door.place.ports.port)


async def is_open(opened: OpenDoor) -> bool:
    try:
        stream = await connect(opened)
    except OSError:
        return False
    await stream.aclose()
    return True


async def test_a_session_has_one_door_of_each_kind() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        doip = await doors.open(hall.session, "doip")
        text = await doors.open(hall.session, "socketcand")
        assert isinstance(doip.door, DoipDoor)
        assert isinstance(text.door, SocketcandDoor)
        assert doors.of(hall.session) == [doip, text]
        assert doors.find(hall.session, "doip") is doip
        assert len(doors) == 2
        with pytest.raises(Conflict, match="open already"):
            await doors.open(hall.session, "doip")
        assert await is_open(doip)
        await doors.close(doip)
        assert not await is_open(doip)
        with pytest.raises(NotFound, match="no open door"):
            doors.find(hall.session, "doip")
        again = await doors.open(hall.session, "doip")
        assert again.door.secrets()["key"] != doip.door.secrets()["key"]


async def test_what_a_door_tells_has_no_key() -> None:
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(public_host="doors.example"))
        opened = await doors.open(hall.session, "doip", trusted=("192.0.2.7",))
        told = opened.describe()
        assert told["host"] == "doors.example"
        assert told["port"] == opened.door.place.ports.port
        assert (told["kind"], told["tls"], told["trusted"]) == ("doip", False, ["192.0.2.7"])
        assert "key" not in told
        assert str(opened.door.secrets()["key"]) not in str(told)


async def test_doors_end_with_their_session() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        opened = [await doors.open(hall.session, "doip")]
        opened.append(await doors.open(hall.session, "socketcand"))
        other = hall.sessions.open(BOB, UUID_ONE, ticket_id=None)
        stays = await doors.open(other, "socketcand")
        await hall.sessions.end(hall.session, EndReason.OPERATOR)
        for door in opened:
            await door.ended.wait()
            assert not await is_open(door)
        assert await is_open(stays)
        with pytest.raises(Conflict, match="over"):
            await doors.open(hall.session, "doip")
        assert len(doors) == 1


async def test_a_door_that_nobody_uses_closes() -> None:
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(idle=0.6))
        opened = await doors.open(hall.session, "socketcand")
        stream = await connect(opened)
        async with stream:
            assert await stream.receive_some() == b"< hi >"
            await trio.sleep(0.9)
            assert len(doors) == 1  # somebody is there
        with trio.fail_after(20):
            await opened.ended.wait()
        assert not await is_open(opened)
        assert hall.session.state == "active"


async def test_there_is_a_bound() -> None:
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(max_doors=1))
        await doors.open(hall.session, "doip")
        with pytest.raises(Throttled, match="taken"):
            await doors.open(hall.session, "socketcand")


async def test_what_is_not_to_be_had_is_said() -> None:
    async with open_hall(Capabilities(buses=(BusInfo("doip0", "doip"),))) as hall:
        doors = await hall.doors()
        with pytest.raises(Invalid, match="no CAN bus"):
            await doors.open(hall.session, "socketcand")
        with pytest.raises(Invalid, match="certificate"):
            await doors.open(hall.session, "doip", tls=True)
        with pytest.raises(Invalid, match="TLS"):
            await doors.open(hall.session, "socketcand", tls=True)
        assert len(doors) == 0
        elsewhere = await hall.doors(DoorSettings(host="192.0.2.1"))
        with pytest.raises(Unavailable, match="administrator"):
            await elsewhere.open(hall.session, "doip")


async def test_a_service_that_stops_takes_its_doors_along() -> None:
    async with open_hall() as hall:
        doors = DoorService(
            hall.sessions, DoorSettings(), hall.world.clock, hall.world.port.log, hall.metrics
        )
        with pytest.raises(Unavailable, match="stops"):
            await doors.open(hall.session, "doip")
        async with trio.open_nursery() as nursery:
            await nursery.start(doors.serve)
            opened = await doors.open(hall.session, "doip")
            nursery.cancel_scope.cancel()
        assert opened.ended.is_set()
        assert not await is_open(opened)


async def test_certificates_are_read_at_once(tmp_path: Path) -> None:
    missing = DoorSettings(certificate=tmp_path / "none.pem", private_key=tmp_path / "none.key")
    async with open_hall() as hall:
        with pytest.raises(OSError, match="No such file"):
            await hall.doors(missing)


async def guess(hall: Hall, opened: OpenDoor, times: int) -> int:
    """Try wrong keys; return how many were heard out."""
    heard = 0
    for _ in range(times):
        stream = await connect(opened)
        async with stream:
            if opened.door.kind == "socketcand":
                await stream.send_all(b"< open can0 >")
                wanted = b"error could not open bus"
            else:
                await stream.send_all(bytes.fromhex("02fd00050000000b0e80000000000000000001"))
                wanted = bytes.fromhex("02fd000600000009 0e80 0001 04 00000000")
            said = b""
            try:
                while data := await stream.receive_some():
                    said += data
            except trio.BrokenResourceError:
                continue
            heard += wanted in said
    return heard


@pytest.mark.parametrize("kind", ["doip", "socketcand"])
async def test_who_guesses_keys_is_soon_not_heard_any_more(kind: str) -> None:
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(wrong_keys=3))
        opened = await doors.open(hall.session, "doip" if kind == "doip" else "socketcand")
        assert await guess(hall, opened, 6) == 3
        await until(lambda: opened.door.place.counts.connections == 0)
        assert opened.door.place.counts.turned_away == 3
        assert hall.session.state == "active"
