"""gallia's scanners, as processes, at a session's DoIP door.

gallia sends no OEM field, and so no key: its address is one that the door trusts.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from firmware_sim.vehicle.loader import load_vehicle
from tests.end_to_end.houses import House

pytestmark = [pytest.mark.slow, pytest.mark.process]

Json = Any  # what a test reads out of an answer is its own business

GALLIA = Path(sys.executable).with_name("gallia")
TESTER = 0x0E80

#: They wait for what does not answer; here everything does, and quickly.
QUICK = ("--no-ping", "--no-properties", "--no-compare-properties", "--no-tester-present",
         "--no-dumpcap", "--timeout", "1", "--max-retries", "0")  # fmt: skip


async def open_door(house: House, trusted: tuple[str, ...]) -> Json:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    path = f"/operator/v1/sessions/{session['id']}/doors"
    return await house.done("POST", path, {"kind": "doip", "trusted": trusted}, token=token)


async def gallia(*words: str, check: bool = True) -> str:
    """Run one of its commands; return what it said."""
    ended = await trio.run_process(
        [str(GALLIA), *words], capture_stdout=True, stderr=subprocess.STDOUT, check=check
    )
    return ended.stdout.decode()


async def scan(door: Json, *words: str, check: bool = True) -> str:
    query = f"protocol_version=2&src_addr={TESTER}&target_addr={0x17E0}&activation_type=0"
    target = f"doip://{door['host']}:{door['port']}?{query}"
    return await gallia(
        "scan", "uds", *words, "--no-volatile-info", *QUICK, "--target", target, check=check
    )


async def test_it_discovers_the_door_and_its_control_units(house: House) -> None:
    door = await open_door(house, ("127.0.0.1",))
    target = f"doip://{door['host']}:{door['port']}?activation_type=0&src_addr={TESTER}"
    said = await gallia(
        "discover", "doip", "--no-volatile-info", "--target", target,
        "--start", "0x17DE", "--stop", "0x17E1", "--timeout", "0.3",
    )  # fmt: skip
    assert await house.wait_online("can") in said
    known = {ecu["logical_address"] for ecu in door["ecus"]} & set(range(0x17DE, 0x17E2))
    valid = {int(it, 16) for it in re.findall(r"target address (0x[0-9a-f]+) is valid", said)}
    assert valid == known
    assert "0x17e0 responded: TesterPresentResponse()" in said


async def test_it_finds_the_identifiers(house: House) -> None:
    door = await open_door(house, ("127.0.0.1",))
    said = await scan(door, "identifiers", "--start", "0xF180", "--end", "0xF19F")
    found = {int(number, 16) for number in re.findall(r"data_identifiers=\[(0x[0-9a-f]+)\]", said)}
    vehicle = load_vehicle(house.connector("can").vehicle)
    engine = next(ecu for ecu in vehicle.ecus if ecu.request_id == 0x7E0)
    declared = {item.id for item in engine.identifiers if item.id in range(0xF180, 0xF1A0)}
    assert found == declared | {0xF186}


async def test_without_trust_it_needs_the_key_that_it_cannot_send(house: House) -> None:
    door = await open_door(house, ())
    said = await scan(door, "identifiers", "--start", "0xF190", "--end", "0xF190", check=False)
    assert "data_identifiers" not in said
    assert "AuthenticationMissing (4)" in said
