from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from gateway.domain.errors import Invalid
from gateway.doors.bus_setup import BusSetup
from gateway.doors.service import OpenDoor
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.socketcand.events import SetupWanted
from tests.gateway.doors.halls import BOB, Hall, open_hall
from tests.support.link_world import UUID_ONE

pytestmark = pytest.mark.slow


def orders(hall: Hall) -> list[BusConfigure]:
    return [it for it in hall.device.got if isinstance(it, BusConfigure)]


async def answer(hall: Hall, failure: str = "") -> None:
    """Answer every order: done, or refused."""
    done = 0
    while True:
        while len(orders(hall)) <= done:  # noqa: ASYNC110 - a connector tells nobody
            await trio.sleep(0.001)
        order = orders(hall)[done]
        done += 1
        state = BusState(order.bus, True, "", order.bitrate or 500_000)
        hall.device.send(BusConfigured(order.id, state, failure, failure and "no permission"))


@asynccontextmanager
async def client_of(hall: Hall) -> AsyncIterator[tuple[OpenDoor, trio.SocketStream]]:
    doors = await hall.doors()
    opened = await doors.open(hall.session, "socketcand")
    async with await trio.open_tcp_stream("127.0.0.1", opened.door.place.ports.port) as stream:
        yield opened, stream


async def say(stream: trio.SocketStream, *commands: str) -> str:
    """Say commands; return what comes up to the last answer to them, or to the end."""
    await stream.send_all("".join(f"< {it} >" for it in (*commands, "echo")).encode())
    heard = b""
    with trio.fail_after(10):
        while not heard.endswith((b"echo >", b"unknown command >")):
            data = await stream.receive_some()
            if not data:
                break
            heard += data
    return heard.decode()


async def test_buses_run_as_clients_want_before_they_are_opened() -> None:
    async with open_hall() as hall, client_of(hall) as (opened, stream):
        hall.world.nursery.start_soon(answer, hall)
        buses = opened.door.secrets()["buses"]
        assert isinstance(buses, list)
        first, second = (bus["key"] for bus in buses)
        bit_rate = f"{second} B 250000 0 0 0 0 0 0 0"
        assert (await say(stream, bit_rate, f"{second} C 1 0 0")).count("< ok >") == 2
        assert "ok" in await say(stream, f"{first} C 0 0 0", f"open {second}")
        told = [(it.bus, it.bitrate, it.listen_only) for it in orders(hall)]
        # What was said of a bus before holds on: an order says everything anew.
        assert told == [("can1", 250_000, False), ("can1", 250_000, True), ("can0", None, False)]
        assert {it.session for it in orders(hall)} == {hall.session.id}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("KEY B 250000 0 0 0 0 0 0 0", "error configuring interface can0: bus.refused"),
        ("KEY B 2500000 0 0 0 0 0 0 0", "error configuring interface can0: bus.order"),
        ("can0 B 250000 0 0 0 0 0 0 0", "error could not open bus"),
    ],
)
async def test_what_cannot_be_ends_the_connection_with_the_reason(
    command: str, words: str
) -> None:
    async with open_hall() as hall, client_of(hall) as (opened, stream):
        hall.world.nursery.start_soon(answer, hall, "refused")
        key = str(opened.door.secrets()["key"])
        heard = await say(stream, command.replace("KEY", key), f"open {key}")
        assert words in heard
        assert "ok" not in heard
        assert hall.session.state == "active"


async def test_only_the_writer_sets_buses_up() -> None:
    async with open_hall() as hall:
        reader = hall.sessions.open(BOB, UUID_ONE, ticket_id=None)
        doors = await hall.doors()
        opened = await doors.open(reader, "socketcand")
        key = str(opened.door.secrets()["key"])
        port = opened.door.place.ports.port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert "session.no_lease" in await say(stream, f"{key} C 1 0 0")
        assert orders(hall) == []


async def test_an_order_that_no_bus_can_follow_is_not_kept() -> None:
    async with open_hall() as hall, hall.place() as place:
        hall.world.nursery.start_soon(answer, hall)
        setup = BusSetup(place)
        with pytest.raises(Invalid, match="No CAN bus"):
            await setup.apply("can0", SetupWanted("key", 1, None))
        await setup.apply("can0", SetupWanted("key", None, True))
        assert [(it.bitrate, it.listen_only) for it in orders(hall)] == [(None, True)]
