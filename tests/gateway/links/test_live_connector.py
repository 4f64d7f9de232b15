from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import Conflict, NotFound, TooLarge, Unavailable
from gateway.links.exchanges import MAX_IN_FLIGHT
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.delivery import DeliveryLimits
from protocols.link.events import Closed, FramesReceived, Live
from protocols.link.messages import (
    MAX_ENVELOPE,
    CloseCode,
    ExchangeRequest,
    ExchangeResult,
    MonitorStart,
    MonitorStop,
    SessionClose,
    SessionClosed,
    SessionOpen,
)
from protocols.link.vehicle import BusInfo, CanTarget, Capabilities, FunctionalTarget
from tests.support.link_world import DialledConnector, LinkWorld, open_world, settle, until

TARGET = CanTarget(0x7E0, 0x7E8)
TESTER_PRESENT = b"\x3e\x00"


async def _online(world: LinkWorld) -> DialledConnector:
    device = DialledConnector(world)
    await world.nursery.start(device.connect)
    await settle()
    return device


async def _back(world: LinkWorld, device: DialledConnector) -> None:
    await world.nursery.start(device.connect)
    await settle()


# --- exchanges -----------------------------------------------------------------------------


async def test_an_exchange_goes_there_and_back(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        result = await world.live.exchange("s1", TARGET, bytes.fromhex("22F190"))
        assert result.responses[0].data.hex() == "62f190"
        [asked] = device.of(ExchangeRequest)
        assert isinstance(asked, ExchangeRequest)
        assert (asked.session, asked.target, asked.request.hex()) == ("s1", TARGET, "22f190")


async def test_an_exchange_waits_out_an_interruption(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        results: list[ExchangeResult] = []

        async def ask() -> None:
            results.append(await world.live.exchange("s", TARGET, TESTER_PRESENT))

        device.cut()
        await settle()
        world.nursery.start_soon(ask)
        await trio.sleep(30)
        assert results == []
        await _back(world, device)
        assert len(results) == 1
        assert len(device.of(ExchangeRequest)) == 1


async def test_an_exchange_asked_for_while_a_dead_link_is_closing_waits_as_well(
    autojump_clock: MockClock,
) -> None:
    """The goodbye of a link that hangs takes seconds; callers must not notice."""
    async with open_world() as world:
        device = await _online(world)
        assert device.stream is not None
        device.stream.swallow_incoming()
        world.live.end_connection(CloseCode.SILENT, "dead")
        results: list[ExchangeResult] = []

        async def ask() -> None:
            results.append(await world.live.exchange("s", TARGET, TESTER_PRESENT))

        world.nursery.start_soon(ask)
        await trio.sleep(10)
        await _back(world, device)
        assert len(results) == 1


async def test_a_restarted_connector_fails_what_was_in_flight(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.answer = lambda _request: None
        errors: list[Unavailable] = []

        async def ask() -> None:
            with pytest.raises(Unavailable) as refused:
                await world.live.exchange("s", TARGET, TESTER_PRESENT)
            errors.append(refused.value)

        world.nursery.start_soon(ask)
        await settle()
        device.cut()
        device.restart()
        await _back(world, device)
        [error] = errors
        assert error.code == "connector.restarted"
        assert "read back" in error.detail
        assert len(device.of(ExchangeRequest)) == 1, "it is not asked again by itself"


async def test_a_result_of_an_earlier_life_matches_nothing(autojump_clock: MockClock) -> None:
    """Link given up, connector comes back, and only then finishes what it was asked before."""
    async with open_world(window=5.0) as world:
        device = await _online(world)
        held: list[ExchangeRequest] = []

        def hold(request: ExchangeRequest) -> None:
            held.append(request)

        device.answer = hold
        world.nursery.start_soon(device.cut_after, 1.0)
        with pytest.raises(Unavailable):
            await world.live.exchange("s", TARGET, TESTER_PRESENT)
        await _back(world, device)
        results: list[ExchangeResult] = []

        async def ask() -> None:
            results.append(await world.live.exchange("s", TARGET, b"\x22\xf1\x90"))

        world.nursery.start_soon(ask)
        await settle()
        old, new = held
        assert old.id != new.id
        device.send(ExchangeResult(old.id, detail="late"))
        await settle()
        assert results == []
        device.send(ExchangeResult(new.id, detail="right"))
        await settle()
        assert [result.detail for result in results] == ["right"]


async def test_requests_beyond_all_bounds_are_refused_with_a_word(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.cut()
        await settle()
        world.live.memory.delivery.limits = DeliveryLimits(queued=2)
        for _ in range(2):
            with trio.move_on_after(1):  # callers go away, their requests wait on
                await world.live.exchange("s", TARGET, TESTER_PRESENT)
        with pytest.raises(Unavailable) as refused:
            await world.live.exchange("s", TARGET, TESTER_PRESENT)
        assert refused.value.code == "connector.busy"
        assert DeliveryLimits().queued > MAX_IN_FLIGHT


# --- sessions ------------------------------------------------------------------------------


async def test_a_session_is_opened_and_closed_at_the_connector(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        world.live.open_session("s1", writer=True, grace=2.5)
        assert world.live.has_session("s1")
        closed = await world.live.close_session("s1")
        assert closed == SessionClosed("s1", safe=True)
        assert not world.live.has_session("s1")
        assert device.got == [SessionOpen("s1", True, 2500), SessionClose("s1")]


async def test_closing_what_is_not_open_or_closing_already_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.closes = False
        with pytest.raises(NotFound):
            await world.live.close_session("s1")
        world.live.open_session("s1", writer=True, grace=1)
        world.nursery.start_soon(world.live.close_session, "s1")
        await settle()
        with pytest.raises(Conflict):
            await world.live.close_session("s1")
        device.send(SessionClosed("s1", safe=True))
        await settle()


async def test_a_restarted_connector_hears_of_its_sessions_again(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        world.live.open_session("s1", writer=True, grace=1)
        world.live.open_session("s2", writer=False, grace=1)
        await world.live.close_session("s2")
        device.cut()
        device.restart()
        device.got.clear()
        await _back(world, device)
        assert device.got == [SessionOpen("s1", True, 1000)]


async def test_waiting_for_a_close_ends_with_a_restart_and_with_the_window(
    autojump_clock: MockClock,
) -> None:
    async with open_world(window=20.0) as world:
        device = await _online(world)
        device.closes = False
        codes: list[str] = []

        async def close(session: str) -> None:
            world.live.open_session(session, writer=True, grace=1)
            with pytest.raises(Unavailable) as refused:
                await world.live.close_session(session)
            codes.append(refused.value.code)

        world.nursery.start_soon(close, "s1")
        await settle()
        device.cut()
        device.restart()
        await _back(world, device)
        world.nursery.start_soon(close, "s2")
        await settle()
        device.cut()
        await trio.sleep(21)
        assert codes == ["connector.restarted", "connector.offline"]


async def test_a_session_that_the_connector_ended_by_itself_is_known_as_ended(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        world.live.open_session("s1", writer=True, grace=1)
        await settle()
        device.send(SessionClosed("s1", safe=False, detail="engine did not answer"))
        device.send(SessionClosed("unheard of", safe=True))
        await settle()
        assert not world.live.has_session("s1")
        closed = await world.live.close_session("s1")
        assert (closed.safe, closed.detail) == (False, "engine did not answer")
        assert not device.of(SessionClose)


async def test_half_of_the_control_queue_is_kept_for_closing(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.cut()
        await settle()
        opened = DeliveryLimits().queued // 2
        for number in range(opened):
            world.live.open_session(f"s{number}", writer=False, grace=1)
        with pytest.raises(Unavailable) as refused:
            world.live.open_session(f"s{opened}", writer=False, grace=1)
        assert refused.value.code == "connector.busy"
        assert not world.live.has_session(f"s{opened}")
        async with trio.open_nursery() as nursery:
            for number in range(opened):
                nursery.start_soon(world.live.close_session, f"s{number}")
            await settle()
            await _back(world, device)
        assert len(device.of(SessionClose)) == opened


# --- frames --------------------------------------------------------------------------------


def _batch(bus: int, count: int = 1) -> bytes:
    return encode_batch(bus, [CanFrame(0x100 + n, b"\x01") for n in range(count)])


async def test_frames_come_to_listeners(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        with world.live.listen("can1") as feed:
            await settle()
            assert device.got == [MonitorStart("can1", 1)]
            for count in range(100):
                await device.send_frames(_batch(1, count))
                assert await feed.next() == _batch(1, count)
        await settle()
        assert device.got[-1] == MonitorStop("can1")


async def test_an_unknown_bus_is_named_with_those_there_are(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        await _online(world)
        with pytest.raises(NotFound, match="it has can0, can1"):
            world.live.listen("can9")


async def test_a_malformed_batch_ends_the_link_with_a_reason_and_one_line(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        await device.send_frames(b"no batch at all")
        await settle()
        closed = device.told[-1]
        assert isinstance(closed, Closed)
        assert closed.code == CloseCode.PROTOCOL
        assert "15 bytes are no header" in closed.reason
        assert len(world.lines("connector link ended")) == 1
        assert world.failures() == 0


async def test_frames_written_reach_the_connector(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        for count in range(100):
            await world.live.write_frames(_batch(0, count))
        await settle()
        assert [event for event in device.told if isinstance(event, FramesReceived)] == [
            FramesReceived(_batch(0, count)) for count in range(100)
        ]


async def test_frames_are_refused_while_the_connector_is_away_or_they_are_too_many(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        with pytest.raises(TooLarge):
            await world.live.write_frames(bytes(MAX_ENVELOPE))
        assert world.live.connected
        device.cut()
        await settle()
        with pytest.raises(Unavailable) as refused:
            await world.live.write_frames(_batch(0))
        assert refused.value.code == "connector.interrupted"


@pytest.mark.slow
async def test_many_writers_of_frames_all_get_their_turn(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.conditions.delay = 0.01
        device = await _online(world)
        async with trio.open_nursery() as nursery:
            for number in range(150):
                nursery.start_soon(world.live.write_frames, _batch(0, number))
        await trio.sleep(1)
        assert len([e for e in device.told if isinstance(e, FramesReceived)]) == 150


async def test_a_listener_outlives_an_interruption_and_a_restart(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        with world.live.listen("can0") as feed:
            await settle()
            device.cut()
            await settle()
            with world.live.listen("can1"):
                await _back(world, device)
                assert device.got == [MonitorStart("can0", 0), MonitorStart("can1", 1)]
                device.cut()
                device.restart()
                device.got.clear()
                await _back(world, device)
                assert device.got == [MonitorStart("can0", 0), MonitorStart("can1", 1)]
            await device.send_frames(_batch(0))
            assert await feed.next() == _batch(0)


@pytest.mark.slow
async def test_a_listener_is_let_go_when_the_connector_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async with open_world(window=5.0) as world:
        device = await _online(world)
        device.cut()
        with trio.fail_after(10), world.live.listen("can0") as feed:
            await feed.next()
        assert feed.scope.cancelled_caught


async def test_a_connector_may_come_back_without_a_bus_somebody_listens_to(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        left = trio.Event()

        async def listen() -> None:
            with world.live.listen("can1") as feed:
                await feed.next()
            left.set()

        world.nursery.start_soon(listen)
        await settle()
        device.cut()
        device.restart()
        device.capabilities = Capabilities((BusInfo("can0", "can", 500_000),))
        await _back(world, device)
        await until(left.is_set)
        assert world.live.connected
        assert Live(resumed=False) in device.told[1:]


async def test_a_message_that_is_not_for_a_gateway_ends_the_link(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.send(SessionOpen("s", True, 0))
        await settle()
        closed = device.told[-1]
        assert isinstance(closed, Closed)
        assert closed.reason == "SessionOpen is not for a gateway"


async def test_a_functional_request_is_an_exchange_like_any_other(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        await _online(world)
        result = await world.live.exchange("s", FunctionalTarget(), b"\x01\x00")
        assert result.responses[0].data == b"\x41\x00"
