"""gallia's scanners, as processes, against our DoIP entity and the ECUs behind it.

They know nothing of the vehicle; what they find has to be what its file declares, and no more.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from firmware_sim.vehicle.doip_entity import DoipAddress, DoipEntity
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.loader import load_vehicle
from protocols.doip.settings import EntitySettings

pytestmark = [pytest.mark.slow, pytest.mark.process]

XC90 = load_vehicle("xc90")
ENGINE = next(ecu for ecu in XC90.ecus if ecu.name == "engine")
GALLIA = Path(sys.executable).with_name("gallia")
TESTER = 0x0E80

#: They wait for what does not answer; here everything does, and quickly.
QUICK = ("--no-ping", "--no-properties", "--no-compare-properties", "--no-tester-present",
         "--no-dumpcap", "--timeout", "1", "--max-retries", "0")  # fmt: skip


def free_port() -> int:
    """Return a port that is free for TCP and UDP: gallia looks for both under one number."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))
        return port


@asynccontextmanager
async def served() -> AsyncIterator[DoipAddress]:
    settings = EntitySettings(
        logical_address=0x1001, vin=XC90.vin, eid=bytes.fromhex("024C4F474F01")
    )
    ecus = {ecu.logical_address or 0: EcuApplication(ecu, XC90.vin, ecu.name) for ecu in XC90.ecus}
    port = free_port()
    async with trio.open_nursery() as nursery:
        serve = partial(DoipEntity(settings, ecus).serve, tcp_port=port, udp_port=port)
        address = await nursery.start(serve)
        with trio.fail_after(45):
            yield address
        nursery.cancel_scope.cancel()


async def gallia(*words: str) -> str:
    """Run one of its commands; return what it said."""
    ended = await trio.run_process(
        [str(GALLIA), *words], capture_stdout=True, stderr=subprocess.STDOUT
    )
    return ended.stdout.decode()


async def scan(address: DoipAddress, *words: str) -> str:
    query = f"protocol_version=2&src_addr={TESTER}&target_addr={ENGINE.logical_address}"
    target = f"doip://{address.host}:{address.tcp_port}?{query}&activation_type=0"
    return await gallia("scan", "uds", *words, "--no-volatile-info", *QUICK, "--target", target)


async def test_it_discovers_the_entity_and_its_ecus() -> None:
    async with served() as address:
        target = f"doip://127.0.0.1:{address.tcp_port}?activation_type=0&src_addr={TESTER}"
        said = await gallia(
            "discover", "doip", "--no-volatile-info", "--target", target,
            "--start", "0x162E", "--stop", "0x1631", "--timeout", "0.3",
        )  # fmt: skip
    assert XC90.vin in said
    valid = set(re.findall(r"target address (0x[0-9a-f]+) is valid", said))
    assert valid == {"0x1630"}
    assert set(re.findall(r"(0x[0-9a-f]+) is an unknown target address", said)) == {
        "0x162e", "0x162f", "0x1631",
    }  # fmt: skip
    assert "0x1630 responded: TesterPresentResponse()" in said


async def test_it_finds_the_sessions() -> None:
    async with served() as address:
        said = await scan(address, "sessions", "--depth", "1")
    found = {int(number, 16) for number in re.findall(r"\* Session (0x[0-9a-f]+)", said)}
    assert found == set(ENGINE.sessions)


async def test_it_finds_the_services() -> None:
    async with served() as address:
        said = await scan(address, "services", "--sessions", "2")
    found = {int(number, 16) for number in re.findall(r"\[(0x[0-9a-f]{2})\] ", said)}
    assert found == {
        0x01, 0x02, 0x03, 0x04, 0x07, 0x09, 0x0A, 0x10, 0x11, 0x14, 0x19, 0x22, 0x23, 0x27, 0x28,
        0x2E, 0x31, 0x34, 0x35, 0x36, 0x37, 0x3E, 0x85,
    }  # fmt: skip


async def test_it_finds_the_identifiers() -> None:
    async with served() as address:
        said = await scan(address, "identifiers", "--start", "0xF180", "--end", "0xF19F")
    found = {int(number, 16) for number in re.findall(r"data_identifiers=\[(0x[0-9a-f]+)\]", said)}
    declared = {item.id for item in ENGINE.identifiers if item.id in range(0xF180, 0xF1A0)}
    assert found == declared | {0xF186}
    assert "Abnormal replies: 0" in said
    assert "Timeouts: 0" in said
