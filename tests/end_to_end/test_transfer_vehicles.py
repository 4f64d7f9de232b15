"""Every vehicle takes new software through the gateway: CAN, CAN-FD, DoIP, the worn-out one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import pytest
import trio

from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.link import Identity
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.flash import CHECKSUMS
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for
from firmware_sim.vehicle.vehicle_spec import VehicleSpec
from tests.end_to_end.houses import AT_ONCE, MARGIN, House, Json, tell
from tests.end_to_end.transfer_bench import Bench, memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

VEHICLES = ("golf", "jazz", "sprinter", "ram1500", "kona", "xc90", "i4")


def programmable(vehicle: VehicleSpec) -> EcuSpec:
    return next(ecu for ecu in vehicle.ecus if ecu.flash is not None)


def address_of(ecu: EcuSpec) -> Json:
    if ecu.logical_address is not None:
        return {"logical_address": ecu.logical_address}
    return {
        "request_id": ecu.request_id,
        "response_id": ecu.response_id,
        "extended_id": ecu.extended,
    }


class Software:
    """New software for a control unit, and how it goes in."""

    def __init__(self, ecu: EcuSpec) -> None:
        assert ecu.flash is not None
        self.ecu, self.flash = ecu, ecu.flash
        self.number = ecu.flash.software[0]
        self.start = next(region.start for region in ecu.memory if region.flash)
        image = bytearray(Random(ecu.name).randbytes(self.number.address - self.start + 900))
        at = self.number.address - self.start
        image[at : at + 16] = b"NEW SOFTWARE 123"
        self.image = bytes(image)

    def _routine(self, kind: str) -> str:
        found = next(item for item in self.ecu.routines if item.kind == kind)
        return f"3101{found.id:04X}{memory(self.start, len(self.image))}"

    def procedure(self) -> Json:
        check = next(item for item in self.ecu.routines if item.kind == "check")
        digest = CHECKSUMS[check.checksum](self.image).hex()
        security = self.flash.security or 1
        before: list[Json] = [
            {"request": "1003"},
            {"request": "1002", "name": "programming session"},
            {"security": security},
        ]
        if self.flash.fingerprint is not None:
            fingerprint = next(i for i in self.ecu.identifiers if i.id == self.flash.fingerprint)
            content = "00" * len(fingerprint.hex or b"")
            before.append({"request": f"2E{self.flash.fingerprint:04X}{content}"})
        before.append({"request": self._routine("erase"), "name": "erase"})
        # It answers at once and works behind that: it is asked until it is done.
        for routine in (item for item in self.ecu.routines if item.name == "self test"):
            number, result = f"{routine.id:04X}", (routine.result or b"").hex()
            before[1:1] = [
                {"request": f"3101{number}", "expect": f"7101{number}01"},
                {
                    "poll": f"3103{number}",
                    "running": f"7103{number}01",
                    "expect": f"7103{number}02{result}",
                    "every": 0.25,
                },
            ]
        return {
            "before": before,
            "segments": [{"address": self.start, "length": len(self.image)}],
            "after": [
                {"request": self._routine("check") + digest, "name": "check"},
                {"request": "1101", "name": "reset"},
                {"wait": self.ecu.timing.boot + 0.2},
            ],
        }

    def key_for(self, seed: bytes) -> bytes:
        level = self.flash.security or 1
        return key_for(next(one for one in self.ecu.security if one.level == level), seed)


@asynccontextmanager
async def plugged_in(house: House, kind: str, vehicle: str) -> AsyncIterator[None]:
    known = house.connector(kind)
    identity = Identity(known.uuid, base64.b64decode(known.private_key))
    dial = Dial(house.gateway.link_url, identity, backoff=AT_ONCE)
    async with (
        open_device(VehicleSettings(vehicle=vehicle, margin=MARGIN)) as car,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(partial(run_connector, car, dial, Random(0)))
        await house.wait_online(kind)
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", VEHICLES)
async def test_new_software_goes_in_through_the_gateway(house: House, name: str) -> None:
    vehicle = load_vehicle(name)
    software = Software(programmable(vehicle))
    ecu = address_of(software.ecu)
    async with plugged_in(house, vehicle.kind, name):
        token = await house.operator()
        session = await house.session(vehicle.kind, token)
        bench = Bench(house, token, session, ecu, software.key_for)
        await bench.start(await bench.upload(software.image), software.procedure())
        job = await bench.until("done", "failed", within=60)
        assert (job["state"], job["failure"]) == ("done", None), job
        assert (job["transferred"], job["safe"]) == (len(software.image), True)
        answer = await tell(house, token, session, ecu, f"22{software.number.id:04X}")
        assert answer[3:].startswith(b"NEW SOFTWARE 123"[: len(answer) - 3])
