"""scapy as DoIP tester, in a thread, against our entity: its own message and UDS classes."""

# scapy builds its packets' fields at run time, and ships no annotations for them.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, TypeVar

import msgspec
import pytest
import trio
from scapy.contrib.automotive.doip import DoIP, DoIPSocket, UDS_DoIPSocket
from scapy.contrib.automotive.uds import UDS, UDS_DSC, UDS_RDBI, UDS_TP

from firmware_sim.vehicle.doip_entity import DoipAddress
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for
from firmware_sim.vehicle.vehicle import open_vehicle
from firmware_sim.vehicle.vehicle_spec import DoipSpec

pytestmark = pytest.mark.slow

T = TypeVar("T")

XC90 = load_vehicle("xc90")
ENGINE, TESTER = 0x1630, 0x0E80
LEVEL_1 = next(ecu for ecu in XC90.ecus if ecu.name == "engine").security[0]


@asynccontextmanager
async def served(doip: DoipSpec | None = None) -> AsyncIterator[DoipAddress]:
    vehicle = msgspec.structs.replace(XC90, doip=doip if doip is not None else DoipSpec())
    async with open_vehicle(vehicle, addresses={}) as running:
        assert running.doip is not None
        with trio.fail_after(20):
            yield running.doip


async def with_ecu(address: DoipAddress, work: Callable[[Any], T]) -> T:
    """Run ``work`` in a thread with scapy's UDS socket on the engine's ECU."""

    def run() -> T:
        with closing(
            UDS_DoIPSocket(
                address.host, port=address.tcp_port, source_address=TESTER, target_address=ENGINE
            )
        ) as ecu:
            return work(ecu)

    return await trio.to_thread.run_sync(run)


async def with_entity(address: DoipAddress, work: Callable[[Any], T]) -> T:
    """Run ``work`` in a thread with scapy's DoIP socket, routing not activated."""

    def run() -> T:
        with closing(
            DoIPSocket(address.host, port=address.tcp_port, activate_routing=False)
        ) as entity:
            return work(entity)

    return await trio.to_thread.run_sync(run)


def ask(tester: Any, packet: Any) -> Any:
    return tester.sr1(packet, timeout=3, verbose=False)


async def test_reading_the_vin_and_changing_the_session() -> None:
    def work(ecu: Any) -> tuple[bytes, int, bytes]:
        vin = ask(ecu, UDS() / UDS_RDBI(identifiers=[0xF190]))
        session = ask(ecu, UDS() / UDS_DSC(diagnosticSessionType=3))
        return bytes(vin)[3:], int(session.diagnosticSessionType), session.sessionParameterRecord

    async with served() as address:
        assert await with_ecu(address, work) == (XC90.vin.encode(), 3, bytes.fromhex("003201f4"))


async def test_programming_block_by_block() -> None:
    """Its raw bytes through its sockets: security access, erase, download, check, reset."""
    place, data = "44 00100000 00000040", bytes(range(64))

    def work(ecu: Any) -> list[str]:
        def say(request: str) -> str:
            answer = bytes(ask(ecu, UDS(bytes.fromhex(request))))
            while answer[:1] == b"\x7f" and answer[2:] == b"\x78":
                answer = bytes(ecu.recv())
            return answer.hex()

        said = [say("1002")]
        seed = bytes.fromhex(say("2701"))[2:]
        said += [say("2702" + key_for(LEVEL_1, seed).hex())]
        said += [say(f"3101ff00{place}"), say(f"3400{place}")]
        said += [say(f"3601{data.hex()}"), say(f"3601{data.hex()}"), say("3603"), say("37")]
        return said

    async with served() as address:
        assert await with_ecu(address, work) == [
            "5002003201f4", "6702", "7101ff000200", "74202002", "7601", "7601", "7f3624", "77",
        ]  # fmt: skip


async def test_what_the_entity_refuses() -> None:
    def work(entity: Any) -> list[int]:
        activation = DoIP(payload_type=0x5, activation_type=0, source_address=TESTER)
        code = ask(entity, activation).routing_activation_response
        unknown = DoIP(payload_type=0x8001, source_address=TESTER, target_address=0x4444)
        foreign = DoIP(payload_type=0x8001, source_address=0x0E99, target_address=ENGINE)
        return [
            int(code),
            int(ask(entity, unknown / UDS() / UDS_TP()).nack_code),
            int(ask(entity, foreign / UDS() / UDS_TP()).nack_code),
        ]

    async with served() as address:
        assert await with_entity(address, work) == [0x10, 0x03, 0x02]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"source_address": 0x0001, "activation_type": 0}, 0x00),
        ({"source_address": TESTER, "activation_type": 0x77}, 0x06),
        ({"source_address": TESTER, "activation_type": 0, "reserved_oem": b"\0\0\0\1"}, 0x04),
        ({"source_address": TESTER, "activation_type": 0, "reserved_oem": b"\0\0\0\7"}, 0x10),
    ],
)
async def test_routing_activation_codes(fields: dict[str, Any], code: int) -> None:
    request = DoIP(payload_type=0x5, **fields)
    async with served(DoipSpec(key=7)) as address:
        answer = await with_entity(address, lambda entity: ask(entity, request))
    assert int(answer.routing_activation_response) == code


async def test_the_entity_says_it_is_alive() -> None:
    async with served() as address:
        answer = await with_entity(address, lambda entity: ask(entity, DoIP(payload_type=0x7)))
    assert (answer.payload_type, answer.source_address) == (0x8, XC90.gateway_address)
