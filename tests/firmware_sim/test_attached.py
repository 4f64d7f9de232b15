from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.assembly import SettingsError
from firmware_sim.attached import AttachedSettings, _endpoint, open_attached
from firmware_sim.buses.can_bus import BusGoneError
from firmware_sim.firmware.plug import FilePlug
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.link.buses import BusState
from protocols.link.messages import StatusReport
from protocols.link.vehicle import BusInfo, CanTarget, DoipTarget, EcuInfo, FunctionalTarget

UP = BusState("can0", True)

ENGINE = CanTarget(0x7E0, 0x7E8)
VIN = b"\x62\xf1\x90WVWZZZAUZHP341562"


async def test_a_vehicle_behind_a_bus_that_somebody_else_runs(autojump_clock: MockClock) -> None:
    address = "virtual:attached-1"
    settings = AttachedSettings(bus=address, ecus="7E0:7E8")
    golf = open_vehicle(load_vehicle("golf"), addresses={"can0": address})
    async with golf, open_attached(settings) as device:
        assert device.buses == (BusInfo("can0", "can"),)
        assert device.ecus == (EcuInfo("7E0:7E8", "can0", 0x7E0, 0x7E8),)
        result = await device.exchange(1, ENGINE, b"\x22\xf1\x90")
        assert result.responses[0].data == VIN
        everybody = await device.exchange(1, FunctionalTarget(), b"\x01\x00")
        assert everybody.responses
        # It reads the number of a control unit it knows, and measures nothing.
        assert await device.status() == StatusReport(vin="WVWZZZAUZHP341562", buses=(UP,))


async def test_without_a_table_control_units_are_reached_by_their_identifiers(
    autojump_clock: MockClock,
) -> None:
    address = "virtual:attached-2"
    golf = open_vehicle(load_vehicle("golf"), addresses={"can0": address})
    async with golf, open_attached(AttachedSettings(bus=address)) as device:
        assert device.ecus == ()
        result = await device.exchange(1, ENGINE, b"\x22\xf1\x90")
        assert result.responses[0].data == VIN
        assert await device.status() == StatusReport(buses=(UP,))


async def test_raw_frames_only(autojump_clock: MockClock) -> None:
    settings = AttachedSettings(
        bus="virtual:attached-3", fd=True, bitrate=500_000, data_bitrate=2_000_000,
        ecus="7E0:7E8", frames_only=True,
    )  # fmt: skip
    async with open_attached(settings) as device:
        assert device.buses == (BusInfo("can0", "can-fd", 500_000, 2_000_000),)
        assert not device.isotp
        assert (await device.exchange(1, ENGINE, b"\x3e\x00")).failure == "refused"
        async with device.monitor("can0", 0, (), 0.01) as source:
            await device.send_frames(encode_batch(0, [CanFrame(0x7E0, bytes(64), fd=True)]))
            batch = decode_batch(await source.next_batch())
        assert [len(frame.data) for frame in batch.frames] == [64]
        assert (await device.status()).vin is None


@pytest.mark.slow
async def test_a_doip_vehicle_on_the_network() -> None:
    async with open_vehicle(load_vehicle("xc90"), addresses={}) as vehicle:
        assert vehicle.doip is not None
        place = f"{vehicle.doip.host}:{vehicle.doip.tcp_port}"
        settings = AttachedSettings(doip=place, ecus="1001,1630")
        async with open_attached(settings) as device:
            assert device.buses == (BusInfo("doip0", "doip"),)
            result = await device.exchange(1, DoipTarget(0x1630), b"\x22\xf1\x87")
            assert result.responses[0].data == b"\x62\xf1\x8731459988"
            assert (await device.status()).vin == "YV1LFA2A9J1338204"


async def test_a_doip_vehicle_need_not_be_there_yet() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with trio.move_on_after(0.05) as scope:
        async with open_attached(AttachedSettings(doip=f"127.0.0.1:{port}")) as device:
            await device.exchange(1, DoipTarget(0x1001), b"\x3e\x00")
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (AttachedSettings(), "either a bus or a DoIP"),
        (AttachedSettings(bus="virtual:x", doip="h"), "either a bus or a DoIP"),
        (AttachedSettings(bus="can0"), "INTERFACE:CHANNEL"),
        (AttachedSettings(bus="virtual:x", ecus="engine"), "write 7E0:7E8"),
        (AttachedSettings(bus="virtual:x", ecus="1001"), "not reached over a CAN bus: 1001"),
        (AttachedSettings(bus="virtual:x", data_bitrate=2_000_000), "say fd as well"),
        (AttachedSettings(doip="h", ecus="7E0:7E8"), "not reached over DoIP: 7E0:7E8"),
        (AttachedSettings(doip="h", frames_only=True), "no raw frames"),
        (AttachedSettings(doip=""), "no DoIP vehicle"),
    ],
)
async def test_settings_that_contradict_themselves(
    settings: AttachedSettings, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        async with open_attached(settings):
            pytest.fail("must not open")


async def test_a_bus_that_is_not_there() -> None:
    with pytest.raises(BusGoneError):
        async with open_attached(AttachedSettings(bus="no_such:can0")):
            pytest.fail("must not open")


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.10", ("192.0.2.10", 13400)),
        ("192.0.2.10:13500", ("192.0.2.10", 13500)),
        ("[2001:db8::1]", ("2001:db8::1", 13400)),
        ("[2001:db8::1]:1", ("2001:db8::1", 1)),
    ],
)
def test_where_a_doip_vehicle_is(text: str, endpoint: tuple[str, int]) -> None:
    assert _endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text", [":1", "h:", "h:0", "h:65536", "h:x", "[::1", "[::1]x", "2001:db8::1"]
)
def test_where_no_doip_vehicle_is(text: str) -> None:
    with pytest.raises(SettingsError):
        _endpoint(text)


def test_a_table_file_is_read_when_the_device_opens(tmp_path: Path) -> None:
    path = tmp_path / "ecus.yaml"
    path.write_text("ecus: [{name: engine, request_id: 0x7E0, response_id: 0x7E8}]")

    async def names() -> list[str]:
        settings = AttachedSettings(bus="virtual:attached-4", ecus=str(path))
        async with open_attached(settings) as device:
            return [ecu.name for ecu in device.ecus]

    assert trio.run(names) == ["engine"]


async def test_voltage_and_ignition_are_told_where_there_are_inputs(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    (tmp_path / "volts").write_text("1310")
    (tmp_path / "switch").write_text("0")
    plug = FilePlug(tmp_path / "volts", 10.0, tmp_path / "switch")
    async with open_attached(AttachedSettings(bus="virtual:attached-plug", plug=plug)) as device:
        report = await device.status()
    assert (report.voltage_mv, report.ignition) == (13_100, False)
