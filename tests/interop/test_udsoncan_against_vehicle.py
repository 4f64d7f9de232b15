"""Other people's tester against our vehicle: udsoncan, can-isotp and python-can, in a thread.

Their client runs as it does on any bus, with its own threads and timers, on the same python-can
virtual channel that our ECUs live on. A shared misreading of the standards would show here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import can
import isotp
import pytest
import trio
from typing_extensions import override
from udsoncan.client import Client
from udsoncan.common.DidCodec import AsciiCodec, DidCodec
from udsoncan.configs import default_client_config
from udsoncan.connections import PythonIsoTpConnection
from udsoncan.exceptions import NegativeResponseException
from udsoncan.typing import ClientConfig

from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for
from firmware_sim.vehicle.vehicle import open_vehicle

pytestmark = pytest.mark.slow


class Raw(DidCodec):
    """Bytes of a fixed length as they are."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    @override
    def encode(self, *values: object, **_named: object) -> bytes:
        (value,) = values
        assert isinstance(value, bytes)
        return value

    @override
    def decode(self, string_bin: bytes) -> bytes:
        return string_bin

    @override
    def __len__(self) -> int:
        return self._length


def config(model: str) -> ClientConfig:
    security = {level.level: level for level in load_vehicle(model).ecus[0].security}

    def algorithm(level: int, seed: bytes, params: object) -> bytes:
        return key_for(security[level], seed)

    changed = default_client_config.copy()
    changed["security_algo"] = algorithm
    changed["data_identifiers"] = {
        0xF190: AsciiCodec(17),
        0xF187: AsciiCodec(11),
        0x0600: Raw(8),
        0xDE00: Raw(24),
        0xF40C: Raw(2),
        0xF405: Raw(1),
        0xF442: Raw(2),
    }
    changed["extended_data_size"] = {0x030100: 1}
    changed["request_timeout"] = 10
    # Its 50 ms are for a bus; this one is a thread that waits for its turn.
    changed["use_server_timing"] = False
    changed["p2_timeout"] = 5
    return changed


@contextmanager
def client(model: str, channel: str) -> Iterator[Client]:
    """Open their whole stack on the channel, as a script of theirs would."""
    fd = model == "ram1500"
    protocol = can.CanProtocol.CAN_FD if fd else can.CanProtocol.CAN_20
    params = {"tx_padding": 0x55, "blocking_send": False}
    if fd:
        params |= {"can_fd": True, "tx_data_length": 64, "bitrate_switch": True}
    with can.interface.Bus(channel, "virtual", protocol=protocol) as bus:
        address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8)
        stack = isotp.CanStack(bus, address=address, params=params)
        with Client(PythonIsoTpConnection(stack), config=config(model)) as theirs:
            yield theirs


async def run_script(model: str, script: Callable[[Client], None]) -> None:
    channel = f"interop-{model}-{script.__name__}"

    def in_thread() -> None:
        with client(model, channel) as theirs:
            script(theirs)

    async with open_vehicle(load_vehicle(model), addresses={"can0": f"virtual:{channel}"}):
        with trio.fail_after(20):
            await trio.to_thread.run_sync(in_thread)


def identify(theirs: Client) -> None:
    answer = theirs.read_data_by_identifier([0xF190, 0xF187])
    assert answer is not None
    assert answer.service_data.values == {0xF190: "WVWZZZAUZHP341562", 0xF187: "04E906027HA"}


def read_codes(theirs: Client) -> None:
    listed = theirs.get_dtc_by_status_mask(0xFF)
    assert listed is not None
    codes = {dtc.id_iso(): dtc.status.get_byte_as_int() for dtc in listed.service_data.dtcs}
    assert codes == {"P0301-00": 0x2F, "P0171-00": 0x28, "P2004-00": 0x24}

    counted = theirs.get_number_of_dtc_by_status_mask(0x08)
    assert counted is not None
    assert counted.service_data.dtc_count == 2

    frozen = theirs.get_dtc_snapshot_by_dtc_number(0x030100, 0xFF)
    assert frozen is not None
    snapshots = frozen.service_data.dtcs[0].snapshots
    assert {it.did: it.data for it in snapshots} == {
        0xF40C: b"\x0d\x48",
        0xF405: b"\x7c",
        0xF442: b"\x31\x38",
    }

    extended = theirs.get_dtc_extended_data_by_dtc_number(0x030100, 0x01)
    assert extended is not None
    assert extended.service_data.dtcs[0].extended_data[0].raw_data == b"\x03"


def clear_codes(theirs: Client) -> None:
    assert theirs.clear_dtc(0xFFFFFF) is not None  # their stack meets our 0x78 here
    listed = theirs.get_dtc_by_status_mask(0xFF)
    assert listed is not None
    assert listed.service_data.dtcs == []


def unlock_and_code(theirs: Client) -> None:
    coding = bytes.fromhex("010C2A0000001E05")
    with pytest.raises(NegativeResponseException) as refused:
        theirs.write_data_by_identifier(0x0600, coding)
    assert refused.value.response.code == 0x7F

    session = theirs.change_session(3)
    assert session is not None
    assert session.service_data.p2_server_max == 0.05
    assert session.service_data.p2_star_server_max == 5.0
    with pytest.raises(NegativeResponseException) as refused:
        theirs.write_data_by_identifier(0x0600, coding)
    assert refused.value.response.code == 0x33

    theirs.unlock_security_access(3)
    theirs.write_data_by_identifier(0x0600, coding)
    answer = theirs.read_data_by_identifier([0x0600])
    assert answer is not None
    assert answer.service_data.values[0x0600] == coding


def run_routine(theirs: Client) -> None:
    theirs.change_session(3)
    theirs.unlock_security_access(3)
    started = theirs.start_routine(0x03E0)
    assert started is not None
    assert started.service_data.routine_status_record == b"\x01"
    stopped = theirs.stop_routine(0x03E0)
    assert stopped is not None
    assert stopped.service_data.routine_status_record == b"\x03"


def stay_and_reset(theirs: Client) -> None:
    theirs.change_session(3)
    with theirs.suppress_positive_response:
        theirs.tester_present()
    theirs.communication_control(3, communication_type=1)
    theirs.control_dtc_setting(2)
    theirs.ecu_reset(1)


def code_on_fd(theirs: Client) -> None:
    theirs.change_session(3)
    theirs.unlock_security_access(1)
    coding = bytes(range(24))
    theirs.write_data_by_identifier(0xDE00, coding)
    answer = theirs.read_data_by_identifier([0xDE00, 0xF190])
    assert answer is not None
    assert answer.service_data.values == {0xDE00: coding, 0xF190: "1C6SRFFT4MN528417"}


@pytest.mark.parametrize(
    "script",
    [identify, read_codes, clear_codes, unlock_and_code, run_routine, stay_and_reset],
)
async def test_their_tester_on_classic_can(script: Callable[[Client], None]) -> None:
    await run_script("golf", script)


async def test_their_tester_on_can_fd() -> None:
    await run_script("ram1500", code_on_fd)
