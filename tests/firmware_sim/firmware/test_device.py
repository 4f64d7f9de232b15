from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.buses.can_bus import open_bus
from firmware_sim.firmware.device import FIRST_POLICY, Device
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import CanTarget, DoipTarget, FrameFilter, FunctionalTarget, Target

ENGINE = CanTarget(0x7E0, 0x7E8)
VIN = b"\x62\xf1\x90WVWZZZAUZHP341562"


async def ask(device: Device, target: Target, request: str) -> ExchangeResult:
    return await device.exchange(7, target, bytes.fromhex(request))


async def test_an_exchange_with_its_times(autojump_clock: MockClock) -> None:
    async with open_device(VehicleSettings(vehicle="golf")) as device:
        before = trio.current_time() * 1e6
        result = await ask(device, ENGINE, "22F190")
        after = trio.current_time() * 1e6
    assert (result.id, result.failure) == (7, "")
    (response,) = result.responses
    assert (response.source, response.data, response.pending) == (0x7E8, VIN, 0)
    assert before - 1 <= response.sent_us < response.received_us <= after + 1


@pytest.mark.parametrize(
    "target", [FunctionalTarget(), FunctionalTarget("can0"), CanTarget(0x7DF)]
)
async def test_everybody_answers(autojump_clock: MockClock, target: Target) -> None:
    async with open_device(VehicleSettings(vehicle="golf")) as device:
        result = await ask(device, target, "22F190")
    assert {response.source for response in result.responses} == {0x7E8, 0x778, 0x77A}
    assert {response.data for response in result.responses} == {VIN}


@pytest.mark.parametrize(
    ("target", "request_", "failure"),
    [
        (CanTarget(0x7E5, 0x7ED), "22F190", "no_response"),
        (CanTarget(0x7E0, 0x7E8, bus="can9"), "22F190", "unknown_bus"),
        (FunctionalTarget("can9"), "22F190", "unknown_bus"),
        (DoipTarget(0x1001), "22F190", "unknown_bus"),
        (ENGINE, "", "refused"),
        (ENGINE, "00" * 0x40000, "refused"),
        (FunctionalTarget(), "00" * 9, "refused"),
        (CanTarget(0x7E0, 0x7E8, mode="sideways"), "22F190", "refused"),
        (CanTarget(0x7E5, 0x7ED), "2E0600" + "00" * 9, "transport"),
    ],
)
async def test_failures_are_results_in_the_links_words(
    autojump_clock: MockClock, target: Target, request_: str, failure: str
) -> None:
    async with open_device(VehicleSettings(vehicle="golf")) as device:
        result = await ask(device, target, request_)
        assert result.failure == failure
        assert result.detail
        assert not result.responses
        assert (await ask(device, ENGINE, "3E00")).failure == ""


async def test_answers_to_something_else_are_no_answer(autojump_clock: MockClock) -> None:
    settings = VehicleSettings(vehicle="golf", bus="virtual:device-stranger")
    async with open_device(settings) as device, open_bus("virtual:device-stranger") as other:

        async def interfere() -> None:
            with other.subscribe({(0x7E5, False)}) as feed:
                await feed.receive()
                await other.send(CanFrame(0x7ED, bytes.fromhex("0462F18700")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(interfere)
            await trio.testing.wait_all_tasks_blocked()
            result = await ask(device, CanTarget(0x7E5, 0x7ED), "22F190")
    assert result.failure == "no_response"
    assert "62f187" in result.detail


async def test_the_times_an_ecu_states_are_taken_over(autojump_clock: MockClock) -> None:
    async with open_device(VehicleSettings(vehicle="ram1500")) as device:
        await ask(device, ENGINE, "1003")
        assert device._patience.of(ENGINE).p2 == 0.025
        assert device._patience.of(ENGINE).margin == FIRST_POLICY.margin
        await ask(device, FunctionalTarget(), "1003")  # of many answers none is everybody's
        assert device._patience.of(FunctionalTarget()) == FIRST_POLICY


async def test_a_slow_adapter_is_given_more_time(autojump_clock: MockClock) -> None:
    async with open_device(VehicleSettings(vehicle="golf", margin=0.3)) as device:
        result = await ask(device, CanTarget(0x7E6, 0x7EE), "3E00")
    assert result.failure == "no_response"
    assert "0.35 s" in result.detail


async def test_a_batch_goes_to_its_bus(autojump_clock: MockClock) -> None:
    settings = VehicleSettings(vehicle="golf", bus="virtual:device-batch")
    async with open_device(settings) as device, open_bus("virtual:device-batch") as other:
        with other.subscribe({(0x123, False)}) as feed:
            await device.send_frames(encode_batch(0, [CanFrame(0x123, b"\x01")] * 3))
            assert len(feed.take_nowait()) == 3


@pytest.mark.parametrize("batch", [b"", b"\x01\x02", encode_batch(1, [CanFrame(1)])])
async def test_a_batch_that_is_none_breaks_the_protocol(
    autojump_clock: MockClock, batch: bytes
) -> None:
    async with open_device(VehicleSettings(vehicle="golf")) as device:
        with pytest.raises(RemoteProtocolError):
            await device.send_frames(batch)


async def test_a_monitor_shows_an_exchange_both_ways(autojump_clock: MockClock) -> None:
    async with (
        open_device(VehicleSettings(vehicle="golf")) as device,
        device.monitor("can0", 0, (FrameFilter(0x7E0, 0x7F0),), 0.05) as source,
    ):
        await ask(device, ENGINE, "22F190")
        batch = decode_batch(await source.next_batch())
    assert [frame.id for frame in batch.frames] == [0x7E0, 0x7E8, 0x7E0, 0x7E8, 0x7E8]
    assert batch.frames[0].data.hex() == "0322f190cccccccc"


async def test_a_monitor_without_filters_shows_the_vehicles_own_traffic(
    autojump_clock: MockClock,
) -> None:
    async with (
        open_device(VehicleSettings(vehicle="golf")) as device,
        device.monitor("can0", 0, (), 1.0) as source,
    ):
        batch = decode_batch(await source.next_batch())
    assert {0x107, 0x3C0} <= {frame.id for frame in batch.frames}


async def test_a_monitor_is_changed_without_a_gap(autojump_clock: MockClock) -> None:
    settings = VehicleSettings(vehicle="golf", bus="virtual:device-change")
    first, second = FrameFilter(0x001, 0x7FF), FrameFilter(0x002, 0x7FF)
    async with (
        open_device(settings) as device,
        open_bus("virtual:device-change") as other,
        device.monitor("can0", 0, (first,), 0.05) as source,
    ):
        await other.send(CanFrame(0x001, b"\x01"))
        await other.send(CanFrame(0x002, b"\x01"))
        assert source.change((first, second), 0.05)
        await other.send(CanFrame(0x002, b"\x02"))
        assert not source.change((FrameFilter(0x800, 0x7FF),), 0.05)
        frames = decode_batch(await source.next_batch()).frames
    assert [(frame.id, frame.data) for frame in frames] == [(1, b"\x01"), (2, b"\x02")]


@pytest.mark.parametrize(
    ("bus", "filters"), [("can9", ()), ("can0", (FrameFilter(0x800, 0x7FF),))]
)
async def test_a_monitor_that_cannot_be_is_silent(
    autojump_clock: MockClock, bus: str, filters: tuple[FrameFilter, ...]
) -> None:
    async with (
        open_device(VehicleSettings(vehicle="golf")) as device,
        device.monitor(bus, 0, filters, 0.05) as source,
    ):
        with trio.move_on_after(60) as scope:
            await source.next_batch()
        assert scope.cancelled_caught
        assert not source.change((), 0.05)


async def test_status_is_read_from_the_vehicle(autojump_clock: MockClock) -> None:
    async with open_device(VehicleSettings(vehicle="golf", seed=5)) as device:
        report = await device.status()
        answer = await ask(device, ENGINE, "22F190")
    assert report.vin is not None
    assert answer.responses[0].data == b"\x62\xf1\x90" + report.vin.encode()
    assert report.voltage_mv is not None
    assert 12_200 <= report.voltage_mv <= 12_600
    assert report.ignition


@pytest.mark.slow
async def test_the_same_on_doip() -> None:
    async with open_device(VehicleSettings(vehicle="xc90")) as device:
        report = await device.status()
        assert report.vin == "YV1LFA2A9J1338204"
        engine = await ask(device, DoipTarget(0x1630), "22F187")
        assert engine.responses[0].data == b"\x62\xf1\x8731459988"
        everybody = await ask(device, FunctionalTarget(), "22F190")
        assert {it.source for it in everybody.responses} == {0x1001, 0x1630, 0x1A01}
        assert (await ask(device, ENGINE, "22F190")).failure == "unknown_bus"
