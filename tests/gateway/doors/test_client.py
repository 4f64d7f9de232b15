"""What interop tests cannot see of the socketcand door: order, refusals, bounds."""

from __future__ import annotations

import pytest
import trio

from gateway.config import DoorSettings
from gateway.doors import client as clients
from gateway.doors.service import OpenDoor
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.link.events import FramesReceived
from protocols.link.messages import ExchangeRequest, ExchangeResult, MonitorStart, MonitorStop
from protocols.link.vehicle import CanTarget, FrameFilter
from tests.gateway.doors.halls import Hall, open_hall
from tests.support.link_world import until

pytestmark = pytest.mark.slow


class Text:
    """A client by hand."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.heard = ""

    async def say(self, *commands: str) -> None:
        await self.stream.send_all("".join(f"< {it} >" for it in commands).encode())

    async def hear(self, words: str) -> str:
        with trio.fail_after(20):
            while words not in self.heard or ">" not in self.heard.partition(words)[2]:
                data = await self.stream.receive_some()
                assert data, self.heard
                self.heard += data.decode()
        _, _, after = self.heard.partition(words)
        rest, _, self.heard = after.partition(">")
        return words + rest

    async def closed(self) -> None:
        with trio.fail_after(20):
            while await self.stream.receive_some():
                pass


async def talk(hall: Hall, settings: DoorSettings | None = None) -> tuple[OpenDoor, Text]:
    doors = await hall.doors(settings)
    opened = await doors.open(hall.session, "socketcand")
    return opened, await visit(opened)


async def visit(opened: OpenDoor) -> Text:
    stream = await trio.open_tcp_stream("127.0.0.1", opened.door.place.ports.port)
    return Text(stream)


def keys(opened: OpenDoor) -> list[str]:
    buses = opened.door.secrets()["buses"]
    assert isinstance(buses, list)
    return [bus["key"] for bus in buses]


def sent(hall: Hall) -> list[tuple[int, list[CanFrame]]]:
    batches = [event.batch for event in hall.device.told if isinstance(event, FramesReceived)]
    return [(it.bus, list(it.frames)) for it in map(decode_batch, batches)]


def monitors(hall: Hall) -> list[MonitorStart | MonitorStop]:
    return [it for it in hall.device.got if isinstance(it, MonitorStart | MonitorStop)]


async def send_for_ever(stream: trio.SocketStream, data: bytes) -> None:
    while True:
        await stream.send_all(data)


async def test_each_bus_has_a_key_of_at_most_sixteen_characters() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall)
        first, second = keys(opened)
        assert opened.door.secrets()["key"] == first
        assert max(len(first), len(second)) <= 16
        async with client.stream:
            await client.say(f"open {second}", "send 123 1 1", "send 124 0")
            await until(lambda: bool(sent(hall)))
        assert sent(hall) == [(1, [CanFrame(0x123, b"\x01"), CanFrame(0x124)])]


async def test_a_bus_is_watched_before_what_is_sent_leaves() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall)
        async with client.stream:
            await client.say(f"open {keys(opened)[0]}", "rawmode", "send 7E0 2 1 3e")
            await until(lambda: bool(sent(hall)))
            (start,) = monitors(hall)
            assert isinstance(start, MonitorStart)
            assert (start.bus, start.filters) == ("can0", ())
        await until(lambda: isinstance(monitors(hall)[-1], MonitorStop))


async def test_subscriptions_narrow_what_crosses_the_network() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall)
        async with client.stream:
            await client.say(f"open {keys(opened)[0]}", "subscribe 0 0 7E8")
            await client.hear("ok")
            await until(lambda: bool(monitors(hall)))
            await client.say("subscribe 0 0 00000123", "echo")
            await client.hear("echo")
            await until(lambda: len(monitors(hall)) >= 3)
            last = monitors(hall)[-1]
            assert isinstance(last, MonitorStart)
            whole = clients._WHOLE
            assert set(last.filters) == {
                FrameFilter(0x7E8, whole, False),
                FrameFilter(0x123, whole, True),
            }
            assert not any(isinstance(it, MonitorStop) for it in monitors(hall))


def show(hall: Hall, *frames: CanFrame) -> None:
    assert hall.device.link is not None
    assert hall.device.link.send_frames(encode_batch(0, frames))
    hall.device._said.unpark_all()


async def test_frames_come_alone_only_after_the_answer_to_rawmode() -> None:
    """python-can takes ``< ok >`` for the answer only if nothing else comes with it."""
    async with open_hall() as hall:
        opened, client = await talk(hall)
        async with client.stream:
            await client.say(f"open {keys(opened)[0]}")
            await client.hear("ok")
            await client.say("rawmode")
            await until(lambda: bool(monitors(hall)))
            show(hall, CanFrame(0x7E8, b"\x01", timestamp_us=1))
            assert await client.stream.receive_some() == b"< ok >"
            assert (await client.hear("frame 7E8")).split()[3] == "01"
            assert opened.door.place.counts.frames_shown == 1


async def test_a_channel_is_an_exchange_of_the_session() -> None:
    asked: list[ExchangeRequest] = []

    def answer(request: ExchangeRequest) -> ExchangeResult:
        asked.append(request)
        return ExchangeResult(request.id, failure="no_response")

    async with open_hall() as hall:
        hall.device.answer = answer
        opened, client = await talk(hall)
        async with client.stream:
            await client.say(f"open {keys(opened)[0]}", "isotpmode")
            await client.say("isotpconf 6F1 672 206 4 5 0 AA 0 72 F1", "sendpdu 22F190")
            refusal = await client.hear("error vehicle.no_response")
            assert "did not answer" in refusal
        target = asked[0].target
        assert isinstance(target, CanTarget)
        assert (target.request_id, target.response_id, target.bus) == (0x6F1, 0x672, "can0")
        assert (target.mode, target.target_address, target.source_address) == (
            "extended",
            0x72,
            0xF1,
        )
        assert target.isotp is not None
        assert (target.isotp.padding, target.isotp.block_size, target.isotp.stmin) == (0xAA, 4, 5)


async def test_a_channel_that_cannot_be_is_refused() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall)
        async with client.stream:
            await client.say(f"open {keys(opened)[0]}", "isotpmode")
            await client.say("isotpconf 7E0 7E0 0 0 0", "sendpdu 3E00")
            await client.hear("error exchange.ecu")
            await client.hear("error no channel")
            await client.say("isotpconf 7E0 7E8 0 0 0", "sendpdu 3E00")
            assert (await client.hear("pdu")).split()[2] == "7E00"


async def test_one_client_too_many_is_told_so() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall, DoorSettings(connections=1))
        async with client.stream:
            await client.hear("hi")
            other = await visit(opened)
            async with other.stream:
                await other.hear("error too many connections")
                await other.closed()
            await client.say(f"open {keys(opened)[0]}")
            await client.hear("ok")


async def test_an_endless_command_ends_its_connection_alone() -> None:
    async with open_hall() as hall:
        opened, client = await talk(hall)
        async with client.stream:
            await client.hear("hi")
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(20):
                await send_for_ever(client.stream, b"<" * 4096 + b" " * 20_000)
        again = await visit(opened)
        async with again.stream:
            await again.say(f"open {keys(opened)[0]}")
            await again.hear("ok")
