"""Operators' own DoIP tools at a session's door: a whole gateway, vehicles on CAN and on DoIP."""

# doipclient and scapy ship no annotations.
# mypy: allow-untyped-calls

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
import trustme
import udsoncan
from doipclient.client import DoIPClient
from doipclient.connectors import DoIPClientUDSConnector
from doipclient.messages import (
    AliveCheckResponse,
    DiagnosticMessage,
    DiagnosticPowerModeResponse,
    EntityStatusResponse,
)
from scapy.contrib.automotive.doip import DoIP, DoIPSocket, UDS_DoIPSocket
from scapy.contrib.automotive.uds import UDS, UDS_RDBI, UDS_TP
from structlog.typing import FilteringBoundLogger
from udsoncan.client import Client as UdsClient

from gateway.config import DoorSettings
from tests.end_to_end.houses import House, open_house
from tests.end_to_end.test_frames_only import plug_in as plug_in_frames_only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

T = TypeVar("T")
Json = Any  # what a test reads out of an answer is its own business

PAGE = Path(__file__).parents[2] / "docs" / "doors.md"

ENTITY, TESTER = 0x0001, 0x0E80
READ_VIN = b"\x22\xf1\x90"


async def open_door(house: House, kind: str = "can", **more: object) -> tuple[Json, Json, str]:
    """Return a session, its DoIP door, and the vehicle's VIN."""
    await house.plug_in(kind)
    return await open_door_of(house, kind, **more)


async def open_door_of(house: House, kind: str, **more: object) -> tuple[Json, Json, str]:
    """Do so for a vehicle that is online."""
    token = await house.operator()
    session = await house.session(kind, token)
    path = f"/operator/v1/sessions/{session['id']}/doors"
    door = await house.done("POST", path, {"kind": "doip", **more}, token=token)
    return session, door, await house.wait_online(kind)


def dial(door: Json, ecu: int, **options: Any) -> DoIPClient:
    options = {"vm_specific": door["key"], **options}
    return DoIPClient(door["host"], ecu, tcp_port=door["port"], udp_port=door["port"], **options)


async def with_client(door: Json, ecu: int, work: Callable[[DoIPClient], T], **options: Any) -> T:
    """Run ``work`` with a connected client in a thread."""

    def run() -> T:
        with dial(door, ecu, **options) as client:
            return work(client)

    return await trio.to_thread.run_sync(run)


def ask(client: DoIPClient, request: bytes, timeout: float = 2) -> bytes:
    client.send_diagnostic(request)
    return bytes(client.receive_diagnostic(timeout=timeout))


@pytest.mark.parametrize("kind", ["can", "can-fd", "doip"])
async def test_doipclient_reads_the_vin_of_every_kind_of_vehicle(house: House, kind: str) -> None:
    _session, door, vin = await open_door(house, kind)
    assert door["ecus"]
    ecu = door["ecus"][0]["logical_address"]
    answer = await with_client(door, ecu, lambda client: ask(client, READ_VIN))
    assert answer == b"\x62\xf1\x90" + vin.encode()


async def test_a_connector_of_raw_frames_has_the_same_door(house: House) -> None:
    await plug_in_frames_only(house, "can")
    _session, door, vin = await open_door_of(house, "can")

    def work(client: DoIPClient) -> list[bytes]:
        return [ask(client, READ_VIN), ask(client, b"\x22\xff\xff")]

    answers = await with_client(door, 0x17E0, work)
    assert answers == [b"\x62\xf1\x90" + vin.encode(), b"\x7f\x22\x31"]


async def test_control_units_on_can_have_addresses_made_of_their_identifiers(house: House) -> None:
    _session, door, _vin = await open_door(house)
    assert {ecu["logical_address"] for ecu in door["ecus"]} >= {0x17E0}
    for ecu in door["ecus"]:
        assert ecu["logical_address"] == 0x1000 + ecu["request_id"]


async def test_udsoncan_on_doipclient(house: House) -> None:
    """The stack that people have: udsoncan's client on doipclient's connector."""
    _session, door, vin = await open_door(house)
    config = udsoncan.configs.default_client_config.copy()
    config["data_identifiers"] = {0xF190: udsoncan.AsciiCodec(17)}

    def work(client: DoIPClient) -> tuple[str, bool, int]:
        with UdsClient(DoIPClientUDSConnector(client), config=config) as uds:
            read = uds.read_data_by_identifier(0xF190).service_data.values[0xF190]
            with uds.suppress_positive_response:
                uds.tester_present()
            uds.change_session(3)
            count = uds.get_number_of_dtc_by_status_mask(0xFF).service_data.dtc_count
            return read, uds.clear_dtc(0xFFFFFF).positive, count

    read, cleared, count = await with_client(door, 0x17E0, work)
    assert (read, cleared) == (vin, True)
    assert count >= 0


async def test_functional_requests_are_answered_by_each(house: House) -> None:
    _session, door, _vin = await open_door(house)

    def work(client: DoIPClient) -> set[int]:
        client.send_diagnostic_to_address(0xE400, b"\x3e\x00")
        heard = set()
        try:
            while True:
                message = client.read_doip(timeout=0.5)
                if isinstance(message, DiagnosticMessage):
                    assert message.user_data == b"\x7e\x00"
                    heard.add(int(message.source_address))
        except TimeoutError:
            return heard

    heard = await with_client(door, 0x17E0, work)
    assert len(heard) > 1
    assert heard <= {ecu["logical_address"] for ecu in door["ecus"]}


async def test_alive_status_power_and_identification(house: House) -> None:
    _session, door, vin = await open_door(house)

    def work(client: DoIPClient) -> list[object]:
        return [
            client.request_alive_check(),
            client.request_entity_status(),
            client.request_diagnostic_power_mode(),
            client.request_vehicle_identification(),
            client.request_vehicle_identification(vin=vin),
        ]

    alive, status, power, *identities = await with_client(door, 0x17E0, work)
    assert alive == AliveCheckResponse(ENTITY)
    assert status == EntityStatusResponse(0, 4, 1, 1 << 17)
    assert power == DiagnosticPowerModeResponse(1)
    for each in identities:
        assert each.vin == vin  # type: ignore[attr-defined]
        assert each.logical_address == ENTITY  # type: ignore[attr-defined]


def activation_code(client: DoIPClient, kind: int = 0) -> int:
    return int(client.request_activation(kind).response_code)


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ({"vm_specific": 1}, 0, 0x04),  # a wrong key
        ({"vm_specific": None}, 0, 0x04),  # none
        ({"client_logical_address": 0x0001}, 0, 0x00),
        ({}, 0xE0, 0x06),
        ({}, 0, 0x10),
    ],
)
async def test_activation_codes(
    house: House, options: dict[str, Any], kind: int, code: int
) -> None:
    _session, door, _vin = await open_door(house)
    given = {"activation_type": None, **options}
    found = await with_client(door, 0x17E0, lambda it: activation_code(it, kind), **given)
    assert found == code


async def test_a_control_unit_that_is_not_there_is_refused_and_the_session_goes_on(
    house: House,
) -> None:
    _session, door, _vin = await open_door(house)

    def work(client: DoIPClient) -> bytes:
        with pytest.raises(OSError, match="negative acknowledge code: 3"):
            client.send_diagnostic_to_address(0x4444, b"\x3e\x00")
        return ask(client, b"\x3e\x00")

    assert await with_client(door, 0x17E0, work) == b"\x7e\x00"


async def test_a_message_that_is_too_large_is_refused_and_the_session_goes_on(
    house: House,
) -> None:
    _session, door, _vin = await open_door(house)

    def work(client: DoIPClient) -> bytes:
        with pytest.raises(OSError, match="negative acknowledge code: 4"):
            client.send_diagnostic(bytes(5000))
        return ask(client, b"\x3e\x00")

    assert await with_client(door, 0x17E0, work) == b"\x7e\x00"


async def test_a_header_with_a_bad_inverse_ends_that_connection_alone(house: House) -> None:
    _session, door, vin = await open_door(house)
    stream = await trio.open_tcp_stream(door["host"], door["port"])
    async with stream:
        await stream.send_all(bytes.fromhex("02 fe 0005 00000007 0e80 00 00000000"))
        said = bytearray()
        while data := await stream.receive_some():
            said += data
    assert said == bytes.fromhex("02 fd 0000 00000001 00")
    answer = await with_client(door, 0x17E0, lambda client: ask(client, READ_VIN))
    assert answer == b"\x62\xf1\x90" + vin.encode()


async def test_what_the_documentation_shows(house: House) -> None:
    (shown, _) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    _session, door, _vin = await open_door(house)

    def work() -> None:
        given = {name: door[name] for name in ("host", "port", "key")}
        # From our own documentation.
        exec(shown, given)
        given["doip"].close()

    await trio.to_thread.run_sync(work)


async def test_scapy(house: House) -> None:
    _session, door, vin = await open_door(house)

    def work() -> tuple[bytes, int]:
        oem = door["key"].to_bytes(4, "big")
        made = UDS_DoIPSocket(
            ip=door["host"],
            port=door["port"],
            source_address=TESTER,
            target_address=0x17E0,
            activation_type=0,
            reserved_oem=oem,
        )
        with closing(made) as entity:
            answer = entity.sr1(UDS() / UDS_RDBI(identifiers=[0xF190]), timeout=2, verbose=0)
        plain = DoIPSocket(
            ip=door["host"],
            port=door["port"],
            source_address=TESTER,
            activate_routing=True,
            activation_type=0,
            reserved_oem=oem,
        )
        with closing(plain) as entity:
            unknown = DoIP(payload_type=0x8001, source_address=TESTER, target_address=0x4444)
            refused = entity.sr1(unknown / UDS() / UDS_TP(), timeout=2, verbose=0)
        assert answer is not None
        assert refused is not None
        return bytes(answer), int(refused.nack_code)

    answer, code = await trio.to_thread.run_sync(work)
    assert answer == b"\x62\xf1\x90" + vin.encode()
    assert code == 0x03


async def test_a_second_tester_with_the_same_address_is_refused(house: House) -> None:
    """Whoever answers alive checks keeps its address: code 03 for the other."""
    _session, door, _vin = await open_door(house)
    first = await trio.to_thread.run_sync(dial, door, 0x17E0)
    done = trio.Event()

    def listen() -> None:
        first.receive_diagnostic(timeout=4)  # reading answers alive checks

    async def keep_listening() -> None:
        await trio.to_thread.run_sync(listen)
        done.set()

    with first:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_listening)
            await trio.sleep(0.05)
            given: dict[str, Any] = {"activation_type": None}
            assert await with_client(door, 0x17E0, activation_code, **given) == 0x03
            others = await with_client(
                door, 0x17E0, lambda it: ask(it, b"\x3e\x00"), client_logical_address=0x0E81
            )
            assert others == b"\x7e\x00"
            present = DiagnosticMessage(0x0E00, 0x17E0, b"\x3e\x00")
            await trio.to_thread.run_sync(first.send_doip_message, present)
            await done.wait()


async def test_without_the_lease_testers_wait_and_are_refused_then(
    folder: Any, log: FilteringBoundLogger
) -> None:
    doors = DoorSettings(lease_wait=1.0)
    async with open_house(folder, log, doors=doors) as house:
        _writer, writing, _vin = await open_door(house)
        token = await house.operator()
        reader = await house.session("can", token)
        path = f"/operator/v1/sessions/{reader['id']}/doors"
        door = await house.done("POST", path, {"kind": "doip"}, token=token)

        def twice(client: DoIPClient) -> list[int]:
            first = client.request_activation(0, disable_retry=True)
            second = client.read_doip(timeout=3)
            return [int(first.response_code), int(second.response_code)]

        given: dict[str, Any] = {"activation_type": None}
        assert await with_client(door, 0x17E0, twice, **given) == [0x11, 0x05]
        # Once the writer is gone, whoever waits gets in.
        async with trio.open_nursery() as nursery:

            async def leave() -> None:
                await trio.sleep(0.2)
                gone = f"/operator/v1/sessions/{_writer['id']}"
                await house.done("DELETE", gone, token=token)

            nursery.start_soon(leave)
            assert await with_client(door, 0x17E0, twice, **given) == [0x11, 0x10]
        with pytest.raises(OSError, match="failed"):
            await trio.open_tcp_stream(writing["host"], writing["port"])


async def test_tls_on_request(folder: Any, log: FilteringBoundLogger, tmp_path: Any) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "doors.pem", tmp_path / "doors.key"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    doors = DoorSettings(certificate=certificate, private_key=key)
    async with open_house(folder, log, doors=doors) as house:
        _session, door, vin = await open_door(house, tls=True)
        assert door["tls"] is True
        context.check_hostname = False
        answer = await with_client(
            door, 0x17E0, lambda client: ask(client, READ_VIN), use_secure=context
        )
        assert answer == b"\x62\xf1\x90" + vin.encode()
        given: dict[str, Any] = {"activation_type": None}
        assert await with_client(door, 0x17E0, activation_code, **given) == 0x07


async def test_a_door_goes_with_its_session(house: House) -> None:
    session, door, _vin = await open_door(house)
    token = await house.operator()
    client = await trio.to_thread.run_sync(dial, door, 0x17E0)
    with client:
        await house.done("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
        with pytest.raises(OSError, match="failed"):
            await trio.open_tcp_stream(door["host"], door["port"])
    listed = await house.call("GET", f"/operator/v1/sessions/{session['id']}/doors", token=token)
    assert listed.status_code == 404
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((door["host"], door["port"]))  # UDP is free as well
