"""A connector without ISO-TP on board, the whole way: real machines and a real vehicle."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for
from gateway.domain.errors import NotFound, Unavailable
from gateway.links.connector import LiveConnector
from gateway.links.tester import VIN_INTERVAL
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.diagnosis.route import CanRoute
from protocols.diagnosis.sessions import TESTER_PRESENT_INTERVAL
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import CanTarget, DoipTarget, FrameFilter, FunctionalTarget, Target
from protocols.uds.policy import ExchangePolicy
from tests.support.frames_only import SESSION, open_frames_only
from tests.support.link_world import until

ENGINE = CanTarget(0x7E0, 0x7E8)
VIN = b"\x62\xf1\x90WVWZZZAUZHP341562"


async def ask(live: LiveConnector, request: str, target: Target = ENGINE) -> ExchangeResult:
    return await live.exchange(SESSION, target, bytes.fromhex(request))


async def answer(live: LiveConnector, request: str, target: Target = ENGINE) -> bytes:
    """Ask and return the only answer."""
    result = await ask(live, request, target)
    assert result.failure == "", result.detail
    (response,) = result.responses
    return response.data


@pytest.mark.parametrize("delay", [0.0, 0.1])
@pytest.mark.parametrize("vehicle", ["golf", "ram1500"])
async def test_a_number_and_trouble_codes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, vehicle: str, delay: float
) -> None:
    async with open_frames_only(monkeypatch, vehicle, delay=delay) as (_, live, device):
        assert not live.capabilities.isotp
        assert (await answer(live, "22F190"))[3:].decode() == load_vehicle(vehicle).vin
        assert (await answer(live, "1902FF"))[:2] == b"\x59\x02"
        everybody = await ask(live, "22F190", FunctionalTarget())
        assert len(everybody.responses) == len(device.ecus)
        refused = await device.exchange(1, ENGINE, b"\x3e\x00")
        assert refused.failure == "refused"


async def test_times_are_the_connectors_clock(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.05) as (_, live, _device):
        live.clock_offset_us = 7_000_000
        before = trio.current_time()
        (response,) = (await ask(live, "22F190")).responses
        after = trio.current_time()
        assert before * 1e6 <= response.sent_us - 7_000_000 < response.received_us - 7_000_000
        assert response.received_us - 7_000_000 <= after * 1e6
        # First frame and flow control: the answer needs the way twice, there and back.
        assert 0.2 <= after - before < 0.3


async def test_security_access_unlocks(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.05) as (_, live, _device):
        engine = load_vehicle("golf").ecus[0]
        (level,) = [level for level in engine.security if level.level == 3]
        assert (await answer(live, "1003"))[:2] == b"\x50\x03"
        seed = (await answer(live, "2703"))[2:]
        assert await answer(live, "2704" + key_for(level, seed).hex()) == b"\x67\x04"
        assert (await answer(live, "2703"))[2:] == bytes(4)  # unlocked already


async def test_tester_present_runs_here_and_the_end_puts_the_vehicle_back(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.05) as (_, live, _device):
        await answer(live, "1003")
        await trio.sleep(30)
        assert (await answer(live, "22F186")) == b"\x62\xf1\x86\x03"
        closed = await live.close_session(SESSION)
        assert (closed.safe, closed.detail) == (True, "")
        live.open_session("next", writer=True, grace=1.0)
        result = await live.exchange("next", ENGINE, b"\x22\xf1\x86")
        assert result.responses[0].data == b"\x62\xf1\x86\x01"


async def test_work_needs_no_tester_present_besides(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, device):
        await answer(live, "1003")
        async with device.monitor("can0", 0, (), 0.01) as source:
            for _ in range(20):
                await answer(live, "22F186")
                await trio.sleep(0.5)
            frames = decode_batch(await source.next_batch()).frames
        assert not [frame for frame in frames if frame.data.startswith(b"\x02\x3e\x80")]


async def test_a_lost_link_ends_exchanges_at_once_and_sessions_by_the_ecus_own_timer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.05) as (world, live, _device):
        await answer(live, "1003")
        async with trio.open_nursery() as nursery:

            async def interrupted() -> None:
                result = await ask(live, "22F190", CanTarget(0x7E5, 0x7ED))
                assert result.failure == "transport"
                assert "interrupted" in result.detail

            nursery.start_soon(interrupted)
            await trio.sleep(0.02)
            world.streams[-1].cut()
            began = trio.current_time()
        assert trio.current_time() - began < 0.01
        with pytest.raises(Unavailable, match="interrupted"):
            await ask(live, "22F190")
        await until(lambda: not live.connected)  # the link itself may notice a moment later
        await until(lambda: live.connected, every=0.01)
        assert (await answer(live, "22F190")) == VIN


async def test_an_ecu_that_was_left_alone_is_back_by_itself(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (world, live, _device):
        await answer(live, "1003")

        async def unreachable(*_address: object) -> None:
            raise OSError("no network")

        with monkeypatch.context() as away:
            away.setattr("trio.open_tcp_stream", unreachable)
            world.streams[-1].cut()
            await trio.sleep(6)
            with pytest.raises(Unavailable):
                await ask(live, "22F186")
        await until(lambda: live.connected, every=0.1)
        assert await answer(live, "22F186") == b"\x62\xf1\x86\x01"
        closed = await live.close_session(SESSION)
        assert closed.safe


async def test_closing_while_the_link_is_gone_says_what_the_vehicle_does_by_itself(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (world, live, _device):
        await answer(live, "1003")
        world.streams[-1].cut()
        await until(lambda: not live.connected, every=0.001)
        closed = await live.close_session(SESSION)
        assert not closed.safe
        assert "control unit 7E0" in closed.detail
        assert "S3" in closed.detail


async def test_a_return_that_nobody_confirms_is_not_safe(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        silent = CanTarget(0x7E5, 0x7ED)
        # A suppressed positive answer is silence, and so is nobody at all.
        assert (await ask(live, "1083", silent)).failure == ""
        closed = await live.close_session(SESSION)
        assert (closed.safe, closed.detail) == (False, "control unit 7E5: no_response")


@pytest.mark.parametrize(
    ("target", "request_", "failure"),
    [
        (CanTarget(0x7E5, 0x7ED), "22F190", "no_response"),
        (CanTarget(0x7E0, 0x7E8, bus="can9"), "22F190", "unknown_bus"),
        (DoipTarget(0x1001), "22F190", "unknown_bus"),
        (ENGINE, "", "refused"),
        (FunctionalTarget(), "22" * 9, "refused"),
        (CanTarget(0x7E5, 0x7ED), "2E0600" + "00" * 9, "transport"),
    ],
)
async def test_failures_are_results_in_the_links_words(
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    target: Target,
    request_: str,
    failure: str,
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        result = await ask(live, request_, target)
        assert result.failure == failure
        assert result.detail
        assert await answer(live, "3E00") == b"\x7e\x00"


async def test_raw_frames_still_go_both_ways_beside_exchanges(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        with live.listen("can0") as feed:
            seen: set[int] = set()

            async def watch() -> None:
                async for batch in feed:
                    seen.update(frame.id for frame in decode_batch(batch).frames)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                assert await answer(live, "22F190") == VIN
                await live.write_frames(encode_batch(0, [CanFrame(0x7E0, b"\x02\x3e\x00")]))
                await trio.sleep(1)
                nursery.cancel_scope.cancel()
        assert {0x107, 0x7E0, 0x7E8} <= seen


async def test_others_who_listen_and_leave_cost_an_exchange_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.02) as (_, live, _device):

        async def come_and_go() -> None:
            while True:
                with live.listen("can0"):
                    await trio.sleep(0.007)
                await trio.sleep(0.005)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_and_go)
            for _ in range(20):
                assert await answer(live, "22F190") == VIN
            nursery.cancel_scope.cancel()


async def test_many_at_once_and_operators_that_go_away(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.02) as (_, live, device):
        done: list[bytes] = []

        async def one(number: int) -> None:
            ecu = device.ecus[number % len(device.ecus)]
            assert ecu.request_id is not None
            if number % 4 == 3:
                with trio.move_on_after(0.05):
                    await answer(live, "22F190", CanTarget(0x7E5, 0x7ED))
            else:
                target = CanTarget(ecu.request_id, ecu.response_id)
                done.append(await answer(live, "22F190", target))

        async with trio.open_nursery() as nursery:
            for number in range(24):
                nursery.start_soon(one, number)
        assert done == [VIN] * 18


async def test_a_bus_that_nobody_works_on_costs_no_traffic(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        await until(lambda: live.status.vin is not None, every=0.01)
        await until(lambda: not live.monitors._feeds, every=0.01)
        await answer(live, "22F190")
        (feeds,) = live.monitors._feeds.values()
        assert len(feeds[0].filters) == 4  # legislated answers, and two more known control units
        await live.close_session(SESSION)
        await until(lambda: not live.monitors._feeds, every=0.01)
        with pytest.raises(NotFound):
            await live.close_session(SESSION)


async def test_the_vehicle_is_identified_from_here(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.05) as (world, live, device):
        await until(lambda: live.status.vin is not None, every=0.1)
        assert live.status.vin == VIN[3:].decode()
        assert (await device.status()).vin is None
        await until(lambda: live.status.voltage is not None, within=30, every=0.1)
        assert live.status.vin == VIN[3:].decode()  # what the connector reports has none
        assert world.statuses()[-1]["vin"] == VIN[3:].decode()
        # Somebody writes another one; whoever follows the connector hears of it.
        engine = load_vehicle("golf").ecus[0]
        await answer(live, "1003")
        seed = (await answer(live, "2703"))[2:]
        await answer(live, "2704" + key_for(engine.security[0], seed).hex())
        await answer(live, "2EF190" + b"WVWZZZAUZHP000007".hex())
        await until(lambda: live.status.vin == "WVWZZZAUZHP000007", every=0.1)


async def test_a_vehicle_that_tells_no_number_is_asked_again_after_a_while(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        await until(lambda: live.status.vin is not None, every=0.1)
        assert live.tester is not None
        asked = 0

        async def silent() -> bool:
            nonlocal asked
            asked += 1
            return False

        monkeypatch.setattr(live.tester, "_read_vin", silent)
        live.tester._identify.set()
        await trio.sleep(10 * VIN_INTERVAL + 1)
        assert asked == 11


async def test_what_is_at_the_vehicle_when_its_session_ends_is_put_back_too(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch, delay=0.1) as (_, live, _device):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, live, "1003")
            await trio.sleep(0.15)  # the ECU has it, and we have not heard of it
            closed = await live.close_session(SESSION)
        assert closed.safe
        live.open_session("next", writer=True, grace=1.0)
        result = await live.exchange("next", ENGINE, b"\x22\xf1\x86")
        assert result.responses[0].data == b"\x62\xf1\x86\x01"


async def test_tester_present_does_not_pile_up_behind_a_slow_request(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, device):
        silent = CanTarget(0x7E5, 0x7ED)
        await ask(live, "1083", silent)  # silence is the positive answer
        tester = live.tester
        assert tester is not None
        route = tester._routes.find(silent)
        assert isinstance(route, CanRoute)
        presents = (FrameFilter(0x7E5, 0x7FF),)
        async with device.monitor("can0", 0, presents, 0.01) as source:
            # It has the control unit's turn for five times the interval.
            patience = ExchangePolicy(p2=5 * TESTER_PRESENT_INTERVAL)
            await tester._buses["can0"].exchange(route, b"\x22\xf1\x90", patience)
            await trio.sleep(TESTER_PRESENT_INTERVAL / 2)
            sent = [frame.data[:3] for frame in decode_batch(await source.next_batch()).frames]
        assert sent.count(b"\x02\x3e\x80") <= 1


async def test_an_end_that_takes_too_long_leaves_nothing_behind(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_frames_only(monkeypatch) as (_, live, _device):
        assert live.tester is not None
        await until(lambda: live.status.vin is not None, every=0.01)
        async with trio.open_nursery() as nursery:
            patient = CanTarget(0x7E5, 0x7ED)
            nursery.start_soon(live.tester.exchange, SESSION, patient, b"\x22\xf1\x90")
            await trio.sleep(0.01)
            with trio.move_on_after(0.01) as scope:
                await live.close_session(SESSION)
            assert scope.cancelled_caught
        await until(lambda: not live.monitors._feeds, every=0.01)
        assert live.tester._work == {}
