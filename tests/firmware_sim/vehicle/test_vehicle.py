from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import open_bus
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle
from protocols.can.frame import CanFrame
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.connection import IsoTpConnection
from protocols.isotp.events import PayloadReceived
from protocols.isotp.params import IsoTpParams


async def recorded(seed: int, channel: str, vin: str | None = None) -> list[tuple[int, str, int]]:
    """Return every frame of a time in which somebody reads the VIN, the codes and the speed."""
    address = f"virtual:{channel}"
    golf = load_vehicle("golf")
    async with (
        open_vehicle(golf, seed=seed, vin=vin, addresses={"can0": address}),
        open_bus(address) as bus,
    ):
        with bus.monitor() as monitor:
            origin = round(trio.current_time() * 1e6)
            for request in ("0322f190", "031902ff", "02010c"):
                await trio.sleep(0.2)
                await bus.send(CanFrame(0x7E0, bytes.fromhex(request)))
                await trio.sleep(0.02)
                await bus.send(CanFrame(0x7E0, bytes.fromhex("300000")))
            await trio.sleep(0.2)
            return [
                (frame.id, frame.data.hex(), frame.timestamp_us - origin)
                for frame in monitor.take_nowait()
            ]


async def test_a_vehicle_answers_and_talks_by_itself(autojump_clock: MockClock) -> None:
    assert {0x7E0, 0x7E8, 0x107, 0x3C0} <= {can_id for can_id, _, _ in await recorded(7, "talk")}


@pytest.mark.parametrize("seed", [1, 2])
def test_two_runs_with_one_seed_agree_to_the_last_byte(seed: int) -> None:
    runs = [
        trio.run(recorded, seed, f"agree-{number}", clock=MockClock(autojump_threshold=0))
        for number in range(2)
    ]
    assert runs[0] == runs[1]


def test_another_seed_gives_other_times_and_values() -> None:
    runs = [
        trio.run(recorded, seed, f"differ-{seed}", clock=MockClock(autojump_threshold=0))
        for seed in (1, 2)
    ]
    assert runs[0] != runs[1]


async def test_a_vehicle_tells_the_number_it_was_given(autojump_clock: MockClock) -> None:
    vin = "WVWZZZAUZHP000042"
    frames = await recorded(0, "own-vin", vin)
    first, *more = [bytes.fromhex(data) for can_id, data, _ in frames if can_id == 0x7E8][:3]
    assert first[5:] + more[0][1:] + more[1][1:] == vin.encode()


async def test_a_can_fd_vehicle_answers_in_one_long_frame(autojump_clock: MockClock) -> None:
    params = IsoTpParams(can_fd=True, bitrate_switch=True, tx_data_length=64)
    async with (
        open_vehicle(load_vehicle("ram1500"), addresses={"can0": "virtual:long-frame"}),
        open_bus("virtual:long-frame", fd=True) as bus,
    ):
        tester = IsoTpConnection(IsoTpAddress.obd_11(0), params)
        with bus.subscribe({(0x7E8, False)}) as feed:
            tester.send(b"\x22\xf1\x90", trio.current_time())
            await bus.send_all(tester.frames_to_send())
            frame = await feed.receive()
    assert frame.fd
    assert frame.brs
    assert len(frame.data) == 24
    tester.receive(frame, trio.current_time())
    received = list(iter(tester.next_event, None))
    assert PayloadReceived(b"\x62\xf1\x901C6SRFFT4MN528417") in received


@pytest.mark.slow
async def test_a_doip_vehicle_listens() -> None:
    async with open_vehicle(load_vehicle("xc90"), addresses={}) as vehicle:
        assert vehicle.doip is not None
        stream = await trio.open_tcp_stream(vehicle.doip.host, vehicle.doip.tcp_port)
        await stream.aclose()
        assert vehicle.ignition
        assert 12.6 < vehicle.voltage() < 13.0
