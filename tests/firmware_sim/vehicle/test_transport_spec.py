from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import open_bus
from firmware_sim.vehicle.can_ecu import ecu_address
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.function_spec import FlashSpec
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.record import SpecError
from firmware_sim.vehicle.transport_spec import TransportSpec
from firmware_sim.vehicle.vehicle import isotp_params, open_vehicle
from firmware_sim.vehicle.vehicle_spec import BusSpec
from protocols.can.frame import CanFrame
from protocols.isotp.addressing import IsoTpAddress


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"mode": "extended"}, "needs target_address and source_address"),
        ({"mode": "extended", "target_address": 1}, "needs target_address and source_address"),
        ({"target_address": 1, "source_address": 2}, "extended addressing, and no other"),
        ({"mode": "mixed"}, "needs address_extension"),
        ({"address_extension": 1}, "mixed addressing, and no other"),
        ({"functional_address": 1}, "is for extended addressing"),
        ({"stmin": 0x80}, "stmin 80 is reserved"),
    ],
)
def test_a_transport_that_cannot_be(members: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        TransportSpec(**members)


def ecu(
    transport: TransportSpec, request_id: int, response_id: int, *, extended: bool = False
) -> EcuSpec:
    return EcuSpec(
        name="x",
        request_id=request_id,
        response_id=response_id,
        transport=transport,
        extended=extended,
    )


def test_every_address_is_the_testers_mirrored() -> None:
    extended = TransportSpec(mode="extended", target_address=0x64, source_address=0xF1)
    mixed = TransportSpec(mode="mixed", address_extension=0x1C)
    assert ecu_address(ecu(extended, 0x6F1, 0x664)) == (
        IsoTpAddress.extended_11(0x6F1, 0x664, 0x64, 0xF1).mirrored()
    )
    assert ecu_address(ecu(mixed, 0x6A0, 0x4A8)) == (
        IsoTpAddress.mixed_11(0x6A0, 0x4A8, 0x1C, 0x7DF).mirrored()
    )
    assert ecu_address(ecu(mixed, 0x18CE10F1, 0x18CEF110, extended=True)) == (
        IsoTpAddress.mixed_29(0x10, 0xF1, 0x1C).mirrored()
    )


def test_what_an_ecu_asks_of_senders() -> None:
    spec = EcuSpec(
        name="x",
        transport=TransportSpec(stmin=0xF5, block_size=4, padding=None),
    )
    params = isotp_params(BusSpec(name="can0", bitrate=500_000), spec)
    assert (params.stmin, params.blocksize, params.padding) == (0xF5, 4, None)
    assert (params.max_frame_size, params.can_fd) == (4095, False)
    kona = load_vehicle("kona")
    assert isinstance(kona.ecus[0].flash, FlashSpec)
    assert isotp_params(kona.buses[0], kona.ecus[0]).max_frame_size == 0x1002


@pytest.mark.parametrize(
    ("name", "request_", "answer", "response_id"),
    [
        ("jazz", (0x6F1, "64023e0000000000"), "f1027e00ffffffff", 0x664),
        ("jazz", (0x6F1, "df023e0000000000"), "f1027e00ffffffff", 0x664),
        ("sprinter", (0x6A0, "1c023e0000000000"), "1c027e00aaaaaaaa", 0x4A8),
        ("sprinter", (0x7DF, "1c023e0000000000"), "1c027e00aaaaaaaa", 0x4A8),
    ],
)
async def test_first_bytes_on_the_bus(
    autojump_clock: MockClock, name: str, request_: tuple[int, str], answer: str, response_id: int
) -> None:
    can_id, data = request_
    channel = f"virtual:first-byte-{name}-{can_id:X}-{data[:2]}"
    async with (
        open_vehicle(load_vehicle(name), addresses={"can0": channel}),
        open_bus(channel) as bus,
    ):
        with bus.subscribe({(response_id, False)}) as feed, trio.fail_after(1):
            await bus.send(CanFrame(can_id, bytes.fromhex(data)))
            assert (await feed.receive()).data.hex() == answer
