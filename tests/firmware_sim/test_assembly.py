from __future__ import annotations

import pytest
from trio.testing import MockClock

from firmware_sim.assembly import SettingsError, VehicleSettings, open_device
from firmware_sim.buses.can_bus import BusGoneError
from firmware_sim.vehicle.loader import VehicleFileError, load_vehicle
from firmware_sim.vehicle.vin import vin_for_seed
from protocols.link.vehicle import BusInfo, EcuInfo


async def vin_of(settings: VehicleSettings) -> str | None:
    async with open_device(settings) as device:
        return (await device.status()).vin


async def test_the_number_follows_from_seed_or_command(autojump_clock: MockClock) -> None:
    declared = load_vehicle("golf").vin
    assert await vin_of(VehicleSettings(vehicle="golf")) == declared
    assert await vin_of(VehicleSettings(vehicle="golf", seed=9)) == vin_for_seed(declared, 9)
    own = "WVWZZZAUZHP000007"
    assert await vin_of(VehicleSettings(vehicle="golf", seed=9, vin=own)) == own


async def test_what_the_gateway_is_told_of(autojump_clock: MockClock) -> None:
    async with open_device(VehicleSettings(vehicle="golf")) as device:
        assert device.buses == (BusInfo("can0", "can", 500_000, 0),)
        assert device.ecus[0] == EcuInfo("engine", "can0", 0x7E0, 0x7E8)
    async with open_device(VehicleSettings(vehicle="ram1500")) as device:
        assert device.buses == (BusInfo("can0", "can-fd", 500_000, 2_000_000),)


@pytest.mark.slow
async def test_what_the_gateway_is_told_of_a_doip_vehicle() -> None:
    async with open_device(VehicleSettings(vehicle="xc90")) as device:
        assert device.buses == (BusInfo("doip0", "doip"),)
        assert device.ecus[0] == EcuInfo("gateway", "doip0", logical_address=0x1001)


async def test_vehicles_of_one_model_do_not_meet_on_one_bus(autojump_clock: MockClock) -> None:
    settings = [VehicleSettings(vehicle="golf", seed=seed) for seed in (1, 2)]
    async with open_device(settings[0]) as first, open_device(settings[1]) as second:
        assert (await first.status()).vin != (await second.status()).vin


@pytest.mark.parametrize(
    ("settings", "error", "complaint"),
    [
        (VehicleSettings(vehicle="golf", vin="SHORT"), SettingsError, "17 characters"),
        (VehicleSettings(vehicle="golf", bus="can0"), SettingsError, "INTERFACE:CHANNEL"),
        (VehicleSettings(vehicle="xc90", bus="virtual:x"), SettingsError, "has no CAN bus"),
        (VehicleSettings(vehicle="tractor"), VehicleFileError, "choose golf"),
        (VehicleSettings(vehicle="golf", bus="no_such:x"), BusGoneError, "cannot be opened"),
    ],
)
async def test_settings_that_make_no_vehicle_are_refused(
    settings: VehicleSettings, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        async with open_device(settings):
            pytest.fail("must not open")
