from __future__ import annotations

from typing import Any

import pytest
import trio

from gateway.config import DoorSettings
from gateway.doors.service import DoorService
from gateway.doors.visitors import Visitors
from gateway.runtime.feeds import Feed
from gateway.sessions.session import EndReason, SessionNews
from tests.gateway.doors.halls import Hall, open_hall
from tests.support.link_world import settle

pytestmark = pytest.mark.slow

#: ISO 13400-2, tables 16 and 46: routing activation by tester 0E80, without the OEM field.
ACTIVATION = bytes.fromhex("02fd00050000000b 0e80 00 00000000")


# Any: what a test reads out of news is its own business.
async def hear(feed: Feed[SessionNews]) -> dict[str, Any]:
    """Return the next news of a door."""
    with trio.fail_after(20):
        while True:
            news = await feed.receive()
            if news.kind == "door":
                return news.body


async def visit(doors: DoorService, hall: Hall, kind: Any, first: str = "") -> trio.SocketStream:
    place = doors.find(hall.session, kind).door.place
    stream = await trio.open_tcp_stream("127.0.0.1", place.ports.port)
    await stream.send_all(first.encode())
    return stream


async def test_testers_at_a_doip_door_come_and_leave() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        with hall.session.watch() as feed:
            opened = await doors.open(hall.session, "doip")
            port = opened.door.place.ports.port
            told = await hear(feed)
            assert told == {"door": "doip", "event": "opened", "port": port, "tls": False}
            key = opened.door.secrets()["key"]
            assert isinstance(key, int)
            async with await visit(doors, hall, "doip") as stream:
                await stream.send_all(ACTIVATION + key.to_bytes(4, "big"))
                who = {"door": "doip", "peer": "127.0.0.1", "tester": "0E80"}
                assert await hear(feed) == {**who, "event": "connected"}
                # A second activation of the same socket is no second visitor.
                await stream.send_all(ACTIVATION + key.to_bytes(4, "big"))
                await settle()
            assert await hear(feed) == {**who, "event": "left", "why": "hung up"}
            async with await visit(doors, hall, "doip") as stream:
                await stream.send_all(ACTIVATION + key.to_bytes(4, "big"))
                assert (await hear(feed))["event"] == "connected"
                await stream.send_all(bytes(8))
                while await stream.receive_some():
                    pass
            left = await hear(feed)
            assert (left["event"], left["why"]) == ("left", "the stream is no DoIP")
            await doors.close(opened)
            assert await hear(feed) == {"door": "doip", "event": "closed", "why": "operator"}


async def test_clients_of_a_socketcand_door_come_with_their_bus() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        with hall.session.watch() as feed:
            opened = await doors.open(hall.session, "socketcand")
            assert (await hear(feed))["event"] == "opened"
            key = opened.door.secrets()["key"]
            async with await visit(doors, hall, "socketcand", f"< open {key} >"):
                who = {"door": "socketcand", "peer": "127.0.0.1", "bus": "can0"}
                assert await hear(feed) == {**who, "event": "connected"}
            assert await hear(feed) == {**who, "event": "left", "why": "hung up"}


async def test_strangers_are_no_visitors() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        doip = await doors.open(hall.session, "doip")
        text = await doors.open(hall.session, "socketcand")
        with hall.session.watch() as feed:
            async with await visit(doors, hall, "doip") as stream:
                await stream.send_all(ACTIVATION + bytes(4))
                while await stream.receive_some():
                    pass
            async with await visit(doors, hall, "socketcand", "< open can0 >") as stream:
                while await stream.receive_some():
                    pass
            await doors.close(doip)
            await doors.close(text)
            told = [await hear(feed), await hear(feed)]
        assert {it["event"] for it in told} == {"closed"}


async def test_a_door_nobody_visits_says_why_it_closed() -> None:
    async with open_hall() as hall:
        doors = await hall.doors(DoorSettings(idle=0.02))
        with hall.session.watch() as feed:
            await doors.open(hall.session, "doip")
            assert (await hear(feed))["event"] == "opened"
            assert await hear(feed) == {"door": "doip", "event": "closed", "why": "idle"}


async def test_the_end_of_a_session_is_the_last_that_doors_tell() -> None:
    async with open_hall() as hall:
        doors = await hall.doors()
        opened = await doors.open(hall.session, "socketcand")
        key = opened.door.secrets()["key"]
        with hall.session.watch() as feed:
            async with await visit(doors, hall, "socketcand", f"< open {key} >"):
                assert (await hear(feed))["event"] == "connected"
                await hall.sessions.end(hall.session, EndReason.OPERATOR)
                await opened.ended.wait()
            told = [news async for news in feed]
        assert [news.body for news in told if news.kind == "door"] == [
            {"door": "socketcand", "event": "closed", "why": "session"}
        ]


async def test_a_connection_leaves_once() -> None:
    async with open_hall() as hall:
        visitors = Visitors(hall.session, "doip")
        with hall.session.watch() as feed:
            visitors.left("never came", "hung up")
            visitors.came("a", peer="192.0.2.7")
            visitors.left("a", "hung up")
            visitors.left("a", "hung up")
            await settle()
            assert [news.body["event"] for news in feed.take_all()] == ["connected", "left"]
