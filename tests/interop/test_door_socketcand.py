"""python-can's socketcand interface, unmodified, at a session's door of a whole gateway."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import can
import isotp
import pytest
import trio
import udsoncan
from structlog.typing import FilteringBoundLogger
from udsoncan.client import Client as UdsClient
from udsoncan.connections import PythonIsoTpConnection

from gateway.config import DoorSettings
from tests.end_to_end.houses import House, open_house

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

T = TypeVar("T")
Json = Any  # what a test reads out of an answer is its own business

PAGE = Path(__file__).parents[2] / "docs" / "doors.md"

#: Each way.
FRAMES = 10_000

#: A classic bus at 500 kbit/s carries some 4,000 frames of eight bytes a second.
BUS_RATE = 4_000


async def open_door(house: House, kind: str = "can") -> tuple[Json, Json]:
    """Return a session and its socketcand door."""
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    path = f"/operator/v1/sessions/{session['id']}/doors"
    door = await house.done("POST", path, {"kind": "socketcand"}, token=token)
    return session, door


def bus_at(door: Json, key: str | None = None, **options: Any) -> can.BusABC:
    return can.Bus(
        interface="socketcand",
        host=door["host"],
        port=door["port"],
        channel=key or door["key"],
        **options,
    )


async def with_bus(door: Json, work: Callable[[can.BusABC], T], **options: Any) -> T:
    """Run ``work`` with an open bus in a thread."""

    def run() -> T:
        with bus_at(door, **options) as bus:
            return work(bus)

    return await trio.to_thread.run_sync(run)


def hear(bus: can.BusABC, number: int) -> bytes:
    """Return the data of the next frame with this identifier."""
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        message = bus.recv(0.5)
        if message is not None and message.arbitration_id == number:
            return bytes(message.data)
    raise TimeoutError(f"{number:X} never came")


async def test_a_bus_runs_as_a_client_wants_until_the_session_ends(house: House) -> None:
    session, door = await open_door(house)
    key = door["key"]
    async with await trio.open_tcp_stream(door["host"], door["port"]) as stream:
        orders = f"< {key} B 250000 0 0 0 0 0 0 0 >< {key} C 1 0 0 >< open {key} >"
        await stream.send_all(orders.encode())
        heard = b""
        with trio.fail_after(10):
            while heard.count(b"< ok >") < 3:
                data = await stream.receive_some()
                assert data, heard
                heard += data
    assert heard == b"< hi >" + b"< ok >" * 3
    token = await house.operator()
    path = f"/operator/v1/sessions/{session['id']}/buses"
    with trio.fail_after(20):
        while True:  # the connector tells of it in its own time
            bus = (await house.done("GET", path, token=token))["result"][0]
            if bus["listen_only"]:
                break
            await trio.sleep(0.02)
    assert (bus["name"], bus["bitrate"]) == ("can0", 250_000)


async def test_a_request_and_its_answer_in_raw_frames(house: House) -> None:
    _session, door = await open_door(house)

    def work(bus: can.BusABC) -> bytes:
        bus.send(can.Message(arbitration_id=0x7E0, data=b"\x02\x3e\x00", is_extended_id=False))
        return hear(bus, 0x7E8)

    assert (await with_bus(door, work))[:3] == b"\x02\x7e\x00"


async def test_what_the_documentation_shows(house: House) -> None:
    (_, shown) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    _session, door = await open_door(house)

    def work() -> bool:
        given = {name: door[name] for name in ("host", "port", "key")}
        # From our own documentation.
        exec(shown, given)
        with given["bus"] as bus:
            return bool(hear(bus, _some_traffic(bus)))

    assert await trio.to_thread.run_sync(work)


def _some_traffic(bus: can.BusABC) -> int:
    bus.send(can.Message(arbitration_id=0x7E0, data=b"\x02\x3e\x00", is_extended_id=False))
    return 0x7E8


async def test_udsoncan_over_can_isotp_over_the_door(house: House) -> None:
    """The stack that people have: flow control crosses the network, and is in time for it."""
    _session, door = await open_door(house)
    vin = await house.wait_online("can")

    def work(bus: can.BusABC) -> str:
        address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8)
        stack = isotp.CanStack(bus, address=address)
        config = udsoncan.configs.default_client_config.copy()
        config["data_identifiers"] = {0xF190: udsoncan.AsciiCodec(17)}
        with UdsClient(PythonIsoTpConnection(stack), config=config) as uds:
            return str(uds.read_data_by_identifier(0xF190).service_data.values[0xF190])

    assert await with_bus(door, work) == vin


async def test_a_client_does_not_get_its_own_frames_and_others_do(house: House) -> None:
    _session, door = await open_door(house)

    def work(first: can.BusABC) -> tuple[bytes, bool]:
        with bus_at(door) as second:
            frame = can.Message(arbitration_id=0x123, data=b"\x01\x02", is_extended_id=False)
            first.send(frame)
            heard = hear(second, 0x123)
            own = [first.recv(0.05) for _ in range(20)]
            return heard, any(it is not None and it.arbitration_id == 0x123 for it in own)

    assert await with_bus(door, work) == (b"\x01\x02", False)


async def test_time_stamps_are_those_of_the_vehicles_bus(house: House) -> None:
    _session, door = await open_door(house)

    def work(bus: can.BusABC) -> float:
        before = time.time()  # noqa: TID251 - what python-can's time stamps count
        bus.send(can.Message(arbitration_id=0x7E0, data=b"\x02\x3e\x00", is_extended_id=False))
        while (message := bus.recv(2)) is not None:
            if message.arbitration_id == 0x7E8:
                return message.timestamp - before
        raise TimeoutError

    assert 0 < await with_bus(door, work) < 1


def paced(bus: can.BusABC, frames: int) -> None:
    """Send numbered frames no faster than a bus carries them."""
    began = time.monotonic()
    for number in range(frames):
        early = began + number / BUS_RATE - time.monotonic()
        if early > 0:
            time.sleep(early)  # noqa: TID251 - a thread of a client
        data = number.to_bytes(8, "big")
        bus.send(can.Message(arbitration_id=0x321, data=data, is_extended_id=False))
    # It has frames unread: closing resets the connection, and with it what TCP still holds back.
    time.sleep(0.2)  # noqa: TID251 - a thread of a client


def gather(bus: can.BusABC, frames: int) -> list[int]:
    """Return the numbers of the frames that came; the vehicle's own traffic goes on for ever."""
    numbers: list[int] = []
    ends = time.monotonic() + 20
    while len(numbers) < frames and time.monotonic() < ends:
        message = bus.recv(1)
        if message is not None and message.arbitration_id == 0x321:
            numbers.append(int.from_bytes(message.data, "big"))
    return numbers


async def test_ten_thousand_frames_each_way_without_loss(house: House) -> None:
    """One client puts them on the vehicle's bus; another gets each of them from it, in order."""
    session, door = await open_door(house)
    heard: list[list[int]] = []
    ready = trio.Event()

    def listen() -> list[int]:
        with bus_at(door) as bus:
            trio.from_thread.run_sync(ready.set)
            return gather(bus, FRAMES)

    async def keep_listening() -> None:
        heard.append(await trio.to_thread.run_sync(listen))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_listening)
        await ready.wait()
        await with_bus(door, lambda bus: paced(bus, FRAMES))
    assert heard[0] == list(range(FRAMES))
    token = await house.operator()
    path = f"/operator/v1/sessions/{session['id']}/doors/socketcand"
    counts = (await house.done("GET", path, token=token))["statistics"]
    assert counts["frames_taken"] == FRAMES
    assert counts["frames_lost"] == 0


async def test_a_wrong_key_is_refused_and_the_door_stays(house: House) -> None:
    _session, door = await open_door(house)
    stranger = await talk_to(door)  # python-can leaves its socket open where it is refused
    async with stranger.stream:
        await stranger.say("open can0")
        await stranger.hear("error could not open bus")
        assert await stranger.stream.receive_some() == b""

    def work(bus: can.BusABC) -> bool:
        bus.send(can.Message(arbitration_id=0x7E0, data=b"\x02\x3e\x00", is_extended_id=False))
        return bool(hear(bus, 0x7E8))

    assert await with_bus(door, work)


async def test_frames_of_a_reader_are_refused(house: House) -> None:
    _writer, _door = await open_door(house)
    token = await house.operator()
    reader = await house.session("can", token)
    path = f"/operator/v1/sessions/{reader['id']}/doors"
    door = await house.done("POST", path, {"kind": "socketcand"}, token=token)

    def work(bus: can.BusABC) -> None:
        bus.send(can.Message(arbitration_id=0x7E0, data=b"\x02\x3e\x00", is_extended_id=False))
        while bus.recv(2) is not None:
            pass

    with pytest.raises(can.CanError, match="session"):
        await with_bus(door, work)


async def test_can_fd_frames_pass_where_the_bus_has_them(house: House) -> None:
    _session, door = await open_door(house, "can-fd")

    def work(first: can.BusABC) -> bytes:
        with bus_at(door) as second:
            frame = can.Message(
                arbitration_id=0x18DA0102, data=bytes(range(64)), is_fd=True, is_extended_id=True
            )
            first.send(frame)
            return hear(second, 0x18DA0102)

    assert await with_bus(door, work) == bytes(range(64))


async def test_a_vehicle_without_frames_has_no_such_door(house: House) -> None:
    await house.plug_in("doip")
    token = await house.operator()
    session = await house.session("doip", token)
    path = f"/operator/v1/sessions/{session['id']}/doors"
    answer = await house.call("POST", path, {"kind": "socketcand"}, token=token)
    assert (answer.status_code, answer.json()["code"]) == (400, "door.no_can")


class Text:
    """A client that speaks the protocol by hand."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.heard = ""

    async def say(self, *commands: str) -> None:
        await self.stream.send_all("".join(f"< {it} >" for it in commands).encode())

    async def hear(self, words: str, *, within: float = 3) -> str:
        """Return the first message with these words, and forget all before it."""
        with trio.fail_after(within):
            while words not in self.heard or ">" not in self.heard.partition(words)[2]:
                data = await self.stream.receive_some()
                assert data, f"closed before {words!r}: {self.heard!r}"
                self.heard += data.decode()
        before, _, after = self.heard.partition(words)
        rest, _, self.heard = after.partition(">")
        return before.rpartition("<")[2] + words + rest


async def talk_to(door: Json) -> Text:
    return Text(await trio.open_tcp_stream(door["host"], door["port"]))


async def test_isotp_mode(house: House) -> None:
    _session, door = await open_door(house)
    vin = await house.wait_online("can")
    client = await talk_to(door)
    async with client.stream:
        await client.say(f"open {door['key']}", "isotpmode", "isotpconf 7E0 7E8 4 0 0 0 55")
        await client.say("sendpdu 22F190")
        pdu = (await client.hear("pdu ")).split()
        assert bytes.fromhex(pdu[2]) == b"\x62\xf1\x90" + vin.encode()
        await client.say("echo")
        await client.hear("echo")


async def test_the_broadcast_manager(house: House) -> None:
    _session, door = await open_door(house)
    client = await talk_to(door)
    async with client.stream:
        await client.say(f"open {door['key']}", "subscribe 0 0 321", "add 0 20000 321 2 1 2")
        seen = [float((await client.hear("frame 321")).split()[2]) for _ in range(11)]
        # A late timer keeps its grid, so that only many of them have the interval.
        assert 0.1 < seen[-1] - seen[0] < 2
        await client.say("update 321 2 3 4")
        await client.hear("03 04")
        await client.say("delete 321", "unsubscribe 321", "echo")
        await client.hear("echo")


async def test_statistics(house: House) -> None:
    _session, door = await open_door(house)
    client = await talk_to(door)
    async with client.stream:
        await client.say(f"open {door['key']}", "rawmode", "send 123 2 1 2")
        await client.say("controlmode", "statistics 20")
        counters = (await client.hear("stat ")).split()
        assert counters[3:] == ["2", "1"]


async def test_a_client_that_does_not_read_is_cut(folder: Any, log: FilteringBoundLogger) -> None:
    doors = DoorSettings(send_timeout=0.3)
    async with open_house(folder, log, doors=doors) as house:
        session, door = await open_door(house)
        deaf = await talk_to(door)
        async with deaf.stream:
            deaf.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
            await deaf.say(f"open {door['key']}", "rawmode")
            await trio.to_thread.run_sync(lambda: _flood(door))
            token = await house.operator()
            path = f"/operator/v1/sessions/{session['id']}/doors/socketcand"
            with trio.fail_after(10):
                while True:
                    counts = (await house.done("GET", path, token=token))["statistics"]
                    if counts["slow"]:
                        break
                    await trio.sleep(0.05)
        # The session goes on, and so does the door.
        client = await talk_to(door)
        async with client.stream:
            await client.say(f"open {door['key']}", "echo")
            await client.hear("echo")


def _flood(door: Json) -> None:
    with bus_at(door) as bus:
        data = bytes(8)
        for _ in range(120_000):
            bus.send(can.Message(arbitration_id=0x321, data=data, is_extended_id=False))
