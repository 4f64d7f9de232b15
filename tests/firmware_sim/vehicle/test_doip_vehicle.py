"""A declared DoIP vehicle on real sockets: what its ``doip`` section says is what testers meet."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from doipclient import messages as m

from firmware_sim.vehicle.doip_entity import DoipAddress
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle
from firmware_sim.vehicle.vehicle_spec import DoipSpec, VehicleSpec
from protocols.doip.codec import Decoder, Message, Packet, decode_datagram, encode

pytestmark = pytest.mark.slow

XC90 = load_vehicle("xc90")
TESTER = 0x0E80


@asynccontextmanager
async def standing(doip: DoipSpec, *, ignition: bool = True) -> AsyncIterator[DoipAddress]:
    spec: VehicleSpec = msgspec.structs.replace(XC90, doip=doip, ignition=ignition)
    async with open_vehicle(spec, addresses={}) as vehicle:
        assert vehicle.doip is not None
        with trio.fail_after(10):
            yield vehicle.doip


async def answers(stream: trio.SocketStream, count: int) -> list[Message]:
    decoder, found = Decoder(1 << 16), list[Message]()
    while len(found) < count:
        data = bytes(await stream.receive_some())
        assert data, found
        items = decoder.receive(data)
        found += [item.message for item in items if isinstance(item, Packet)]
    return found


def code_of(message: Message) -> int:
    assert isinstance(message, m.RoutingActivationResponse)
    return int(message.response_code)


async def codes(address: DoipAddress, request: Message, count: int) -> list[int]:
    """Ask for routing; return the response codes in order."""
    async with await trio.open_tcp_stream(address.host, address.tcp_port) as stream:
        await stream.send_all(encode(request))
        return [code_of(each) for each in await answers(stream, count)]


@pytest.mark.parametrize(("refused", "expected"), [(False, [0x11, 0x10]), (True, [0x11, 0x05])])
async def test_somebody_in_the_vehicle_decides(*, refused: bool, expected: list[int]) -> None:
    doip = DoipSpec(confirmed_types=(0xE0,), confirmed_after=0.05, refused=refused)
    async with standing(doip) as address:
        begun = trio.current_time()
        assert await codes(address, m.RoutingActivationRequest(TESTER, 0xE0), 2) == expected
        assert trio.current_time() - begun >= 0.05
        assert await codes(address, m.RoutingActivationRequest(TESTER, 0x00), 1) == [0x10]


async def test_a_tester_that_leaves_before_the_decision_is_forgotten() -> None:
    doip = DoipSpec(confirmed_types=(0xE0,), confirmed_after=0.05)
    async with standing(doip) as address:
        assert await codes(address, m.RoutingActivationRequest(TESTER, 0xE0), 1) == [0x11]
        await trio.sleep(0.1)
        assert await codes(address, m.RoutingActivationRequest(TESTER, 0x00), 1) == [0x10]


async def test_the_oem_field_is_the_key() -> None:
    async with standing(DoipSpec(key=0xCAFE0001)) as address:
        wrong = m.RoutingActivationRequest(TESTER, 0, vm_specific=0xCAFE0002)
        right = m.RoutingActivationRequest(TESTER, 0, vm_specific=0xCAFE0001)
        assert await codes(address, m.RoutingActivationRequest(TESTER, 0), 1) == [0x04]
        assert await codes(address, wrong, 1) == [0x04]
        assert await codes(address, right, 1) == [0x10]


async def test_no_more_testers_than_declared() -> None:
    async with (
        standing(DoipSpec(max_sockets=1)) as address,
        await trio.open_tcp_stream(address.host, address.tcp_port) as first,
        await trio.open_tcp_stream(address.host, address.tcp_port) as second,
    ):
        await first.send_all(encode(m.RoutingActivationRequest(TESTER, 0)))
        await answers(first, 1)
        await second.send_all(encode(m.RoutingActivationRequest(TESTER + 1, 0)))
        (check,) = await answers(first, 1)
        assert isinstance(check, m.AliveCheckRequest)
        await first.send_all(encode(m.AliveCheckResponse(TESTER)))
        (denied,) = await answers(second, 1)
        assert code_of(denied) == 0x01


@pytest.mark.parametrize(("ignition", "mode"), [(True, 1), (False, 0)])
async def test_power_mode_is_the_ignition(*, ignition: bool, mode: int) -> None:
    async with standing(DoipSpec(), ignition=ignition) as address:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
            await udp.sendto(
                encode(m.DiagnosticPowerModeRequest()), (address.host, address.udp_port)
            )
            datagram = await udp.recv(100)
    answer = decode_datagram(datagram, 100, frozenset({0x4004})).message
    assert answer == m.DiagnosticPowerModeResponse(mode)


async def test_the_vehicle_announces_itself_three_times() -> None:
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
        await udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
        async with standing(DoipSpec(announce=f"127.0.0.1:{port}")):
            heard = [await udp.recv(100) for _ in range(3)]
    for datagram in heard:
        message = decode_datagram(datagram, 100, frozenset({0x0004})).message
        assert isinstance(message, m.VehicleIdentificationResponse)
        assert message.vin == XC90.vin
