"""The vehicles that come with the package: each loads, answers and sends what it declares."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import open_bus
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.flash import CHECKSUMS
from firmware_sim.vehicle.loader import load_vehicle, model_names
from firmware_sim.vehicle.security import key_for
from firmware_sim.vehicle.traffic import open_database
from firmware_sim.vehicle.vehicle import open_vehicle
from firmware_sim.vehicle.vehicle_spec import VehicleSpec

VEHICLES = {name: load_vehicle(name) for name in model_names()}
ECUS = [(name, ecu) for name, vehicle in VEHICLES.items() for ecu in vehicle.ecus]
PROGRAMMABLE = [(name, ecu) for name, ecu in ECUS if ecu.flash is not None]

#: Bits of a classic frame around its data, without stuffing; and how much of a bus is too much.
OVERHEAD_BITS, FULL = 47, 0.6


def test_there_are_at_least_two_of_each_kind_and_one_that_is_awkward() -> None:
    kinds = Counter(vehicle.kind for vehicle in VEHICLES.values())
    assert min(kinds[kind] for kind in ("can", "can-fd", "doip")) >= 2
    assert all(len(vehicle.ecus) >= 3 for vehicle in VEHICLES.values())
    assert all(vehicle.name == name for name, vehicle in VEHICLES.items())
    assert len({vehicle.vin for vehicle in VEHICLES.values()}) == len(VEHICLES)
    assert [name for name, vehicle in VEHICLES.items() if vehicle.quirks] == ["sprinter"]
    assert model_names()[0] == "golf"  # what is simulated where nobody says what


def test_every_vehicle_has_an_ecu_to_program() -> None:
    assert {name for name, _ in PROGRAMMABLE} == set(VEHICLES)


def test_the_awkward_one_does_everything_wrong() -> None:
    kinds = {quirk.kind for quirk in VEHICLES["sprinter"].quirks}
    assert {
        "slow",
        "busy",
        "pending",
        "short",
        "long",
        "foreign",
        "silent",
        "late",
        "reset",
    } <= kinds


class Asker:
    """Asks one ECU by hand and keeps the time."""

    def __init__(self, vehicle: VehicleSpec, spec: EcuSpec) -> None:
        self.spec = spec
        self.ecu = EcuApplication(spec, vehicle.vin, "test")
        self.now = 50.0

    def ask(self, request: bytes) -> bytes:
        responses = self.ecu.handle(request, self.now)
        self.now += responses[-1].delay + 0.001 if responses else 0.1
        return responses[-1].payload if responses else b""

    def unlock(self, level: int) -> None:
        spec = next(item for item in self.spec.security if item.level == level)
        seed = self.ask(bytes([0x27, level]))[2:]
        assert self.ask(bytes([0x27, level + 1]) + key_for(spec, seed))[:1] == b"\x67"


@pytest.mark.parametrize(("name", "ecu"), ECUS, ids=[f"{name}-{ecu.name}" for name, ecu in ECUS])
def test_every_identifier_and_code_can_be_read(name: str, ecu: EcuSpec) -> None:
    asker = Asker(VEHICLES[name], ecu)
    for item in ecu.identifiers:
        if not item.sessions and item.security is None:
            answer = asker.ask(b"\x22" + item.id.to_bytes(2))
            assert answer[:3] == b"\x62" + item.id.to_bytes(2)
    assert len(asker.ask(b"\x19\x0a")) == 3 + 4 * len(ecu.faults)
    assert asker.ask(b"\x22\xf1\x90")[3:] == VEHICLES[name].vin.encode()


@pytest.mark.parametrize(
    ("name", "ecu"), PROGRAMMABLE, ids=[f"{name}-{ecu.name}" for name, ecu in PROGRAMMABLE]
)
def test_every_programmable_ecu_takes_new_software(name: str, ecu: EcuSpec) -> None:
    flash = ecu.flash
    assert flash is not None
    asker = Asker(VEHICLES[name], ecu)
    number = flash.software[0]
    old = asker.ask(b"\x22" + number.id.to_bytes(2))[3:]
    start = next(region.start for region in ecu.memory if region.flash)
    image = bytearray(Random(name).randbytes(number.address - start + 64))
    new = bytes(reversed(old))
    image[number.address - start : number.address - start + len(old)] = new
    asker.ask(b"\x10\x02")
    asker.unlock(flash.security or 1)
    if flash.fingerprint is not None:
        length = len(asker.ask(b"\x22" + flash.fingerprint.to_bytes(2))) - 3
        fingerprint = flash.fingerprint.to_bytes(2) + bytes(length)
        assert asker.ask(b"\x2e" + fingerprint)[:1] == b"\x6e"
    place = b"\x44" + start.to_bytes(4) + len(image).to_bytes(4)
    erase, check = (
        next(item for item in ecu.routines if item.kind == kind) for kind in ("erase", "check")
    )
    assert asker.ask(b"\x31\x01" + erase.id.to_bytes(2) + place)[-1:] == b"\x00"
    answer = asker.ask(b"\x34\x00" + place)
    assert answer[:2] == b"\x74\x20"
    size = int.from_bytes(answer[2:]) - 2
    for index, at in enumerate(range(0, len(image), size), 1):
        counter = bytes([index & 0xFF])
        assert asker.ask(b"\x36" + counter + image[at : at + size]) == b"\x76" + counter
    assert asker.ask(b"\x37")[:1] == b"\x77"
    digest = CHECKSUMS[check.checksum](bytes(image))
    assert asker.ask(b"\x31\x01" + check.id.to_bytes(2) + place + digest)[-1:] == b"\x00"
    assert asker.ask(b"\x11\x01") == b"\x51\x01"
    asker.now += 5
    assert asker.ask(b"\x22" + number.id.to_bytes(2))[3:] == new


@pytest.mark.parametrize("name", [n for n, vehicle in VEHICLES.items() if vehicle.traffic])
@pytest.mark.slow
async def test_traffic_looks_like_a_bus(autojump_clock: MockClock, name: str) -> None:
    vehicle = VEHICLES[name]
    assert vehicle.traffic is not None
    database = open_database(vehicle.traffic.database)
    address = f"virtual:models-{name}"
    fd = vehicle.kind == "can-fd"
    async with (
        open_vehicle(vehicle, addresses={"can0": address}),
        open_bus(address, fd=fd) as bus,
    ):
        with bus.monitor() as monitor:
            await trio.sleep(2.05)
            frames = monitor.take_nowait()
    sent = Counter(frame.id for frame in frames)
    for declared in vehicle.traffic.messages:
        message = database.get_message_by_name(declared.name)
        expected = 2.05 / (declared.period or (message.cycle_time or 0) / 1000)
        assert abs(sent[message.frame_id] - expected) <= 1
        assert message.decode(next(f.data for f in frames if f.id == message.frame_id))
    bits = sum(OVERHEAD_BITS + 8 * len(frame.data) for frame in frames)
    assert 0.02 < bits / 2.05 / vehicle.buses[0].bitrate < FULL
    assert len(sent) == len(vehicle.traffic.messages)


def test_databases_and_quirks_lie_beside_the_models() -> None:
    for vehicle in VEHICLES.values():
        if vehicle.traffic is not None:
            assert Path(vehicle.traffic.database).parent.name == "models"
