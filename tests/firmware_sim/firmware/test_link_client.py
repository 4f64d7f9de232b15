from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from firmware_sim.firmware.link import (
    DIAL_LIMIT,
    FAREWELL,
    LONGEST_WISH,
    Backoff,
    Identity,
    LinkClient,
    LinkRefusedError,
)
from gateway.links.admission import AdmissionLimits
from gateway.links.port import PATH, PortOptions
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.delivery import ChannelFull, DeliveryLimits
from protocols.link.events import Closed, Event, FramesReceived, Live, MessageReceived
from protocols.link.messages import Channel, CloseCode, ExchangeRequest, StatusReport
from protocols.link.vehicle import CanTarget
from tests.support.faulty_stream import FaultyStream, faulty_pair
from tests.support.link_pair import CAPABILITIES, OTHER_PRIVATE, PRIVATE, UUID_TEXT
from tests.support.link_world import UUID_ONE, LinkWorld, echo, open_world, settle, until

TARGET = CanTarget(0x7E0, 0x7E8)
QUICK = Backoff(first=0.1, longest=2.0)


@dataclass(eq=False)
class _Device:
    """A connector's program in miniature on top of the client."""

    private: bytes = PRIVATE
    url: str = f"ws://gateway:8443{PATH}"
    told: list[Event] = field(default_factory=list)
    told_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = LinkClient(
            self.url,
            Identity(UUID_TEXT, self.private),
            CAPABILITIES,
            self._handle,
            random=Random(7),
            backoff=QUICK,
        )

    def _handle(self, event: Event) -> None:
        self.told.append(event)
        self.told_at.append(trio.current_time())
        if isinstance(event, MessageReceived):
            if isinstance(event.message, ExchangeRequest):
                self.client.send(echo(event.message))
            self.client.consumed(event.channel)
        elif isinstance(event, FramesReceived):
            self.client.consumed(Channel.FRAME)

    def lives(self) -> list[bool]:
        return [event.resumed for event in self.told if isinstance(event, Live)]

    def closed(self) -> list[Closed]:
        return [event for event in self.told if isinstance(event, Closed)]


@pytest.fixture
async def world(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LinkWorld]:
    """A gateway's link port that answers whatever address is dialled."""
    async with open_world(PortOptions(ping_interval=5.0), window=60.0) as opened:
        monkeypatch.setattr(trio, "open_tcp_stream", opened.open_tcp_stream)
        yield opened


async def _online(world: LinkWorld) -> _Device:
    device = _Device()
    world.nursery.start_soon(device.client.run)
    await until(lambda: device.client.live)
    await settle()
    return device


async def test_it_dials_in_and_answers(world: LinkWorld, autojump_clock: MockClock) -> None:
    device = await _online(world)
    assert world.live.capabilities == CAPABILITIES
    result = await world.live.exchange("s", TARGET, b"\x3e\x00")
    assert result.responses[0].data == b"\x7e\x00"
    assert device.lives() == [False]


async def test_what_was_said_before_the_first_connection_goes_out_on_it(
    world: LinkWorld,
    autojump_clock: MockClock,
) -> None:
    device = _Device()
    device.client.send(StatusReport("WVWZZZAUZKW123456"))
    assert not device.client.live
    world.nursery.start_soon(device.client.run)
    await until(lambda: world.registry.status(UUID_ONE).vin is not None)


async def test_it_resumes_after_a_cut_and_says_what_it_had_to_say(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = await _online(world)
    world.streams[-1].cut()
    await settle()
    assert not device.client.live
    device.client.send(StatusReport(voltage_mv=11_900))
    await until(lambda: world.registry.status(UUID_ONE).voltage == 11.9)
    assert device.lives() == [False, True]
    [closed] = device.closed()
    assert (closed.code, closed.by_peer) == (CloseCode.SILENT, False)


async def test_a_queue_without_a_gateway_has_a_bound(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = _Device()
    for _ in range(DeliveryLimits().queued):
        device.client.send(StatusReport())
    with pytest.raises(ChannelFull):
        device.client.send(StatusReport())


@pytest.mark.parametrize("private", [OTHER_PRIVATE, None], ids=["wrong key", "disabled"])
async def test_a_refusal_for_good_ends_it(
    world: LinkWorld, autojump_clock: MockClock, private: bytes | None
) -> None:
    if private is None:
        world.known.clear()
    device = _Device(private=private or PRIVATE)
    with trio.fail_after(60), pytest.raises(LinkRefusedError, match="not known here"):
        await device.client.run()
    assert len(world.streams) == 1


async def test_being_replaced_ends_it_lest_two_devices_fight(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    first = _Device()
    ended = trio.Event()

    async def run() -> None:
        with pytest.raises(LinkRefusedError, match="dialled in again"):
            await first.client.run()
        ended.set()

    world.nursery.start_soon(run)
    await until(lambda: first.client.live)
    await _online(world)
    await ended.wait()
    assert world.live.connected


async def test_it_comes_back_when_the_gateway_restarts(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = await _online(world)
    world.registry.disconnect_all("the gateway restarts")
    await until(lambda: device.lives() == [False, True])
    assert device.closed()[0].code == CloseCode.RESTARTING


async def test_it_waits_as_long_as_an_overloaded_gateway_asks(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = await _online(world)
    at = trio.current_time()
    assert world.live._pump is not None
    world.live._pump.end(CloseCode.OVERLOADED, "full", retry_after=20.0)
    await until(lambda: len(device.lives()) == 2, within=60, every=0.05)
    assert 20.0 <= trio.current_time() - at <= 20.0 + QUICK.longest


async def test_a_gateway_that_says_when_to_come_back_is_no_failure_to_reach_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = PortOptions(admission=AdmissionLimits(handshakes=1, rate=100.0))
    async with open_world(crowded) as world:
        world.port.admission.arrive(trio.current_time())  # the one who may shake hands, for ever
        device, dials = _Device(), itertools.count()

        async def open_tcp_stream(*address: object) -> trio.abc.Stream:
            if next(dials) < 10:
                raise OSError("nobody is there")
            return await world.open_tcp_stream(*address)

        monkeypatch.setattr(trio, "open_tcp_stream", open_tcp_stream)
        world.nursery.start_soon(device.client.run)
        await until(lambda: len(device.closed()) == 20, within=120, every=0.01)
        at = device.told_at
        pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
        asked = (device.closed()[0].retry_after_ms or 0) / 1000
        # Ten failures before would have made it wait for up to QUICK.longest besides.
        assert all(asked <= pause <= asked + QUICK.first + 0.01 for pause in pauses)


@pytest.mark.parametrize(
    ("asked", "longest"), [(-(10**12), QUICK.longest), (2**63, LONGEST_WISH + QUICK.longest)]
)
async def test_a_nonsensical_wish_neither_stops_it_nor_sends_it_away_for_good(
    world: LinkWorld, autojump_clock: MockClock, asked: int, longest: float
) -> None:
    device = _Device()
    device.client._closed = Closed(CloseCode.OVERLOADED, "full", asked, by_peer=True)
    for failures in range(40):
        pause = device.client._asked_to_wait() + device.client._pause(failures)
        assert 0 <= pause <= longest


async def test_a_gateway_that_vanished_is_found_and_dialled_again_at_once(
    world: LinkWorld,
    autojump_clock: MockClock,
) -> None:
    device = await _online(world)
    world.streams[-1].vanish()
    gone = trio.current_time()
    await until(lambda: len(device.lives()) == 2, within=120, every=0.05)
    [closed] = device.closed()
    found = device.told_at[device.told.index(closed)]
    assert found - gone <= 15.0
    assert trio.current_time() - found <= 2 * FAREWELL + QUICK.longest + 0.2


async def test_a_gateway_that_vanished_is_found_also_under_a_full_socket(
    world: LinkWorld,
    autojump_clock: MockClock,
) -> None:
    """The writer is stuck in the middle of a message; the clock goes on."""
    world.conditions.window = 2048
    device = await _online(world)
    world.streams[-1].vanish()
    gone = trio.current_time()
    for number in range(100):
        device.client.send(StatusReport(vin="x" * 100, voltage_mv=number))
    await until(lambda: bool(device.closed()), within=120, every=0.05)
    assert trio.current_time() - gone <= 15.1
    await until(lambda: len(device.lives()) == 2, within=60, every=0.05)
    await until(lambda: world.registry.status(UUID_ONE).voltage == 0.099)


async def test_several_buses_share_the_link_without_losing_their_turn(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    world.conditions.delay = 0.01
    device = await _online(world)
    taken: list[int] = []

    async def send(bus: int) -> None:
        for count in range(40):
            batch = encode_batch(bus, [CanFrame(0x100, bytes([count]))])
            assert await device.client.send_frames(batch)
            taken.append(bus)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for bus in range(4):
                nursery.start_soon(send, bus)
    assert [taken.count(bus) for bus in range(4)] == [40] * 4


async def test_frames_are_not_taken_without_a_link_and_waiting_ends_with_it(
    world: LinkWorld,
    autojump_clock: MockClock,
) -> None:
    device = _Device()
    batch = encode_batch(0, [])
    assert not await device.client.send_frames(batch)
    device = await _online(world)
    world.streams[-1].vanish()
    with trio.fail_after(60):
        while await device.client.send_frames(batch):
            pass
    assert not device.client.live


async def test_a_goodbye_of_our_own_dials_again(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = await _online(world)
    device.client.goodbye("that was for somebody else")
    await until(lambda: len(device.lives()) == 2)
    [line] = world.lines("connector link ended")
    assert (line["reason"], line["by_peer"]) == ("that was for somebody else", True)


async def test_a_gateway_that_talks_nonsense_is_left_with_a_reason(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    device = await _online(world)
    assert world.live._pump is not None
    await world.live._pump.socket.send_message(b"\x09nonsense")
    await until(lambda: len(device.lives()) == 2)
    assert device.closed()[0].code == CloseCode.PROTOCOL
    assert "unknown channel 9" in device.closed()[0].reason
    await world.live._pump.socket.send_message("text")
    await until(lambda: len(device.lives()) == 3)
    assert "text messages" in device.closed()[1].reason


# --- dialling ------------------------------------------------------------------------------


async def _garbage(stream: FaultyStream) -> None:
    await stream.receive_some()
    await stream.send_all(b"\x00\xff" * 100)


async def _not_found(stream: FaultyStream) -> None:
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")


async def _hang_up(stream: FaultyStream) -> None:
    await stream.aclose()


async def _silence(stream: FaultyStream) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("answer", [_garbage, _not_found, _hang_up, _silence])
async def test_whatever_answers_it_goes_on_dialling(
    answer: Callable[[FaultyStream], Awaitable[None]],
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dials: list[float] = []
    async with open_world() as world:

        async def dial(*_address: object) -> FaultyStream:
            dials.append(trio.current_time())
            if len(dials) > 3:
                return world.dial()
            ours, theirs = faulty_pair()
            world.nursery.start_soon(answer, theirs)
            return ours

        monkeypatch.setattr(trio, "open_tcp_stream", dial)
        device = _Device()
        world.nursery.start_soon(device.client.run)
        await until(
            lambda: device.client.live, within=20 * (DIAL_LIMIT + FAREWELL + 2), every=0.05
        )
        assert len(dials) == 4


async def test_an_address_that_refuses_is_dialled_again(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dials: list[float] = []

    async def refuse(*_address: object) -> FaultyStream:
        await trio.lowlevel.checkpoint()
        dials.append(trio.current_time())
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    with trio.move_on_after(120):
        await _Device().client.run()
    pauses = [later - earlier for earlier, later in pairwise(dials)]
    assert max(pauses) <= QUICK.longest
    assert len(dials) > 60, "half of the longest pause on average"


@given(st.integers(0, 1000), st.integers(0, 2**32))
def test_pauses_have_full_jitter_under_a_bound_that_doubles(failures: int, seed: int) -> None:
    backoff = Backoff(first=0.5, longest=30.0)
    pause = backoff.pause(failures, Random(seed))
    assert 0 <= pause <= min(30.0, 0.5 * 2.0 ** min(failures, 60))


def test_a_crowd_spreads_over_the_whole_span() -> None:
    pauses = sorted(Backoff().pause(10, Random(seed)) for seed in range(1000))
    assert pauses[100] < 5
    assert pauses[900] > 25


async def test_a_gateway_that_restarts_is_asked_again_sooner_than_one_that_does_not_answer(
    autojump_clock: MockClock,
) -> None:
    """A refusal at once costs nobody anything; a dial that leads nowhere is another thing."""
    for error, longest in ((ConnectionRefusedError(), 1.0), (TimeoutError(), 8.0)):
        dials: list[float] = []

        async def dial(_host: str, _port: int, failing: OSError = error) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            dials.append(trio.current_time())  # noqa: B023 - used up within the round
            raise failing

        client = LinkClient(
            "ws://gateway/link/v1",
            Identity(UUID_TEXT, PRIVATE),
            CAPABILITIES,
            lambda _event: None,
            random=Random(3),
            backoff=Backoff(first=0.5, longest=8.0, nobody_listens=1.0),
            dial=dial,
        )
        with trio.move_on_after(200):
            await client.run()
        pauses = [later - earlier for earlier, later in pairwise(dials)]
        assert 0.8 * longest < max(pauses) <= longest
