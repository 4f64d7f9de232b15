"""doipclient's own blocking client, in a thread, against our entity on real sockets."""

# mypy: allow-untyped-calls

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import pytest
import trio
import udsoncan
from doipclient.client import DoIPClient
from doipclient.connectors import DoIPClientUDSConnector
from doipclient.messages import (
    AliveCheckResponse,
    DiagnosticMessage,
    DiagnosticPowerModeResponse,
    EntityStatusResponse,
    RoutingActivationRequest,
    VehicleIdentificationResponse,
)
from udsoncan.client import Client as UdsClient

from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.doip_entity import DoipAddress, DoipEntity
from protocols.doip.settings import EntitySettings, expect_key

pytestmark = pytest.mark.slow

T = TypeVar("T")

ENGINE, BODY = 0x1630, 0x1A01
VIN = "YV1LFA2A9J1338204"
SETTINGS = EntitySettings(logical_address=0x1001, vin=VIN, eid=bytes.fromhex("024C4F474F01"))
CENTRAL_SECURITY = RoutingActivationRequest.ActivationType.CentralSecurity


class VinEcu:
    """Knows its VIN, asks for time before it clears, and is present."""

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]:
        del now, functional
        answers: dict[bytes, list[TimedResponse]] = {
            b"\x22\xf1\x90": [TimedResponse(0.0, b"\x62\xf1\x90" + VIN.encode())],
            b"\x3e\x00": [TimedResponse(0.0, b"\x7e\x00")],
            b"\x14\xff\xff\xff": [
                TimedResponse(0.0, b"\x7f\x14\x78"),
                TimedResponse(0.1, b"\x54"),
            ],
        }
        return answers.get(request, [TimedResponse(0.0, bytes([0x7F, request[0], 0x31]))])

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, now: float) -> None:
        assert now >= 0


@asynccontextmanager
async def served(settings: EntitySettings = SETTINGS) -> AsyncIterator[DoipAddress]:
    entity = DoipEntity(settings, {ENGINE: VinEcu(), BODY: VinEcu()})
    async with trio.open_nursery() as nursery:
        address = await nursery.start(entity.serve)
        with trio.fail_after(20):
            yield address
        nursery.cancel_scope.cancel()


def dial(address: DoipAddress, ecu: int = ENGINE, **options: int | None) -> DoIPClient:
    return DoIPClient(
        address.host, ecu, tcp_port=address.tcp_port, udp_port=address.udp_port, **options
    )


async def with_client(
    address: DoipAddress,
    work: Callable[[DoIPClient], T],
    options: Mapping[str, int | None] = MappingProxyType({}),
    *,
    ecu: int = ENGINE,
) -> T:
    """Run ``work`` with a connected client in a thread."""

    def run() -> T:
        with dial(address, ecu, **options) as client:
            return work(client)

    return await trio.to_thread.run_sync(run)


async def test_activation_and_a_diagnostic_exchange() -> None:
    def read_vin(client: DoIPClient) -> bytes:
        client.send_diagnostic(b"\x22\xf1\x90")
        return bytes(client.receive_diagnostic(timeout=2))

    async with served() as address:
        assert await with_client(address, read_vin) == b"\x62\xf1\x90" + VIN.encode()
        assert await with_client(address, read_vin, {"protocol_version": 3}) == (
            b"\x62\xf1\x90" + VIN.encode()
        )


async def test_udsoncan_over_doipclient() -> None:
    """The stack that people have: udsoncan's client on doipclient's connector."""
    config = udsoncan.configs.default_client_config.copy()
    config["data_identifiers"] = {0xF190: udsoncan.AsciiCodec(17)}

    def work(client: DoIPClient) -> tuple[str, bool]:
        with UdsClient(DoIPClientUDSConnector(client), config=config) as uds:
            vin = uds.read_data_by_identifier(0xF190).service_data.values[0xF190]
            return vin, uds.clear_dtc(0xFFFFFF).positive  # behind a 0x78

    async with served() as address:
        assert await with_client(address, work) == (VIN, True)


async def test_the_client_asks_whether_we_live() -> None:
    async with served() as address:
        answer = await with_client(address, lambda client: client.request_alive_check())
    assert answer == AliveCheckResponse(0x1001)


async def test_status_power_mode_and_identification_over_udp() -> None:
    def ask(client: DoIPClient) -> list[object]:
        return [
            client.request_entity_status(),
            client.request_diagnostic_power_mode(),
            client.request_vehicle_identification(),
            client.request_vehicle_identification(eid=SETTINGS.eid),
            client.request_vehicle_identification(vin=VIN),
        ]

    async with served() as address:
        status, power, *identities = await with_client(address, ask)
    assert status == EntityStatusResponse(0, 4, 1, 1 << 17)
    assert power == DiagnosticPowerModeResponse(1)
    ours = VehicleIdentificationResponse(VIN, 0x1001, SETTINGS.eid, SETTINGS.gid, 0, 0)
    for each in identities:
        assert isinstance(each, VehicleIdentificationResponse)
        assert (each.vin, repr(each.eid)) == (ours.vin, repr(ours.eid))
        assert each.logical_address == 0x1001


async def test_an_unknown_control_unit_is_an_error_there() -> None:
    def ask(client: DoIPClient) -> None:
        client.send_diagnostic(b"\x3e\x00")

    async with served() as address:
        with pytest.raises(OSError, match="negative acknowledge code: 3"):
            await with_client(address, ask, ecu=0x4444)


def activation_code(client: DoIPClient, kind: int = 0) -> int:
    return int(client.request_activation(kind).response_code)


#: doipclient's constructor leaks its sockets when it is refused, so it is asked later.
UNASKED: dict[str, int | None] = {"activation_type": None}


@pytest.mark.parametrize(
    ("settings", "options", "kind", "code"),
    [
        (SETTINGS, {"client_logical_address": 0x0001}, 0, 0),
        (dataclasses.replace(SETTINGS, authentication=expect_key(7)), {"vm_specific": 8}, 0, 4),
        (SETTINGS, {}, CENTRAL_SECURITY, 6),
        (dataclasses.replace(SETTINGS, require_tls=True), {}, 0, 7),
    ],
)
async def test_denials_are_understood(
    settings: EntitySettings, options: dict[str, int | None], kind: int, code: int
) -> None:
    ask = partial(activation_code, kind=kind)
    async with served(settings) as address:
        assert await with_client(address, ask, {**UNASKED, **options}) == code


async def test_the_oem_field_opens_central_security() -> None:
    settings = dataclasses.replace(
        SETTINGS,
        authentication=expect_key(0xCAFE0001),
        activation_types=frozenset({int(CENTRAL_SECURITY)}),
    )
    options = {"activation_type": CENTRAL_SECURITY, "vm_specific": 0xCAFE0001}
    async with served(settings) as address:
        answer = await with_client(address, lambda client: client.request_alive_check(), options)
    assert answer == AliveCheckResponse(0x1001)


async def test_a_client_that_answers_alive_checks_keeps_its_address() -> None:
    async with served() as address:
        first = await trio.to_thread.run_sync(dial, address)
        listening = trio.Event()
        outcome: list[bytes] = []

        def listen() -> bytes:
            # Reading answers alive checks; the diagnostic answer comes at the end.
            trio.from_thread.run_sync(listening.set)
            return bytes(first.receive_diagnostic(timeout=2))

        async def keep_listening() -> None:
            outcome.append(await trio.to_thread.run_sync(listen))

        with first:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep_listening)
                await listening.wait()
                assert await with_client(address, activation_code, UNASKED) == 3
                tester_present = DiagnosticMessage(0x0E00, ENGINE, b"\x3e\x00")
                await trio.to_thread.run_sync(first.send_doip_message, tester_present)
    assert outcome == [b"\x7e\x00"]


async def test_a_client_that_sleeps_loses_its_address() -> None:
    async with served() as address:
        with await trio.to_thread.run_sync(dial, address):
            answer = await with_client(address, lambda client: client.request_alive_check())
    assert answer == AliveCheckResponse(0x1001)


async def test_the_announcement_is_heard() -> None:
    entity = DoipEntity(SETTINGS, {ENGINE: VinEcu()})
    sock = DoIPClient._create_udp_socket(udp_port=0, timeout=2)
    port = sock.getsockname()[1]
    with sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(entity.serve, announce_to=("127.0.0.1", port)))
            _, announcement = await trio.to_thread.run_sync(
                partial(DoIPClient.await_vehicle_announcement, sock=sock, timeout=2)
            )
            nursery.cancel_scope.cancel()
    assert announcement.vin == VIN
    assert announcement.logical_address == 0x1001
